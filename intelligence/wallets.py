"""Verbs on wallets: registered, described, paused and taken up again, archived. They are never deleted.

Source: docs/wallets.md
"""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts import activity, audit, versions
from accounts.errors import Conflict, InvalidValue, NeedsConfirmation
from accounts.models import Account, AccountKind, ActivityKind, User
from accounts.text import one_line, paragraphs
from intelligence.models import DiscoverySource, SyncStatus, Wallet, WalletMode
from intelligence.models.wallet import ADDRESS, LARGEST_RETURN
from trading.models import ExitStrategy

_ADDRESS = re.compile(ADDRESS, re.ASCII)

#: What may be changed, with how text is made safe to keep.
EDITABLE: dict[str, Callable[[str], str] | None] = {
    "label": one_line,
    "mode": None,
    "exit_strategy": None,
    "simulation_account": None,
    "live_account": None,
    "discovery_source": None,
    "discovery_date": None,
    "discovery_notes": paragraphs,
    "baseline_win_rate": None,
    "baseline_trades": None,
    "baseline_average_pnl": None,
    "baseline_days": None,
    "notes": paragraphs,
}
_LARGEST_COUNT = 2_147_483_647


class AddressTaken(Conflict):
    """The person watches this address already."""

    code = "address_taken"


@transaction.atomic
def register(*, owner: User, address: str, at: datetime, confirmed: bool = False, **fields: Any) -> Wallet:
    """The person watches this address, in simulation unless they say otherwise; the next push tells Helius.

    Raises InvalidValue, NeedsConfirmation unless `confirmed` where it is to be copied with real money, or AddressTaken
    where they watch it already.
    """
    wallet = Wallet(owner=owner, address=canonical(address), pending_since=at)
    if fields.get("exit_strategy") is None:
        fields["exit_strategy"] = default_strategy(owner)
    _say(wallet, fields)
    _check_confirmed(wallet, was_live=False, confirmed=confirmed)
    try:
        with transaction.atomic():
            wallet.save(force_insert=True)
    except IntegrityError as error:
        if "wallet_address_unique_per_owner" not in str(error):
            raise
        raise AddressTaken(_("You watch this address already."), pointer="/address") from error
    wallet.refresh_from_db(fields=["public_id"])
    return _told(wallet, "wallet.register", _("Wallet %(wallet)s is registered."), after=_values(wallet))


@transaction.atomic
def update(wallet: Wallet, *, confirmed: bool = False, **fields: Any) -> Wallet:
    """The wallet is described like this. Mode, strategy and accounts are those of new copies; open ones keep theirs.

    Raises InvalidValue, and NeedsConfirmation unless `confirmed` where it begins to be copied with real money.
    """
    wallet = Wallet.objects.select_for_update(of=("self",), no_key=True).get(pk=wallet.pk)
    before, was_live = _values(wallet), wallet.mode == WalletMode.LIVE
    _say(wallet, fields)
    _check_confirmed(wallet, was_live=was_live, confirmed=confirmed)
    if _values(wallet) == before:
        return wallet
    wallet.save(update_fields=[*EDITABLE, "updated_at"])
    return _told(wallet, "wallet.update", "", before=before, after=_values(wallet))


@transaction.atomic
def pause(wallet: Wallet) -> Wallet:
    """Nothing new is copied from it. It stays subscribed as long as something that was copied is open."""
    _changed(wallet, Wallet.objects.filter(is_active=True), {"is_active": False}, "already_paused")
    return _told(wallet, "wallet.pause", _("Wallet %(wallet)s is paused."))


@transaction.atomic
def activate(wallet: Wallet, *, at: datetime) -> Wallet:
    """It is copied again, once the next push has told Helius: until then it is pending."""
    changes = {"is_active": True, "sync_status": SyncStatus.PENDING, "sync_error": "", "pending_since": at}
    rows = Wallet.objects.filter(is_active=False, archived_at__isnull=True)
    _changed(wallet, rows, changes, "archived" if wallet.archived_at else "already_active")
    return _told(wallet, "wallet.activate", _("Wallet %(wallet)s is followed again."))


@transaction.atomic
def archive(wallet: Wallet, *, at: datetime) -> Wallet:
    """It is out of the lists and copies nothing new; its signals, positions and figures stay."""
    rows = Wallet.objects.filter(archived_at__isnull=True)
    _changed(wallet, rows, {"archived_at": at, "is_active": False}, "already_archived")
    return _told(wallet, "wallet.archive", _("Wallet %(wallet)s is archived."))


@transaction.atomic
def restore(wallet: Wallet) -> Wallet:
    """It is in the lists again, paused."""
    _changed(wallet, Wallet.objects.filter(archived_at__isnull=False), {"archived_at": None}, "not_archived")
    return _told(wallet, "wallet.restore", _("Wallet %(wallet)s is back, and paused."))


