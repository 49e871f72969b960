"""Cash: the only module that changes a portfolio's balances, each change with the ledger entry that explains it.

Locks are taken in one order: the account, the portfolio, then the person's version.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import activity, audit, versions
from accounts.decimals import plain
from accounts.errors import Conflict, IdempotencyConflict, InsufficientFunds, InvalidValue
from accounts.fields import LARGEST_MONEY
from accounts.models import Account, ActivityKind, LedgerEntry, LedgerKind, Portfolio, User
from accounts.prepared import insert, made, run
from accounts.text import one_line
from accounts.undo import Undone

UNDO = "accounts.cash"
_SMALLEST = Decimal("0.00000001")
_NOTHING = Decimal(0)
_REVERSAL = "reverses:"
#: Who says what else of a portfolio's money is not to be taken out.
_asked: list[Callable[[Portfolio], Decimal]] = []


def keep_bound(asked: Callable[[Portfolio], Decimal]) -> None:
    """Withdrawals leave so much in a portfolio as this says; an app says it at its start."""
    _asked.append(asked)


@dataclass(frozen=True, slots=True)
class Movement:
    """A change of a portfolio's balances that somebody asks for; both changes are signed."""

    kind: str
    available: Decimal
    reserved: Decimal = Decimal(0)
    note: str = ""


def deposit(
    account: Account, *, currency: str, amount: Decimal, idempotency_key: str, at: datetime, note: str = ""
) -> LedgerEntry:
    """The account's cash in this currency is larger by `amount`; a portfolio is opened when there is none.

    The same key with the same request gives the first entry again. Raises IdempotencyConflict or InvalidValue.
    """
    movement = Movement(LedgerKind.DEPOSIT, _positive(amount), note=_noted(note))
    return post(account, movement, currency=currency, idempotency_key=idempotency_key, at=at)


def withdraw(
    account: Account, *, currency: str, amount: Decimal, idempotency_key: str, at: datetime, note: str = ""
) -> LedgerEntry:
    """The account's available cash is smaller by `amount`.

    What open positions tie up stays. Raises InsufficientFunds when there is less, IdempotencyConflict or InvalidValue.
    """
    movement = Movement(LedgerKind.WITHDRAWAL, -_positive(amount), note=_noted(note))
    return post(account, movement, currency=currency, idempotency_key=idempotency_key, at=at)


def adjust(
    account: Account, *, currency: str, amount: Decimal, idempotency_key: str, at: datetime, note: str = ""
) -> LedgerEntry:
    """The account's available cash is corrected by the signed `amount`. Raises as `withdraw` does."""
    if not amount.is_finite() or amount == 0:
        raise InvalidValue(_("An adjustment is not zero."), pointer="/amount")
    movement = Movement(LedgerKind.ADJUSTMENT, amount, note=_noted(note))
    return post(account, movement, currency=currency, idempotency_key=idempotency_key, at=at)


@transaction.atomic
def reverse(entry: LedgerEntry, *, at: datetime) -> LedgerEntry:
    """An adjustment stands beside the entry that takes its effect back; the entry itself stays, as history does.

    Once is enough: a second call gives the same adjustment. Raises Conflict for an entry that reverses another or that
    no person made, and InsufficientFunds where the money has gone on since.
    """
    if not is_reversible(entry):
        raise Conflict(_("This entry cannot be reversed."), code="not_reversible")
    account = entry.portfolio.account
    movement = Movement(
        LedgerKind.ADJUSTMENT,
        -entry.available_change,
        note=_("Reverses the %(kind)s of %(day)s")
        % {"kind": str(LedgerKind(entry.kind).label).lower(), "day": f"{entry.occurred_at:%Y-%m-%d}"},
    )
    key = reversal_key(entry)
    return post(account, movement, currency=entry.portfolio.currency, idempotency_key=key, at=at)


def is_reversible(entry: LedgerEntry) -> bool:
    """Whether a person made the entry, and not in order to reverse another. Needs no query."""
    by_hand = entry.kind in (LedgerKind.DEPOSIT, LedgerKind.WITHDRAWAL, LedgerKind.ADJUSTMENT)
    return by_hand and not entry.reserved_change and not (entry.idempotency_key or "").startswith(_REVERSAL)


def reversal_key(entry: LedgerEntry) -> str:
    """The idempotency key of the entry that reverses this one."""
    return f"{_REVERSAL}{entry.public_id}"


