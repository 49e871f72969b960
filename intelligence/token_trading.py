"""Tokens as the desk trades them: the instrument of a mint, and what its source says of the price as a quote.

Nothing here that asks for a price may be called inside of a transaction that locks rows: it goes out to the web.

Source: docs/copying.md#prices
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from django.db import transaction
from django.db.models import Q

from intelligence import tokens
from intelligence.models import CopiedPosition, Token, TokenInstrument
from trading import risk
from trading.models import Instrument, InstrumentKind, InstrumentStatus, Quote
from trading.venues import paper

SOURCE = "dexscreener"
CURRENCY = "USD"
#: Prices of the desk have so many decimals; a token that costs less than this cannot be traded here.
PRICE_STEP = Decimal("1e-12")
_MOST_DECIMALS = 12
#: Where nobody says how fine a token may be divided.
_USUAL_DECIMALS = 6
_SHORTEST = 8


@transaction.atomic
def instrument_of(token: Token) -> Instrument:
    """The instrument that the token is traded as; made with the first call, however many call at once."""
    found = _known(token)
    if found is not None:
        return found
    # Whoever makes it holds the token's row, so that a second one finds it made.
    Token.objects.select_for_update(of=("self",), no_key=True).get(pk=token.pk)
    found = _known(token)
    if found is not None:
        return found
    made = Instrument.objects.create(
        symbol=_symbol(token),
        name=(token.name or token.address)[:200],
        kind=InstrumentKind.CRYPTO,
        exchange="solana",
        currency=CURRENCY,
        lot_size=lot_of(token),
    )
    TokenInstrument.objects.create(token=token, instrument=made)
    return made


def lot_of(token: Token) -> Decimal:
    """The smallest part of the token that can be traded here."""
    known = TokenInstrument.objects.filter(token_id=token.pk).values_list("instrument__lot_size", flat=True).first()
    if known is not None:
        return known
    decimals = _USUAL_DECIMALS if token.decimals is None else token.decimals
    return Decimal(1).scaleb(-min(decimals, _MOST_DECIMALS))


def _known(token: Token) -> Instrument | None:
    row = TokenInstrument.objects.select_related("instrument").filter(token=token).first()
    return row.instrument if row else None


def _symbol(token: Token) -> str:
    """Its own symbol and the beginning of its mint, longer where that is taken: symbols of tokens are not unique."""
    # A symbol is looked up in capitals, in which two mints may begin alike.
    word = "".join(letter for letter in token.symbol.upper() if letter.isascii() and letter.isalnum())[:12] or "TOKEN"
    for length in range(_SHORTEST, 40 - len(word)):
        symbol = f"{word}:{token.address[:length].upper()}"
        if not Instrument.objects.filter(symbol=symbol, status=InstrumentStatus.ACTIVE).exists():
            return symbol
    return f"{word}:{token.pk}"


def price_of(token: Token, *, at: datetime, newer_than: timedelta) -> tuple[Decimal, datetime] | None:
    """What one token costs now in USD, in the desk's decimals, and when that was said; None where nobody says.

    One that is too small for the desk's decimals to be exact to a thousandth has none.
    """
    found = tokens.price(token.address, at=at, newer_than=newer_than)
    if found is None:
        return None
    value, said_at = found
    rounded = value.quantize(PRICE_STEP, rounding=ROUND_HALF_EVEN)
    if not rounded or abs(rounded - value) * 1000 > value:
        return None
    return rounded, said_at


def quote(instrument: Instrument, price: Decimal, *, at: datetime) -> None:
    """The desk has the price as the newest of the instrument, and what waits has met it; an older one changes nothing.

    A pool has no book: there is a last price, and neither bid nor offer.
    """
    paper.take_quote(Quote(instrument=instrument, last=price, quoted_at=at, source=SOURCE))


def refresh_prices(*, at: datetime) -> int:
    """Every token of which a copy is open has a price that is no older than the interval of the configuration.

    Each mint is asked for once, however many copies there are. Returns how many prices were told to the desk. Where
    nobody says one, nothing is told: the last one grows old, and the monitor of plans says so.
    """
    told = 0
    interval = timedelta(seconds=risk.current().price_polling_interval_seconds)
    for row in _watched():
        found = price_of(row.token, at=at, newer_than=interval)
        if found is not None:
            quote(row.instrument, found[0], at=found[1])
            told += 1
    return told


def _watched() -> Iterable[TokenInstrument]:
    under_way = Q(managed_position__closed_at__isnull=True)
    open_tokens = CopiedPosition.objects.filter(under_way).values("token")
    return TokenInstrument.objects.filter(token__in=open_tokens).select_related("token", "instrument").order_by("pk")
