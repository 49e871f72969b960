"""Articles out of RSS, Atom, JSON and CSV. Pure: no Django, no network."""

import codecs
import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape
from typing import Any
from urllib.parse import unquote_plus, urlsplit, urlunsplit
from xml.etree import ElementTree

from accounts import instants

MOST_ARTICLES = 5000
_TAG = re.compile(r"<[^>]*>")
_TICKER = re.compile(r"\$([A-Z]{1,6}(?:\.[A-Z])?)\b")
#: Of addresses: what tells who clicked where, and nothing of what is read.
_COUNTS = re.compile(r"^(utm_\w+|fbclid|gclid|mc_[ce]id|cmpid)$", re.IGNORECASE)
_NAMES: Mapping[str, tuple[str, ...]] = {
    "title": ("title", "headline"),
    "url": ("url", "link"),
    "source": ("source",),
    "author": ("author", "creator"),
    "published_at": ("published_at", "publishedAt", "published", "pubDate", "date", "created_at"),
    "summary": ("summary", "description"),
    "content": ("content", "text", "body"),
    "symbols": ("symbols", "tickers", "symbol"),
    "sentiment": ("sentiment", "sentiment_score"),
    "relevance": ("relevance", "relevance_score"),
}


class BadFeed(ValueError):
    """What came is no feed."""


@dataclass(frozen=True, slots=True)
class Article:
    """One article as its feed has it. Numbers are text still: whoever stores them checks them."""

    title: str
    url: str
    published_at: datetime
    source: str = ""
    author: str = ""
    summary: str = ""
    content: str = ""
    symbols: tuple[str, ...] = ()
    sentiment: str = ""
    relevance: str = ""


def parse(content: bytes, *, name: str = "") -> tuple[list[Article], int]:
    """The articles, and how many entries were none: without a title, an address or a time to keep. Raises BadFeed."""
    content = _as_utf8(content)
    head = content[:1]
    if head == b"<":
        entries: Iterable[Mapping[str, Any]] = _of_xml(content)
    elif head in (b"[", b"{"):
        entries = _of_json(content)
    else:
        entries = _of_csv(content)
    found, skipped = [], 0
    for number, entry in enumerate(entries):
        if number >= MOST_ARTICLES:
            raise BadFeed(f"there are more than {MOST_ARTICLES} articles")
        article = _article(entry, name)
        if article is None:
            skipped += 1
        else:
            found.append(article)
    return found, skipped


def _as_utf8(content: bytes) -> bytes:
    """Without the mark that says in which order bytes come, and without blanks around it."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            content = content.decode("utf-16").encode()
        except UnicodeError as error:
            raise BadFeed("it is neither UTF-8 nor UTF-16") from error
    return content.removeprefix(codecs.BOM_UTF8).strip()


def canonical(url: str) -> str:
    """The address without its fragment and what only counts who clicks; empty for what is no web address."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return ""
    if not url.isprintable():
        # No column holds a NUL or half a character.
        return ""
    if parts.scheme not in ("http", "https") or not host or len(url) > 1000:
        return ""
    # Each part as it is written: "story?1001" is another story than "story?1002".
    kept = [part for part in parts.query.split("&") if not _COUNTS.match(unquote_plus(part.partition("=")[0]))]
    query = "&".join(kept) if any(kept) else ""
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path or "/", query, ""))


def _article(entry: Mapping[str, Any], name: str) -> Article | None:
    title, url = _words(_value(entry, "title")), canonical(str(_value(entry, "url") or ""))
    at, symbols = _instant(_value(entry, "published_at")), _symbols(_value(entry, "symbols"))
    if not title or not url or at is None or not all(map(str.isprintable, symbols)):
        return None
    summary, content = _words(_value(entry, "summary")), _words(_value(entry, "content"))
    source = _value(entry, "source")
    return Article(
        title=title[:500],
        url=url,
        published_at=at,
        source=(_words(source.get("name") if isinstance(source, Mapping) else source) or name)[:100],
        author=_words(_value(entry, "author"))[:200],
        summary=summary,
        content=content,
        symbols=symbols or tuple(dict.fromkeys(_TICKER.findall(f"{title} {summary}"))),
        sentiment=str(_value(entry, "sentiment") if _value(entry, "sentiment") is not None else ""),
        relevance=str(_value(entry, "relevance") if _value(entry, "relevance") is not None else ""),
    )


class _NoDoctype(ElementTree.TreeBuilder):
    """Refuses a document type in whatever encoding: its entities can be made to grow without end, and to read files."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise BadFeed("a feed with a document type is not read")


def _of_xml(content: bytes) -> Iterator[Mapping[str, Any]]:
    parser = ElementTree.XMLParser(target=_NoDoctype())  # noqa: S314 – without entities nothing grows
    # What was UTF-16 says so in its first line still.
    is_rewritten = b"utf-16" in content[:200].lower()
    try:
        root = ElementTree.fromstring(content.decode() if is_rewritten else content, parser)  # noqa: S314
    except BadFeed:
        raise
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        # A LookupError is of an encoding that nobody knows.
        raise BadFeed("it is no well-formed feed") from error
    heading = next((each.text for each in root.iter() if _local(each) == "title" and each.text), "")
    for item in root.iter():
        if _local(item) in ("item", "entry"):
            yield {"source": heading, **_fields_of(item)}


def _fields_of(item: ElementTree.Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for child in item:
        name, text = _local(child), "".join(child.itertext()).strip()
        if name == "link":
            found.setdefault("url", child.get("href") or text)
        elif name in ("title", "description", "summary", "content", "author", "creator", "source"):
            found.setdefault(name, text)
        elif name == "encoded":
            found["content"] = text
        elif name in ("pubDate", "published", "date", "updated"):
            found.setdefault("published_at", text)
    return found


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _of_json(content: bytes) -> list[Mapping[str, Any]]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadFeed("it is no JSON") from error
    if isinstance(found, dict):
        found = next((found[name] for name in ("articles", "items", "results", "news", "feed") if name in found), None)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise BadFeed("it is no list of articles")
    return found


def _of_csv(content: bytes) -> Iterator[Mapping[str, Any]]:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise BadFeed("it is not UTF-8") from error
    rows = csv.DictReader(io.StringIO(text))
    try:
        if not rows.fieldnames or not {"title", "headline"} & set(rows.fieldnames):
            raise BadFeed("it has no column title")
        yield from rows
    except csv.Error as error:
        raise BadFeed("it is no table") from error


def _value(entry: Mapping[str, Any], name: str) -> Any:
    return next((entry[each] for each in _NAMES[name] if entry.get(each) not in (None, "")), None)


def _words(value: Any) -> str:
    """The text without markup and control characters."""
    if not isinstance(value, str):
        return ""
    plain = unescape(_TAG.sub(" ", unescape(value)))
    return " ".join("".join(each if each.isprintable() else " " for each in plain).split())


def _symbols(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = re.split(r"[,;|\s]+", value)
    if not isinstance(value, list):
        return ()
    names = [each.get("symbol") if isinstance(each, dict) else each for each in value]
    found = (str(name).strip().upper().lstrip("$") for name in names if name)
    return tuple(dict.fromkeys(name for name in found if 0 < len(name) <= 40))[:20]


def _instant(value: Any) -> datetime | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        if isinstance(value, (int, float)):
            at = datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
        else:
            text = str(value).strip()
            # Those of mails begin with a day of the week or of the month.
            at = datetime.fromisoformat(text) if text[:4].isdigit() else parsedate_to_datetime(text)
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return None
    return at if instants.is_kept(at) else None