def take_back(user: User, payload: Mapping[str, Any]) -> Undone:
    """The entry named by `payload` is reversed. Raises as `reverse` does."""
    rows = LedgerEntry.objects.for_user(user).select_related("portfolio__account")
    entry = rows.filter(public_id=payload["id"]).first()
    if entry is None:
        raise InvalidValue(_("There is no such entry."), code="undo_expired")
    made = reverse(entry, at=timezone.now())
    return Undone(
        words=_("Reversed by %(amount)s %(currency)s.")
        % {"amount": plain(made.available_change), "currency": entry.portfolio.currency}
    )


@transaction.atomic
def post(account: Account, movement: Movement, *, currency: str, idempotency_key: str, at: datetime) -> LedgerEntry:
    """The portfolio's balances have moved, and the ledger says why.

    Whoever posts to one portfolio waits for whoever came before. Raises InsufficientFunds when a balance would fall
    below zero, IdempotencyConflict when the key came before with another request.
    """
    _refuse_unstorable(movement)
    if not idempotency_key or len(idempotency_key) > 255:
        raise InvalidValue(_("An idempotency key has 1 to 255 characters."))
    _hold(account)
    portfolio = locked(account, currency=currency)
    request_hash = _hash(movement, currency)
    first = LedgerEntry.objects.filter(portfolio=portfolio, idempotency_key=idempotency_key).first()
    if first is not None:
        if first.request_hash != request_hash:
            raise IdempotencyConflict(_("This idempotency key came before with another request."))
        return first
    available = portfolio.available_balance - portfolio.owed_balance + movement.available
    reserved = portfolio.reserved_balance + movement.reserved
    is_taken_out = movement.kind == LedgerKind.WITHDRAWAL
    stays = sum((asked(portfolio) for asked in _asked), _NOTHING) if is_taken_out else _NOTHING
    if (available < stays and movement.available < 0) or reserved < 0:
        raise InsufficientFunds(
            _("Available are %(amount)s %(currency)s.")
            % {"amount": plain(max(_NOTHING, portfolio.available_balance - stays)), "currency": currency},
            pointer="/amount",
        )
    if max(available, reserved) > LARGEST_MONEY:
        raise InvalidValue(_("The balance would be too large."), pointer="/amount")
    _store(portfolio, available=available, reserved=reserved, at=at)
    entry = LedgerEntry.objects.create(
        owner_id=account.owner_id,
        portfolio=portfolio,
        kind=movement.kind,
        available_change=movement.available,
        reserved_change=movement.reserved,
        available_after=available,
        reserved_after=reserved,
        idempotency_key=idempotency_key,
        request_hash=request_hash,
        note=movement.note,
        occurred_at=at,
    )
    versions.bump(account.owner_id)
    _tell(account, entry, currency)
    return entry


def _hold(account: Account) -> None:
    """Whoever has the account's orders moved, and next the version, is waited for before the portfolio is taken."""
    Account.objects.select_for_update(no_key=True).filter(pk=account.pk).values_list("pk").first()


def locked(account: Account, *, currency: str) -> Portfolio:
    """The account's portfolio in this currency, opened if there was none; locked until the transaction ends.

    The caller has locked the account.
    """
    rows = Portfolio.objects.select_for_update(of=("self",)).filter(account=account, currency=currency)
    found = rows.first()
    if found is None:
        Portfolio.objects.get_or_create(account=account, currency=currency)
        found = rows.get()
    found.account = account
    return found


def book(
    portfolio: Portfolio, movements: Iterable[Movement], *, owner_id: int, reference: object, at: datetime
) -> list[LedgerEntry]:
    """The balances have moved by what an order has done, each movement with its entry; nothing is refused.

    A fill is a fact: what it costs beyond what is available is owed, and the next money in pays it. The caller has
    locked the portfolio, moves the person's version on and writes the audit log. `reference` is the order's id.
    """
    available = portfolio.available_balance - portfolio.owed_balance
    reserved = portfolio.reserved_balance
    entries = []
    for movement in movements:
        available += movement.available
        reserved += movement.reserved
        entries.append(
            LedgerEntry(
                owner_id=owner_id,
                portfolio=portfolio,
                kind=movement.kind,
                available_change=movement.available,
                reserved_change=movement.reserved,
                available_after=available,
                reserved_after=reserved,
                note=str(reference),
                occurred_at=at,
            )
        )
    if entries:
        _store(portfolio, available=available, reserved=reserved, at=at)
        LedgerEntry.objects.bulk_create(entries)
    return entries


