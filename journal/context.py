"""What every page's frame needs to know: where one is, and the filters that go along from page to page."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts import toasts
from accounts.models import Account, User
from accounts.permissions import may_write
from accounts.toasts import Toast
from journal.filters import LARGEST_CHOICE
from journal.models import AccountTotals

#: The parameters that links to other pages carry along.
KEPT = ("account", "broker", "from", "to", "currency")

#: (address name, icon, words, key behind `g`, names of the pages that belong to it)
_PLACES = (
    ("dashboard", "dashboard", "Dashboard", "d", ("dashboard", "metrics")),
    ("trade_list", "trades", "Trades", "t", ("trade_",)),
    ("calendar", "calendar", "Calendar", "c", ("calendar",)),
    ("breakdown", "reports", "Reports", "r", ("breakdown",)),
    ("account_list", "accounts", "Accounts", "a", ("account_",)),
    ("account_compare", "compare", "Compare", "o", ("account_compare",)),
    ("import_list", "import", "Import", "i", ("import_",)),
)


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the rail."""

    address: str
    icon: str
    words: str
    key: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Span:
    """A date range with a name."""

    words: str
    start: date | None
    end: date | None
    is_current: bool


def today_of(user: User) -> date:
    """The date where this person is."""
    try:
        return timezone.now().astimezone(ZoneInfo(user.time_zone)).date()
    except (ZoneInfoNotFoundError, ValueError):
        return timezone.now().date()


def spans_of(today: date) -> dict[str, tuple[date | None, date | None]]:
    """The date ranges that have a name, around a day: Monday begins the week."""
    quarter = date(today.year, 3 * ((today.month - 1) // 3) + 1, 1)
    return {
        "Today": (today, today),
        "This week": (today - timedelta(days=today.weekday()), today),
        "This month": (today.replace(day=1), today),
        "This quarter": (quarter, today),
        "This year": (date(today.year, 1, 1), today),
        "All time": (None, None),
    }


class Frame:
    """The frame of one page. Looks things up only when the template asks, so that a fragment costs nothing."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """The kept filters of this page's address."""
        query = self.request.GET
        return [(name, value) for name in KEPT for value in query.getlist(name)[:LARGEST_CHOICE] if value]

    @cached_property
    def query(self) -> str:
        """The kept filters as a query string, with its question mark; "" without any."""
        return f"?{urlencode(self.pairs)}" if self.pairs else ""

    @cached_property
    def others(self) -> list[tuple[str, str]]:
        """What this page's address holds besides, for forms that change the filters and nothing else."""
        query = self.request.GET
        dropped = (*KEPT, "cursor", "page", "month")
        return [(name, value) for name in query if name not in dropped for value in query.getlist(name)]

    @cached_property
    def start(self) -> date | None:
        return _day(self.request.GET.get("from"))

    @cached_property
    def end(self) -> date | None:
        return _day(self.request.GET.get("to"))

    @cached_property
    def currency(self) -> str:
        return self.request.GET.get("currency", "")

    @cached_property
    def broker(self) -> str:
        return self.request.GET.get("broker", "")

    @cached_property
    def toasts(self) -> list[Toast]:
        """What is to be told on this page."""
        return toasts.take(self.request)

    #: What a script fills in.
    empty_toast = Toast(words="", level="success")

    @property
    def person(self) -> User | None:
        user = getattr(self.request, "user", None)
        return user if isinstance(user, User) else None

    @cached_property
    def may_write(self) -> bool:
        return self.person is not None and may_write(self.person)

    @cached_property
    def is_filterable(self) -> bool:
        """Whether this page's figures answer to the filters in the top bar."""
        return self._name in (
            "dashboard",
            "trade_list",
            "calendar",
            "breakdown",
            "account_detail",
            "account_compare",
        )

    @cached_property
    def takes_accounts(self) -> bool:
        """Whether this page can be about some of the accounts."""
        return self._name != "account_detail"

    @cached_property
    def places(self) -> list[Place]:
        """The entries of the rail."""
        current = self._current
        return [
            Place(reverse(name) + self.query, icon, words, key, name == current)
            for name, icon, words, key, _ in _PLACES
        ]

    @property
    def keyed_places(self) -> list[Place]:
        """Those that a key leads to."""
        return [place for place in self.places if place.key]

    @cached_property
    def spans(self) -> list[Span]:
        """The date ranges to choose from."""
        user = self.person
        today = today_of(user) if user else timezone.now().date()
        chosen = (self.start, self.end)
        return [Span(words, *days, days == chosen) for words, days in spans_of(today).items()]

    @cached_property
    def span_words(self) -> str:
        """What the chosen date range is called."""
        named = next((span.words for span in self.spans if span.is_current), "")
        if named:
            return named
        start = self.start.isoformat() if self.start else "…"
        return start if self.start == self.end else f"{start} to {self.end.isoformat() if self.end else '…'}"

    @cached_property
    def chosen_accounts(self) -> list[Account]:
        """The accounts that this page is limited to, at most ten of them."""
        ids = [found for text in self.request.GET.getlist("account")[:10] if (found := _uuid(text))]
        user = self.person
        if not ids or user is None:
            return []
        return list(Account.objects.for_user(user).filter(public_id__in=ids).order_by("name", "id"))

    @cached_property
    def account_words(self) -> str:
        """Which accounts this page is about."""
        count = len(self.request.GET.getlist("account"))
        if count == 1 and self.chosen_accounts:
            return self.chosen_accounts[0].name
        if count:
            return f"{count} accounts"
        return self.broker or "All accounts"

    @cached_property
    def currencies(self) -> list[str]:
        """The currencies that this person's accounts have made or lost money in."""
        user = self.person
        if user is None:
            return []
        rows = AccountTotals.objects.filter(owner=user).values_list("currency", flat=True)
        return sorted({*rows.distinct().order_by(), *([self.currency] if self.currency else [])})

    @property
    def _name(self) -> str:
        match = getattr(self.request, "resolver_match", None)
        return (match.url_name or "") if match else ""

    @property
    def _current(self) -> str:
        name = self._name
        if name == "account_compare":
            return name
        return next((place[0] for place in _PLACES if name.startswith(place[4]) and name), "")


def frame(request: HttpRequest) -> Mapping[str, Any]:
    """The frame and the theme, for every template."""
    user = getattr(request, "user", None)
    theme = user.theme if isinstance(user, User) else "system"
    return {"frame": Frame(request), "theme": theme}


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
