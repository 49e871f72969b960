"""Checks and outcomes of signals in words: what each is called, and why nothing was bought."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.decimals import plain
from intelligence.copy_checks import Action, Check
from intelligence.token_safety import Verdict

#: What the checks are called, by their names.
CHECKS: dict[str, Any] = {
    "wallet": gettext_lazy("Wallet is followed"),
    "copying": gettext_lazy("Copying is on"),
    "account": gettext_lazy("Account of its mode"),
    "blacklist": gettext_lazy("Not blacklisted"),
    "liquidity": gettext_lazy("Liquidity"),
    "top_holders": gettext_lazy("Ten largest holders"),
    "contract": gettext_lazy("Contract"),
    "token_age": gettext_lazy("Age of the token, hours"),
    "safety_score": gettext_lazy("Safety score"),
    "signal_age": gettext_lazy("Age of the signal, seconds"),
    "source_sold": gettext_lazy("Sales of the wallet since"),
    "source_value": gettext_lazy("What the wallet put in, USD"),
    "price": gettext_lazy("Fresh price, limit in seconds"),
    "price_drift": gettext_lazy("Move since the wallet traded"),
    "existing_position": gettext_lazy("Open copies of this token"),
    "open_positions": gettext_lazy("Open copies in all"),
    "breaker": gettext_lazy("Circuit breaker"),
    "size": gettext_lazy("Size, USD"),
    "open_copies": gettext_lazy("Open copies to get out of"),
    "mirror": gettext_lazy("Mirrors its source"),
}

#: What was made of signals, by the word that is kept.
ACTIONS: dict[str, Any] = {
    Action.POSITION_CREATED: gettext_lazy("Position opened"),
    Action.MIRROR_EXIT: gettext_lazy("Got out with the source"),
    Action.IGNORED_UNTRACKED: gettext_lazy("Not watched"),
    Action.IGNORED_OTHER: gettext_lazy("No swap"),
    Action.IGNORED_REMOVED: gettext_lazy("Taken back by the chain"),
    Action.IGNORED_REPEATED: gettext_lazy("Said before"),
    Action.IGNORED_ARCHIVED: gettext_lazy("Came with an archive"),
    Action.IGNORED_INACTIVE_WALLET: gettext_lazy("Wallet paused"),
    Action.IGNORED_SELL: gettext_lazy("Nothing to get out of"),
    Action.REJECTED_OFF: gettext_lazy("Copying is off"),
    Action.REJECTED_NO_ACCOUNT: gettext_lazy("No account"),
    Action.REJECTED_BLACKLISTED: gettext_lazy("Blacklisted"),
    Action.REJECTED_SAFETY: gettext_lazy("Not safe enough"),
    Action.REJECTED_STALE: gettext_lazy("Too old"),
    Action.REJECTED_SOLD: gettext_lazy("Sold again since"),
    Action.REJECTED_SMALL: gettext_lazy("Too small"),
    Action.REJECTED_NO_PRICE: gettext_lazy("No fresh price"),
    Action.REJECTED_PRICE_DRIFT: gettext_lazy("Price had moved"),
    Action.REJECTED_EXISTING_POSITION: gettext_lazy("Held already"),
    Action.REJECTED_OPEN_POSITIONS: gettext_lazy("Too many open"),
    Action.REJECTED_SIZE: gettext_lazy("No room under the caps"),
    Action.CIRCUIT_BREAKER_ACTIVE: gettext_lazy("Circuit breaker on"),
    Action.ORDER_REFUSED: gettext_lazy("Order refused"),
    Action.ERROR: gettext_lazy("Could not be processed"),
}


def reason_of(stopping: Iterable[Check]) -> str:
    """Why nothing was bought: every check that stopped it, with what was seen and the limit."""
    return " ".join(_sentence(check) for check in stopping)


def said(value: Decimal | int | str | timedelta | None) -> str:
    """A value as it is kept; empty for one that is not known."""
    if value is None:
        return ""
    return plain(value) if isinstance(value, Decimal) else str(value)


def _sentence(check: Check) -> str:
    name = str(CHECKS.get(check.name, check.name))
    if check.name == "blacklist":
        return _("The token is blacklisted: %(why)s") % {"why": check.note or "–"}
    if check.verdict is Verdict.UNKNOWN:
        return _("%(check)s: not known.") % {"check": name}
    words = {"check": name, "seen": said(check.seen) or "–", "limit": said(check.limit)}
    if not words["limit"]:
        return _("%(check)s: %(seen)s.") % words
    return _("%(check)s: %(seen)s, limit %(limit)s.") % words
