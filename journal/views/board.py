"""What one look at the dashboard asks: the answers behind its panels, each read once however many panels show it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID

from django.http import HttpRequest, QueryDict
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts import versions
from accounts.addresses import written
from accounts.errors import InvalidValue
from accounts.models import Account
from accounts.permissions import person_of
from journal import (
    account_lines,
    account_ranks,
    breakdowns,
    charts,
    chosen_trades,
    filters,
    kept_html,
    kpis,
    more_figures,
    panel_tables,
    previous,
    reports,
    units,
)
from journal.account_lines import MOST_LINES
from journal.account_ranks import RANKS, ByAccount, RankedAccount
from journal.charts import CurveChart, Month
from journal.context import today_of
from journal.figures import (
    AccountFigures,
    AggregateMetrics,
    Answer,
    Breakdown,
    BreakdownRow,
    Calendar,
    CalendarDay,
    Curve,
    EquityCurve,
)
from journal.filters import MetricsFilter
from journal.kpis import Kpi
from journal.metrics import formulas
from journal.more_figures import MoreFigures
from journal.panel_tables import Table
from journal.panels import BREAKDOWNS, PANELS, Panel
from journal.trade_lists import TradeRow, rows_of
from journal.units import Scale, Unit
from journal.views.pages import FEW, month_of, positions_of, within
from trading.models import Position

#: Parameters of the dashboard besides the filters; `line` may come several times.
OWN = ("month", "unit", "line", "rank", "panels", "as", "format", "offset", "limit")
_PASSING = ("panels", "as", "format", "offset", "limit")
#: Accounts that come at once, and how many may be asked for.
WINDOW, LARGEST_WINDOW = 50, 200
#: Trading days that stand below today.
_DAYS_BEFORE = 6


@dataclass(frozen=True, slots=True)
class Shown:
    """A panel with what it shows, or with nothing while that is still to come."""

    panel: Panel
    html: SafeString | None = None
    #: Milliseconds after the page at which it is asked for, so that not all are at once.
    delay: int = 0


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account in its place, with what it made and how far it fell, each in the unit that says it."""

    place: int
    figures: AccountFigures
    amount: Decimal | None
    fall: Decimal | None
    fall_unit: Unit


