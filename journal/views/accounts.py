"""Accounts with their figures: lists, one of them, several side by side."""

import uuid
from dataclasses import replace

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts import reports as account_reports
from accounts.errors import InvalidValue
from accounts.models import Account, LedgerEntry, Portfolio
from accounts.reports import AccountFilters, AccountsQuery
from journal import account_stats, breakdowns, charts, filters, reports
from journal.context import KEPT, today_of
from journal.trade_lists import rows_of
from journal.views.pages import FEW, best_and_worst, month_of, person_of, positions_of, standing, within
from trading.models import ImportBatch, Trade
from trading.refusals import says_why


@login_required
@require_safe
@says_why
def account_list(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
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
        **standing(listed),
    }
    return render(request, "journal/account_list.html", context)


@login_required
@require_safe
def account_options(request: HttpRequest) -> HttpResponse:
    """What the account filter offers: the chosen accounts, then the first few whose name holds what was typed."""
    person = person_of(request)
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
    person = person_of(request)
    account = get_object_or_404(Account.objects.for_user(person), public_id=id)
    wanted = filters.parse(request.GET, user=person, also=("month",))
    wanted = replace(wanted, accounts=(account.pk,), broker=None)
    metrics = reports.aggregate_metrics(person, wanted)
    curve = reports.equity_curve(person, wanted)
    chart = charts.curve_chart(curve.combined)
    today = today_of(person)
    month = month_of(request, wanted, today=today, last=chart.rows[-1][0] if chart.rows else "")
    days = breakdowns.calendar(person, within(wanted, *charts.month_span(month)))
    trades = Trade.objects.for_user(person).filter(account=account).realized_between(wanted.start, wanted.end)
    entries = LedgerEntry.objects.for_user(person).filter(portfolio__account=account).select_related("portfolio")
    context = {
        "account": account,
        "metrics": metrics,
        "chart": chart,
        "month": charts.month(month, days.days, today=today, start=wanted.start, end=wanted.end),
        "portfolios": Portfolio.objects.for_user(person).filter(account=account).order_by("currency", "id"),
        "entries": entries.order_by("-id")[:FEW],
        "positions": positions_of(person, wanted)[:FEW],
        "imports": ImportBatch.objects.for_user(person)
        .filter(pk__in=account.executions.filter(batch__isnull=False).values("batch"))
        .order_by("-id")[:FEW],
        "trades": rows_of(trades.select_related("account", "instrument").order_by("-activity_at", "-id")[:FEW], wanted),
        "has_chart_library": charts.has_library(),
        **standing(metrics, curve, days),
    }
    return render(request, "journal/account_detail.html", context)


@login_required
@require_safe
@says_why
def account_compare(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    wanted = filters.parse(request.GET, user=person)
    if not wanted.is_by_account:
        metrics = reports.aggregate_metrics(person, wanted)
        return render(request, "journal/account_compare.html", {"suggested": best_and_worst(metrics)})
    answer = breakdowns.comparison(person, wanted)
    return render(request, "journal/account_compare.html", {"answer": answer, **standing(answer)})
