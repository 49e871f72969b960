"""The API of risk: the configuration, limits, breakers and what they did."""

from typing import Any

from django.db.models import Q
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.errors import InvalidValue
from accounts.serializers import page_of
from accounts.strict import choice
from accounts.viewsets import CURSOR, LIMIT, OwnViewSet
from trading import halting, risk
from trading.instruments import visible_to
from trading.models import (
    BreakerEvent,
    BreakerEventKind,
    BreakerMode,
    BreakerScope,
    BreakerState,
    BreakerStatus,
    RiskConfig,
    RiskLimit,
)
from trading.risk.breakers import Target
from trading.risk.limits import VALUES
from trading.risk_serializers import (
    BreakerEventSerializer,
    BreakerSerializer,
    BreakerStopSerializer,
    FlattenedSerializer,
    FlattenSerializer,
    HaltedSerializer,
    ResetSerializer,
    RiskConfigSerializer,
    RiskLimitSerializer,
    breaker_json,
    config_json,
    event_json,
    limit_json,
)
from trading.serializers import read


class RiskConfigViewSet(OwnViewSet):
    """The configuration of risk, the same for everybody here."""

    queryset = RiskConfig.objects.none()
    serializer_class = RiskConfigSerializer
    unversioned_actions = frozenset({"retrieve"})

    @extend_schema(responses=RiskConfigSerializer)
    def retrieve(self, request: Request) -> Response:
        """All of it; ratios are fractions."""
        return Response(config_json(risk.current()))

    @extend_schema(request=RiskConfigSerializer, responses=RiskConfigSerializer)
    def partial_update(self, request: Request) -> Response:
        """Change some of it; for operators. `revision`, where it is sent, is the one that was looked at."""
        asked = read(RiskConfigSerializer, request.data, person=self.person, partial=True)
        return Response(config_json(risk.configure(self.person, **asked)))


class RiskLimitViewSet(OwnViewSet):
    """One's own limits of orders. Of all that apply to an order, the tightest of each kind counts."""

    queryset = RiskLimit.objects.none()
    serializer_class = RiskLimitSerializer
    unversioned_actions = frozenset({"list", "retrieve"})
    query_parameters = {"list": ("limit", "cursor")}

    @extend_schema(parameters=[LIMIT, CURSOR], responses=page_of(RiskLimitSerializer))
    def list(self, request: Request) -> Response:
        """Limits, the oldest first."""
        return self.page(self._own(), name="risk-limits", order="id", shown=limit_json)

    @extend_schema(responses=RiskLimitSerializer)
    def retrieve(self, request: Request, id: str) -> Response:
        """One row of limits."""
        return Response(limit_json(get_object_or_404(self._own(), public_id=id)))

    @extend_schema(request=RiskLimitSerializer, responses={201: RiskLimitSerializer})
    def create(self, request: Request) -> Response:
        """Set limits for an account and a symbol, null for any; one row for each."""
        asked = read(RiskLimitSerializer, request.data, person=self.person)
        account, symbol = asked.pop("account", None), asked.pop("symbol", None)
        instrument = None
        if symbol is not None:
            instrument = visible_to(self.person).filter(symbol=symbol.upper()).first()
            if instrument is None:
                raise InvalidValue("There is no instrument of this symbol.", pointer="/symbol")
        made = risk.set_limit(self.person, account=account, instrument=instrument, **asked)
        return Response(limit_json(made), status=201)

    @extend_schema(request=RiskLimitSerializer, responses=RiskLimitSerializer)
    def partial_update(self, request: Request, id: str) -> Response:
        """Change limits; null takes one away. What they are for stays."""
        limit = get_object_or_404(self._own(), public_id=id)
        asked = read(RiskLimitSerializer, request.data, person=self.person, partial=True)
        for name in asked:
            if name not in VALUES:
                raise InvalidValue("What a limit is for stays as it is.", pointer=f"/{name}")
        return Response(limit_json(risk.change_limit(limit, **asked)))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, id: str) -> Response:
        """The limits no longer hold."""
        risk.remove_limit(get_object_or_404(self._own(), public_id=id))
        return Response(status=204)

    def _own(self) -> Any:
        return RiskLimit.objects.for_user(self.person).select_related("account", "instrument")


