"""The API of decisions: written, revised, searched by meaning, and counted by how they ended."""

from dataclasses import fields, replace
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import QueryDict
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import paging, versions
from accounts.errors import InvalidValue
from accounts.serializers import page_of
from accounts.strict import choice, public_id
from accounts.viewsets import CURSOR, LIMIT, OwnViewSet
from intelligence import decision_lists, decision_stats, decisions, neighbours, search
from intelligence.decisions import Links, Said
from intelligence.links import links_of, said_of
from intelligence.models import ActorKind, Decision, DecisionAction, DecisionRevision
from intelligence.rows import decision_json, found_json, group_json, outcome_json, revision_json
from intelligence.search_filters import Filters
from intelligence.serializers import (
    ChangedDecisionSerializer,
    DecisionSerializer,
    DecisionStatsAnswerSerializer,
    FoundSerializer,
    NewDecisionSerializer,
    OutcomeAnswerSerializer,
    RevisionsSerializer,
)
from intelligence.symbols import instruments_of
from trading.api.lists import FROM, SYMBOL, TO, counted_page, days_asked, line_asked
from trading.serializers import read

_FILTERS = ("symbol", "action", "strategy", "actor_kind", "actor", "outcome", "account", "from", "to")
_ORDERS = ("decided_at", "created_at")
_SAID = frozenset(each.name for each in fields(Said))
ORDER = OpenApiParameter(
    "order", str, enum=[f"{sign}{name}" for name in _ORDERS for sign in ("-", "")], default="-decided_at"
)
FILTERS = [
    SYMBOL,
    OpenApiParameter("action", str, enum=DecisionAction.values),
    OpenApiParameter("strategy", str),
    OpenApiParameter("actor_kind", str, enum=ActorKind.values),
    OpenApiParameter("actor", str, description="Name of the bot or model."),
    OpenApiParameter("outcome", str, enum=decision_lists.OUTCOMES),
    OpenApiParameter("account", UUID),
    FROM,
    TO,
]


