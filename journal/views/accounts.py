"""Accounts with their figures: lists, one of them, several side by side."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.db.models.functions import Upper
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import preferences, table_export, toasts, trading_accounts, versions
from accounts import reports as account_reports
from accounts.addresses import written
from accounts.errors import DomainError, InvalidValue
from accounts.models import (
    Account,
    AccountGroup,
    AccountKind,
    AccountStatus,
    AccountTag,
    LedgerEntry,
    Portfolio,
    User,
)
from accounts.permissions import may_write, may_write_required, person_of
from journal import (
    account_forms,
    account_tables,
    account_windows,
    charts,
    dimensions,
    filters,
    kept_html,
)
from journal.account_windows import AccountsWindow, WindowRow
from journal.context import KEPT, Frame
from journal.models import Note
from journal.units import Unit
from journal.views.board import Board
from journal.views.pages import FEW, scale_of, standing
from trading.models import ImportBatch
from trading.refusals import says_why

#: The parameters that leave no account out of the list.
_OF_FIGURES = ("from", "to", "currency", "unit")


@login_required
@require_safe
@says_why
def account_list(request: HttpRequest) -> HttpResponseBase:
    """The list with its first rows; by htmx the rows and their heading alone; as CSV all of it."""
    person = person_of(request)
    version = versions.current(person.pk)
    _refuse_unknown(request)
    chosen = preferences.get(person, account_tables.PREFERENCE, account_tables.DEFAULT)
    # Of one length, whatever the address says: a script that keeps few windows would ask for tiny ones without end.
    wanted = replace(
        account_forms.window_of(request.GET, person),
        limit=account_windows.WINDOW,
        with_falls=account_tables.DRAWDOWN in chosen,
    )
    if request.GET.get("format") == "csv":
        rows = _all_rows(person, wanted)
        names = account_tables.csv_headings(chosen)
        return table_export.answer("accounts.csv", names, account_tables.csv_rows(rows, chosen))
    found = account_windows.window(person, wanted)
    groups = AccountGroup.objects.for_user(person).order_by("position", "id")
    context = {
        "window": found,
        "wanted": wanted,
        "rows": _rows_of(request, version, wanted, found, chosen),
        "columns": [account_tables.heading_of(name, wanted.order) for name in chosen],
        "name_heading": account_tables.name_heading(wanted.order),
        "all_columns": account_tables.COLUMNS.values(),
        "chosen": chosen,
        "rows_url": f"{reverse('account_rows')}?{account_forms.query_of(written(request))}",
        "scale": scale_of(request, account_forms.measured_of(request.GET, person)),
        "filters_query": account_forms.query_of(written(request), without=("order",)),
        "is_filtered": bool(account_forms.query_of(request.GET, without=("order", "archived", *_OF_FIGURES))),
        "next_offset": wanted.offset + wanted.limit if wanted.offset + wanted.limit < found.total else None,
        "previous_offset": max(0, wanted.offset - wanted.limit) if wanted.offset else None,
        **standing(found),
    }
    if bool(getattr(request, "htmx", False)):
        return render(request, "journal/_account_window.html", context)
    context |= {
        "brokers": account_reports.brokers(person),
        "groups": groups,
        "tags": AccountTag.objects.for_user(person).order_by("name", "id"),
        "kinds": AccountKind.choices,
        "statuses": AccountStatus.choices,
        "asked": {name: request.GET.get(name, "") for name in account_forms.FILTERS},
    }
    return render(request, "journal/account_list.html", context)


@login_required
@require_safe
@says_why
def account_rows(request: HttpRequest) -> HttpResponse:
    """A stretch of the list's rows as HTML, with the number of all rows in `X-Total`."""
    person = person_of(request)
    version = versions.current(person.pk)
    _refuse_unknown(request)
    chosen = preferences.get(person, account_tables.PREFERENCE, account_tables.DEFAULT)
    wanted = replace(account_forms.window_of(request.GET, person), with_falls=account_tables.DRAWDOWN in chosen)
    found = account_windows.window(person, wanted)
    answer = HttpResponse(_rows_of(request, version, wanted, found, chosen))
    answer.headers["X-Total"] = str(found.total)
    return answer


def _rows_of(
    request: HttpRequest, version: int, wanted: AccountsWindow, found: account_windows.Window, chosen: Sequence[str]
) -> SafeString:
    """The rows as they stand in the page, kept under the version that was read before them."""
    person, query = person_of(request), Frame(request).query
    may = may_write(person)
    scale = scale_of(request, account_forms.measured_of(request.GET, person))

    def write() -> tuple[str, bool]:
        lines = account_tables.lines(found.rows, chosen, offset=wanted.offset, scale=scale)
        # What percent is of may still be computed.
        is_unsteady = found.stale or scale.unit is Unit.PERCENT
        return account_tables.html_of(lines, may_write=may, query=query), is_unsteady

    return kept_html.get(person, version=version, parts=["account rows", wanted, chosen, may, query], write=write)