def canonical(address: str) -> str:
    """The address without blanks around it. Raises InvalidValue unless it is 32 to 44 characters of base58.

    base58 is case-sensitive and knows no 0, O, I and l: what only looks like an address, and those of other chains, are
    refused.
    """
    found = address.strip(" \t\r\n")
    if not _ADDRESS.fullmatch(found):
        raise InvalidValue(
            _("A Solana address has 32 to 44 letters and digits, without 0, O, I and l."),
            pointer="/address",
            code="invalid_address",
        )
    return found


def default_strategy(owner: User) -> ExitStrategy:
    """The person's default, else the one that was shipped."""
    rows = ExitStrategy.objects.for_user(owner).current().filter(is_default=True)
    found = rows.order_by("owner_id").first() or ExitStrategy.objects.for_user(owner).current().order_by("id").first()
    if found is None:
        raise InvalidValue(_("A wallet needs an exit strategy."), pointer="/exit_strategy")
    return found


def _say(wallet: Wallet, fields: dict[str, Any]) -> None:
    had = wallet.exit_strategy_id
    for name, value in fields.items():
        clean = EDITABLE[name]
        try:
            setattr(wallet, name, clean(value) if clean is not None else value)
        except ValueError as error:
            raise InvalidValue(f"{error}.".capitalize(), pointer=f"/{name}") from error
    for name, longest in (("label", 100), ("discovery_notes", 2000), ("notes", 2000)):
        if len(getattr(wallet, name)) > longest:
            raise InvalidValue(_("At most %(most)s characters.") % {"most": longest}, pointer=f"/{name}")
    for name, choices in (("mode", WalletMode), ("discovery_source", DiscoverySource)):
        if getattr(wallet, name) not in choices.values:
            raise InvalidValue(_("Takes one of %(words)s.") % {"words": ", ".join(choices.values)}, pointer=f"/{name}")
    _check_strategy(wallet, is_chosen=wallet.exit_strategy_id != had)
    _check_account(wallet, "simulation_account", wallet.simulation_account, is_paper=True)
    _check_account(wallet, "live_account", wallet.live_account, is_paper=False)
    _check_baseline(wallet)


def _check_confirmed(wallet: Wallet, *, was_live: bool, confirmed: bool) -> None:
    if wallet.mode == WalletMode.LIVE and not (was_live or confirmed):
        words = _("From the next signal on it would be copied with real money: confirm that with `confirm` as true.")
        raise NeedsConfirmation(words, pointer="/confirm")


def _check_strategy(wallet: Wallet, *, is_chosen: bool) -> None:
    """The strategy is one that the person has. One that was archived meanwhile may stay, and is not chosen anew."""
    strategy = wallet.exit_strategy
    if strategy.owner_id not in (None, wallet.owner_id):
        raise InvalidValue(_("You have no such exit strategy."), pointer="/exit_strategy")
    if is_chosen and strategy.archived_at is not None:
        raise InvalidValue(_("This exit strategy is archived: choose another one."), pointer="/exit_strategy")


def _check_account(wallet: Wallet, name: str, account: Account | None, *, is_paper: bool) -> None:
    if account is None:
        return
    if account.owner_id != wallet.owner_id:
        raise InvalidValue(_("You have no account of this name."), pointer=f"/{name}")
    if (account.kind == AccountKind.PAPER) != is_paper:
        words = _("Copies in simulation go to a paper account.") if is_paper else _("A paper account is not live.")
        raise InvalidValue(words, pointer=f"/{name}", code="wrong_kind_of_account")


def _check_baseline(wallet: Wallet) -> None:
    ranges: tuple[tuple[str, int | Decimal, int | Decimal], ...] = (
        ("baseline_win_rate", 0, 1),
        ("baseline_average_pnl", -LARGEST_RETURN, LARGEST_RETURN),
        ("baseline_trades", 0, _LARGEST_COUNT),
        ("baseline_days", 1, _LARGEST_COUNT),
    )
    for name, least, most in ranges:
        value = getattr(wallet, name)
        if value is not None and not (least <= value <= most):
            words = _("This is from %(least)s to %(most)s.") % {"least": least, "most": most}
            raise InvalidValue(words, pointer=f"/{name}")


def _changed(wallet: Wallet, rows: Any, changes: dict[str, Any], code: str) -> None:
    if not rows.filter(pk=wallet.pk).update(**changes):
        raise Conflict(_("The wallet is not in a state in which this can be done."), code=code)
    wallet.refresh_from_db()


def _told(wallet: Wallet, event: str, words: str, **values: Any) -> Wallet:
    versions.bump(wallet.owner_id)
    audit.written(event, subject="wallet", subject_id=wallet.public_id, owner_id=wallet.owner_id, **values)
    if words:
        link = f"/wallets/{wallet.public_id}/"
        activity.noted(wallet.owner_id, ActivityKind.SYSTEM, words % {"wallet": wallet}, link=link)
    return wallet


def _values(wallet: Wallet) -> dict[str, Any]:
    values = {name: getattr(wallet, name) for name in EDITABLE}
    return {"address": wallet.address, **values}
