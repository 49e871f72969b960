"""What of watched wallets is in a person's archive: whom they watched, what was seen and made of it, copies."""

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connection
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Account, AccountKind
from intelligence import wallets
from intelligence.copy_checks import Action
from intelligence.models import CopiedPosition, Signal, SignalCheck, SignalOutcome, Token, Wallet, WalletMode
from journal.archive import links
from journal.archive.opening import ArchiveRefused
from journal.archive.places import Place
from journal.archive.tables import Table, all_columns

if TYPE_CHECKING:
    from journal.archive.restoring import Restorer

Rows = list[dict[str, Any]]

#: How a wallet stands with the sender of webhooks, which is that of the installation.
_OF_SYNC = ("sync_status", "sync_error", "synced_at", "caught_up_at")


def _wallets(restorer: "Restorer", table: Table, rows: Rows) -> None:
    """The wallets are there, paused and in simulation: to follow one again, with real money or not, is a decision.

    Raises ArchiveRefused where copies would go to an account of the wrong kind.
    """
    _give_strategies(restorer, rows)
    there = restorer.places.of("accounts", {row[name] for row in rows for name in _ACCOUNTS})
    kinds = dict(Account.objects.filter(pk__in=[place.id for place in there.values()]).values_list("pk", "kind"))
    for row in rows:
        for name, is_paper in _ACCOUNTS.items():
            place = there.get(row[name])
            if place is not None and (kinds[place.id] == AccountKind.PAPER) is not is_paper:
                raise _contradicts(f"wallets.jsonl: {name} is an account of another kind.")
        row["is_active"], row["mode"] = False, WalletMode.SIMULATION
    before = restorer.added[table.name]
    restorer.rows(table, rows)
    if restorer.added[table.name] > before:
        restorer.remark(_("Wallets came paused and in simulation: follow those again that you want to."))


_ACCOUNTS = {"simulation_account": True, "live_account": False}


def _give_strategies(restorer: "Restorer", rows: Rows) -> None:
    """A wallet whose exit strategy is nowhere here has the person's default."""
    wanted = {row["exit_strategy"] for row in rows}
    if missing := wanted - restorer.places.of("exit_strategies", wanted).keys():
        default = wallets.default_strategy(restorer.owner)
        place = Place(default.pk, default.public_id, is_new=False)
        restorer.places.put("exit_strategies", [(old, place) for old in missing])
        restorer.remark(_("Wallets whose exit strategy is not here have your default one."))


def _signals(restorer: "Restorer", table: Table, rows: Rows) -> None:
    """What was seen is there, none of it later than now. Raises ArchiveRefused for what another wallet did."""
    now = timezone.now()
    there = restorer.places.of("wallets", {row["wallet"] for row in rows})
    addresses = dict(Wallet.objects.filter(pk__in=[place.id for place in there.values()]).values_list("pk", "address"))
    for row in rows:
        place = there.get(row["wallet"])
        if place is not None and addresses[place.id] != row["wallet_address"]:
            raise _contradicts("signals.jsonl: it is of another wallet than it names.")
        for name in ("received_at", "occurred_at"):
            row[name] = row[name] and min(row[name], now)
        row["_more"] = {"owner_id": restorer.owner.pk}
    restorer.rows(table, rows)


def _outcomes(restorer: "Restorer", table: Table, rows: Rows) -> None:
    """What was made of the signals that came is there; it names orders and plans as they are called here.

    Raises ArchiveRefused for details that no page could show.
    """
    if not all(_is_shown(row["details"]) for row in rows):
        raise ArchiveRefused("signal_outcomes.jsonl: details are not as an outcome keeps them.", code="bad_line")
    for column, named in (("order_id", "orders"), ("plan_id", "managed_positions")):
        there = restorer.places.of(named, {row[column] for row in rows})
        for row in rows:
            place = there.get(row[column])
            row[column] = place.key if place else None
    for row in rows:
        row["_more"] = {"owner_id": restorer.owner.pk}
    links.rename(restorer, rows, "details")
    restorer.rows(table, rows)


def _is_shown(details: Any) -> bool:
    """Whether plans are named by outside ids, and the numbers of a size are written in full."""
    if not isinstance(details, dict):
        return False
    plans, size = details.get("plans", []), details.get("size", {})
    if not isinstance(plans, list) or not all(map(_is_id, plans)) or not isinstance(size, dict):
        return False
    caps = size.get("caps", {})
    if not isinstance(caps, dict):
        return False
    money = [*caps.values(), *(size.get(name) for name in ("wanted", "value", "loss_at_stop"))]
    return _is_number(size.get("quantity"), _UNITS) and all(_is_number(each, _MONEY) for each in money)