def set_aside(portfolio: Portfolio, amount: Decimal) -> None:
    """The portfolio at hand has so much less available and so much more reserved; `book_reservations` stores it."""
    portfolio.available_balance -= amount
    portfolio.reserved_balance += amount


def book_reservations(reservations: Sequence[tuple[Portfolio, Decimal, object]], *, at: datetime) -> None:
    """What orders have set aside is stored, each with its entry: (portfolio, amount, the order's id) in their order.

    The portfolios are locked and stand as `set_aside` left them, with all of these amounts taken.
    """
    left: dict[int, tuple[Decimal, Decimal]] = {}
    for portfolio, amount, _reference in reservations:
        available, reserved = left.get(portfolio.pk, (portfolio.available_balance, portfolio.reserved_balance))
        left[portfolio.pk] = (available + amount, reserved - amount)
    entries = []
    for portfolio, amount, reference in reservations:
        available, reserved = left[portfolio.pk]
        left[portfolio.pk] = available, reserved = available - amount, reserved + amount
        entries.append(
            made(
                LedgerEntry,
                owner_id=portfolio.account.owner_id,
                portfolio=portfolio,
                kind=LedgerKind.RESERVE,
                available_change=-amount,
                reserved_change=amount,
                available_after=available,
                reserved_after=reserved,
                note=str(reference),
                occurred_at=at,
            )
        )
    changed = list({each[0].pk: each[0] for each in reservations}.values())
    run(
        _SET_ASIDE,
        [
            at,
            [each.pk for each in changed],
            [each.available_balance for each in changed],
            [each.reserved_balance for each in changed],
        ],
    )
    insert(entries)


_SET_ASIDE = """
UPDATE accounts_portfolio p SET available_balance = g.available, reserved_balance = g.reserved, updated_at = %s
FROM unnest(%s::bigint[], %s::numeric[], %s::numeric[]) AS g(id, available, reserved) WHERE p.id = g.id
"""


def _store(portfolio: Portfolio, *, available: Decimal, reserved: Decimal, at: datetime) -> None:
    portfolio.available_balance, portfolio.owed_balance = max(available, _NOTHING), max(-available, _NOTHING)
    portfolio.reserved_balance = reserved
    Portfolio.objects.filter(pk=portfolio.pk).update(
        available_balance=portfolio.available_balance,
        reserved_balance=reserved,
        owed_balance=portfolio.owed_balance,
        updated_at=at,
    )


def _tell(account: Account, entry: LedgerEntry, currency: str) -> None:
    after: dict[str, Any] = {
        "kind": entry.kind,
        "currency": currency,
        "available_change": entry.available_change,
        "reserved_change": entry.reserved_change,
        "available_after": entry.available_after,
        "reserved_after": entry.reserved_after,
    }
    audit.written(
        f"cash.{entry.kind}",
        subject="ledger_entry",
        subject_id=entry.public_id,
        owner_id=account.owner_id,
        after=after,
    )
    amount = f"{plain(entry.available_change)} {currency}"
    activity.noted(
        account.owner_id,
        ActivityKind.CASH,
        _("%(kind)s of %(amount)s in %(account)s.")
        % {"kind": LedgerKind(entry.kind).label, "amount": amount, "account": account.name},
        link=f"/accounts/{account.public_id}/",
        account_id=account.pk,
    )


def _positive(amount: Decimal) -> Decimal:
    if not amount.is_finite() or amount <= 0:
        raise InvalidValue(_("An amount is larger than zero."), pointer="/amount")
    return amount


def _noted(note: str) -> str:
    try:
        note = one_line(note)
    except ValueError as error:
        raise InvalidValue(_("Note: %(error)s.") % {"error": error}, pointer="/note") from error
    if len(note) > 500:
        raise InvalidValue(_("A note has at most 500 characters."), pointer="/note")
    return note


def _refuse_unstorable(movement: Movement) -> None:
    for change in (movement.available, movement.reserved):
        if not change.is_finite() or abs(change) > LARGEST_MONEY:
            raise InvalidValue(_("The amount is too large."), pointer="/amount")
        if change != change.quantize(_SMALLEST):
            raise InvalidValue(_("An amount has at most 8 decimals."), pointer="/amount")


def _hash(movement: Movement, currency: str) -> str:
    parts = [
        movement.kind,
        plain(movement.available),
        plain(movement.reserved),
        currency,
        movement.note,
    ]
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()
