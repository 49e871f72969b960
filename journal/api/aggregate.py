"""The API of what trades come to: aggregates over accounts."""

import re
from dataclasses import replace
from datetime import date
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.errors import InvalidValue
from accounts.models import Account
from accounts.strict import choice
from accounts.viewsets import OwnViewSet
from journal import (
    breakdowns,
    contrasts,
    dimensions,
    distributions,
    drawdowns,
    filters,
    previous,
    report_forms,
    reports,
)
from journal.api.results import (
    ContrastSerializer,
    DistributionSerializer,
    DrawdownsSerializer,
    contrast_json,
    distribution_json,
    drawdowns_json,
)
from journal.context import today_of
from journal.filters import MetricsFilter
from journal.rendering import (
    breakdown_json,
    calendar_json,
    comparison_json,
    curve_json,
    metrics_json,
    streaks_json,
)
from journal.serializers import (
    BreakdownSerializer,
    CalendarSerializer,
    ComparisonSerializer,
    EquityCurveSerializer,
    MetricsAnswerSerializer,
    StreaksSerializer,
)

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])", re.ASCII)
_MADE = "Name or id; none for trades without one."
_NOT_OF_TRADES = ("account", "broker", "from", "to", "month", "kept", "currency", "unit")
_DESCRIBED = {
    "symbol": "Symbol of an instrument, or root of a futures contract; after = the symbol alone.",
    "tag": _MADE,
    "setup": _MADE,
    "mistake": _MADE,
    "playbook": _MADE,
    "group": "Name or id of a group of accounts; none for accounts without one.",
    "account_tag": "Name or id of an account's label; none for accounts without one.",
    "rule": "Key of a playbook's rule; none for trades that were held against no rule.",
    "entry_day": "Trading day of the opening fill.",
}
_FILTERS = [
    OpenApiParameter("account", str, many=True, description="Id of an account; may come several times."),
    OpenApiParameter("broker", str, description="Exact name; Unknown for accounts without one."),
    OpenApiParameter("from", date, description="First trading day."),
    OpenApiParameter("to", date, description="Last trading day."),
    OpenApiParameter("month", str, description="Such as 2025-03; narrows from and to."),
    OpenApiParameter("currency", str, description="Of the trades; figures are then in it."),
    OpenApiParameter("kept", str, enum=["yes", "no"], description="Whether the rule was kept."),
    OpenApiParameter("unit", str, enum=list(filters.UNITS), description="For pages; changes no figure here."),
    *(
        OpenApiParameter(
            name,
            str,
            enum=list(dimensions.BY_NAME[name].labels) or None,
            description=_DESCRIBED.get(name, f"{dimensions.BY_NAME[name].words}: a key of its breakdown."),
        )
        for name in filters.NAMES
        if name not in _NOT_OF_TRADES
    ),
]
_FRESH = OpenApiParameter("fresh", str, enum=["true"], description="Goes past the cache.")


#: What each answer takes besides the filters.
_OWN: dict[str, tuple[str, ...]] = {
    "metrics": ("fresh", "previous"),
    "equity_curve": ("fresh", "by_account"),
    "comparison": ("fresh",),
    "calendar": ("fresh", "month"),
    "breakdown": ("fresh", "by"),
    "streaks": ("fresh",),
    "distribution": ("fresh",),
    "drawdowns": ("fresh",),
    "contrast": ("fresh", *report_forms.names_of_sides()),
}