def _is_id(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(UUID(value))
    except ValueError:
        return False


def _is_number(value: Any, form: re.Pattern[str]) -> bool:
    return value is None or (isinstance(value, str) and form.fullmatch(value) is not None)


#: More decimals than columns have: these are results that were kept as they came out.
_MONEY = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,40})?", re.ASCII)
_UNITS = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)

_SETTLE = """
INSERT INTO intelligence_signaloutcome
    (owner_id, signal_id, attempt, verdict, action_taken, reason, mode, details, decided_at, created_at)
SELECT %(owner)s, p.id, 1, 'ignored', %(action)s, %(reason)s, '', '{}', %(now)s, %(now)s
FROM archive_place p
WHERE p.name = 'signals' AND p.is_new
    AND NOT EXISTS (SELECT FROM intelligence_signaloutcome o WHERE o.signal_id = p.id)
ORDER BY p.id
"""


def _nothing_waits(restorer: "Restorer") -> None:
    """Every signal that came has its outcome: what waited where the archive was written is not copied here."""
    values: dict[str, Any] = {
        "owner": restorer.owner.pk,
        "action": Action.IGNORED_ARCHIVED.value,
        "reason": _("It came with an archive."),
        "now": timezone.now(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE, values)


def _checks(restorer: "Restorer", table: Table, rows: Rows) -> None:
    """The checks behind the outcomes that came are there."""
    links.rename(restorer, rows, "note")
    restorer.rows(table, rows)


def _copies(restorer: "Restorer", table: Table, rows: Rows) -> None:
    """The copies whose plans came are there. Raises ArchiveRefused where wallet, signal, order and plan do not fit."""
    there = restorer.places.of("signals", {row["signal"] for row in rows})
    mints = dict(
        Signal.objects.filter(pk__in=[place.id for place in there.values()]).values_list("pk", "token_address")
    )
    # What is known of a token is everybody's, and looked up when it is needed: here only its address is.
    Token.objects.bulk_create([Token(address=mint) for mint in sorted(set(mints.values()))], ignore_conflicts=True)
    tokens = dict(Token.objects.filter(address__in=mints.values()).values_list("address", "pk"))
    rows = [row for row in rows if row["signal"] in there]
    for row in rows:
        row["_more"] = {"token_id": tokens[mints[there[row["signal"]].id]]}
    restorer.rows(table, rows)
    fits = Q(signal__wallet=F("wallet"), managed_position__entry_order=F("order"), managed_position__owner=F("owner"))
    places = restorer.places.of(table.name, {row["public_id"] for row in rows}).values()
    came = CopiedPosition.objects.filter(pk__in=[place.id for place in places if place.is_new])
    if came.exclude(fits).exists():
        raise _contradicts("copies.jsonl: wallet, signal, order and plan do not belong together.")


def _contradicts(words: str) -> ArchiveRefused:
    return ArchiveRefused(words, code="contradiction")


TABLES = (
    Table(
        "wallets",
        Wallet,
        all_columns(Wallet, *_OF_SYNC),
        refs={"exit_strategy": "exit_strategies", "simulation_account": "accounts", "live_account": "accounts"},
        unique=("owner", "address"),
        may_be_missing=True,
        take=_wallets,
    ),
    Table(
        "signals",
        Signal,
        all_columns(Signal, "owner_id"),
        refs={"wallet": "wallets", "replaces": "signals"},
        of=lambda owner: Q(owner_id=owner.pk),
        unique=("transaction_id", "wallet_address", "token_address", "action", "revision"),
        may_be_missing=True,
        take=_signals,
    ),
    Table(
        "signal_outcomes",
        SignalOutcome,
        all_columns(SignalOutcome, "owner_id", "strategy_id"),
        refs={"signal": "signals"},
        of=lambda owner: Q(owner_id=owner.pk),
        comes_with="signal",
        may_be_missing=True,
        take=_outcomes,
        afterwards=_nothing_waits,
    ),
    Table(
        "signal_checks",
        SignalCheck,
        ("id", *all_columns(SignalCheck)),
        refs={"outcome": "signal_outcomes"},
        of=lambda owner: Q(outcome__owner_id=owner.pk),
        comes_with="outcome",
        may_dangle=True,
        may_be_missing=True,
        take=_checks,
    ),
    Table(
        "copies",
        CopiedPosition,
        all_columns(CopiedPosition),
        refs={
            "wallet": "wallets", "signal": "signals", "strategy": "exit_strategies", "order": "orders",
            "managed_position": "managed_positions",
        },
        unique=("signal", "strategy"),
        comes_with="managed_position",
        may_dangle=True,
        may_be_missing=True,
        take=_copies,
    ),
)  # fmt: skip