class DecisionViewSet(OwnViewSet):
    """What was decided and why, and how it ended."""

    queryset = Decision.objects.none()
    serializer_class = DecisionSerializer
    # What the worker has embedded meanwhile changes what is found, and no version.
    unversioned_actions = frozenset({"search", "similar"})
    query_parameters = {
        "list": ("limit", "cursor", "order", *_FILTERS),
        "search": ("q", "kind", "mode", "limit", "min_similarity", "widen", *_FILTERS),
        "similar": ("limit",),
        "stats": ("by", *_FILTERS),
    }

    def _rows(self) -> QuerySet[Decision]:
        return Decision.objects.for_user(self.person)

    def _one(self, id: str) -> Decision:
        return get_object_or_404(decision_lists.shown(self._rows()), public_id=id)

    def _shown(self, decision: Decision, *, status: int = 200) -> Response:
        return Response(decision_json(self._one(str(decision.public_id))), status=status)

    @extend_schema(parameters=[LIMIT, CURSOR, ORDER, *FILTERS], responses=page_of(DecisionSerializer))
    def list(self, request: Request) -> Response:
        rows = decision_lists.filtered(self._rows(), asked_filters(request.query_params))
        order = paging.order_of(request.query_params.get("order"), allowed=_ORDERS, default="-decided_at")
        return counted_page(
            self,
            decision_lists.shown(rows),
            name="decisions",
            order=order,
            shown=lambda page: map(decision_json, page),
        )

    @extend_schema(request=NewDecisionSerializer, responses={201: DecisionSerializer})
    def create(self, request: Request) -> Response:
        """Write a decision down. With an `order` or a `trade` its outcome follows by itself."""
        asked = read(NewDecisionSerializer, request.data, person=self.person)
        at = asked.pop("decided_at", None) or timezone.now()
        external_id = asked.pop("external_id", "")
        links = self._links(asked, Links())
        said = Said(**{name: value for name, value in asked.items() if name in _SAID})
        made = decisions.record(owner=self.person, said=said, at=at, links=links, external_id=external_id)
        return self._shown(made, status=201)

    def retrieve(self, request: Request, id: str) -> Response:
        return Response(decision_json(self._one(id)))

    @extend_schema(request=ChangedDecisionSerializer, responses=DecisionSerializer)
    def partial_update(self, request: Request, id: str) -> Response:
        """Revise a decision: how it read before is kept."""
        decision = self._one(id)
        asked = read(ChangedDecisionSerializer, request.data, person=self.person)
        revision = asked.pop("revision", decision.revision)
        links = self._links(asked, links_of(decision))
        said = replace(said_of(decision), **{name: value for name, value in asked.items() if name in _SAID})
        decisions.revise(decision, said=said, links=links, revision=revision, at=timezone.now())
        return self._shown(decision)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, id: str) -> Response:
        decisions.delete(self._one(id))
        return Response(status=204)

    @extend_schema(responses=OutcomeAnswerSerializer)
    @action(methods=["get"], detail=True)
    def outcome(self, request: Request, id: str) -> Response:
        """How it ended, worked out from its trade; `resolved` is false until that closes."""
        outcome = getattr(self._one(id), "outcome", None)
        return Response(
            {"resolved": outcome is not None, "outcome": outcome_json(outcome) if outcome is not None else None}
        )

    @extend_schema(responses=RevisionsSerializer)
    @action(methods=["get"], detail=True)
    def revisions(self, request: Request, id: str) -> Response:
        """How it read before each edit, the latest first."""
        rows = DecisionRevision.objects.for_user(self.person).filter(decision_id=self._one(id).pk)
        return Response({"results": [revision_json(row) for row in rows.order_by("-number", "-id")]})

    @extend_schema(parameters=[LIMIT], responses=FoundSerializer)
    @action(methods=["get"], detail=True)
    def similar(self, request: Request, id: str) -> Response:
        """Other decisions that are most like this one."""
        decision = self._one(id)
        found = search.like(
            self.person,
            decision.pk,
            decision.reasoning,
            filters=Filters(besides=decision.public_id),
            limit=_limit(request.query_params),
        )
        return Response(found_json(found, neighbours.shown(found)))

    @extend_schema(
        parameters=[
            OpenApiParameter("q", str, required=True, description="A situation, in words: at most 1,000 characters."),
            OpenApiParameter("kind", str, enum=search.KINDS, default="decision"),
            OpenApiParameter("mode", str, enum=search.MODES, default="hybrid"),
            OpenApiParameter("limit", int, default=10),
            OpenApiParameter("min_similarity", str, description="Applied to what was found, after the limit."),
            OpenApiParameter(
                "widen", bool, description="Where nothing of the symbol is there: the nearest of other symbols."
            ),
            *FILTERS,
        ],
        responses=FoundSerializer,
    )
    @action(methods=["get"], detail=False)
    def search(self, request: Request) -> Response:
        """What is most like a text: by meaning and by words, with how it ended and what the neighbours came to."""
        params = request.query_params
        text = params.get("q", "").strip()
        if not text:
            raise InvalidValue("Say what to look for.", pointer="?q")
        asked: dict[str, Any] = {
            "kind": choice(params.get("kind"), parameter="kind", allowed=search.KINDS) or "decision",
            "mode": choice(params.get("mode"), parameter="mode", allowed=search.MODES) or "hybrid",
            "limit": _limit(params),
        }
        filters = asked_filters(params)
        found = search.find(self.person, text, filters=filters, **asked)
        widens = choice(params.get("widen"), parameter="widen", allowed=("true", "false")) == "true"
        is_other = widens and bool(filters.symbol) and not found.hits
        if is_other:
            found = search.find(
                self.person, text, filters=replace(filters, symbol="", other_than=filters.symbol), **asked
            )
        least = _similarity(params.get("min_similarity"))
        if least is not None:
            hits = [hit for hit in found.hits if hit.similarity is not None and hit.similarity >= least]
            found = replace(found, hits=hits)
        return Response(found_json(found, neighbours.shown(found), is_other=is_other))

    @extend_schema(
        parameters=[OpenApiParameter("by", str, enum=decision_stats.BY, default="symbol"), *FILTERS],
        responses=DecisionStatsAnswerSerializer,
    )
    @action(methods=["get"], detail=False)
    def stats(self, request: Request) -> Response:
        """What decisions came to, in groups of which at least one has ended."""
        params = request.query_params
        version = versions.current(self.person.pk)
        by = choice(params.get("by"), parameter="by", allowed=decision_stats.BY) or "symbol"
        rows = decision_lists.filtered(self._rows(), asked_filters(params))
        groups = [group for group in decision_stats.of(rows, by=by) if group.resolved]
        return Response(
            {
                "by": by,
                "results": [group_json(group, by=by) for group in groups],
                "overall": group_json(decision_stats.overall(rows)),
                "as_of": version,
                "stale": False,
            }
        )

    def _links(self, asked: dict[str, Any], before: Links) -> Links:
        """What the decision is about: what was sent, over what was there."""
        given = {name: asked.pop(name) for name in ("account", "order", "managed_position", "trade") if name in asked}
        symbols = asked.pop("symbols", None)
        links = replace(before, **given, gone=None if "trade" in given else before.gone)
        if symbols is None:
            return links
        found = instruments_of(symbols, owner=self.person, account=links.account, on=timezone.now().date())
        return replace(links, instruments=found)


def asked_filters(params: QueryDict) -> Filters:
    """The filters of a query. Raises InvalidValue or ValidationError for what none of them can be."""
    start, end = days_asked(params)
    account = params.get("account")
    return Filters(
        symbol=(line_asked(params, "symbol") or "").upper(),
        action=choice(params.get("action"), parameter="action", allowed=DecisionAction.values) or "",
        strategy=line_asked(params, "strategy") or "",
        actor_kind=choice(params.get("actor_kind"), parameter="actor_kind", allowed=ActorKind.values) or "",
        actor=line_asked(params, "actor") or "",
        outcome=choice(params.get("outcome"), parameter="outcome", allowed=decision_lists.OUTCOMES) or "",
        account=UUID(public_id(account, parameter="account")) if account is not None else None,
        start=start,
        end=end,
    )


def _limit(params: QueryDict) -> int:
    return paging.limit_of(params.get("limit")) if "limit" in params else 10


def _similarity(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise InvalidValue("A similarity is a number from -1 to 1.", pointer="?min_similarity") from error
    if not -1 <= value <= 1:
        raise InvalidValue("A similarity is a number from -1 to 1.", pointer="?min_similarity")
    return value
