"""What is known of tokens, looked up when it is asked for and an hour old; and bans of them.

Nothing here may be called inside of a transaction that locks rows: a look goes out to the web.

Source: docs/wallets.md#tokens
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.errors import Conflict, InvalidValue
from accounts.models import User
from accounts.text import one_line
from intelligence import fetching, locks
from intelligence.fetching import FetchFailed
from intelligence.helius_parsing import SOL
from intelligence.models import Token, TokenListing, TokenListingKind
from intelligence.sources import configured
from intelligence.sources.protocol import SourceFailed, TokenFacts, TokenSource

#: After a look that did not bring everything, the next is at the earliest after this.
_NEXT_TRY = timedelta(minutes=1)
#: How long one waits for somebody else's look at the same token.
_WAIT = 20.0
#: The rate of SOL for a swap is at most this far from it.
_RATE_FOR = timedelta(minutes=10)

#: Until when, by the clock of this process, a source is passed over.
_passed_over: dict[TokenSource, float] = {}

_ORDER = {
    "liquidity": ("dexscreener", "rugcheck", "helius"),
    "top_holders": ("rugcheck", "helius", "dexscreener"),
    "contract_score": ("rugcheck", "helius", "dexscreener"),
    "born_at": ("dexscreener", "rugcheck", "helius"),
}
#: The columns that say who said a value, and when.
_SAID_BY = {
    "liquidity": ("liquidity_source", "liquidity_at"),
    "top_holders": ("top_holders_source", "top_holders_at"),
    "contract_score": ("contract_source", "contract_at"),
    "born_at": ("born_source", "born_read_at"),
}


def read(address: str, *, at: datetime, sources: Sequence[TokenSource] | None = None) -> Token:
    """The token, looked up anew where what is known is an hour old. Several at once make one look.

    What is blacklisted is not looked up. A look that fails leaves the last good values, with what went wrong.
    """
    token = _row(address)
    if not _is_due(token, at):
        return token
    with locks.held(f"token {address}", wait=fetching.left(_WAIT)) as is_mine:
        token.refresh_from_db()
        # Whoever held the lock has looked, or was still looking when the wait was over.
        if not is_mine or not _is_due(token, at):
            return token
        asked = configured.token_sources() if sources is None else sources
        return _look(token, asked, at=at)


def _is_due(token: Token, at: datetime) -> bool:
    if token.is_blacklisted or token.is_fresh(at=at):
        return False
    return token.attempted_at is None or at - token.attempted_at >= _NEXT_TRY


def _row(address: str) -> Token:
    token = Token.objects.filter(address=address).first()
    if token is None:
        # Somebody else may make it at the same moment; the address is unique.
        Token.objects.bulk_create([Token(address=address)], ignore_conflicts=True)
        token = Token.objects.get(address=address)
    return token


def _look(token: Token, sources: Sequence[TokenSource], *, at: datetime) -> Token:
    said: dict[str, TokenFacts] = {}
    failures = [] if sources else [_("No source is configured.")]
    # All at once: one that is slow takes no time from the others.
    with ThreadPoolExecutor(max(len(sources), 1), thread_name_prefix="token-sources") as pool:
        asked = [(source, pool.submit(copy_context().run, _said_by, source, token.address)) for source in sources]
    for source, answer in asked:
        try:
            said[source.name] = answer.result()
        except SourceFailed as error:
            failures.append(str(error))
    changes = _changes(said, at=at)
    # What none of them knows where all have answered, they would not know a minute later.
    if not failures or all(name in changes for name in _ORDER):
        changes["analyzed_at"] = at
    changes["attempted_at"] = at
    changes["analysis_source"] = ", ".join(said) or "none"
    changes["analysis_error"] = "; ".join(failures)[:500]
    # One that was banned meanwhile keeps what it was banned with.
    Token.objects.filter(pk=token.pk, is_blacklisted=False).update(**changes, updated_at=at)
    token.refresh_from_db()
    return token


def _said_by(source: TokenSource, address: str) -> TokenFacts:
    """What the source says of the token. Raises SourceFailed.

    Whoever has only a few seconds for all that he asks does not ask one that did not answer a moment ago.
    """
    if not fetching.is_limited():
        return source.token(address)
    if time.monotonic() < _passed_over.get(source, 0.0):
        raise SourceFailed(_("%(source)s: it did not answer a moment ago") % {"source": source.name})
    # One that was given next to no time is not to blame for having said nothing.
    had_time = fetching.left(settings.TOKEN_LOOKUP_SECONDS) * 2 >= settings.TOKEN_LOOKUP_SECONDS
    try:
        return source.token(address)
    except SourceFailed as error:
        if had_time and isinstance(error.__cause__, FetchFailed) and error.__cause__.may_retry:
            _passed_over[source] = time.monotonic() + settings.TOKEN_SOURCE_PAUSE_SECONDS
        raise


def _changes(said: dict[str, TokenFacts], *, at: datetime) -> dict[str, Any]:
    """What is known now, each value from the first source that knows it. What nobody knows stays as it was."""
    changes: dict[str, Any] = {}
    for name, order in _ORDER.items():
        source = next((one for one in order if one in said and getattr(said[one], name) is not None), None)
        if source is None:
            continue
        by, when = _SAID_BY[name]
        changes |= {name: getattr(said[source], name), by: source, when: at}
        if name == "contract_score":
            changes["contract_findings"] = list(said[source].findings)
    for name in ("symbol", "name", "decimals"):
        value = next((v for facts in said.values() if (v := getattr(facts, name)) not in ("", None)), None)
        if value is not None:
            changes[name] = value
    price = next((facts.price for facts in said.values() if facts.price is not None), None)
    if price is not None:
        changes |= {"price": price, "price_at": at}
    return changes


# ---------------------------------------------------------------- prices


def price(address: str, *, at: datetime, newer_than: timedelta) -> tuple[Decimal, datetime] | None:
    """What one token costs in USD and since when that is known; asked for anew where it is older. None if unknown."""
    token = _row(address)
    if not _is_priced(token, at, newer_than) and (source := configured.dexscreener()) is not None:
        with locks.held(f"price {address}", wait=fetching.left(_WAIT)):
            token.refresh_from_db()
            if not _is_priced(token, at, newer_than):
                _ask_price(token, source, at=at)
    if token.price is None or token.price_at is None or not _is_priced(token, at, newer_than):
        return None
    return token.price, token.price_at


def _is_priced(token: Token, at: datetime, newer_than: timedelta) -> bool:
    return token.price_at is not None and at - token.price_at < newer_than


def _ask_price(token: Token, source: TokenSource, *, at: datetime) -> None:
    try:
        facts = _said_by(source, token.address)
    except SourceFailed:
        return
    if facts.price is not None:
        Token.objects.filter(pk=token.pk).update(price=facts.price, price_at=at, updated_at=at)
        token.refresh_from_db()


def sol_price(*, at: datetime) -> Decimal | None:
    """What one SOL cost in USD about then, as it is known here; None where it is not. Nothing is fetched."""
    return known_price(SOL, at=at)


def known_price(address: str, *, at: datetime) -> Decimal | None:
    """What one token cost in USD about then, as it is known here; None where it is not. Nothing is fetched."""
    token = Token.objects.filter(address=address).first()
    if token is None or token.price_at is None or abs(at - token.price_at) > _RATE_FOR:
        return None
    return token.price


# ---------------------------------------------------------------- bans


@transaction.atomic
def blacklist(address: str, *, reason: str, at: datetime, by: User | None = None) -> Token:
    """Nobody here trades the token any more, whatever its values. Raises Conflict where it is so already."""
    token, reason = _row(address), _reason(reason)
    changed = Token.objects.filter(pk=token.pk, is_blacklisted=False).update(
        is_blacklisted=True, blacklist_reason=reason, blacklisted_at=at, updated_at=at
    )
    if not changed:
        raise Conflict(_("The token is blacklisted already."), code="already_blacklisted")
    return _listed(token, TokenListingKind.BLACKLISTED, reason, at=at, by=by)


@transaction.atomic
def lift(token: Token, *, reason: str, at: datetime, by: User) -> Token:
    """The ban was a mistake, says this person, and why. Raises Conflict where there is none.

    The database takes a ban away only where a row says which one and why.
    """
    reason = _reason(reason)
    token = Token.objects.select_for_update(no_key=True).get(pk=token.pk)
    if not token.is_blacklisted:
        raise Conflict(_("The token is not blacklisted."), code="not_blacklisted")
    _listed(token, TokenListingKind.LIFTED, reason, at=at, by=by, lifts=token.blacklisted_at)
    Token.objects.filter(pk=token.pk).update(
        is_blacklisted=False, blacklist_reason="", blacklisted_at=None, updated_at=at
    )
    token.refresh_from_db()
    return token


def _reason(text: str) -> str:
    try:
        reason = one_line(text)
    except ValueError as error:
        raise InvalidValue(f"{error}.".capitalize(), pointer="/reason") from error
    if not 1 <= len(reason) <= 500:
        raise InvalidValue(_("Say why, in at most 500 characters."), pointer="/reason")
    return reason


def _listed(
    token: Token, kind: str, reason: str, *, at: datetime, by: User | None, lifts: datetime | None = None
) -> Token:
    TokenListing.objects.create(
        token=token,
        kind=kind,
        reason=reason,
        occurred_at=at,
        lifts=lifts,
        actor_id=by.pk if by else None,
        actor_email=by.email if by else "",
    )
    audit.written(f"token.{kind}", subject="token", subject_id=token.public_id, after={"reason": reason})
    token.refresh_from_db()
    return token
