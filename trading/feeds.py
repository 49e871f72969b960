"""Prices out of JSON, in the shapes that market data is offered in: Alpaca's, Polygon's, and a plain list.

Pure: no Django, no clock, no database. Source: docs/market-data.md#json
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

Row = dict[str, Any]
#: Of a number with an exponent, before or after its point.
_MOST_DIGITS = 100


class BadFeed(ValueError):
    """What was read is no prices; the words say what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Feed:
    """What one answer holds: rows of bars by symbol (empty where it names none), and where the next one is."""

    bars: Mapping[str, list[Row]]
    next_token: str = ""
    next_url: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """One quote as it was read: numbers and times as text. `last` is the price of the last trade."""

    symbol: str
    time: str
    bid: str = ""
    ask: str = ""
    bid_size: str = ""
    ask_size: str = ""
    last: str = ""
    last_size: str = ""
    traded_at: str = ""
    conditions: tuple[str, ...] | None = None
    tape: str = ""


def bars(text: str) -> Feed:
    """The bars of one answer. Raises BadFeed.

    `[{…}]`; `{"bars": [{…}], "symbol": …}` and `{"bars": {"AAPL": [{…}]}}` as Alpaca has them, with
    `next_page_token`; `{"results": [{…}], "ticker": …}` as Polygon has them, with `next_url`.
    """
    told = _read(text)
    if isinstance(told, list):
        return Feed({"": _rows(told, "the list")})
    if not isinstance(told, dict):
        raise BadFeed("The bars are a list, or an object that has one.")
    token, url = str(told.get("next_page_token") or ""), str(told.get("next_url") or "")
    found = told.get("bars", told.get("results"))
    if found is None and ("results" in told or "bars" in told or told.get("resultsCount") == "0"):
        return Feed({}, token, url)
    if isinstance(found, list):
        symbol = str(told.get("symbol") or told.get("ticker") or "").upper()
        return Feed({symbol: _rows(found, "the bars")}, token, url)
    if isinstance(found, dict):
        return Feed({str(name).upper(): _rows(rows, f"the bars of {name}") for name, rows in found.items()}, token, url)
    raise BadFeed("There are neither bars nor results in it.")


def quotes(text: str) -> list[Offer]:
    """The quotes of one answer, by symbol. Raises BadFeed.

    `{"quotes": {"AAPL": {…}}}`, `{"symbol": …, "quote": {…}}` and snapshots, as Alpaca has them.
    """
    told = _read(text)
    if not isinstance(told, dict):
        raise BadFeed("The quotes are an object.")
    if isinstance(told.get("quote"), dict):
        return [_offer(str(told.get("symbol") or ""), told["quote"], {})]
    if isinstance(told.get("quotes"), dict):
        return [_offer(name, _last(each, name), {}) for name, each in told["quotes"].items()]
    named = told.get("snapshots") if isinstance(told.get("snapshots"), dict) else told
    assert isinstance(named, dict), "looked at above"
    found = [
        _offer(name, each["latestQuote"], _last(each.get("latestTrade") or {}, name, what="trade"))
        for name, each in named.items()
        if isinstance(each, dict) and isinstance(each.get("latestQuote"), dict)
    ]
    if not found:
        raise BadFeed("There is no quote in it.")
    return found


def next_page(url: str, feed: Feed) -> str:
    """Where the rest is; empty where this was all. Raises BadFeed for another host, to which keys must not go."""
    parts = urlsplit(url)
    if feed.next_url:
        try:
            target = urlsplit(feed.next_url)
        except ValueError:
            raise BadFeed("The address of the next page is none.") from None
        if (target.scheme, target.netloc) != (parts.scheme, parts.netloc):
            raise BadFeed("The next page is on another host.")
        return feed.next_url
    if not feed.next_token:
        return ""
    query = dict(parse_qsl(parts.query)) | {"page_token": feed.next_token}
    return urlunsplit(parts._replace(query=urlencode(query)))


def _read(text: str) -> Any:
    try:
        return json.loads(text, parse_float=_plain, parse_int=str)
    except (ValueError, ArithmeticError):
        raise BadFeed("This is no JSON.") from None
    except RecursionError:
        raise BadFeed("This is nested too deep.") from None


def _plain(text: str) -> str:
    """The number without an exponent, which some write volumes with."""
    number = Decimal(text)
    if abs(number.adjusted()) > _MOST_DIGITS:
        raise ValueError("a number is too long to be written out")
    return f"{number:f}"


def _rows(found: object, where: str) -> list[Row]:
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise BadFeed(f"A row of {where} is not an object.")
    return found


def _last(each: object, name: str, *, what: str = "quote") -> Mapping[str, Any]:
    """The quote, or the latest of several."""
    if isinstance(each, list) and each:
        each = each[-1]
    if not isinstance(each, dict):
        raise BadFeed(f"The {what} of {name} is not an object.")
    return each


def _offer(symbol: str, quote: Mapping[str, Any], trade: Mapping[str, Any]) -> Offer:
    if not symbol or not quote.get("t"):
        raise BadFeed("A quote has a symbol and a time.")
    if not symbol.isprintable():
        raise BadFeed("A symbol is written in plain letters.")

    def text(value: object) -> str:
        # Alpaca has 0 where there is no bid or offer.
        return "" if value in (None, "", "0", "0.0") else str(value)

    return Offer(
        symbol.upper(),
        str(quote["t"]),
        text(quote.get("bp")),
        text(quote.get("ap")),
        text(quote.get("bs")),
        text(quote.get("as")),
        text(trade.get("p")),
        text(trade.get("s")),
        text(trade.get("t")),
        _conditions(quote.get("c"), symbol),
        text(quote.get("z")),
    )


def _conditions(found: object, symbol: str) -> tuple[str, ...] | None:
    if found is None:
        return None
    if not isinstance(found, list) or not all(isinstance(each, str) and len(each) <= 10 for each in found):
        raise BadFeed(f"The conditions of the quote of {symbol} are not a list of short words.")
    return tuple(found)