class AggregateViewSet(OwnViewSet):
    """What the trades of all accounts, or of some, come to."""

    queryset = Account.objects.none()
    repeatable_parameters = frozenset({"account", "a.account", "b.account"})
    query_parameters = {name: (*filters.NAMES, *own) for name, own in _OWN.items()}

    @extend_schema(
        parameters=[
            *_FILTERS,
            _FRESH,
            OpenApiParameter("previous", str, enum=["true", "false"], description="With the period before."),
        ],
        responses=MetricsAnswerSerializer,
    )
    @action(detail=False, methods=["get"], serializer_class=MetricsAnswerSerializer)
    def metrics(self, request: Request) -> Response:
        """Every metric, with all accounts in scope; on demand those of the equally long period before."""
        wanted = self.wanted()
        answer = metrics_json(reports.aggregate_metrics(self.person, wanted, fresh=self.is_fresh))
        asked = choice(request.query_params.get("previous"), parameter="previous", allowed=["true", "false"])
        if asked == "true":
            answer["previous"] = self.previous_metrics(wanted)
        return Response(answer)

    @extend_schema(
        parameters=[*_FILTERS, _FRESH, OpenApiParameter("by_account", str, enum=["true", "false"])],
        responses=EquityCurveSerializer,
    )
    @action(detail=False, methods=["get"], url_path="equity-curve", serializer_class=EquityCurveSerializer)
    def equity_curve(self, request: Request) -> Response:
        """Cumulative P&L by trading day, combined and by account."""
        by_account = choice(request.query_params.get("by_account"), parameter="by_account", allowed=["true", "false"])
        found = reports.equity_curve(self.person, self.wanted(), by_account=by_account == "true", fresh=self.is_fresh)
        return Response(curve_json(found))

    @extend_schema(parameters=[*_FILTERS, _FRESH], responses=ComparisonSerializer)
    @action(detail=False, methods=["get"], serializer_class=ComparisonSerializer)
    def comparison(self, request: Request) -> Response:
        """Accounts side by side, each in its own currency."""
        found = breakdowns.comparison(self.person, self.wanted(), fresh=self.is_fresh)
        return Response(comparison_json(found))

    @extend_schema(
        parameters=[*_FILTERS, _FRESH, OpenApiParameter("month", str, description="Such as 2025-03.")],
        responses=CalendarSerializer,
    )
    @action(detail=False, methods=["get"], serializer_class=CalendarSerializer)
    def calendar(self, request: Request) -> Response:
        """Trading days of a month or range with what they made."""
        wanted = _in_month(self.wanted(), request.query_params.get("month"))
        return Response(calendar_json(breakdowns.calendar(self.person, wanted, fresh=self.is_fresh)))

    @extend_schema(
        parameters=[
            *_FILTERS,
            _FRESH,
            OpenApiParameter("by", str, enum=list(breakdowns.PROPERTIES), required=True),
        ],
        responses=BreakdownSerializer,
    )
    @action(detail=False, methods=["get"], serializer_class=BreakdownSerializer)
    def breakdown(self, request: Request) -> Response:
        """Trades grouped by one property."""
        by = request.query_params.get("by", "")
        found = breakdowns.breakdown(self.person, self.wanted(), by=by, fresh=self.is_fresh)
        return Response(breakdown_json(found))

    @extend_schema(parameters=[*_FILTERS, _FRESH], responses=StreaksSerializer)
    @action(detail=False, methods=["get"], serializer_class=StreaksSerializer)
    def streaks(self, request: Request) -> Response:
        """Runs of winning and losing trades in closing order."""
        return Response(streaks_json(breakdowns.trade_streaks(self.person, self.wanted(), fresh=self.is_fresh)))

    @extend_schema(parameters=[*_FILTERS, _FRESH], responses=DistributionSerializer)
    @action(detail=False, methods=["get"], serializer_class=DistributionSerializer)
    def distribution(self, request: Request) -> Response:
        """How net P&L, R and days are spread, and runs of wins and losses."""
        wanted = self.wanted()
        found = distributions.distributions(self.person, wanted, fresh=self.is_fresh)
        return Response(distribution_json(found, distributions.runs_in_a_row(self.person, wanted, fresh=self.is_fresh)))

    @extend_schema(parameters=[*_FILTERS, _FRESH], responses=DrawdownsSerializer)
    @action(detail=False, methods=["get"], serializer_class=DrawdownsSerializer)
    def drawdowns(self, request: Request) -> Response:
        """Every fall of the equity curve from a peak, the deepest first."""
        return Response(drawdowns_json(drawdowns.drawdowns(self.person, self.wanted(), fresh=self.is_fresh)))

    @extend_schema(
        parameters=[
            *(
                OpenApiParameter(name, str, many=name.endswith(".account"), description="Of one side; see its name.")
                for name in report_forms.names_of_sides()
            ),
            _FRESH,
        ],
        responses=ContrastSerializer,
    )
    @action(detail=False, methods=["get"], serializer_class=ContrastSerializer)
    def contrast(self, request: Request) -> Response:
        """Two sets of trades side by side, `a.` and `b.` before the filters of each, and how far they differ."""
        self.wanted()
        one, other = (report_forms.wanted_of(side, request.query_params, user=self.person) for side in ("a", "b"))
        return Response(contrast_json(contrasts.contrast(self.person, one, other, fresh=self.is_fresh)))

    def wanted(self) -> MetricsFilter:
        """The filter of the query string. Raises what becomes a 400 for anything that it may not hold."""
        return filters.parse(self.request.query_params, user=self.person, also=_OWN[self.action])

    def previous_metrics(self, wanted: MetricsFilter) -> dict[str, Any] | None:
        """The metrics of the period before, with its days; None where there is none."""
        earlier = previous.before(wanted, today=today_of(self.person))
        if earlier is None:
            return None
        found = reports.aggregate_metrics(self.person, earlier, fresh=self.is_fresh)
        return {"first_day": earlier.start, "last_day": earlier.end, "metrics": metrics_json(found)}

    @property
    def is_fresh(self) -> bool:
        """Whether the caller wants to go past the cache."""
        fresh = choice(self.request.query_params.get("fresh"), parameter="fresh", allowed=["true", "false"])
        return fresh == "true"


def _in_month(wanted: MetricsFilter, month: str | None) -> MetricsFilter:
    """The filter narrowed to a month. Raises InvalidValue beside other days, and for what is no month."""
    if month is None:
        return wanted
    if wanted.is_by_day:
        raise InvalidValue("Give a month, or from and to.", pointer="?month")
    if not _MONTH.fullmatch(month) or not filters.EARLIEST.year <= int(month[:4]) <= filters.LATEST.year:
        raise InvalidValue("month is written 2025-03.", pointer="?month")
    start, end = filters.days_of_month(int(month[:4]), int(month[5:]))
    return replace(wanted, start=start, end=end)
