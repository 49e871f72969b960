"""The cash of an account: what is there, every change of it, and the forms that change it."""

import re
import uuid
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import ledger, paging, table_export, toasts, undo
from accounts.errors import DomainError
from accounts.models import Account, LedgerEntry, LedgerKind, Portfolio, User
from accounts.paging import Listing
from accounts.permissions import may_write_required, person_of
from journal.account_forms import CashForm, choice_of
from journal.templatetags.journal_format import signed_money
from trading.models import Order
from trading.refusals import says_why

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_VERBS: dict[str, Any] = {
    LedgerKind.DEPOSIT: ledger.deposit,
    LedgerKind.WITHDRAWAL: ledger.withdraw,
    LedgerKind.ADJUSTMENT: ledger.adjust,
}


@login_required
@require_safe
@says_why
def account_cash(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """The ledger page by page, the latest first; as CSV all of it."""
    account = _own(request, id)
    if request.GET.get("format") == "csv":
        headings = ["when", "kind", "currency", "available_change", "available_after", "note"]
        return table_export.answer(
            "cash.csv", headings, map(_csv_row, _entries(request, account).order_by("-id").iterator())
        )
    return _page(request, account, CashForm(account=account))


@may_write_required
@require_POST
def account_cash_move(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """Cash is moved as the form says, once however often it is sent."""
    account = _own(request, id)
    form = CashForm(request.POST, account=account)
    if not form.is_valid():
        return _page(request, account, form)
    asked = form.cleaned_data
    try:
        entry = _VERBS[asked["kind"]](
            account,
            currency=asked["currency"],
            amount=asked["amount"],
            idempotency_key=asked["key"],
            at=asked["at"] or timezone.now(),
            note=asked["note"],
        )
    except DomainError as error:
        form.refuse(error)
        return _page(request, account, form)
    words = _("%(kind)s of %(amount)s in %(account)s.") % {
        "kind": LedgerKind(entry.kind).label,
        "amount": signed_money(entry.available_change, asked["currency"]),
        "account": account.name,
    }
    toasts.say(request, words, undo=undo.token(person_of(request), ledger.UNDO, {"id": str(entry.public_id)}))
    return redirect("account_cash", account.public_id)


@may_write_required
@require_POST
def account_cash_reverse(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """An adjustment beside the entry takes its effect back; the entry stays, as history does."""
    rows = LedgerEntry.objects.for_user(person_of(request)).select_related("portfolio__account")
    entry = get_object_or_404(rows, public_id=id)
    try:
        made = ledger.reverse(entry, at=timezone.now())
    except DomainError as error:
        toasts.say(request, error.message, level="error")
    else:
        amount = signed_money(made.available_change, entry.portfolio.currency)
        toasts.say(request, _("Reversed by %(amount)s.") % {"amount": amount})
    return redirect("account_cash", entry.portfolio.account.public_id)


def _own(request: HttpRequest, public_id: uuid.UUID) -> Account:
    return get_object_or_404(Account.objects.for_user(person_of(request)), public_id=public_id)


def _entries(request: HttpRequest, account: Account) -> Any:
    rows = LedgerEntry.objects.for_user(person_of(request)).filter(portfolio__account=account)
    kind = choice_of(request.GET, "kind", LedgerKind.values)
    return (rows.filter(kind=kind) if kind else rows).select_related("portfolio")


def _orders(person: User, entries: Iterable[LedgerEntry]) -> dict[str, Order]:
    """The orders that entries are of, by what the entries note: the id alone says nothing to people."""
    noted = {each.note for each in entries if _ID.fullmatch(each.note)}
    found = Order.objects.for_user(person).filter(public_id__in=noted).select_related("instrument") if noted else ()
    return {str(order.public_id): order for order in found}


def _page(request: HttpRequest, account: Account, form: CashForm) -> HttpResponse:
    person = person_of(request)
    kind = choice_of(request.GET, "kind", LedgerKind.values)
    listing = Listing(person.pk, "cash", "-id", [str(account.public_id), kind])
    cursor = request.GET.get("cursor")
    page = paging.page_of(_entries(request, account), listing=listing, limit=50, cursor=cursor)
    reversed_keys = set(
        LedgerEntry.objects.for_user(person)
        .filter(portfolio__account=account, idempotency_key__in=[ledger.reversal_key(each) for each in page.results])
        .values_list("idempotency_key", flat=True)
    )
    orders = _orders(person, page.results)
    entries = [
        (each, ledger.is_reversible(each), ledger.reversal_key(each) in reversed_keys, orders.get(each.note))
        for each in page.results
    ]
    context = {
        "account": account,
        "portfolios": Portfolio.objects.for_user(person).filter(account=account).order_by("currency", "id"),
        "entries": entries,
        "page": page,
        "is_first": not cursor,
        "form": form,
        "kinds": LedgerKind.choices,
        "kind": kind or "",
    }
    return render(request, "journal/account_cash.html", context, status=422 if form.errors else 200)


def _csv_row(entry: LedgerEntry) -> list[Any]:
    money = [entry.portfolio.currency, entry.available_change, entry.available_after]
    return [entry.occurred_at, entry.kind, *money, entry.note]
