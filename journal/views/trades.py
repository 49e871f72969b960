"""Lists of trades with what they come to, and their export."""

from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import paging
from accounts.paging import Listing
from journal import day_rows, filters, reports
from journal.context import today_of
from journal.trade_export import lines as csv_lines
from journal.trade_lists import rows_of
from journal.views.pages import person_of, standing
from trading.refusals import says_why


@login_required
@require_safe
@says_why
def trade_list(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    own = ("cursor", "order")
    wanted = filters.parse(request.GET, user=person, also=own)
    order = paging.order_of(request.GET.get("order"), allowed=["activity_at"], default="-activity_at")
    chosen = [(name, values) for name, values in sorted(request.GET.lists()) if name not in own]
    page = paging.page_of(
        day_rows.trades_of(person, wanted).select_related("account", "instrument"),
        listing=Listing(person.pk, "trades", order, chosen),
        limit=paging.DEFAULT_LIMIT,
        cursor=request.GET.get("cursor"),
        # Counting a million rows on every page would cost more than the page; the sums below say how many.
        total=0,
    )
    sums = reports.aggregate_metrics(person, wanted)
    context = {
        "page": page,
        "trades": rows_of(page.results, wanted),
        "sums": sums,
        "order": order,
        "wanted": wanted,
        "status": request.GET.get("status", ""),
        "is_first": not request.GET.get("cursor"),
        "chosen": urlencode(chosen, doseq=True),
        **standing(sums),
    }
    return render(request, "trading/trade_list.html", context)


@login_required
@require_safe
@says_why
def trade_export(request: HttpRequest) -> StreamingHttpResponse:
    """The trades that the list would show, all of them, as a CSV file."""
    person = person_of(request)
    wanted = filters.parse(request.GET, user=person)
    lines = csv_lines(day_rows.trades_of(person, wanted), wanted=wanted)
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="trades-{today_of(person)}.csv"'
    return answer
