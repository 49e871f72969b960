"""Reports: trades grouped by a property, how results are spread, falls of the curve, days, excursions."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts import table_export, versions
from accounts.errors import InvalidValue
from accounts.permissions import person_of
from journal import (
    breakdowns,
    dimensions,
    distributions,
    drawdowns,
    excursion_reports,
    filters,
    report_charts,
    report_tables,
)
from journal.figures import Breakdown, BreakdownRow
from journal.report_charts import Item
from journal.report_tables import Table
from journal.templatetags.journal_format import short_money
from journal.templatetags.report_words import as_kind
from journal.units import Scale, Unit
from journal.views.pages import scale_of, standing
from trading.refusals import says_why

Words = str | Promise

#: The dimensions that have a report, by what they look at.
GROUPS: tuple[tuple[Words, tuple[str, ...]], ...] = (
    (_("Time"), ("weekday", "hour", "month", "exit_day", "entry_weekday", "entry_day", "holding")),
    (_("Instrument"), ("symbol", "side", "price", "size")),
    (_("Execution"), ("r", "result", "outcome")),
    (_("Behaviour"), ("setup", "tag", "mistake", "playbook", "rule", "rating", "reviewed")),
    (_("Where"), ("broker", "account", "group", "account_tag")),
)
#: Reports that are no breakdown: name of the address, words, what they answer.
OTHERS: tuple[tuple[str, Words, Words], ...] = (
    ("report_distribution", _("Distribution"), _("How results and R are spread: buckets, percentiles, deviation")),
    ("report_streaks", _("Streaks"), _("Wins and losses one after the other, by trade and by day")),
    ("report_drawdowns", _("Drawdowns"), _("Each fall from a peak: how deep, how long, back when")),
    ("report_days", _("Days"), _("Winning against losing days, and weekdays by hour")),
    ("report_excursions", _("MAE and MFE"), _("How far trades went against and for you before they closed")),
    (
        "report_compare",
        _("Compare two filters"),
        _("Two sets of trades side by side, and how sure the difference is"),
    ),
)
#: What the columns of a breakdown can show.
MEASURES: dict[str, tuple[Words, str]] = {
    "net": (_("Net P&L"), "money"),
    "expectancy": (_("Expectancy"), "money"),
    "win_rate": (_("Win rate"), "percent"),
    "r": (_("Avg R"), "r"),
    "trades": (_("Trades"), "count"),
}
#: Rows of a report on one page, and columns that one drawing holds.
_MOST_ROWS, _MOST_COLUMNS, _MOST_BARS = 50, 120, 24
_ORDERED = ("month", "exit_day", "entry_day")
OWN = ("by", "page", "sort", "measure", "format")


@login_required
@require_safe
@says_why
def index(request: HttpRequest) -> HttpResponseBase:
    """All reports that there are, each under what it looks at; the one by a property for an address that names it."""
    if "by" in request.GET:
        return breakdown(request)
    filters.parse(request.GET, user=person_of(request))
    return render(request, "journal/reports.html", {"groups": groups_shown(), "others": OTHERS})


@login_required
@require_safe
@says_why
def breakdown(request: HttpRequest) -> HttpResponseBase:
    """Trades grouped by one property, drawn and as a table, or the table as a file."""
    person = person_of(request)
    version = versions.current(person.pk)
    wanted = filters.parse(request.GET, user=person, also=OWN)
    by = request.GET.get("by", "symbol")
    answer = breakdowns.breakdown(person, wanted, by=by)
    words = dimensions.BY_NAME[by].words
    is_named = not _is_ordered(by)
    order = request.GET.get("sort") or ("-net_pnl" if is_named else "")
    if is_file(request):
        return file_of(report_tables.breakdown(answer, words=words, order=order))
    scale = scale_of(request, wanted)
    if scale.unit is Unit.R and order.removeprefix("-") in report_tables.WITHOUT_R:
        order = "-net_pnl"
    report_tables.check_order(order, by=by, words=words, scale=scale)
    page = page_asked(request, Paginator(range(answer.row_count), _MOST_ROWS))
    measure = _measure(request)
    # Of a thousand rows this takes longer than the rest of the page, which is mostly kept.
    table: Any = SimpleLazyObject(
        lambda: report_tables.breakdown(
            answer, words=words, scale=scale, order=order, start=max(0, page.start_index() - 1), end=page.end_index()
        )
    )
    context = {
        "version": version,
        "by": by,
        "words": words,
        "groups": groups_shown(),
        "others": OTHERS,
        "answer": answer,
        "is_many": dimensions.BY_NAME[by].is_many,
        "table": table,
        "page": page,
        "measures": MEASURES,
        "measure": measure,
        "scale": scale,
        "drawing": SimpleLazyObject(lambda: _drawing(answer, measure, scale)),
        **standing(answer),
    }
    return render(request, "journal/breakdown.html", context)


@login_required
@require_safe
@says_why
def distribution(request: HttpRequest) -> HttpResponseBase:
    """How net P&L, R and the P&L of days are spread."""
    person = person_of(request)
    version = versions.current(person.pk)
    wanted = filters.parse(request.GET, user=person, also=("format", "table"))
    answer = distributions.distributions(person, wanted)
    tables = {
        "spread": report_tables.percentiles(answer),
        "net": report_tables.histogram(answer.net.buckets, name="distribution-net", words=_("Trades")),
        "r": report_tables.histogram(answer.r.buckets, name="distribution-r", words=_("Trades")),
        "days": report_tables.histogram(answer.days.buckets, name="distribution-days", words=_("Days")),
    }
    if is_file(request):
        return file_of(chosen(request, tables, default="spread"))
    context = {
        "version": version,
        "answer": answer,
        "tables": tables,
        "net_chart": _histogram(answer.net.buckets),
        "r_chart": _histogram(answer.r.buckets),
        "day_chart": _histogram(answer.days.buckets),
        **standing(answer),
    }
    return _page(request, "report_distribution", context)


@login_required
@require_safe
@says_why
def streaks(request: HttpRequest) -> HttpResponseBase:
    """Runs of wins and losses: the longest, the present one, and how many there were of each length."""
    person = person_of(request)
    version = versions.current(person.pk)
    wanted = filters.parse(request.GET, user=person, also=("format", "table"))
    answer = distributions.runs_in_a_row(person, wanted)
    tables = {
        "trades": report_tables.run_lengths(answer.trade_runs.wins, answer.trade_runs.losses, name="streaks-trades"),
        "days": report_tables.run_lengths(answer.day_runs.wins, answer.day_runs.losses, name="streaks-days"),
    }
    if is_file(request):
        return file_of(chosen(request, tables, default="trades"))
    context = {
        "version": version,
        "answer": answer,
        "parts": [
            {"words": words, "runs": runs, "table": tables[name], "name": name, "charts": _run_charts(runs)}
            for name, words, runs in (
                ("trades", _("Trades"), answer.trade_runs),
                ("days", _("Days"), answer.day_runs),
            )
        ],
        **standing(answer),
    }
    return _page(request, "report_streaks", context)


@login_required
@require_safe
@says_why
def drawdown_list(request: HttpRequest) -> HttpResponseBase:
    """Every drawdown of the curve, and how far below its peak each day ended."""
    person = person_of(request)
    version = versions.current(person.pk)
    wanted = filters.parse(request.GET, user=person, also=("format", "sort", "page"))
    answer = drawdowns.drawdowns(person, wanted)
    order = request.GET.get("sort", "")
    if is_file(request):
        return file_of(report_tables.drawdowns(answer).ordered(order))
    scale = scale_of(request, wanted)
    if not scale.is_money:
        order = order.replace("ratio", "depth")
    if scale.unit is Unit.R:
        answer = drawdowns.of_series(answer, sorted(breakdowns.calendar(person, wanted).in_r.items()))
    table = report_tables.drawdowns(answer, unit=scale.unit).ordered(order)
    page = page_asked(request, Paginator(table.lines, _MOST_ROWS))
    points = answer.below_peak(scale.unit)
    deepest = answer.rows[0] if answer.rows else None
    context = {
        "version": version,
        "scale": scale,
        "kind": report_tables.kind_in(scale.unit, "loss"),
        "answer": answer,
        "table": table.page(page.start_index() - 1 if table.lines else 0, page.end_index()),
        "page": page,
        "chart": report_charts.below_peak(points),
        "deepest": deepest,
        "depth": None if deepest is None else deepest.ratio if scale.unit is Unit.PERCENT else deepest.depth,
        "below_now": points[-1][1] if points else None,
        "longest": max(answer.rows, key=lambda row: row.length_days, default=None),
        "share_below": Decimal(answer.days_below) / answer.days if answer.days else None,
        **standing(answer),
    }
    return _page(request, "report_drawdowns", context)


@login_required
@require_safe
@says_why
def day_report(request: HttpRequest) -> HttpResponseBase:
    """Winning against losing days, and what weekdays made by the hour of entry."""
    person = person_of(request)
    version = versions.current(person.pk)
    wanted = filters.parse(request.GET, user=person, also=("format", "table"))
    answer = breakdowns.calendar(person, wanted)
    tables = {
        "days": report_tables.win_and_loss_days(answer.days),
        "calendar": report_tables.calendar_days(answer.days),
    }
    if is_file(request):
        return file_of(chosen(request, tables, default="days"))
    scale = scale_of(request, wanted)
    hours, rows = report_charts.heat(distributions.by_weekday_and_hour(person, wanted))
    labels = dimensions.BY_NAME["entry_weekday"].labels
    context = {
        "version": version,
        "answer": answer,
        "scale": scale,
        "table": report_tables.win_and_loss_days(answer.days, in_r=answer.in_r, scale=scale),
        "hours": hours,
        "heat": [(labels[weekday], cells) for weekday, cells in rows],
        "chart": report_charts.columns(
            [
                Item(as_kind(day, "day"), amount, {"from": day, "to": day}, each.trade_count)
                for each in answer.days[-_MOST_COLUMNS:]
                for day in (each.date.isoformat(),)
                for amount in (scale.shown(each.pnl, r=answer.in_r.get(each.date)),)
            ],
            kind=scale.tick_kind,
        ),
        **standing(answer),
    }
    return _page(request, "report_days", context)


@login_required
@require_safe
@says_why
def excursions(request: HttpRequest) -> HttpResponseBase:
    """How far trades went against and for their holder, as a cloud of points."""
    person = person_of(request)
    wanted = filters.parse(request.GET, user=person, also=("format",))
    answer = excursion_reports.excursions(person, wanted, in_r=request.GET.get("unit") == "r")
    if is_file(request):
        headings = ["trade", "outcome", "mae", "mfe", "result"]
        rows = ((row.key, row.outcome, row.mae, row.mfe, row.result) for row in answer.points)
        return table_export.answer("excursions.csv", headings, rows)
    names = dimensions.BY_NAME["outcome"].labels
    scale = scale_of(request, wanted)
    if scale.unit is Unit.PERCENT:
        answer = excursion_reports.scaled(answer, scale)
    cloud = report_charts.cloud(
        [(row.key, row.outcome, row.mae, row.mfe, str(names[row.outcome])) for row in answer.points]
    )
    context = {"answer": answer, "cloud": cloud, "scale": scale, "kind": scale.tick_kind, **standing(answer)}
    return _page(request, "report_excursions", context)


def _page(request: HttpRequest, name: str, context: Mapping[str, Any]) -> HttpResponse:
    return render(
        request, f"journal/{name}.html", {"groups": groups_shown(), "others": OTHERS, "current": name, **context}
    )


def is_file(request: HttpRequest) -> bool:
    """Whether the table is asked for as a file. Raises InvalidValue for a format that there is not."""
    asked = request.GET.get("format", "")
    if asked not in ("", "csv"):
        raise InvalidValue(gettext("format is csv."), pointer="?format")
    return asked == "csv"


def file_of(table: Table) -> HttpResponseBase:
    """The table as a CSV file."""
    headings, rows = table.file()
    return table_export.answer(f"{table.name}.csv", headings, rows)


def chosen(request: HttpRequest, tables: Mapping[str, Table], *, default: str) -> Table:
    """The table of the page that is asked for. Raises InvalidValue for another."""
    name = request.GET.get("table", default)
    if name not in tables:
        raise InvalidValue(_("table is one of %(names)s.") % {"names": ", ".join(tables)}, pointer="?table")
    return tables[name]


def page_asked(request: HttpRequest, pages: "Paginator[Any]") -> Any:
    """The page of a long table. Raises InvalidValue for one that there is not."""
    text = request.GET.get("page", "1")
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 0
    if not 1 <= number <= pages.num_pages:
        raise InvalidValue(_("page is a whole number from 1 to %(last)s.") % {"last": pages.num_pages}, pointer="?page")
    return pages.page(number)


def groups_shown() -> list[tuple[Words, list[tuple[str, Words]]]]:
    """The breakdowns that there are, under what they look at."""
    return [(words, [(name, dimensions.BY_NAME[name].words) for name in names]) for words, names in GROUPS]


def _measure(request: HttpRequest) -> str:
    measure = request.GET.get("measure") or "net"
    if measure not in MEASURES:
        raise InvalidValue(_("measure is one of %(names)s.") % {"names": ", ".join(MEASURES)}, pointer="?measure")
    return measure


def _value(row: BreakdownRow, measure: str, scale: Scale) -> Decimal | None:
    if measure == "trades":
        return Decimal(row.trade_count)
    if measure == "net":
        return report_tables.net_of(row, scale)
    figures = row.figures
    if measure == "expectancy":
        return scale.shown(figures.expectancy, r=figures.expectancy_r)
    return figures.win_rate if measure == "win_rate" else figures.expectancy_r


def _is_ordered(by: str) -> bool:
    """Whether its rows have an order of their own, as hours have and symbols do not."""
    return bool(dimensions.BY_NAME[by].labels) or by in _ORDERED


def _drawing(answer: Breakdown, measure: str, scale: Scale) -> dict[str, Any]:
    """Columns for what has an order, bars for names: the latest, or the largest, where there are too many."""
    by = dimensions.BY_NAME[answer.by]
    items = [
        Item(
            as_kind(row.label, report_tables.kind_of(by.name)),
            _value(row, measure, scale), by.parameters(row.key), row.trade_count,
        )
        for row in answer.rows
    ]  # fmt: skip
    is_amount = MEASURES[measure][1] == "money"
    kind = scale.kind if is_amount else MEASURES[measure][1]
    if _is_ordered(by.name):
        shown = items[-_MOST_COLUMNS:]
        tick_kind = scale.tick_kind if is_amount else kind
        chart = report_charts.columns(shown, kind=tick_kind, is_signed=is_amount or kind == "r")
        return {"columns": chart, "left_off": len(items) - len(shown), "kind": kind}
    bars = report_charts.bars(items, most=_MOST_BARS)
    return {"bars": bars, "left_off": len(items) - len(bars), "kind": kind}


def _histogram(buckets: Any) -> report_charts.ColumnChart:
    items = []
    for bucket in buckets:
        low, high = bucket.low, bucket.high
        label = f"< {short_money(high)}" if low is None else f"≥ {short_money(low)}"
        items.append(Item(label, Decimal(bucket.count), count=bucket.count))
    return report_charts.columns(items, kind="count", is_signed=False)


def _run_charts(runs: Any) -> list[tuple[Words, report_charts.ColumnChart]]:
    made: list[tuple[Words, report_charts.ColumnChart]] = []
    for words, lengths in ((_("Wins in a row"), runs.wins), (_("Losses in a row"), runs.losses)):
        longest = max(lengths, default=0)
        items = [Item(str(length), Decimal(lengths.get(length, 0))) for length in range(1, longest + 1)]
        made.append((words, report_charts.columns(items, kind="count", is_signed=False)))
    return made
