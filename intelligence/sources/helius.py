"""Helius: who may change a token, who holds it, what a wallet did, and the one webhook.

Source: https://www.helius.dev/docs/api-reference
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

from intelligence.fetching import Answer, FetchFailed, Limits, fetch, origin_of
from intelligence.sources.protocol import SourceFailed, TokenFacts, an_object, decimals, number, objects, words

#: A list of a hundred thousand addresses is four and a half megabytes.
_LARGE = Limits(timeout=20.0, most_bytes=8 * 1024 * 1024)
_HISTORY = Limits(timeout=10.0, most_bytes=8 * 1024 * 1024)
_SUPPLY = Decimal(10) ** 40


@dataclass(frozen=True, slots=True)
class RemoteWebhook:
    """A webhook as it is known there."""

    id: str
    url: str
    addresses: frozenset[str]


@dataclass(frozen=True, slots=True)
class Helius:
    """The service at these addresses, with a key that is part of each of them and of no message."""

    api_url: str
    rpc_url: str
    key: str = field(repr=False)
    name: str = "helius"

    # ------------------------------------------------------------ tokens

    def token(self, address: str) -> TokenFacts:
        """Who may still mint or freeze it, and who holds it. Raises SourceFailed."""
        asset = an_object(self._rpc("getAsset", {"id": address}))
        if asset.get("id") != address:
            raise SourceFailed("helius: the answer is not of this token")
        info, meta = an_object(asset.get("token_info")), an_object(an_object(asset.get("content")).get("metadata"))
        findings = [
            finding
            for key, finding in (("mint_authority", "More can be minted"), ("freeze_authority", "Can be frozen"))
            if info.get(key)
        ]
        return TokenFacts(
            source="helius",
            symbol=words(meta.get("symbol") or info.get("symbol"), 40),
            name=words(meta.get("name"), 120),
            decimals=decimals(info.get("decimals")),
            top_holders=self._top_holders(address, info),
            contract_score=1 - Decimal(len(findings)) / 2 if info else None,
            findings=tuple(findings),
        )

    def _top_holders(self, address: str, info: dict[str, Any]) -> Decimal | None:
        supply = number(info.get("supply"), most=_SUPPLY)
        if not supply:
            return None
        largest = objects(an_object(self._rpc("getTokenLargestAccounts", [address])).get("value"))
        amounts = [number(each.get("amount"), most=_SUPPLY) for each in largest[:10]]
        if not amounts or any(amount is None for amount in amounts):
            return None
        share = sum((amount for amount in amounts if amount is not None), Decimal(0)) / supply
        return share if share <= 1 else None

    def _rpc(self, method: str, parameters: object) -> Any:
        ask = {"jsonrpc": "2.0", "id": "1", "method": method, "params": parameters}
        answer = an_object(_json(self._asked(f"{self.rpc_url}/?{self._keyed()}", method="POST", send=ask)))
        if answer.get("error") is not None or "result" not in answer:
            raise SourceFailed("helius: it refused")
        return answer["result"]

    # ------------------------------------------------------------ wallets

    def history(self, address: str, *, before: str = "", limit: int = 100) -> bytes:
        """The wallet's transactions before this one, the newest first, as a delivery would hold them.

        Raises SourceFailed.
        """
        more = {"before": before} if before else {}
        path = f"/v0/addresses/{quote(address)}/transactions?{self._keyed(limit=str(limit), **more)}"
        return self._asked(f"{self.api_url}{path}", limits=_HISTORY).body

    # ------------------------------------------------------------ the webhook

    def webhooks(self) -> list[RemoteWebhook]:
        """Those that exist there; their addresses may be left out. Raises SourceFailed."""
        answer = _json(self._asked(f"{self.api_url}/v0/webhooks?{self._keyed()}", limits=_LARGE))
        return [_webhook(each) for each in objects(answer)]

    def webhook(self, id: str) -> RemoteWebhook | None:
        """The one with this id; None where there is none any more. Raises SourceFailed."""
        try:
            answer = self._fetched(f"{self.api_url}/v0/webhooks/{quote(id)}?{self._keyed()}", limits=_LARGE)
        except FetchFailed as error:
            if error.status == 404:
                return None
            raise SourceFailed(f"helius: {error.reason}") from error
        return _webhook(_json(answer))

    def create_webhook(self, *, url: str, secret: str, addresses: Collection[str]) -> RemoteWebhook:
        """A webhook that sends everything of these addresses to `url`. Raises SourceFailed."""
        ask = _wanted(url=url, secret=secret, addresses=addresses)
        answer = self._asked(f"{self.api_url}/v0/webhooks?{self._keyed()}", method="POST", send=ask, limits=_LARGE)
        return _webhook(_json(answer))

    def edit_webhook(self, id: str, *, url: str, secret: str, addresses: Collection[str]) -> RemoteWebhook:
        """The webhook sends what is of these addresses and of no others. Raises SourceFailed."""
        ask = _wanted(url=url, secret=secret, addresses=addresses)
        answer = self._asked(
            f"{self.api_url}/v0/webhooks/{quote(id)}?{self._keyed()}", method="PUT", send=ask, limits=_LARGE
        )
        return _webhook(_json(answer))

    # ------------------------------------------------------------ asking

    def _keyed(self, **parameters: str) -> str:
        return urlencode({"api-key": self.key, **parameters})

    def _asked(self, url: str, **options: Any) -> Answer:
        try:
            return self._fetched(url, **options)
        except FetchFailed as error:
            raise SourceFailed(f"helius: {error.reason}") from error

    def _fetched(self, url: str, **options: Any) -> Answer:
        return fetch(url, trusted=frozenset({origin_of(self.api_url), origin_of(self.rpc_url)}), **options)


def _wanted(*, url: str, secret: str, addresses: Collection[str]) -> dict[str, Any]:
    return {
        "webhookURL": url,
        # Swaps of some venues come without that type: everything is sent, and what is no swap is left out here.
        "transactionTypes": ["ANY"],
        "accountAddresses": sorted(addresses),
        "webhookType": "enhanced",
        "authHeader": secret,
    }


def _webhook(value: Any) -> RemoteWebhook:
    found = an_object(value)
    id, url, addresses = found.get("webhookID"), found.get("webhookURL"), found.get("accountAddresses")
    if not isinstance(id, str) or not id:
        raise SourceFailed("helius: the answer names no webhook")
    listed = addresses if isinstance(addresses, list) else []
    return RemoteWebhook(id, str(url or ""), frozenset(each for each in listed if isinstance(each, str)))


def _json(answer: Answer) -> Any:
    try:
        return answer.json()
    except FetchFailed as error:
        raise SourceFailed(f"helius: {error.reason}") from error
