"""Prices from where a person keeps or gets them: a file, or an address that they name, page by page."""

import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from django.conf import settings

from accounts.models import Account
from trading import feeds
from trading.connections import keys_of
from trading.feeds import BadFeed, Feed
from trading.venues.alpaca_client import is_safe

_LARGEST = 256 * 1024 * 1024
#: Pages of one answer that are followed; more is a loop.
MOST_PAGES = 10_000


def text_of(source: str, *, keys: Mapping[str, str] | None = None) -> str:
    """What the file or the address holds. Raises BadFeed for an address that is neither https nor this machine."""
    if "://" not in source:
        return Path(source).read_text(encoding="utf-8-sig")
    if not is_safe(source):
        raise BadFeed("Give an address that begins with https.")
    request = urllib.request.Request(source, headers={"Accept": "application/json", **(keys or {})})  # noqa: S310 – looked at above
    try:
        with _opener().open(request, timeout=settings.BROKER_TIMEOUT) as answer:
            content: bytes = answer.read(_LARGEST + 1)
    except urllib.error.HTTPError as error:
        raise BadFeed(f"The address answers {error.code}.") from None
    except OSError as error:
        raise BadFeed(f"The address does not answer: {error}") from None
    if len(content) > _LARGEST:
        raise BadFeed("The answer is too large.")
    return content.decode(errors="replace")


def pages(source: str, *, keys: Mapping[str, str] | None = None) -> Iterator[Feed]:
    """The bars there, page by page. Raises BadFeed."""
    for _ in range(MOST_PAGES):
        feed = feeds.bars(text_of(source, keys=keys))
        yield feed
        following = feeds.next_page(source, feed) if "://" in source else ""
        if not following:
            return
        source = following
    raise BadFeed("The pages have no end.")


def keys_for(account: Account | None, source: str) -> dict[str, str]:
    """What Alpaca's own market data wants to know of who asks; nothing for any other address."""
    base = settings.ALPACA_DATA_URL.rstrip("/") + "/"
    connection = getattr(account, "connection", None)
    if connection is None or not source.startswith(base):
        return {}
    keys = keys_of(connection)
    return {"APCA-API-KEY-ID": keys.key_id, "APCA-API-SECRET-KEY": keys.secret}


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Keys do not follow a redirection."""

    def redirect_request(self, *args: object, **_: object) -> None:
        return None


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_SameHost)
