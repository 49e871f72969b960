"""Pages of what it means: dashboard, calendar, reports, trades with their sums, accounts with their figures."""

import re
import uuid
from dataclasses import replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import paging, publishing
from accounts import reports as account_reports
from accounts.errors import InvalidValue
from accounts.models import Account, LedgerEntry, Portfolio, Theme, User
from accounts.paging import Listing
from accounts.permissions import may_write_required
from accounts.reports import AccountFilters, AccountsQuery
from journal import account_stats, breakdowns, charts, filters, reports, sample, tasks
from journal.context import KEPT, today_of
from journal.figures import AggregateMetrics, Answer
from journal.filters import MetricsFilter
from journal.trade_export import lines as csv_lines
from journal.trade_lists import rows_of
from trading.filters import TradeFilterSet
from trading.models import ImportBatch, Position, Trade
from trading.refusals import says_why

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])", re.ASCII)
#: Breakdowns that the dashboard shows, and what it calls them.
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
#: Those on the dashboard, in two columns of about the same length.
_COLUMNS = (("symbol", "holding"), ("weekday", "hour"))
_FEW = 8
#: Rows of a report on one page.
_MOST_ROWS = 50


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


@login_required
@require_safe
@says_why
def dashboard(request: HttpRequest) -> HttpResponse:
    person = _person(request)
    wanted = filters.parse(request.GET, user=person, also=("month",))
    metrics = reports.aggregate_metrics(person, wanted)
    if not metrics.total_accounts and not wanted.is_by_account:
        return render(request, "journal/welcome.html", {"is_loading": "sample_asked" in request.session})
    curve = reports.equity_curve(person, wanted)
    chart = charts.curve_chart(curve.combined)
    today = today_of(person)
    month = _month_of(request, wanted, today=today, last=chart.rows[-1][0] if chart.rows else "")
    days = breakdowns.calendar(person, _within(wanted, *charts.month_span(month)))
    context = {
        "metrics": metrics,
        "chart": chart,
        "month": charts.month(month, days.days, today=today, start=wanted.start, end=wanted.end),
        "today": breakdowns.calendar(person, replace(wanted, start=today, end=today)),
        "today_date": today,
        "positions": _positions(person, wanted)[:_FEW],
        "trades": rows_of(_own_trades(request).order_by("-activity_at", "-id")[:_FEW], wanted),
        "breakdowns": [{by: BREAKDOWNS[by] for by in column} for column in _COLUMNS],
        "has_chart_library": charts.has_library(),
        "has_sample": sample.is_loaded(person),
        **_best_and_worst(metrics),
        **_standing(metrics, curve, days),
    }
    return render(request, "journal/dashboard.html", context)


def _own_trades(request: HttpRequest) -> Any:
    return TradeFilterSet.checked(request.GET, user=_person(request), also=("month",)).qs.select_related(
        "account", "instrument"
    )


def _best_and_worst(metrics: AggregateMetrics) -> dict[str, Any]:
    """The accounts that made most and least, among those that traded."""
    traded = [each for each in metrics.accounts if each.has_traded and each.converted_pnl is not None]
    ranked = sorted(traded, key=lambda each: each.converted_pnl or 0, reverse=True)
    half = _FEW // 2
    best = ranked[:half]
    return {"best": best, "worst": ranked[max(half, len(ranked) - half) :], "traded": len(traded)}


def _positions(person: User, wanted: MetricsFilter) -> Any:
    rows = Position.objects.for_user(person).select_related("account", "instrument", "trade")
    if wanted.accounts is not None:
        rows = rows.filter(account_id__in=wanted.accounts)
    if wanted.broker is not None:
        names = [wanted.broker, ""] if wanted.broker == filters.NO_BROKER else [wanted.broker]
        rows = rows.filter(account__broker__in=names)
    if wanted.currency is not None:
        rows = rows.filter(trade__currency=wanted.currency)
    return rows.order_by("-opened_on", "-id")


def _standing(*answers: Answer) -> dict[str, Any]:
    """Whether what is shown is behind, and by how much."""
    return {"is_stale": any(each.stale for each in answers), "missing": max(each.missing_days for each in answers)}