class Board:
    """One look at the dashboard, or at one account. Raises InvalidValue for parameters that it does not take."""

    def __init__(self, request: HttpRequest, *, also: tuple[str, ...] = (), account: Account | None = None) -> None:
        self.request = request
        self.person = person_of(request)
        #: Read before anything else, so that nothing older is kept under it.
        self.version = versions.current(self.person.pk)
        self.today = today_of(self.person)
        self.unit = units.of(request)
        self.wanted = filters.parse(self.params, user=self.person, also=(*OWN, *also))
        if account is not None:
            self.wanted = replace(self.wanted, accounts=(account.pk,), broker=None)
        self.picked = _picked(request)
        self.rank = one_of(request, "rank", RANKS)

    @cached_property
    def params(self) -> QueryDict:
        """The address without what may come several times and is no filter."""
        query: QueryDict = self.request.GET.copy()
        query.pop("line", None)
        return query

    @cached_property
    def kept_pairs(self) -> list[tuple[str, str]]:
        """What the address holds besides lines, for the form that picks them."""
        left_out = (*_PASSING, "line")
        pairs = written(self.request).lists()
        return [(name, value) for name, values in pairs for value in values if name not in left_out]

    # ------------------------------------------------------------ answers

    @cached_property
    def metrics(self) -> AggregateMetrics:
        return reports.aggregate_metrics(self.person, self.wanted)

    @cached_property
    def earlier_wanted(self) -> MetricsFilter | None:
        return previous.before(self.wanted, today=self.today)

    @cached_property
    def earlier(self) -> AggregateMetrics | None:
        if self.earlier_wanted is None:
            return None
        return reports.aggregate_metrics(self.person, self.earlier_wanted)

    @cached_property
    def scale(self) -> Scale:
        # Only percent needs to know what it is of.
        return units.scale(self.unit, self.metrics) if self.unit is Unit.PERCENT else Scale(self.unit)

    @cached_property
    def equity(self) -> EquityCurve:
        return reports.equity_curve(self.person, self.wanted)

    @cached_property
    def range_days(self) -> Calendar:
        """Every trading day of the range."""
        return breakdowns.calendar(self.person, self.wanted)

    @cached_property
    def today_calendar(self) -> Calendar:
        return breakdowns.calendar(self.person, replace(self.wanted, start=self.today, end=self.today))

    @cached_property
    def month_first(self) -> date:
        last = "" if self.request.GET.get("month") else self.equity.combined.text.rpartition("\n")[2][:10]
        return month_of(self.request, self.wanted, today=self.today, last=last)

    @cached_property
    def month_days(self) -> Calendar:
        return breakdowns.calendar(self.person, within(self.wanted, *charts.month_span(self.month_first)))

    @cached_property
    def month(self) -> Month:
        return charts.month(
            self.month_first,
            self.month_days.days,
            today=self.today,
            start=self.wanted.start,
            end=self.wanted.end,
            amount_of=self.amount_of(self.month_days),
        )

    def amount_of(self, calendar: Calendar) -> Any:
        """What a day of this calendar made, in the unit of the page."""

        def amount(day: CalendarDay) -> Decimal | None:
            return self.scale.shown(day.pnl, r=calendar.in_r.get(day.date))

        return amount

    # ------------------------------------------------------------ what is drawn

    @cached_property
    def curve(self) -> Curve:
        """The combined curve in the unit of the page."""
        combined = self.equity.combined
        if self.scale.is_money:
            return combined
        if self.unit is Unit.R:
            return charts.curve_of(None, sorted(self.range_days.in_r.items()))
        if self.scale.lacks_equity:
            return Curve(None, "")
        return charts.scaled(combined, self.scale)

    @cached_property
    def chart(self) -> CurveChart:
        return charts.curve_chart(self.curve, [(line.id, line.name, *self._line(line)) for line in self.lines])

    @cached_property
    def lines(self) -> list[account_lines.AccountLine]:
        currency = self.equity.combined.currency
        if not self.picked or currency is None or self.curve.text == "":
            return []
        return account_lines.account_lines(self.person, self.wanted, self.picked, currency=currency)

    def _line(self, line: account_lines.AccountLine) -> tuple[Curve, bool]:
        if self.unit is Unit.R:
            return charts.curve_of(None, sorted(line.in_r.items())), False
        curve = charts.curve_of(None, line.daily)
        return charts.scaled(curve, self.scale) if self.unit is Unit.PERCENT else curve, line.is_partial

    @cached_property
    def kpis(self) -> list[Kpi]:
        earlier_scale = units.scale(self.unit, self.earlier) if self.earlier is not None else self.scale
        found = kpis.Figures(
            self.metrics,
            self.earlier,
            self.scale,
            earlier_scale,
            drawdown_r=_fall_in_r(self.range_days) if self.unit is Unit.R else None,
            earlier_drawdown_r=self._earlier_fall_in_r(),
        )
        day = self.today.isoformat()
        return kpis.row(
            found,
            bars=charts.day_bars(self._daily()),
            today=self.today_calendar,
            today_link={"from": day, "to": day},
        )

    @cached_property
    def more(self) -> MoreFigures:
        in_r = self.range_days.in_r.items() if self.unit is Unit.R else ()
        return more_figures.of(self.metrics, self.scale, in_r=in_r)

    def _daily(self) -> list[tuple[date, Decimal | None]]:
        """What the last days of the range made."""
        if self.unit is Unit.R:
            return list(
                self.scale.days(list(self.range_days.in_r.items())[-charts.MOST_BARS - 1 :], self.range_days.in_r)
            )
        rows = self.equity.combined.rows[-charts.MOST_BARS - 1 :]
        return [(date.fromisoformat(row[0]), self.scale.shown(Decimal(row[1]))) for row in rows]

    def _earlier_fall_in_r(self) -> Decimal | None:
        if self.unit is not Unit.R or self.earlier_wanted is None:
            return None
        return _fall_in_r(breakdowns.calendar(self.person, self.earlier_wanted))

    # ------------------------------------------------------------ lists

    @cached_property
    def positions(self) -> list[Position]:
        return list(positions_of(self.person, self.wanted)[:FEW])

    @cached_property
    def trades(self) -> list[TradeRow]:
        return rows_of(
            chosen_trades.trades_of(self.person, self.wanted)
            .select_related("account", "instrument")
            .order_by("-activity_at", "-id")[:FEW],
            self.wanted,
        )

    @cached_property
    def falls(self) -> ByAccount | None:
        return account_ranks.drawdowns(self.person, self.wanted) if self.rank == "drawdown" else None

    @cached_property
    def multiples(self) -> ByAccount | None:
        return account_ranks.in_r(self.person, self.wanted) if self.unit is Unit.R else None

    def account_rows(self, window: slice) -> list[AccountRow]:
        """The accounts of one window of the order that was asked for, in the unit of the page."""
        return [
            AccountRow(each.place, each.figures, self._account_amount(each), *self._account_fall(each))
            for each in self.ranked(window)
        ]

    def _account_amount(self, each: RankedAccount) -> Decimal | None:
        if self.scale.is_money:
            return each.figures.pnl
        return self.scale.shown(each.figures.converted_pnl, r=each.r)

    def _account_fall(self, each: RankedAccount) -> tuple[Decimal | None, Unit]:
        if each.drawdown is None:
            return None, Unit.MONEY
        if self.unit is Unit.PERCENT:
            return self.scale.shown(-each.drawdown), Unit.PERCENT
        return -each.drawdown, Unit.MONEY

    def ranked(self, window: slice) -> list[RankedAccount]:
        """The accounts of one window of the order that was asked for."""
        return account_ranks.ranked(
            self.metrics,
            rank=self.rank,
            falls=self.falls.values if self.falls else {},
            multiples=self.multiples.values if self.multiples else {},
            within=window,
            is_in_r=self.unit is Unit.R,
        )

    # ------------------------------------------------------------ panels

    def shown(self, panel: Panel) -> Shown:
        """The panel with its content, which is kept until something of the person changes or their day ends."""
        asked = [self.request.GET.urlencode(), written(self.request).urlencode()]

        def write() -> tuple[str, bool]:
            content = self.context_of(panel.name)
            is_stale, missing = _behind(content.pop("answers", ()))
            context = {"board": self, "panel": panel, "scale": self.scale, "unit": self.unit, **content}
            context |= {"is_stale": is_stale, "missing": missing}
            return render_to_string("journal/_panel.html", context, request=self.request), is_stale

        parts = ["panel", panel.name, *asked]
        return Shown(panel, kept_html.get(self.person, version=self.version, parts=parts, write=write))

    def context_of(self, name: str) -> dict[str, Any]:
        """What the panel of this name shows."""
        if name in BREAKDOWNS:
            return self._breakdown(name)
        found: dict[str, Any] = getattr(self, f"_{name}_context")()
        return found

    def _kpis_context(self) -> dict[str, Any]:
        return {"kpis": self.kpis, "metrics": self.metrics, "answers": (self.metrics, self.today_calendar)}

    def _curve_context(self) -> dict[str, Any]:
        chosen = {line.id for line in self.lines}
        return {
            "chart": self.chart,
            "chosen_lines": self.lines,
            "offered": self.line_options("") if not chosen else [],
            "answers": (self.equity,),
        }

    def _calendar_context(self) -> dict[str, Any]:
        return {"month": self.month, "answers": (self.month_days,)}

    def _figures_context(self) -> dict[str, Any]:
        return {"metrics": self.metrics, "answers": (self.metrics,)}

    def _positions_context(self) -> dict[str, Any]:
        return {"positions": self.positions}

    def _accounts_context(self) -> dict[str, Any]:
        rows = self.metrics.account_rows
        return {
            "accounts": self.account_rows(slice(0, WINDOW)),
            "total": len(rows),
            "traded": sum(1 for row in rows if row[8]),
            "rank": self.rank,
            "answers": (self.metrics, *(each for each in (self.falls, self.multiples) if each)),
        }

    def _trades_context(self) -> dict[str, Any]:
        return {"trades": self.trades}

    def _today_context(self) -> dict[str, Any]:
        day = self.today_calendar.days[0] if self.today_calendar.days else None
        # The last days that were traded, however long ago they are.
        days = [row[0] for row in self.equity.combined.rows[-_DAYS_BEFORE - 1 :]]
        first = min(date.fromisoformat(days[0]), self.today) if days else self.today
        week = breakdowns.calendar(self.person, replace(self.wanted, start=first, end=self.today))
        amount = self.amount_of(week)
        return {
            "day": day,
            "amount": None if day is None else self.amount_of(self.today_calendar)(day),
            "week": [(each, amount(each)) for each in reversed(week.days) if each.date != self.today][:_DAYS_BEFORE],
            "answers": (self.today_calendar, week),
        }

    def _streaks_context(self) -> dict[str, Any]:
        rows = self.equity.combined.rows[-charts.MOST_BARS :]
        return {
            "streaks": self.metrics.day_streaks,
            "days": charts.day_bars([(date.fromisoformat(row[0]), _sign(Decimal(row[1]))) for row in rows]),
            "metrics": self.metrics,
            "answers": (self.metrics, self.equity),
        }

    def _breakdown(self, by: str) -> dict[str, Any]:
        answer = breakdowns.breakdown(self.person, self.wanted, by=by)
        return {
            "bars": self._bars(answer, most=FEW if by == "symbol" else None),
            "answer": answer,
            "answers": (answer,),
        }

    def _bars(self, answer: Breakdown, most: int | None = None) -> list[charts.Bar]:
        def count(row: BreakdownRow) -> int:
            return row.r_count if self.unit is Unit.R else row.trade_count

        return charts.bars(answer, most=most, amount_of=self.amount_of_row, count_of=count)

    def amount_of_row(self, row: BreakdownRow) -> Decimal | None:
        """What a row of a breakdown made, in the unit of the page."""
        return self.scale.shown(row.net_pnl, r=row.r_sum)

    def line_options(self, text: str) -> list[Account]:
        """Accounts to draw over the curve: the first whose names hold the text."""
        found = Account.objects.for_user(self.person).current()
        if text:
            found = found.filter(name__icontains=text)
        return list(found.order_by("name", "id")[:MOST_LINES])

    # ------------------------------------------------------------ tables

    def table(self, name: str) -> Table:
        """What the panel draws, as a table; long, where the panel shows the beginning of something longer."""
        if name == "kpis":
            return panel_tables.of_kpis(self.kpis, self.scale)
        if name in ("curve", "streaks"):
            return panel_tables.of_curve(self.chart)
        if name == "calendar":
            return panel_tables.of_calendar(self.month_days, self.scale)
        if name == "today":
            return panel_tables.of_calendar(self.today_calendar, self.scale)
        if name == "positions":
            return panel_tables.of_positions(positions_of(self.person, self.wanted))
        if name == "accounts":
            return panel_tables.of_accounts(self.ranked(slice(None)))
        if name == "trades":
            return panel_tables.of_trades(self.trades, self.scale)
        if name == "figures":
            return panel_tables.of_kpis(self.kpis, self.scale)
        answer = breakdowns.breakdown(self.person, self.wanted, by=name)
        return panel_tables.of_bars(self._bars(answer), PANELS[name].words)


