"""The API of trading sessions."""

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import paging
from accounts.serializers import page_of
from accounts.strict import choice
from accounts.viewsets import CURSOR, LIMIT, OwnViewSet, page_json
from trading import session_figures, sessions
from trading.api.lists import ACCOUNT, accounts_asked, asked
from trading.api.rows import Json, _instant, _number
from trading.models import TradingSession
from trading.serializers import read
from trading.session_figures import ShownSession
from trading.session_serializers import SessionSerializer, StartSessionSerializer


class SessionViewSet(OwnViewSet):
    """Stretches of trading in an account, with what was traded in them; the latest first."""

    queryset = TradingSession.objects.none()
    serializer_class = SessionSerializer
    # What an open one has traded moves with the clock.
    unversioned_actions = frozenset({"list", "retrieve"})
    query_parameters = {"list": ("limit", "cursor", "account", "is_open")}
    repeatable_parameters = frozenset({"account"})
    bodyless = frozenset({"end"})

    def _one(self, id: str) -> TradingSession:
        rows = TradingSession.objects.for_user(self.person).select_related("account")
        return get_object_or_404(rows, public_id=id)

    def _shown(self, session: TradingSession, *, status: int = 200) -> Response:
        return Response(session_json(session_figures.shown([session], now=timezone.now())[0]), status=status)

    @extend_schema(
        parameters=[LIMIT, CURSOR, ACCOUNT, OpenApiParameter("is_open", str, enum=["true", "false"])],
        responses=page_of(SessionSerializer),
    )
    def list(self, request: Request) -> Response:
        params = request.query_params
        rows = TradingSession.objects.for_user(self.person).select_related("account")
        accounts = accounts_asked(params)
        if accounts is not None:
            rows = rows.filter(account__public_id__in=accounts)
        if is_open := choice(params.get("is_open"), parameter="is_open", allowed=["true", "false"]):
            rows = rows.filter(ended_at__isnull=is_open == "true")
        page = paging.page_of(
            rows,
            listing=paging.Listing(self.person.pk, "sessions", "-id", asked(params)),
            limit=paging.limit_of(params.get("limit")),
            cursor=params.get("cursor"),
        )
        found = session_figures.shown(page.results, now=timezone.now())
        return Response(page_json(page, map(session_json, found)))

    @extend_schema(request=StartSessionSerializer, responses={201: SessionSerializer})
    def create(self, request: Request) -> Response:
        """Begin a session in an account; 409 while another goes on there."""
        values = read(StartSessionSerializer, request.data, person=self.person)
        return self._shown(sessions.start(values.pop("account"), at=timezone.now(), **values), status=201)

    def retrieve(self, request: Request, id: str) -> Response:
        return self._shown(self._one(id))

    @extend_schema(request=None, responses=SessionSerializer)
    @action(methods=["post"], detail=True)
    def end(self, request: Request, id: str) -> Response:
        """End a session; one that was over stays as it ended."""
        return self._shown(sessions.end(self._one(id), at=timezone.now()))


def session_json(row: ShownSession) -> Json:
    """A session as `SessionSerializer` describes it; its account is loaded."""
    session, figures = row.session, row.figures
    return {
        "id": str(session.public_id),
        "account": str(session.account.public_id),
        "name": session.name,
        "strategy": session.strategy,
        "note": session.note,
        "currency": session.currency,
        "started_at": _instant(session.started_at),
        "ended_at": _instant(session.ended_at),
        "starting_equity": _number(session.starting_equity),
        "starting_gap": session.starting_gap,
        "ending_equity": _number(session.ending_equity),
        "ending_gap": session.ending_gap,
        "equity_change": _number(row.change),
        "figures": {
            "orders": figures.orders,
            "fills": figures.fills,
            "trades": figures.trades,
            "wins": figures.wins,
            "losses": figures.losses,
            "pnl": _number(figures.pnl),
            "win_rate": _number(figures.win_rate),
            "largest_win": _number(figures.largest_win),
            "largest_loss": _number(figures.largest_loss),
        },
    }
