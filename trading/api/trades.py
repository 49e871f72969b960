"""The API of trades: lists with filters, one with its fills, entering, changing, deleting and bringing back."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Prefetch, Q, Sum
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import paging, versions
from accounts.errors import InvalidValue
from accounts.viewsets import PAGING, OwnViewSet
from trading import trades, typed_symbols
from trading.api.lists import ACCOUNT, FROM, PAGE, SYMBOL, TO, counted_page
from trading.api.rows import Json, trade_detail_json, trade_json
from trading.filters import TradeFilterSet
from trading.models import (
    Execution,
    FillRole,
    ImportRow,
    Tag,
    Trade,
    TradeFill,
    TradeQuerySet,
    TradeSide,
    TradeStatus,
)
from trading.serializers import (
    DeletedTradeSerializer,
    EnteredTradeSerializer,
    RestoredSerializer,
    TradeDetailSerializer,
    TradeSerializer,
    TradesWrittenSerializer,
    TradeWordsSerializer,
    UndoSerializer,
    read,
    unique_tags,
    versioned_page_of,
)
from trading.trades import EnteredFill, Plan

#: Only orders that an index serves: page 10,000 costs what page 1 costs.
ORDERS = ("activity_at",)

_LIST_PARAMETERS = [
    *PAGE,
    OpenApiParameter("order", str, enum=["-activity_at", "activity_at"], default="-activity_at"),
    ACCOUNT,
    OpenApiParameter("broker", str, description='The exact name, or "Unknown" for none.'),
    FROM,
    TO,
    SYMBOL,
    OpenApiParameter("side", str, enum=TradeSide.values),
    OpenApiParameter("tag", str, description="Name or id of a tag."),
    OpenApiParameter("status", str, enum=TradeStatus.values),
    OpenApiParameter("currency", str),
]


def _shown(rows: TradeQuerySet) -> TradeQuerySet:
    """The rows with all that an answer shows of them."""
    tags = Prefetch("tags", Tag.objects.select_related("group").order_by("name", "id"))
    return rows.select_related("account", "instrument").prefetch_related(tags)


class TradeViewSet(OwnViewSet):
    """Round trips, flat to flat, in one account and instrument."""

    queryset = Trade.objects.none()
    serializer_class = TradeSerializer
    query_parameters = {"list": (*PAGING, *TradeFilterSet.get_filters())}
    repeatable_parameters = frozenset({"account"})

    @extend_schema(parameters=_LIST_PARAMETERS, responses=versioned_page_of(TradeSerializer))
    def list(self, request: Request) -> Response:
        """The trades that all filters let through, the latest first. `from` and `to` are days of an exit."""
        found = TradeFilterSet.checked(request.query_params, user=self.person, also=PAGING)
        order = paging.order_of(request.query_params.get("order"), allowed=ORDERS, default="-activity_at")

        def shown(page: Sequence[Trade]) -> list[Json]:
            parts = _realized(page, *found.days)
            return [trade_json(trade, realized=parts.get(trade.pk)) for trade in page]

        return counted_page(self, _shown(found.qs), name="trades", order=order, shown=shown)

    @extend_schema(request=EnteredTradeSerializer, responses={201: TradesWrittenSerializer})
    def create(self, request: Request) -> Response:
        """Enter a trade by hand. Fills that join a position already held become part of its trade."""
        asked = read(EnteredTradeSerializer, request.data, person=self.person)
        fills = _fills(asked["fills"])
        with transaction.atomic():
            made = trades.enter(
                asked["account"],
                instrument=typed_symbols.instrument_of(
                    asked["symbol"],
                    account=asked["account"],
                    on=asked["account"].trading_day(fills[0].executed_at),
                    kind=asked.get("kind", ""),
                    currency=asked.get("currency", ""),
                ),
                fills=fills,
                plan=_plan(asked),
                note=asked.get("note", ""),
                tags=unique_tags(asked.get("tags", [])),
            )
        return self._written(made[-1], made, status=201)

    @extend_schema(responses=TradeDetailSerializer)
    def retrieve(self, request: Request, id: str) -> Response:
        """A trade with its fills and the lines of the files that they came from."""
        return Response(self._detail(UUID(str(id))))

    @extend_schema(request=TradeWordsSerializer, responses=TradesWrittenSerializer)
    def partial_update(self, request: Request, id: str) -> Response:
        """Change what is said of a trade, or replace its fills; figures follow at once."""
        with transaction.atomic():
            trade = get_object_or_404(_shown(Trade.objects.for_user(self.person)), public_id=id)
            asked = read(TradeWordsSerializer, request.data, person=self.person)
            made = [trade]
            if "fills" in asked and not _is_same(trade, _fills(asked["fills"])):
                made = trades.correct(trade, fills=_fills(asked["fills"]))
                trade = next((each for each in made if each.pk == trade.pk), made[0])
                trade = _shown(Trade.objects.for_user(self.person)).get(pk=trade.pk)
            changes = _changes(trade, asked)
            if changes:
                trades.annotate(trade, **changes)
        return self._written(trade, made)

    @extend_schema(responses={200: DeletedTradeSerializer})
    def destroy(self, request: Request, id: str) -> Response:
        """Delete a trade. Its fills stay on file, voided: importing them again does not bring it back."""
        trade = get_object_or_404(Trade.objects.for_user(self.person), public_id=id)
        voided = trades.delete(trade)
        ids = Execution.objects.for_user(self.person).filter(pk__in=voided).in_order()
        return Response({"undo": {"fills": [str(each) for each in ids.values_list("public_id", flat=True)]}})

    @extend_schema(request=UndoSerializer, responses=RestoredSerializer)
    @action(detail=False, methods=["post"], serializer_class=UndoSerializer)
    def restore(self, request: Request) -> Response:
        """Bring back what DELETE took away: send the `undo` of its answer. Fills that stand are left alone."""
        wanted = set(read(UndoSerializer, request.data, person=self.person)["fills"])
        fills = Execution.objects.for_user(self.person).filter(public_id__in=wanted)
        if fills.count() != len(wanted):
            raise InvalidValue("There is no fill of yours with one of these ids.", pointer="/fills")
        ids = list(fills.values_list("pk", flat=True))
        trades.restore(self.person.pk, execution_ids=ids)
        # Of a fill that turned a position round the deleted trade may have its part alone back.
        parts = TradeFill.objects.filter(Q(execution__in=ids) | Q(execution__corrects__in=ids))
        found = Trade.objects.for_user(self.person).filter(pk__in=parts.values("trade"))
        results = [trade_json(trade) for trade in _shown(found).order_by("activity_at", "id")]
        return Response({"results": results, "as_of": versions.current(self.person.pk)})

    def _written(self, trade: Trade, made: Sequence[Trade], *, status: int = 200) -> Response:
        return Response(
            {**self._detail(trade.public_id), "made": [str(each.public_id) for each in made]}, status=status
        )

    def _detail(self, public_id: UUID) -> Json:
        version = versions.current(self.person.pk)
        trade = get_object_or_404(_shown(Trade.objects.for_user(self.person)), public_id=public_id)
        parts = list(
            TradeFill.objects.filter(trade=trade)
            .select_related("execution__batch")
            .order_by("execution__sort_at", "execution__sequence", "execution_id", "role")
        )
        return {**trade_detail_json(trade, parts, _lines(parts)), "as_of": version}


def _realized(page: Sequence[Trade], start: Any, end: Any) -> dict[int, Decimal]:
    """What each trade realized on the days from start to end, of those with exits outside of them too."""
    partly = [
        trade.pk
        for trade in page
        if trade.first_exit_on is not None
        and trade.last_exit_on is not None
        and ((start and trade.first_exit_on < start) or (end and trade.last_exit_on > end))
    ]
    if not partly:
        return {}
    exits = TradeFill.objects.filter(trade__in=partly, role=FillRole.EXIT)
    if start is not None:
        exits = exits.filter(day__gte=start)
    if end is not None:
        exits = exits.filter(day__lte=end)
    return dict(exits.order_by().values_list("trade").annotate(Sum("net_pnl")))


def _lines(parts: Sequence[TradeFill]) -> dict[tuple[int, int], ImportRow]:
    """The lines of files that these fills came from, by batch id and line number."""
    by_batch: dict[int, set[int]] = {}
    for part in parts:
        if part.execution.batch_id is not None and part.execution.line is not None:
            by_batch.setdefault(part.execution.batch_id, set()).add(part.execution.line)
    if not by_batch:
        return {}
    wanted = Q()
    for batch, lines in by_batch.items():
        wanted |= Q(batch=batch, line__in=lines)
    return {(row.batch_id, row.line): row for row in ImportRow.objects.filter(wanted)}


def _fills(rows: Sequence[dict[str, Any]]) -> list[EnteredFill]:
    return sorted((EnteredFill(**row) for row in rows), key=lambda fill: fill.executed_at)


def _plan(asked: dict[str, Any]) -> Plan | None:
    plan = Plan(asked.get("initial_stop"), asked.get("initial_target"))
    return None if plan == Plan() else plan


def _is_same(trade: Trade, fills: Sequence[EnteredFill]) -> bool:
    """Whether these are the very fills that the trade has, so that nothing need be replaced."""
    names = ("side", "quantity", "price", "executed_at", "commission", "fees")
    stand = Execution.objects.filter(parts__trade=trade).distinct().in_order()
    return [tuple(getattr(fill, name) for name in names) for fill in stand] == [
        tuple(getattr(fill, name) for name in names) for fill in fills
    ]


def _changes(trade: Trade, asked: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `trades.annotate` for what differs from what is there."""
    changes: dict[str, Any] = {}
    if asked.get("note", trade.note) != trade.note:
        changes["note"] = asked["note"]
    plan = Plan(
        asked.get("initial_stop", trade.initial_stop),
        asked.get("initial_target", trade.initial_target),
    )
    if plan != Plan(trade.initial_stop, trade.initial_target):
        changes["plan"] = plan
    if "tags" in asked and {tag.pk for tag in asked["tags"]} != {tag.pk for tag in trade.tags.all()}:
        changes["tags"] = unique_tags(asked["tags"])
    if "reviewed" in asked and asked["reviewed"] != (trade.reviewed_at is not None):
        changes["is_reviewed"] = asked["reviewed"]
    if "rating" in asked and asked["rating"] != trade.rating:
        changes["rating"] = asked["rating"] or 0
    return changes