def _month_of(request: HttpRequest, wanted: MetricsFilter, *, today: date, last: str) -> date:
    """The first of the month to show: the one asked for, else the last one of the range that has trades."""
    asked = request.GET.get("month", "")
    if asked:
        if not _MONTH.fullmatch(asked):
            raise InvalidValue("month is written YYYY-MM.", pointer="?month")
        if not charts.FIRST_YEAR <= int(asked[:4]) <= charts.LAST_YEAR:
            raise InvalidValue(f"month is from {charts.FIRST_YEAR} to {charts.LAST_YEAR}.", pointer="?month")
        return date(int(asked[:4]), int(asked[5:]), 1)
    end = date.fromisoformat(last) if last else min(today, wanted.end or today)
    # A range that lies ahead begins with its own first month.
    end = max(end, wanted.start or end)
    return min(max(end, date(charts.FIRST_YEAR, 1, 1)), date(charts.LAST_YEAR, 12, 1)).replace(day=1)


def _within(wanted: MetricsFilter, start: date, end: date) -> MetricsFilter:
    """The filter, narrowed to these days."""
    start = max(start, wanted.start or start)
    end = min(end, wanted.end or end)
    return replace(wanted, start=start, end=end)


@login_required
@require_safe
@says_why
def calendar(request: HttpRequest) -> HttpResponse:
    person = _person(request)
    wanted = filters.parse(request.GET, user=person, also=("month",))
    today = today_of(person)
    month = _month_of(request, wanted, today=today, last="")
    days = breakdowns.calendar(person, _within(wanted, *charts.month_span(month)))
    context = {
        "month": charts.month(month, days.days, today=today, start=wanted.start, end=wanted.end),
        "days": days,
        **_standing(days),
    }
    return render(request, "journal/calendar.html", context)


@login_required
@require_safe
@says_why
def breakdown(request: HttpRequest) -> HttpResponse:
    """Trades grouped by one property; for htmx the bars alone, the largest of them."""
    person = _person(request)
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
        **_standing(answer),
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
    return _FEW if is_part else 3 * _FEW


@login_required
@require_safe
@says_why
def trade_list(request: HttpRequest) -> HttpResponse:
    person = _person(request)
    own = ("cursor", "order")
    found = TradeFilterSet.checked(request.GET, user=person, also=own)
    wanted = filters.parse(request.GET, user=person, also=("status", *own))
    order = paging.order_of(request.GET.get("order"), allowed=["activity_at"], default="-activity_at")
    chosen = [(name, values) for name, values in sorted(request.GET.lists()) if name not in own]
    page = paging.page_of(
        found.qs.select_related("account", "instrument"),
        listing=Listing(person.pk, "trades", order, chosen),
        limit=paging.DEFAULT_LIMIT,
        cursor=request.GET.get("cursor"),
        # Counting a million rows on every page would cost more than the page; the sums below say how many.
        total=0,
    )
    has_status = bool(request.GET.get("status"))
    sums = None if has_status else reports.aggregate_metrics(person, wanted)
    context = {
        "page": page,
        "trades": rows_of(page.results, wanted),
        "sums": sums,
        "order": order,
        "wanted": wanted,
        "status": request.GET.get("status", ""),
        "is_first": not request.GET.get("cursor"),
        "chosen": urlencode(chosen, doseq=True),
        **(_standing(sums) if sums else {}),
    }
    return render(request, "trading/trade_list.html", context)


@login_required
@require_safe
@says_why
def trade_export(request: HttpRequest) -> StreamingHttpResponse:
    """The trades that the list would show, all of them, as a CSV file."""
    person = _person(request)
    found = TradeFilterSet.checked(request.GET, user=person)
    wanted = filters.parse(request.GET, user=person, also=("status",))
    lines = csv_lines(found.qs, start=wanted.start, end=wanted.end)
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="trades-{today_of(person)}.csv"'
    return answer


@login_required
@require_safe
@says_why
def account_list(request: HttpRequest) -> HttpResponse:
    person = _person(request)
    allowed = {*KEPT, "search", "order", "cursor", "archived"}
    unknown = next((name for name in request.GET if name not in allowed), None)
    if unknown:
        raise InvalidValue("There is no such parameter.", pointer=f"?{unknown[:50]}", code="unknown_parameter")
    order = request.GET.get("order") or "name"
    broker, search = filters.text_of(request.GET, "broker"), filters.text_of(request.GET, "search")
    query = AccountsQuery(
        filters=AccountFilters(
            broker="" if broker == filters.NO_BROKER else broker,
            search=search,
            archived=request.GET.get("archived") == "1",
        ),
        cursor=request.GET.get("cursor"),
        order=order,
    )
    listed = account_stats.accounts_with_stats(person, query)
    context = {
        "listed": listed,
        "page": listed.page,
        "query": query,
        "order": order,
        "broker": broker or "",
        "search": search or "",
        "is_first": not query.cursor,
        "brokers": account_reports.brokers(person),
        **_standing(listed),
    }
    return render(request, "journal/account_list.html", context)


