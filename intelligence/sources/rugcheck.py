"""RugCheck: what is wrong with a token's contract, and who holds it.

Source: https://api.rugcheck.xyz/swagger/index.html
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from intelligence.fetching import FetchFailed, fetch, origin_of
from intelligence.sources.protocol import (
    SourceFailed,
    TokenFacts,
    an_object,
    decimals,
    fraction,
    number,
    objects,
    words,
)

_MONEY = Decimal("999999999999")
#: Accounts of pools and lockers hold for everybody; they are no large holders.
_NOBODYS = frozenset({"AMM", "LOCKER", "BURN"})


@dataclass(frozen=True, slots=True)
class RugCheck:
    """The service at this address."""

    base_url: str
    name: str = "rugcheck"

    def token(self, address: str) -> TokenFacts:
        """Contract, holders, liquidity. Raises SourceFailed."""
        try:
            answer = fetch(
                f"{self.base_url}/v1/tokens/{address}/report", trusted=frozenset({origin_of(self.base_url)})
            ).json()
        except FetchFailed as error:
            raise SourceFailed(f"{self.name}: {error.reason}") from error
        return facts(answer, address=address)


def facts(report: Any, *, address: str) -> TokenFacts:
    """A report as facts. Raises SourceFailed for one of another token or of no known shape."""
    if not isinstance(report, dict) or report.get("mint") != address:
        raise SourceFailed("rugcheck: the report is not of this token")
    token, meta = an_object(report.get("token")), an_object(report.get("tokenMeta"))
    risks = [each for each in objects(report.get("risks")) if each.get("level") in ("warn", "danger")]
    return TokenFacts(
        source="rugcheck",
        symbol=words(meta.get("symbol"), 40),
        name=words(meta.get("name"), 120),
        decimals=decimals(token.get("decimals")),
        liquidity=number(report.get("totalMarketLiquidity"), most=_MONEY),
        top_holders=_top_holders(report),
        contract_score=_contract_score(report, risks),
        findings=tuple(words(each.get("name"), 100) for each in risks[:20]),
    )


def _contract_score(report: dict[str, Any], risks: list[dict[str, Any]]) -> Decimal | None:
    """1 where nothing was found, 0 for a trap; it has its own scale, on which more is worse. None without a score."""
    if report.get("rugged") is True:
        return Decimal(0)
    badness = fraction(report.get("score_normalised"), of=100)
    if badness is None:
        return None
    score = 1 - badness
    # A danger that it counts lightly among much that is fine stays a danger.
    return min(score, Decimal("0.3")) if any(each.get("level") == "danger" for each in risks) else score


def _top_holders(report: dict[str, Any]) -> Decimal | None:
    if not isinstance(report.get("topHolders"), list):
        return None
    known = an_object(report.get("knownAccounts"))
    shares = []
    for holder in objects(report["topHolders"]):
        kinds = {str(an_object(known.get(str(holder.get(key)))).get("type")) for key in ("address", "owner")}
        share = fraction(holder.get("pct"), of=100)
        if share is None:
            return None
        if not kinds & _NOBODYS:
            shares.append(share)
    total = sum(sorted(shares, reverse=True)[:10], Decimal(0))
    return total if total <= 1 else None
