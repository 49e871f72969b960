"""The page that holds two filters against each other."""

from datetime import timedelta
from itertools import accumulate
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.addresses import written
from accounts.errors import InvalidValue
from accounts.models import User
from accounts.permissions import person_of
from journal import breakdowns, contrast_tables, contrasts, filters, report_charts, report_forms, units
from journal.context import Frame, today_of
from journal.contrasts import Contrast
from journal.report_forms import Side
from journal.units import Scale, Unit
from journal.views.pages import standing
from journal.views.reports import OTHERS, file_of, groups_shown, is_file
from trading.refusals import says_why


@login_required
@require_safe
@says_why
def contrast(request: HttpRequest) -> HttpResponseBase:
    """Two sets of trades side by side: their figures, the difference with its interval, their curves."""
    person = person_of(request)
    _refuse_unknown(request)
    one, other = report_forms.sides(request.GET, user=person)
    as_file = is_file(request)
    context: dict[str, Any] = {
        "sides": (one, other),
        "groups": groups_shown(),
        "others": OTHERS,
        "current": "report_compare",
        "examples": _examples(request),
        "is_same": one.wanted == other.wanted,
        "has_choice": any(name.partition(".")[0] in report_forms.SIDES for name in request.GET),
    }
    if context["has_choice"] or as_file:
        answer = contrasts.contrast(person, one.wanted, other.wanted)
        if as_file:
            return file_of(contrast_tables.contrast(answer))
        unit = units.of(request)
        scales = (units.scale(unit, answer.first), units.scale(unit, answer.second))
        context |= {
            "answer": answer,
            "table": contrast_tables.contrast(answer, scales=scales),
            **_curves(person, (one, other), answer, scales),
            "links": [_link(request, side) for side in (one, other)],
            **standing(answer),
        }
    return render(request, "journal/report_compare.html", context)


def _curves(person: User, both: tuple[Side, Side], answer: Contrast, scales: tuple[Scale, Scale]) -> dict[str, Any]:
    """The curves of both sides in the unit of the page; each in percent of its own starting equity."""
    unit = scales[0].unit
    lines = []
    for side, curve, scale in zip(both, answer.curves, scales, strict=True):
        if unit is Unit.R:
            in_r = breakdowns.calendar(person, side.wanted).in_r
            days = sorted(in_r)
            points = list(zip(days, accumulate(in_r[day] for day in days), strict=True))
        else:
            amounts = [(point.date, scale.shown(point.cumulative_pnl)) for point in curve.points]
            points = [(day, amount) for day, amount in amounts if amount is not None]
        lines.append((side.name.upper(), points))
    return {
        "chart": report_charts.from_one_start(lines),
        "curve_kind": scales[0].tick_kind,
        "lacks_equity": any(scale.lacks_equity for scale in scales),
        "lacking": next((scale for scale in scales if scale.lacks_equity), None),
        "scale": scales[0],
    }


def _link(request: HttpRequest, side: Side) -> str:
    """The parameters that find the side's trades, with the set of accounts by its name where it is that of the page."""
    query, page = side.params.copy(), written(request)
    if "view" in page and query.getlist("account") == request.GET.getlist("account"):
        query.pop("account", None)
        query.setlist("view", page.getlist("view"))
    if unit := page.get("unit"):
        query["unit"] = unit
    return query.urlencode()


def _refuse_unknown(request: HttpRequest) -> None:
    known = {*filters.NAMES, *report_forms.names_of_sides(), "format"}
    for name, values in request.GET.lists():
        if name not in known:
            raise InvalidValue(
                gettext("There is no such parameter."), pointer=f"?{name[:50]}", code="unknown_parameter"
            )
        if len(values) > 1 and name.rpartition(".")[2] != "account":
            raise InvalidValue(gettext("This may be given once."), pointer=f"?{name}", code="duplicate_parameter")


def _examples(request: HttpRequest) -> list[tuple[Any, str]]:
    """Comparisons that people ask for, as addresses."""
    today = today_of(person_of(request))
    first = today.replace(day=1)
    before = first - timedelta(days=1)
    kept = Frame(request).pairs
    but_days = [pair for pair in kept if pair[0] not in ("from", "to")]

    def address(**pairs: str) -> str:
        return "?" + urlencode([*kept, *((name.replace("__", "."), value) for name, value in pairs.items())])

    return [
        (_("Long against short"), address(a__side="long", b__side="short")),
        (
            _("This month against the last"),
            "?"
            + urlencode(
                [
                    *but_days,
                    ("a.from", first.isoformat()),
                    ("a.to", today.isoformat()),
                    ("b.from", before.replace(day=1).isoformat()),
                    ("b.to", before.isoformat()),
                ]
            ),
        ),
        (_("Reviewed against not"), address(a__reviewed="yes", b__reviewed="no")),
        (_("Without a mistake against all"), address(a__mistake="none", b__status="closed")),
    ]