@login_required
@require_safe
def account_options(request: HttpRequest) -> HttpResponse:
    """What the account filter offers: the chosen accounts, then the first few whose name holds what was typed."""
    person = _person(request)
    text = request.GET.get("q", "")[:100]
    mine = Account.objects.for_user(person)
    chosen_ids = [found for each in request.GET.getlist("account")[:100] if (found := _uuid(each))]
    chosen = list(mine.filter(public_id__in=chosen_ids).order_by("name", "id"))
    others = mine.current().filter(name__icontains=text) if "\0" not in text else mine.none()
    context = {
        "chosen": chosen,
        "others": others.exclude(pk__in=[each.pk for each in chosen]).order_by("name", "id")[:20],
        "brokers": [] if text else account_reports.brokers(person),
        "broker": request.GET.get("broker", ""),
        "as_names": request.GET.get("as") == "names",
    }
    return render(request, "journal/_account_options.html", context)


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


@login_required
@require_safe
@says_why
def account_detail(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    person = _person(request)
    account = get_object_or_404(Account.objects.for_user(person), public_id=id)
    wanted = filters.parse(request.GET, user=person, also=("month",))
    wanted = replace(wanted, accounts=(account.pk,), broker=None)
    metrics = reports.aggregate_metrics(person, wanted)
    curve = reports.equity_curve(person, wanted)
    chart = charts.curve_chart(curve.combined)
    today = today_of(person)
    month = _month_of(request, wanted, today=today, last=chart.rows[-1][0] if chart.rows else "")
    days = breakdowns.calendar(person, _within(wanted, *charts.month_span(month)))
    trades = Trade.objects.for_user(person).filter(account=account).realized_between(wanted.start, wanted.end)
    entries = LedgerEntry.objects.for_user(person).filter(portfolio__account=account).select_related("portfolio")
    context = {
        "account": account,
        "metrics": metrics,
        "chart": chart,
        "month": charts.month(month, days.days, today=today, start=wanted.start, end=wanted.end),
        "portfolios": Portfolio.objects.for_user(person).filter(account=account).order_by("currency", "id"),
        "entries": entries.order_by("-id")[:_FEW],
        "positions": _positions(person, wanted)[:_FEW],
        "imports": ImportBatch.objects.for_user(person)
        .filter(pk__in=account.executions.filter(batch__isnull=False).values("batch"))
        .order_by("-id")[:_FEW],
        "trades": rows_of(
            trades.select_related("account", "instrument").order_by("-activity_at", "-id")[:_FEW], wanted
        ),
        "has_chart_library": charts.has_library(),
        **_standing(metrics, curve, days),
    }
    return render(request, "journal/account_detail.html", context)


@login_required
@require_safe
@says_why
def account_compare(request: HttpRequest) -> HttpResponse:
    person = _person(request)
    wanted = filters.parse(request.GET, user=person)
    if not wanted.is_by_account:
        metrics = reports.aggregate_metrics(person, wanted)
        return render(request, "journal/account_compare.html", {"suggested": _best_and_worst(metrics)})
    answer = breakdowns.comparison(person, wanted)
    return render(request, "journal/account_compare.html", {"answer": answer, **_standing(answer)})


@login_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """What each figure means."""
    return render(request, "journal/metrics.html")


@may_write_required
@require_POST
def sample_load(request: HttpRequest) -> HttpResponse:
    """Sample accounts are on their way; the worker brings them."""
    request.session["sample_asked"] = True
    publishing.after_commit(tasks.load_sample, _person(request).pk)
    messages.success(request, "Sample data is on its way; it takes some seconds.")
    return redirect("dashboard")


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
def sample_remove(request: HttpRequest) -> HttpResponse:
    """Asks first; then the sample accounts go, with everything in them. What is not sample stays."""
    if request.method != "POST":
        accounts, count = sample.extent(_person(request))
        if not accounts:
            return redirect("dashboard")
        return render(request, "journal/sample_remove.html", {"accounts": accounts, "trades": count})
    request.session.pop("sample_asked", None)
    publishing.after_commit(tasks.remove_sample, _person(request).pk)
    messages.success(request, "The sample accounts are being removed; it takes some seconds.")
    return redirect("dashboard")


@may_write_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Dark, light or as the system; kept with the person, so that the first byte of the next page knows it."""
    chosen = request.POST.get("theme", "")
    if chosen in Theme.values:
        User.objects.filter(pk=_person(request).pk).update(theme=chosen)
    back = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure())
    # Without a slash in front it would be taken for the name of a page.
    return redirect(back if is_ours and back.startswith("/") else "dashboard")