class BreakerViewSet(OwnViewSet):
    """The circuit breakers over one's accounts: how each stands, and how far its limits are used up."""

    queryset = BreakerState.objects.none()
    serializer_class = BreakerSerializer
    unversioned_actions = frozenset({"list"})
    query_parameters = {"list": ("limit", "cursor", "mode", "scope")}

    @extend_schema(
        parameters=[
            LIMIT,
            CURSOR,
            OpenApiParameter("mode", str, enum=BreakerMode.values),
            OpenApiParameter("scope", str, enum=BreakerScope.values),
        ],
        responses=page_of(BreakerSerializer),
    )
    def list(self, request: Request) -> Response:
        """Breakers, the oldest first, everybody's among them."""
        params = request.query_params
        mode = choice(params.get("mode"), parameter="mode", allowed=BreakerMode.values)
        scope = choice(params.get("scope"), parameter="scope", allowed=BreakerScope.values)
        rows = BreakerState.objects.filter(Q(owner=self.person) | Q(owner__isnull=True)).select_related("account")
        rows = rows.filter(mode=mode) if mode else rows
        rows = rows.filter(scope=scope) if scope else rows
        ends = risk.ends(rows.exclude(state=BreakerStatus.ACTIVE))
        return self.page(
            rows,
            name="breakers",
            order="id",
            shown=lambda row: breaker_json(row, resets_at=ends.get(row.pk)),
            filters=[mode, scope],
        )

    @extend_schema(request=BreakerStopSerializer, responses=HaltedSerializer)
    @action(detail=False, methods=["post"])
    def activate(self, request: Request) -> Response:
        """Stop new risk (level 1) or all but exits (2, 3), of an account, a strategy, or all of one's accounts.

        Level 3 also cancels entries that wait.
        """
        asked = read(BreakerStopSerializer, request.data, person=self.person)
        account, strategy = asked.get("account"), asked.get("strategy", "")
        if account is not None and strategy:
            raise InvalidValue("Name an account or a strategy.", pointer="/strategy")
        mode = BreakerMode.of(account) if account is not None else asked.get("mode", BreakerMode.LIVE)
        target = Target(self.person, mode, account, strategy)
        done = halting.halt(self.person, target, level=asked["level"], note=asked["note"], at=timezone.now())
        return Response({**breaker_json(done.breaker), "canceled": done.canceled})

    @extend_schema(request=FlattenSerializer, responses=FlattenedSerializer)
    @action(detail=False, methods=["post"])
    def flatten(self, request: Request) -> Response:
        """Close every position of an account, or of all, at the market. `confirm` has to be true."""
        asked = read(FlattenSerializer, request.data, person=self.person)
        is_met = not self.is_one_transaction
        done = halting.flatten(self.person, asked.get("account"), confirmed=asked["confirm"], meets_market=is_met)
        if not is_met:
            self.afterwards = lambda: halting.meet_market(done.placed)
        placed = [str(each.public_id) for each in done.placed]
        return Response({"orders": placed, "waiting": done.waiting, "refused": done.refused})

    @extend_schema(request=ResetSerializer, responses=BreakerSerializer)
    @action(detail=False, methods=["post"])
    def reset(self, request: Request) -> Response:
        """Go on; what closed so far is not judged again."""
        asked = read(ResetSerializer, request.data, person=self.person)
        done = risk.reset(self.person, asked["breaker"], note=asked["note"], at=timezone.now())
        return Response(breaker_json(done))


class BreakerEventViewSet(OwnViewSet):
    """What the breakers over one's accounts did, the latest first."""

    queryset = BreakerEvent.objects.none()
    serializer_class = BreakerEventSerializer
    unversioned_actions = frozenset({"list"})
    query_parameters = {"list": ("limit", "cursor", "kind")}

    @extend_schema(
        parameters=[LIMIT, CURSOR, OpenApiParameter("kind", str, enum=BreakerEventKind.values)],
        responses=page_of(BreakerEventSerializer),
    )
    def list(self, request: Request) -> Response:
        """Events, with the measures and limits of their time."""
        kind = choice(request.query_params.get("kind"), parameter="kind", allowed=BreakerEventKind.values)
        rows = BreakerEvent.objects.for_user(self.person)
        rows = rows.filter(kind=kind) if kind else rows
        return self.page(rows, name="breaker-events", order="-id", shown=event_json, filters=[kind])