def _behind(answers: Iterable[Answer]) -> tuple[bool, int]:
    """Whether one of them is behind, and by how many account-days."""
    found = list(answers)
    return any(each.stale for each in found), max((each.missing_days for each in found), default=0)


def _fall_in_r(calendar: Calendar) -> Decimal | None:
    """How far the running sum of R fell at most, day by day."""
    found = formulas.max_drawdown(sorted(calendar.in_r.items()))
    return found.amount if found else None


def _sign(amount: Decimal) -> Decimal:
    """A profit is one up, a loss one down."""
    return Decimal(0) if not amount else Decimal(1).copy_sign(amount)


def _picked(request: HttpRequest) -> list[UUID]:
    """The accounts to draw over the curve."""
    given = list(dict.fromkeys(request.GET.getlist("line")))
    if len(given) > MOST_LINES:
        raise InvalidValue(_("At most %(most)s accounts are drawn.") % {"most": MOST_LINES}, pointer="?line")
    try:
        return [UUID(text) for text in given]
    except ValueError:
        raise InvalidValue(_("An account is named by its id, a UUID."), pointer="?line") from None


def one_of(request: HttpRequest, name: str, allowed: Sequence[str]) -> str:
    """The parameter's value, the first of those allowed where it is not given."""
    value: str = request.GET.get(name) or allowed[0]
    if value not in allowed:
        raise InvalidValue(
            _("%(name)s is one of %(names)s.") % {"name": name, "names": ", ".join(allowed)},
            pointer=f"?{name}",
            code="invalid_choice",
        )
    return value
