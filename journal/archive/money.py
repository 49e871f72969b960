"""Accounts and their cash, taken in from an archive under the rules of the ledger."""

import re
import zoneinfo
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import ledger as accounts_ledger
from accounts.models import LedgerEntry, LedgerKind, Portfolio
from journal.archive import desk, places
from journal.archive.opening import ArchiveRefused
from journal.archive.places import Place
from journal.archive.tables import BY_NAME
from trading.models import Order

if TYPE_CHECKING:
    from journal.archive.restoring import Restorer

_CURRENCY = re.compile(r"[A-Z][A-Z0-9]{1,11}", re.ASCII)

#: Movements whose note is the order that they are of.
_OF_ORDERS = (LedgerKind.RESERVE, LedgerKind.RELEASE, LedgerKind.TRADE, LedgerKind.FEE)

Rows = list[dict[str, Any]]


def refuse_bad_accounts(rows: Rows) -> None:
    """Raises ArchiveRefused where an account has a zone or a currency that there is not."""
    for row in rows:
        try:
            refuse_unknown_zone(row["time_zone"])
            refuse_unknown_currency(row["currency"])
        except ValidationError as error:
            raise ArchiveRefused(
                _("The account %(name)s: %(reason)s") % {"name": row["name"], "reason": error.messages[0]},
                code="bad_account",
            ) from error


def refuse_unknown_zone(name: str) -> None:
    """Raises ValidationError for what is no time zone."""
    if name not in _time_zones():
        raise ValidationError(_("This is not a time zone of the IANA database."))


def refuse_unknown_currency(code: str) -> None:
    """Raises ValidationError for what no currency looks like."""
    if not _CURRENCY.fullmatch(code):
        raise ValidationError(_("A currency is 2 to 12 capital letters and digits."))


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def ledger(restorer: "Restorer", rows: Rows) -> None:
    """The entries are in the ledger, each with the balance after it; what was there already is not there twice.

    The balances are those that the entries come to. Raises ArchiveRefused where a new portfolio's do not add up, and
    where cash would fall below zero.
    """
    table = BY_NAME["ledger"]
    rows = restorer.resolved(table, rows)
    desk.name_orders(restorer, [row for row in rows if row["kind"] in _OF_ORDERS], "note")
    found = places.by_outside_id(table, restorer.owner, [row["public_id"] for row in rows])
    new = [row for row in rows if found[row["public_id"]][1] is None]
    fresh = {
        place.id
        for place in restorer.places.of("portfolios", {row["portfolio"] for row in new}).values()
        if place.is_new
    }
    balances = {
        portfolio.pk: (portfolio.available_balance, portfolio.reserved_balance)
        for portfolio in Portfolio.objects.for_user(restorer.owner)
        .select_for_update(of=("self",))
        .filter(pk__in={row["portfolio_id"] for row in new})
    }
    entries, booked = [], []
    for row in new:
        pk = row["portfolio_id"]
        if pk not in fresh and _is_freed(row, balances[pk][1]):
            continue
        after = tuple(
            before + change
            for before, change in zip(balances[pk], (row["available_change"], row["reserved_change"]), strict=True)
        )
        if min(after) < 0 or (pk in fresh and after != (row["available_after"], row["reserved_after"])):
            raise ArchiveRefused(_("A ledger in it does not add up."), code="ledger_differs")
        balances[pk] = (after[0], after[1])
        booked.append(row)
        entries.append(
            {name: row[name] for name in table.columns if name != "public_id"}
            | {
                "public_id": found[row["public_id"]][0],
                "owner_id": restorer.owner.pk,
                "portfolio_id": pk,
                "available_after": after[0],
                "reserved_after": after[1],
            }
        )
    ids = places.insert(LedgerEntry, entries)
    restorer.added["ledger"] += len(ids)
    restorer.places.put(
        "ledger",
        [
            (row["public_id"], Place(key, found[row["public_id"]][0], is_new=True))
            for row, key in zip(booked, ids, strict=True)
        ],
    )
    _keep(balances)


def _is_freed(row: dict[str, Any], reserved: Decimal) -> bool:
    """Whether nothing is left of the entry: it gives back what is free here since an earlier archive was taken in.

    What it takes out of more than is set aside here is taken out of what is available.
    """
    short = -min(Decimal(0), reserved + row["reserved_change"])
    row["reserved_change"] += short
    row["available_change"] -= short
    return bool(short) and not row["reserved_change"] and not row["available_change"]


def free_what_orders_held(restorer: "Restorer") -> None:
    """What orders set aside that did not come back is free again, by an entry for each in its ledger."""
    if not restorer.added["ledger"]:
        return
    portfolios = Portfolio.objects.for_user(restorer.owner).filter(reserved_balance__gt=0)
    for portfolio in portfolios.order_by("account_id", "currency"):
        live = Order.objects.filter(account=portfolio.account_id, reserved_amount__gt=0)
        entries = LedgerEntry.objects.filter(portfolio=portfolio, kind__in=_OF_ORDERS)
        held = (
            entries.exclude(note__in=[str(key) for key in live.values_list("public_id", flat=True)])
            .order_by()
            .values_list("note")
            .annotate(held=Sum("reserved_change"))
            .filter(held__gt=0)
            .order_by("note")
        )
        for note, amount in held:
            movement = accounts_ledger.Movement(LedgerKind.RELEASE, amount, -amount)
            accounts_ledger.book(portfolio, [movement], owner_id=restorer.owner.pk, reference=note, at=timezone.now())


def _keep(balances: dict[int, tuple[Decimal, Decimal]]) -> None:
    for pk, (available, reserved) in balances.items():
        Portfolio.objects.filter(pk=pk).update(
            available_balance=available, reserved_balance=reserved, updated_at=timezone.now()
        )
