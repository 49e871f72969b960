"""Connections of accounts to brokers: made, changed and removed. Their keys are sealed, and never leave here but to
the broker.

Source: docs/alpaca.md
"""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import activity, audit, encryption, versions
from accounts.errors import Conflict, InvalidValue
from accounts.models import (
    Account,
    AccountKind,
    ActivityKind,
    BrokerConnection,
    BrokerEnvironment,
    PaperFills,
    StreamState,
)
from trading import trades
from trading.models import Order, OrderCommand, Venue

LONGEST_KEY = 200


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """The two halves of what a broker knows an account's owner by. Shown nowhere, not even by `repr`."""

    key_id: str
    secret: str


def sound(account: Account, *, environment: str, keys: Keys) -> Keys:
    """The keys as a broker shows them, of an environment that the account may be in. Nothing is kept yet.

    Raises InvalidValue, KeysMissing where nothing can be sealed, Conflict while it has live orders elsewhere.
    """
    if environment not in BrokerEnvironment.values:
        raise InvalidValue(_("Choose paper or live."), pointer="/environment")
    if environment == BrokerEnvironment.LIVE and account.kind == AccountKind.PAPER:
        words = _("This account is paper: change its kind before real money is traded in it.")
        raise InvalidValue(words, pointer="/environment")
    found = Keys(_checked(keys.key_id, pointer="/key_id"), _checked(keys.secret, pointer="/secret"))
    encryption.seal(found.secret)
    row = BrokerConnection.objects.filter(account=account).first()
    _refuse_between_venues(account, is_other=row is not None and row.environment != environment)
    return found


def _refuse_between_venues(account: Account, *, is_other: bool) -> None:
    if Order.objects.live().filter(account=account).exclude(venue=Venue.ALPACA).exists():
        raise Conflict(_("Orders of this account wait at the paper venue: cancel them first."), code="live_orders")
    if is_other and _is_busy(account):
        raise Conflict(_("Orders of this account wait at Alpaca: cancel them first."), code="live_orders")


@transaction.atomic
def connect(account: Account, *, environment: str, keys: Keys, broker_account: str = "") -> BrokerConnection:
    """The account's orders go to Alpaca from now on, with these keys; its former keys are forgotten.

    `broker_account` is its number there, where it is known. Raises as `sound` does.
    """
    keys = sound(account, environment=environment, keys=keys)
    sealed_key_id, sealed_secret = encryption.seal(keys.key_id), encryption.seal(keys.secret)
    trades.lock_accounts([account.pk])
    row = BrokerConnection.objects.filter(account=account).first()
    is_other = row is not None and (
        row.environment != environment or (broker_account and row.broker_account not in ("", broker_account))
    )
    _refuse_between_venues(account, is_other=bool(is_other))
    before = None if row is None else _told(row)
    if row is None:
        row = BrokerConnection(owner_id=account.owner_id, account=account)
    elif is_other:
        row.last_activity, row.broker_account, row.reconciled_at = "", "", None
    row.environment, row.key_hint = environment, keys.key_id[-4:]
    row.broker_account = broker_account[:64] or row.broker_account
    row.sealed_key_id, row.sealed_secret = sealed_key_id, sealed_secret
    row.stream_state, row.stream_error = StreamState.OFF, ""
    row.save()
    Account.objects.filter(pk=account.pk).update(venue=Venue.ALPACA)
    account.venue = Venue.ALPACA
    versions.bump(account.owner_id)
    audit.written("connection.save", **_subject(row), before=before, after=_told(row))
    activity.noted(
        account.owner_id,
        ActivityKind.ACCOUNT,
        _("Account %(name)s is connected to Alpaca.") % {"name": account.name},
        link=f"/accounts/{account.public_id}/connection/",
        account_id=account.pk,
    )
    return row


@transaction.atomic
def disconnect(account: Account) -> None:
    """The account's keys are gone, and its orders go to the paper venue again.

    Raises Conflict while orders wait at the broker, which nobody could cancel any more.
    """
    trades.lock_accounts([account.pk])
    row = BrokerConnection.objects.select_for_update().filter(account=account).first()
    if row is None:
        return
    if _is_busy(account):
        raise Conflict(_("Orders of this account wait at Alpaca: cancel them first."), code="live_orders")
    audit.written("connection.delete", **_subject(row), before=_told(row))
    row.delete()
    Account.objects.filter(pk=account.pk).update(venue=Venue.PAPER)
    account.venue = Venue.PAPER
    versions.bump(account.owner_id)
    activity.noted(
        account.owner_id,
        ActivityKind.ACCOUNT,
        _("Account %(name)s is no longer connected to Alpaca.") % {"name": account.name},
        link=f"/accounts/{account.public_id}/",
        account_id=account.pk,
    )


@transaction.atomic
def fill_from(account: Account, *, source: str) -> None:
    """The account's paper orders are filled from quotes, or from bars that are loaded later, from now on.

    Raises InvalidValue, and Conflict while paper orders wait, which would not know what they wait for.
    """
    if source not in PaperFills.values:
        raise InvalidValue(_("Choose quotes or bars."), pointer="/source")
    trades.lock_accounts([account.pk])
    if Order.objects.live().filter(account=account, venue=Venue.PAPER).exists():
        raise Conflict(_("Orders of this account wait at the paper venue: cancel them first."), code="live_orders")
    before = Account.objects.values_list("paper_fills", flat=True).get(pk=account.pk)
    if before == source:
        return
    Account.objects.filter(pk=account.pk).update(paper_fills=source)
    account.paper_fills = source
    versions.bump(account.owner_id)
    audit.written(
        "account.paper_fills",
        subject="account",
        subject_id=account.public_id,
        owner_id=account.owner_id,
        before={"paper_fills": before},
        after={"paper_fills": source},
    )


def keys_of(row: BrokerConnection) -> Keys:
    """The keys in the clear, to be sent to the broker and nowhere else. Raises KeysMissing where they do not open."""
    return Keys(encryption.opened(row.sealed_key_id), encryption.opened(row.sealed_secret))


def _is_busy(account: Account) -> bool:
    live = Order.objects.live().filter(account=account, venue=Venue.ALPACA).exists()
    return live or OrderCommand.objects.open().filter(account=account).exists()


def _checked(text: str, *, pointer: str) -> str:
    text = text.strip()
    if not text or len(text) > LONGEST_KEY or not text.isascii() or not text.isprintable() or " " in text:
        raise InvalidValue(_("Give the key as the broker shows it."), pointer=pointer)
    return text


def _told(row: BrokerConnection) -> dict[str, str]:
    """What the audit log tells: nothing of the keys but the end that tells them apart."""
    return {"venue": row.venue, "environment": row.environment, "key": f"…{row.key_hint}"}


def _subject(row: BrokerConnection) -> dict[str, Any]:
    return {"subject": "connection", "subject_id": row.public_id, "owner_id": row.owner_id}
