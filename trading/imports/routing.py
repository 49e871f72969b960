"""Which account the fills of an account number go to."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import count
from typing import Any

from django.db import connection

from accounts import trading_accounts
from accounts.models import Account, User
from trading.models import AccountNumber, ImportBatch
from trading.reference import units_per_lot


def route(batch: ImportBatch, *, broker: str, numbers: list[str]) -> dict[str, Account]:
    """The account of each number that has one; a number without one is left to the person.

    In this order: what the person decided for this file, what was decided before, the account that carries the
    number, the account chosen for the file when it names at most one number. New accounts come back unsaved.
    """
    owner = batch.owner
    decided: dict[str, Any] = batch.options.get("accounts", {})
    mine = Account.objects.for_user(owner)
    remembered = {
        known.number: known.account
        for known in AccountNumber.objects.filter(owner=owner, broker=broker, number__in=numbers).select_related(
            "account"
        )
    }
    carrying = {account.number: account for account in mine.filter(number__in=[n for n in numbers if n])}
    routes: dict[str, Account] = {}
    for number in numbers:
        choice = decided.get(number) or {}
        account: Account | None = None
        if choice.get("account"):
            account = mine.filter(public_id=choice["account"]).first()
        elif choice.get("create"):
            account = _new_account(batch, broker=broker, number=number, values=choice["create"])
        if account is None:
            account = remembered.get(number) or carrying.get(number)
        if account is None and batch.account is not None and len(numbers) == 1:
            account = batch.account
        if account is None and batch.options.get("create_accounts"):
            account = _new_account(batch, broker=broker, number=number, values={})
        if account is not None:
            routes[number] = account
    return routes


def _new_account(batch: ImportBatch, *, broker: str, number: str, values: dict[str, Any]) -> Account:
    defaults = batch.options.get("new_account", {})
    return Account(
        owner=batch.owner,
        name=(values.get("name") or f"{broker} {number}".strip() or "Imported")[:100],
        broker=broker,
        number=number,
        currency=values.get("currency") or defaults.get("currency") or batch.owner.reporting_currency,
        time_zone=values.get("time_zone") or defaults.get("time_zone") or batch.owner.time_zone,
        kind=values.get("kind") or defaults.get("kind") or "individual",
        is_sample=bool(batch.options.get("is_sample")),
    )


def lock_new(owner_id: int) -> None:
    """No other import of this person makes accounts until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(7302, %s)", [owner_id % 2_147_483_647])


def save_new(accounts: Iterable[Account], *, owner: User) -> None:
    """Accounts that were made for this file are saved, each under a name that the person does not use yet."""
    new = [account for account in accounts if account.pk is None]
    for account in new:
        created = trading_accounts.create(
            owner=owner,
            name=_free_name(owner, account.name),
            broker=account.broker,
            number=account.number,
            currency=account.currency,
            time_zone=account.time_zone,
            kind=account.kind,
        )
        if account.is_sample:
            Account.objects.filter(pk=created.pk).update(is_sample=True)
        account.__dict__.update(created.__dict__)
    if new:
        # The commit looks up the account of every fill. Without statistics of the rows just made, PostgreSQL took the
        # index by owner and read all of a thousand accounts for each of a million fills: 80 seconds.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE accounts_account")


def _free_name(owner: User, name: str) -> str:
    taken = set(Account.objects.for_user(owner).filter(name__startswith=name).values_list("name", flat=True))
    candidates = (name if number == 1 else f"{name} ({number})" for number in count(1))
    return next(candidate for candidate in candidates if candidate not in taken)


def remember(owner_id: int, routes: Mapping[str, Account], *, broker: str) -> None:
    """Each number stands for its account in the next file of this broker too."""
    AccountNumber.objects.bulk_create(
        [
            AccountNumber(owner_id=owner_id, broker=broker, number=number, account=account)
            for number, account in routes.items()
            if number
        ],
        update_conflicts=True,
        unique_fields=["owner", "broker", "number"],
        update_fields=["account"],
    )


def lot_units() -> dict[str, Decimal]:
    """Units of one MetaTrader lot by currency pair."""
    return units_per_lot()
