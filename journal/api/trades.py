"""The API of trades as the journal sees them: the list takes every filter of the pages, and acts on many at once."""

from collections.abc import Sequence
from typing import Any

from django.http import QueryDict
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import paging, undo, versions
from accounts.errors import InvalidValue
from accounts.strict import StrictSerializer, TextField
from accounts.viewsets import PAGING
from journal import bulk_acts, chosen_trades, dimensions, filters, trade_windows
from journal.bulk_acts import Act
from journal.trade_lists import rows_of
from trading.api.lists import ACCOUNT, FROM, PAGE, SYMBOL, TO, counted_page
from trading.api.rows import Json, trade_json
from trading.api.trades import ORDERS, TradeViewSet
from trading.models import Trade
from trading.serializers import TradeSerializer, read, versioned_page_of

_WORDS = {
    "group": "Name or id of a group of accounts, or none.",
    "account_tag": "Name or id of a label of accounts, or none.",
    "tag": "Name or id of a tag, or none.",
    "setup": "Name or id of a tag that is a setup, or none.",
    "mistake": "Name or id of a tag that is a mistake, or none.",
    "playbook": "Name or id of a playbook, or none.",
    "rule": "The key of a rule of a playbook, or none.",
    "kept": "With rule: whether it was kept.",
    "broker": 'The exact name, or "Unknown" for none.',
}


def _parameter(name: str) -> OpenApiParameter:
    dimension = dimensions.BY_NAME.get(name)
    choices = list(dimension.labels) if dimension is not None and dimension.labels else None
    if name == "kept":
        choices = ["yes", "no"]
    return OpenApiParameter(name, str, enum=choices, description=_WORDS.get(name, ""))


_SAID = {"account": ACCOUNT, "from": FROM, "to": TO, "symbol": SYMBOL}
_LIST_PARAMETERS = [
    *PAGE,
    OpenApiParameter("order", str, enum=["-activity_at", "activity_at"], default="-activity_at"),
    *(_SAID.get(name) or _parameter(name) for name in filters.NAMES),
]


class BulkSerializer(StrictSerializer):
    """What to do to which trades: those with these ids, or all that a filter lets through, as the list takes it."""

    ids = serializers.ListField(child=serializers.UUIDField(), required=False, min_length=1, max_length=bulk_acts.MOST)
    filter = serializers.DictField(child=serializers.CharField(), required=False)
    act = serializers.ChoiceField([each.value for each in Act])
    value = TextField(
        required=False,
        allow_blank=True,
        max_length=5000,
        help_text="Of tag, untag, setup and mistake: name or id of the tag; of rate: 0 to 5; of note: what to add.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Exactly one of `ids` and `filter` says which trades are meant."""
        if ("ids" in attrs) == ("filter" in attrs):
            raise serializers.ValidationError({"ids": "Send either ids or filter."})
        return attrs


class BulkDoneSerializer(StrictSerializer):
    """How many trades were changed. Send `undo` to trades/undo/ within a day and they are as they were."""

    changed = serializers.IntegerField()
    undo = serializers.CharField(allow_null=True)
    as_of = serializers.IntegerField()


class BulkUndoSerializer(StrictSerializer):
    undo = serializers.CharField(max_length=1000)


class BulkUndoneSerializer(StrictSerializer):
    as_of = serializers.IntegerField()


class JournalTradeViewSet(TradeViewSet):
    """Round trips, flat to flat, in one account and instrument, with what was said of them."""

    query_parameters = {**TradeViewSet.query_parameters, "list": (*PAGING, *filters.NAMES)}

    @extend_schema(parameters=_LIST_PARAMETERS, responses=versioned_page_of(TradeSerializer))
    def list(self, request: Request) -> Response:
        """The trades that all filters let through, the latest first. `from` and `to` are days of an exit."""
        wanted = filters.parse(request.query_params, user=self.person, also=PAGING)
        order = paging.order_of(request.query_params.get("order"), allowed=ORDERS, default="-activity_at")

        def shown(page: Sequence[Trade]) -> Sequence[Json]:
            return [trade_json(row.trade, realized=row.net_pnl) for row in rows_of(page, wanted)]

        rows = trade_windows.shown(chosen_trades.trades_of(self.person, wanted))
        return counted_page(self, rows, name="trades", order=order, shown=shown)

    @extend_schema(request=BulkSerializer, responses=BulkDoneSerializer)
    @action(detail=False, methods=["post"], serializer_class=BulkSerializer)
    def bulk(self, request: Request) -> Response:
        """Tag, rate, review, write about or delete many trades, all of them or none; and how to undo it."""
        asked = read(BulkSerializer, request.data, person=self.person)
        act = Act(asked["act"])
        if "ids" in asked:
            keys = bulk_acts.named(self.person, asked["ids"], act=act)
            if len(keys) != len(set(asked["ids"])):
                raise InvalidValue("There is no trade of yours with one of these ids.", pointer="/ids")
        else:
            keys = bulk_acts.matching(trade_windows.of(self.person, _query(asked["filter"])), act=act)
        told = bulk_acts.perform(self.person, act=act, value=asked.get("value", ""), keys=keys, at=timezone.now())
        version = versions.current(self.person.pk)
        return Response({"changed": told.count, "undo": told.undo or None, "as_of": version})

    @extend_schema(request=BulkUndoSerializer, responses=BulkUndoneSerializer)
    @action(detail=False, methods=["post"], serializer_class=BulkUndoSerializer)
    def undo(self, request: Request) -> Response:
        """What `bulk` did is taken back, where it still is as that left it."""
        undo.perform(self.person, read(BulkUndoSerializer, request.data, person=self.person)["undo"])
        return Response({"as_of": versions.current(self.person.pk)})


def _query(values: dict[str, str]) -> QueryDict:
    """The filter as a query string would have it; several accounts with commas between them."""
    query = QueryDict(mutable=True)
    for name, value in values.items():
        query.setlist(name, value.split(",") if name == "account" else [value])
    return query