@may_write_required
@require_POST
@says_why
def account_columns(request: HttpRequest) -> HttpResponse:
    """The person's list has these columns, in the order in which they are known; with `default` the usual ones."""
    person = person_of(request)
    if "default" in request.POST:
        preferences.forget(person, account_tables.PREFERENCE)
    else:
        sent = set(request.POST.getlist("column"))
        preferences.put(person, account_tables.PREFERENCE, [name for name in account_tables.COLUMNS if name in sent])
    return redirect(f"{reverse('account_list')}?{account_forms.query_of(QueryDict(request.POST.get('query', '')))}")


def _refuse_unknown(request: HttpRequest) -> None:
    allowed = {*KEPT, *account_forms.FILTERS, *filters.NAMES, "order", "offset", "limit", "format", "unit"}
    unknown = next((name for name in request.GET if name not in allowed), None)
    if unknown:
        raise InvalidValue(_("There is no such parameter."), pointer=f"?{unknown[:50]}", code="unknown_parameter")


def _all_rows(person: User, wanted: AccountsWindow) -> Iterator[WindowRow]:
    """Every row of the list, window by window."""
    step = account_windows.LARGEST_WINDOW
    for offset in count(0, step):
        found = account_windows.window(person, replace(wanted, offset=offset, limit=step))
        yield from found.rows
        if offset + step >= found.total:
            return


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
    account = get_object_or_404(Account.objects.for_user(person).select_related("group"), public_id=id)
    board = Board(request, account=account)
    entries = LedgerEntry.objects.for_user(person).filter(portfolio__account=account).select_related("portfolio")
    before, after = _neighbours(person, account)
    context = {
        "account": account,
        "account_tags": account.tags.order_by("name", "id"),
        "before": before,
        "after": after,
        "board": board,
        "version": board.version,
        "unit": board.unit,
        "scale": SimpleLazyObject(lambda: board.scale),
        "kpis": SimpleLazyObject(lambda: board.kpis),
        "metrics": board.metrics,
        "chart": SimpleLazyObject(lambda: board.chart),
        "month": SimpleLazyObject(lambda: board.month),
        "portfolios": Portfolio.objects.for_user(person).filter(account=account).order_by("currency", "id"),
        "entries": entries.order_by("-id")[:FEW],
        "positions": SimpleLazyObject(lambda: board.positions),
        "imports": ImportBatch.objects.for_user(person)
        .filter(pk__in=account.executions.filter(batch__isnull=False).values("batch"))
        .order_by("-id")[:FEW],
        "trades": SimpleLazyObject(lambda: board.trades),
        "notes": Note.objects.for_user(person).filter(account=account).order_by("-updated_at", "-id")[:FEW],
        "breakdowns": [(name, dimensions.BY_NAME[name].words) for name in _BREAKDOWNS],
        "has_chart_library": charts.has_library(),
        **standing(board.metrics, board.equity, board.month_days),
    }
    return render(request, "journal/account_detail.html", context)


#: The reports that an account's page leads to.
_BREAKDOWNS = ("symbol", "side", "weekday", "hour", "month", "holding", "tag", "setup", "mistake", "playbook", "r")


def _neighbours(person: User, account: Account) -> tuple[Account | None, Account | None]:
    """The accounts before and after this one in the list by name, among those that are archived as it is."""
    mine = Account.objects.for_user(person).filter(archived_at__isnull=account.archived_at is None)
    mine = mine.annotate(upper=Upper("name"))
    name = account.name.upper()
    before = mine.filter(Q(upper__lt=name) | Q(upper=name, pk__lt=account.pk)).order_by("-upper", "-pk").first()
    after = mine.filter(Q(upper__gt=name) | Q(upper=name, pk__gt=account.pk)).order_by("upper", "pk").first()
    return before, after


@may_write_required
@require_POST
def account_rename(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """The account is called as the form on its page says; what is refused is told there."""
    account = get_object_or_404(Account.objects.for_user(person_of(request)), public_id=id)
    try:
        trading_accounts.update(account, name=request.POST.get("name", ""))
    except DomainError as error:
        toasts.say(request, error.message, level="error")
    else:
        toasts.say(request, _("Saved."))
    return redirect("account_detail", id)
