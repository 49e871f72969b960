"""The API of positions under an exit plan."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import paging
from accounts.errors import InvalidValue
from accounts.serializers import page_of
from accounts.strict import choice
from accounts.viewsets import CURSOR, LIMIT, OwnViewSet, page_json
from trading import exit_plans, plan_lists
from trading.api.lists import ACCOUNT, SYMBOL, accounts_asked, asked, line_asked
from trading.api.plan_rows import managed_json, revision_json
from trading.errors import PlanInvalid
from trading.filters import instruments_of
from trading.instruments import visible_to
from trading.models import ManagedPosition, PlanRevision
from trading.plan_serializers import (
    ManagedPositionSerializer,
    OpenPlanSerializer,
    OverrideSerializer,
    RevisionSerializer,
    plan_of,
    written_keys,
)
from trading.plan_words import below
from trading.serializers import read


class ManagedPositionViewSet(OwnViewSet):
    """Positions under an exit plan: where each stands, what a person changes, how it ends."""

    queryset = ManagedPosition.objects.none()
    serializer_class = ManagedPositionSerializer
    # Prices move them, without the person's version.
    unversioned_actions = frozenset({"list", "retrieve", "revisions"})
    query_parameters = {
        "list": ("limit", "cursor", "account", "symbol", "is_open"),
        "revisions": ("limit", "cursor"),
    }
    repeatable_parameters = frozenset({"account"})
    bodyless = frozenset({"close", "let_go", "retry"})

    def _one(self, id: str) -> ManagedPosition:
        rows = ManagedPosition.objects.for_user(self.person).select_related(
            "account", "instrument", "strategy", "entry_order"
        )
        return get_object_or_404(rows, public_id=id)

    def _shown(self, managed: ManagedPosition, *, status: int = 200) -> Response:
        return Response(managed_json(plan_lists.shown([self._one(str(managed.public_id))])[0]), status=status)

    @extend_schema(
        parameters=[LIMIT, CURSOR, ACCOUNT, SYMBOL, OpenApiParameter("is_open", str, enum=["true", "false"])],
        responses=page_of(ManagedPositionSerializer),
    )
    def list(self, request: Request) -> Response:
        """Plans, the newest first."""
        params = request.query_params
        rows = ManagedPosition.objects.for_user(self.person).select_related(
            "account", "instrument", "strategy", "entry_order"
        )
        accounts, symbol = accounts_asked(params), line_asked(params, "symbol")
        if accounts is not None:
            rows = rows.filter(account__public_id__in=accounts)
        if symbol is not None:
            rows = rows.filter(instrument__in=instruments_of(symbol))
        if is_open := choice(params.get("is_open"), parameter="is_open", allowed=["true", "false"]):
            rows = rows.filter(closed_at__isnull=is_open == "true")
        page = paging.page_of(
            rows,
            listing=paging.Listing(self.person.pk, "managed-positions", "-id", asked(params)),
            limit=paging.limit_of(params.get("limit")),
            cursor=params.get("cursor"),
        )
        return Response(page_json(page, map(managed_json, plan_lists.shown(list(page.results)))))

    @extend_schema(request=OpenPlanSerializer, responses={201: ManagedPositionSerializer})
    def create(self, request: Request) -> Response:
        """Put a position that is held, or a part of it, under a plan."""
        values = read(OpenPlanSerializer, request.data, person=self.person)
        instrument = visible_to(self.person).filter(symbol=values["symbol"].upper()).order_by("-id").first()
        if instrument is None:
            raise InvalidValue("There is no such instrument.", pointer="/symbol")
        plan = plan_of(values["plan"]) if "plan" in values else None
        if (plan is None) is (values.get("strategy") is None):
            raise InvalidValue("Name either a strategy or a plan.", pointer="/strategy")
        try:
            made = exit_plans.open_plan(
                values["account"],
                instrument,
                plan=plan,
                strategy=values.get("strategy"),
                overrides=written_keys(values.get("overrides", {})),
                quantity=values.get("quantity"),
            )
        except PlanInvalid as error:
            raise below(error, "/overrides") from error
        return self._shown(made, status=201)

    def retrieve(self, request: Request, id: str) -> Response:
        return Response(managed_json(plan_lists.shown([self._one(id)])[0]))

    @extend_schema(request=OverrideSerializer, responses=ManagedPositionSerializer)
    @action(methods=["post"], detail=True)
    def override(self, request: Request, id: str) -> Response:
        """Change keys of the plan of an open position; 409 if somebody changed it since `revision`."""
        managed = self._one(id)
        values = read(OverrideSerializer, request.data, person=self.person)
        changes = written_keys(values["changes"])
        try:
            exit_plans.override(managed, changes=changes, by=self.person, revision=values["revision"])
        except PlanInvalid as error:
            raise below(error, "/changes") from error
        return self._shown(managed)

    @extend_schema(request=None, responses=ManagedPositionSerializer)
    @action(methods=["post"], detail=True)
    def close(self, request: Request, id: str) -> Response:
        """Get out of all that remains, at the market."""
        managed = self._one(id)
        exit_plans.close(managed)
        return self._shown(managed)

    @extend_schema(request=None, responses=ManagedPositionSerializer)
    @action(methods=["post"], detail=True, url_path="let-go")
    def let_go(self, request: Request, id: str) -> Response:
        """End the plan and keep the position."""
        managed = self._one(id)
        exit_plans.let_go(managed)
        return self._shown(managed)

    @extend_schema(request=None, responses=ManagedPositionSerializer)
    @action(methods=["post"], detail=True)
    def retry(self, request: Request, id: str) -> Response:
        """Try again at once what did not go through."""
        managed = self._one(id)
        exit_plans.retry(managed)
        return self._shown(managed)

    @extend_schema(parameters=[LIMIT, CURSOR], responses=page_of(RevisionSerializer))
    @action(methods=["get"], detail=True)
    def revisions(self, request: Request, id: str) -> Response:
        """What persons changed of the plan, the first change first."""
        rows = PlanRevision.objects.filter(managed_position=self._one(id))
        return self.page(rows, name=f"revisions-{id}", order="number", shown=revision_json)
