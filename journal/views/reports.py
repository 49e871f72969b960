"""Reports: trades grouped by one of their properties."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.errors import InvalidValue
from journal import breakdowns, charts, filters
from journal.views.pages import FEW, person_of, standing
from trading.refusals import says_why

#: Breakdowns that there are, and what they are called.
BREAKDOWNS = {
    "symbol": "By symbol",
    "weekday": "By weekday",
    "hour": "By hour of entry",
    "holding": "By holding time",
    "side": "By side",
    "broker": "By broker",
    "account": "By account",
    "tag": "By tag",
}
#: Rows of a report on one page.
_MOST_ROWS = 50


@login_required
@require_safe
@says_why
def breakdown(request: HttpRequest) -> HttpResponse:
    """Trades grouped by one property; for htmx the bars alone, the largest of them."""
    person = person_of(request)
    wanted = filters.parse(request.GET, user=person, also=("by", "page"))
    by = request.GET.get("by", "symbol")
    answer = breakdowns.breakdown(person, wanted, by=by)
    pages = Paginator(answer.rows, _MOST_ROWS)
    is_part = bool(getattr(request, "htmx", False))
    context = {
        "by": by,
        "properties": BREAKDOWNS,
        "title": BREAKDOWNS[by],
        "answer": answer,
        "bars": charts.bars(answer, most=_most_bars(by, is_part=is_part)),
        "rows": _page_asked(request, pages),
        **standing(answer),
    }
    return render(request, "journal/_bars.html" if is_part else "journal/breakdown.html", context)


def _page_asked(request: HttpRequest, pages: "Paginator[Any]") -> Any:
    text = request.GET.get("page", "1")
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 0
    if not 1 <= number <= pages.num_pages:
        raise InvalidValue(f"page is a whole number from 1 to {pages.num_pages}.", pointer="?page")
    return pages.page(number)


def _most_bars(by: str, *, is_part: bool) -> int | None:
    """How many bars are drawn: hours and weekdays keep their order and are all there, of symbols the largest."""
    if by not in ("symbol", "account", "tag", "broker"):
        return None
    return FEW if is_part else 3 * FEW
