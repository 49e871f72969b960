"""Two to twelve accounts side by side, and how they are chosen."""

from dataclasses import replace
from functools import partial
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts import table_export, versions
from accounts.addresses import written
from accounts.errors import InvalidValue
from accounts.models import Account, User
from accounts.permissions import person_of
from journal import breakdowns, charts, filters, reports, side_by_side, units
from journal.account_forms import FEWEST_COMPARED, MOST_COMPARED
from journal.figures import Comparison
from journal.filters import MetricsFilter
from journal.side_by_side import ALIGNMENTS, Column
from journal.units import Unit
from journal.views.pages import best_and_worst, standing
from trading.refusals import says_why

_OWN = ("add", "align", "format", "table", "unit")


@login_required
@require_safe
@says_why
def account_compare(request: HttpRequest) -> HttpResponseBase:
    """Figures and curves of the chosen accounts; of more than twelve a list; of none, how to choose.

    `add` is a name that is looked for and put to the chosen. `format=csv` answers the figures, with `table=curves` the
    curves.
    """
    person = person_of(request)
    version = versions.current(person.pk)
    wanted = filters.parse(request.GET, user=person, also=_OWN)
    unit = units.of(request)
    align = request.GET.get("align") or ALIGNMENTS[0]
    if align not in ALIGNMENTS:
        raise InvalidValue(_("This is one of %(values)s.") % {"values": ", ".join(ALIGNMENTS)}, pointer="?align")
    problem = ""
    if added := request.GET.get("add", "").strip():
        found = _named(person, added)
        if found is not None:
            return redirect(f"{request.path}?{_with(written(request), found)}")
        problem = _("No account is called “%(name)s”.") % {"name": added[:100]}
    context: dict[str, Any] = {
        "version": version,
        "align": align,
        "problem": problem,
        "asked": [pair for pair in _pairs(written(request)) if pair[0] != "add"],
        "added": added if problem else "",
        "most": MOST_COMPARED,
    }
    if not wanted.is_by_account:
        metrics = reports.aggregate_metrics(person, wanted)
        return render(request, "journal/account_compare.html", {**context, "suggested": best_and_worst(metrics)})
    answer = breakdowns.comparison(person, wanted)
    chosen = _accounts(person, answer)
    context |= {"answer": answer, "chosen": _chips(request, chosen), **standing(answer)}
    if not FEWEST_COMPARED <= len(chosen) <= MOST_COMPARED:
        return render(request, "journal/account_compare.html", {**context, "number": len(chosen)})
    # An account that traded in several currencies is there once for each: the first twelve are drawn.
    columns = side_by_side.columns(answer.accounts[: side_by_side.SERIES], chosen)
    own = partial(_curves, request, person, wanted, columns, align=align)
    if request.GET.get("format") == "csv":
        return _csv(request, columns, own())
    curves: Any = SimpleLazyObject(own)
    context |= {
        "is_compared": True,
        "columns": columns,
        "rows": SimpleLazyObject(lambda: side_by_side.metric_rows(columns, unit=unit)),
        "is_ranked": unit is not Unit.MONEY or len({column.currency for column in columns}) == 1,
        "is_one_currency": len({column.currency for column in columns}) == 1,
        "curves": curves,
        "table": SimpleLazyObject(lambda: side_by_side.shown_table(curves)),
        "alignments": (
            ("calendar", _("By date")),
            ("common", _("From the first common day")),
            ("days", _("By days since each start")),
        ),
        "has_chart_library": charts.has_library(),
    }
    return render(request, "journal/account_compare.html", context)


def _curves(
    request: HttpRequest, person: User, wanted: MetricsFilter, columns: list[Column], *, align: str
) -> side_by_side.Curves:
    own = tuple(sorted({column.account.pk for column in columns}))
    found = reports.equity_curve(person, replace(wanted, accounts=own), by_account=True)
    is_percent = request.GET.get("unit") == "percent"
    return side_by_side.curves(columns, found.by_account or (), align=align, is_percent=is_percent)


def _accounts(person: User, answer: Comparison) -> dict[str, Account]:
    rows = Account.objects.for_user(person).filter(public_id__in={each.id for each in answer.accounts})
    return {str(each.public_id): each for each in rows.order_by("name", "id")}


def _named(person: User, name: str) -> Account | None:
    """The account of this name, else the only one whose name begins so."""
    mine = Account.objects.for_user(person)
    if "\0" in name:
        return None
    exact = mine.filter(name=name).first()
    if exact is not None:
        return exact
    found = list(mine.filter(name__istartswith=name).order_by("id")[:2])
    return found[0] if len(found) == 1 else None


def _with(params: QueryDict, account: Account) -> str:
    query = _without(params, "add")
    ids = query.getlist("account")
    if str(account.public_id) not in ids:
        query.setlist("account", [*ids, str(account.public_id)])
    return query.urlencode()


def _pairs(params: QueryDict) -> list[tuple[str, str]]:
    return [(name, value) for name, values in params.lists() for value in values]


def _without(params: QueryDict, *names: str) -> QueryDict:
    query = params.copy()
    for name in names:
        query.pop(name, None)
    return query


def _chips(request: HttpRequest, chosen: dict[str, Account]) -> list[tuple[Account, str]]:
    """The first of the chosen, each with the address without it; "" where a broker or a set chose it, not its name."""
    query = written(request)
    named = query.getlist("account")
    chips = []
    for key, account in list(chosen.items())[:MOST_COMPARED]:
        address = ""
        if key in named:
            query = _without(query, "add")
            query.setlist("account", [each for each in named if each != key])
            address = f"{request.path}?{query.urlencode()}"
        chips.append((account, address))
    return chips


def _csv(request: HttpRequest, columns: list[Column], curves: side_by_side.Curves) -> HttpResponseBase:
    if request.GET.get("table") == "curves":
        names = [line.name for line in curves.lines]
        heading = "day" if curves.align == "days" else "date"
        rows = ([x, *values] for x, values in curves.table)
        return table_export.answer("curves.csv", [heading, *names], rows)
    found = side_by_side.metric_rows(columns)
    lines = [["currency", *(column.currency for column in columns)]]
    lines += [[row.metric.name, *(cell.value for cell in row.cells)] for row in found]
    return table_export.answer("comparison.csv", ["metric", *(column.name for column in columns)], lines)
