"""The API of exit strategies: plans that positions begin with."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.errors import InvalidValue
from accounts.serializers import page_of
from accounts.strict import choice
from accounts.viewsets import CURSOR, LIMIT, OwnViewSet
from trading import exit_strategies
from trading.api.plan_rows import strategy_json
from trading.errors import PlanInvalid
from trading.exits.plans import ExitPlan, PlanRefused
from trading.exits.snapshots import SnapshotRefused, overridden, restored, snapshot
from trading.models import ExitStrategy
from trading.plan_serializers import ExitStrategySerializer, written_keys
from trading.plan_words import refusal
from trading.serializers import read


class ExitStrategyViewSet(OwnViewSet):
    """One's own exit strategies and the shipped ones, which are everybody's."""

    queryset = ExitStrategy.objects.none()
    serializer_class = ExitStrategySerializer
    unversioned_actions = frozenset({"list", "retrieve"})
    query_parameters = {"list": ("limit", "cursor", "archived")}

    def _one(self, id: str) -> ExitStrategy:
        return get_object_or_404(ExitStrategy.objects.for_user(self.person), public_id=id)

    def _own(self, id: str) -> ExitStrategy:
        """One that the person may change: a shipped one is to them as if it were not there."""
        return get_object_or_404(ExitStrategy.objects.of_owner(self.person), public_id=id)

    @extend_schema(
        parameters=[LIMIT, CURSOR, OpenApiParameter("archived", str, enum=["no", "yes", "all"], default="no")],
        responses=page_of(ExitStrategySerializer),
    )
    def list(self, request: Request) -> Response:
        """Strategies in the order in which they were made."""
        archived = choice(request.query_params.get("archived"), parameter="archived", allowed=["no", "yes", "all"])
        rows = ExitStrategy.objects.for_user(self.person)
        if archived != "all":
            rows = rows.filter(archived_at__isnull=archived != "yes")
        return self.page(rows, name="exit-strategies", order="id", shown=strategy_json, filters=archived)

    @extend_schema(responses={201: ExitStrategySerializer})
    def create(self, request: Request) -> Response:
        """Make a strategy; its name is unique among one's own, and its plan breaks no rule."""
        asked = read(ExitStrategySerializer, request.data, person=self.person)
        plan = plan_of(asked.pop("plan"))
        made = exit_strategies.create(owner=self.person, plan=plan, **asked)
        return Response(strategy_json(made), status=201)

    def retrieve(self, request: Request, id: str) -> Response:
        return Response(strategy_json(self._one(id)))

    def partial_update(self, request: Request, id: str) -> Response:
        """Rename one's own strategy or change keys of its plan. Open positions keep theirs."""
        strategy = self._own(id)
        asked = read(ExitStrategySerializer, request.data, person=self.person, partial=True)
        changes = asked.pop("plan", None)
        plan = None if changes is None else plan_of(changes, of=strategy.plan)
        return Response(strategy_json(exit_strategies.update(strategy, plan=plan, **asked)))

    @extend_schema(request=None, responses=ExitStrategySerializer)
    @action(methods=["post"], detail=True, url_path="default")
    def default(self, request: Request, id: str) -> Response:
        """New plans begin with this one."""
        return Response(strategy_json(exit_strategies.set_default(self._own(id))))

    @extend_schema(request=None, responses=ExitStrategySerializer)
    @action(methods=["post"], detail=True)
    def archive(self, request: Request, id: str) -> Response:
        """It is offered no more; positions under it go on."""
        return Response(strategy_json(exit_strategies.archive(self._own(id))))

    @extend_schema(request=None, responses=ExitStrategySerializer)
    @action(methods=["post"], detail=True)
    def restore(self, request: Request, id: str) -> Response:
        """It is offered again."""
        return Response(strategy_json(exit_strategies.restore(self._own(id))))

    @extend_schema(request=None, responses={201: ExitStrategySerializer})
    @action(methods=["post"], detail=True)
    def copy(self, request: Request, id: str) -> Response:
        """One's own strategy that says the same: how a shipped one is changed."""
        return Response(strategy_json(exit_strategies.copy(self._one(id), owner=self.person)), status=201)


def plan_of(values: dict[str, Any], *, of: ExitPlan | None = None) -> ExitPlan:
    """The plan with what `PlanSerializer` read. Raises PlanInvalid, with pointers below /plan."""
    if of is None and values.get("stop_loss") is None:
        raise InvalidValue("A plan needs a stop loss.", pointer="/plan/stop_loss")
    try:
        # What is absent is as in the plain plan that has a stop alone.
        base = ExitPlan(stop_loss=values["stop_loss"]) if of is None else of
        return overridden(base, written_keys(values)) if of is not None else restored(
            {**snapshot(base), **written_keys(values)}
        )  # fmt: skip
    except (PlanRefused, SnapshotRefused) as error:
        raise below_plan(refusal(error)) from error


def below_plan(error: PlanInvalid, place: str = "/plan") -> PlanInvalid:
    """The refusal with its pointers below the field that holds the plan."""
    problems = tuple((f"{place}{pointer}", words) for pointer, words in error.problems)
    return PlanInvalid(error.message, pointer=problems[0][0], problems=problems)
