"""The API of exit strategies: plans that positions begin with."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.serializers import page_of
from accounts.strict import choice
from accounts.viewsets import CURSOR, LIMIT, OwnViewSet
from trading import exit_strategies
from trading.api.plan_rows import strategy_json
from trading.models import ExitStrategy
from trading.plan_serializers import ExitStrategySerializer, plan_of
from trading.serializers import read


class ExitStrategyViewSet(OwnViewSet):
    """One's own exit strategies and the shipped ones, which are everybody's."""

    queryset = ExitStrategy.objects.none()
    serializer_class = ExitStrategySerializer
    unversioned_actions = frozenset({"list", "retrieve"})
    query_parameters = {"list": ("limit", "cursor", "archived")}
    bodyless = frozenset({"default", "archive", "restore", "copy"})

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
