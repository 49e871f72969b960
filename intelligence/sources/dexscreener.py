"""DexScreener: what a token trades at, how deep its pools are, and since when it has one.

Source: https://docs.dexscreener.com/api/reference
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from intelligence.fetching import FetchFailed, fetch, origin_of
from intelligence.sources.protocol import (
    SourceFailed,
    TokenFacts,
    an_object,
    milliseconds,
    number,
    objects,
    words,
)

_MONEY = Decimal("999999999999")
_PRICE = Decimal(10) ** 20 - 1


@dataclass(frozen=True, slots=True)
class DexScreener:
    """The service at this address."""

    base_url: str
    name: str = "dexscreener"

    def token(self, address: str) -> TokenFacts:
        """Price, liquidity, age. Raises SourceFailed."""
        try:
            answer = fetch(
                f"{self.base_url}/tokens/v1/solana/{address}", trusted=frozenset({origin_of(self.base_url)})
            ).json()
        except FetchFailed as error:
            raise SourceFailed(f"{self.name}: {error.reason}") from error
        return facts(answer, address=address)


def facts(answer: Any, *, address: str) -> TokenFacts:
    """The pairs of a token as facts: price and liquidity of its deepest pool. Raises SourceFailed without a pair."""
    pairs = objects(an_object(answer).get("pairs") if isinstance(answer, dict) else answer)
    pairs = [each for each in pairs if an_object(each.get("baseToken")).get("address") == address]
    if not pairs:
        raise SourceFailed("dexscreener: it knows no pool of this token")
    deepest = max(pairs, key=lambda each: _depth(each) or Decimal(0))
    born = [at for at in (milliseconds(each.get("pairCreatedAt")) for each in pairs) if at is not None]
    token = an_object(deepest.get("baseToken"))
    return TokenFacts(
        source="dexscreener",
        symbol=words(token.get("symbol"), 40),
        name=words(token.get("name"), 120),
        price=number(deepest.get("priceUsd"), most=_PRICE),
        liquidity=_depth(deepest),
        born_at=min(born, default=None),
    )


def _depth(pair: dict[str, Any]) -> Decimal | None:
    return number(an_object(pair.get("liquidity")).get("usd"), most=_MONEY)
