"""What every page's frame needs to know: where one is, and the filters that go along from page to page."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, QueryDict
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from accounts import locale, preferences, toasts
from accounts.addresses import written
from accounts.models import Account, AccountGroup, AccountTag, Theme, User
from accounts.permissions import may_write
from accounts.toasts import Toast
from journal import choosing, ranges
from journal.filters import ACCOUNTS, LARGEST_CHOICE, UNITS
from journal.ranges import Span
from journal.templatetags.journal_format import count, day

#: The parameters that links to other pages carry along.
KEPT = (*ACCOUNTS, "from", "to", "currency", "unit")


class _Entry(NamedTuple):
    address: str
    icon: str
    words: Promise
    #: Behind `g`.
    key: str
    #: Beginnings of the names of the pages that belong to it.
    pages: tuple[str, ...]
    is_below: bool = False


_WALLETS = ("wallet_", "signal_", "mint_", "delivery_", "copying")
_PLACES = (
    _Entry("dashboard", "dashboard", gettext_lazy("Dashboard"), "d", ("dashboard", "home")),
    _Entry("trade_list", "trades", gettext_lazy("Trades"), "t", ("trade_",)),
    _Entry("trade_review", "inbox", pgettext_lazy("inbox", "To review"), "v", ("trade_review",), is_below=True),
    _Entry("calendar", "calendar", gettext_lazy("Calendar"), "c", ("calendar", "day")),
    _Entry("reports", "reports", gettext_lazy("Reports"), "r", ("breakdown", "report")),
    _Entry("note_list", "notes", gettext_lazy("Journal"), "j", ("note_", "template_", "draft", "attachment")),
    _Entry("playbook_list", "playbooks", gettext_lazy("Playbooks"), "p", ("playbook_",), is_below=True),
    _Entry("account_list", "accounts", gettext_lazy("Accounts"), "a", ("account_",)),
    _Entry("account_compare", "compare", gettext_lazy("Compare"), "o", ("account_compare",), is_below=True),
    _Entry("desk", "desk", gettext_lazy("Desk"), "k", ("desk", "order_", "risk", "plan_", "strategy_", "session")),
    _Entry("import_list", "import", gettext_lazy("Import"), "i", ("import_",)),
    _Entry("wallet_list", "wallet", gettext_lazy("Wallets"), "w", _WALLETS),
    _Entry("memory", "memory", gettext_lazy("Memory"), "m", ("memory", "decision_", "news", "analysis_")),
)
#: At the foot of a phone, beside the menu.
_ON_PHONE = ("dashboard", "trade_list", "calendar", "desk", "note_list")
#: Of these, the ones that are about now: days, units and currencies choose nothing on them.
_OF_NOW = ("desk", "order_list")
#: Pages whose figures answer to the filters in the top bar, by the beginnings of their names.
_FILTERABLE = (
    "dashboard", "trade_list", "trade_review", "calendar", "breakdown", "report", "account_list", "account_detail",
    "account_compare", "day", "note_list", "playbook_list", "playbook_detail", "desk", "order_list",
)  # fmt: skip
_UNIT_WORDS = {
    "money": (gettext_lazy("Money"), "$"),
    "percent": (gettext_lazy("Percent"), "%"),
    "r": (gettext_lazy("Multiples of risk"), "R"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the rail."""

    name: str
    address: str
    icon: str
    words: str
    key: str
    is_below: bool
    is_current: bool


@dataclass(frozen=True, slots=True)
class UnitChoice:
    """One of the units that amounts can be read in."""

    key: str
    words: str | Promise
    sign: str
    is_current: bool


def today_of(user: User) -> date:
    """The date where this person is."""
    try:
        return timezone.now().astimezone(ZoneInfo(user.time_zone)).date()
    except (ZoneInfoNotFoundError, ValueError):
        return timezone.now().date()


class Frame:
    """The frame of one page. Looks things up only when the template asks, so that a fragment costs nothing."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    # ------------------------------------------------------------ the address

    @cached_property
    def written(self) -> QueryDict:
        """The parameters as they stand in the address."""
        return written(self.request)

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """The kept filters of this page's address."""
        return [(name, value) for name in KEPT for value in self.written.getlist(name)[:LARGEST_CHOICE] if value]

    @cached_property
    def query(self) -> str:
        """The kept filters as a query string, with its question mark; "" without any."""
        return f"?{urlencode(self.pairs)}" if self.pairs else ""

    @cached_property
    def others(self) -> list[tuple[str, str]]:
        """What this page's address holds besides, for forms that change the filters and nothing else."""
        dropped = (*KEPT, "cursor", "page", "month")
        query = self.written
        return [(name, value) for name in query if name not in dropped for value in query.getlist(name)]

    @cached_property
    def but_accounts(self) -> list[tuple[str, str]]:
        """All of it but which accounts are meant."""
        return [*self.others, *(pair for pair in self.pairs if pair[0] not in ACCOUNTS)]

    @cached_property
    def but_days(self) -> list[tuple[str, str]]:
        """All of it but the days."""
        return [*self.others, *(pair for pair in self.pairs if pair[0] not in ("from", "to"))]

    @cached_property
    def here(self) -> str:
        """The address of this page as it was asked for."""
        return self.request.get_full_path()

    # ------------------------------------------------------------ the person

    @property
    def person(self) -> User | None:
        user = getattr(self.request, "user", None)
        return user if isinstance(user, User) else None

    @cached_property
    def may_write(self) -> bool:
        return self.person is not None and may_write(self.person)

    @cached_property
    def toasts(self) -> list[Toast]:
        """What is to be told on this page."""
        return toasts.take(self.request)

    #: What a script fills in.
    empty_toast = Toast(words="", level="success")

    @cached_property
    def _switches(self) -> Mapping[str, Any]:
        return preferences.several(self.person, ("privacy", "rail")) if self.person else {}

    @property
    def privacy(self) -> str:
        """Whether amounts are hidden: "on" or "off"."""
        return str(self._switches.get("privacy", "off"))

    @property
    def rail(self) -> str:
        """How wide the rail is: "wide" or "narrow"."""
        return str(self._switches.get("rail", "wide"))

    # ------------------------------------------------------------ where one is

    @cached_property
    def places(self) -> list[Place]:
        """The entries of the rail."""
        return list(self._places())

    def _places(self) -> Iterator[Place]:
        current = self._current
        for entry in _PLACES:
            try:
                address = reverse(entry.address)
            except NoReverseMatch:
                continue
            yield Place(
                entry.address,
                address + self.query,
                entry.icon,
                str(entry.words),
                entry.key,
                entry.is_below,
                entry.address == current,
            )

    @property
    def keyed_places(self) -> list[Place]:
        """Those that a key leads to."""
        return [place for place in self.places if place.key]

    @property
    def phone_places(self) -> list[Place]:
        """The entries at the foot of a phone."""
        return [place for place in self.places if place.name in _ON_PHONE]

    @property
    def _name(self) -> str:
        match = getattr(self.request, "resolver_match", None)
        return (match.url_name or "") if match else ""

    @property
    def _current(self) -> str:
        name = self._name
        matching = [
            (len(page), entry.address) for entry in _PLACES for page in entry.pages if name and name.startswith(page)
        ]
        return max(matching)[1] if matching else ""

    @cached_property
    def is_filterable(self) -> bool:
        """Whether this page's figures answer to the filters in the top bar."""
        return bool(self._name) and self._name.startswith(_FILTERABLE) and self.request.method in ("GET", "HEAD")

    @cached_property
    def takes_accounts(self) -> bool:
        """Whether this page can be about some of the accounts."""
        return self._name != "account_detail"

    @cached_property
    def takes_days(self) -> bool:
        """Whether this page can be about some days, in one of several units and currencies."""
        return self._name not in _OF_NOW

    # ------------------------------------------------------------ days

    @cached_property
    def start(self) -> date | None:
        return _day(self.request.GET.get("from"))

    @cached_property
    def end(self) -> date | None:
        return _day(self.request.GET.get("to"))

    @cached_property
    def _today(self) -> date:
        return today_of(self.person) if self.person else timezone.now().date()

    @cached_property
    def spans(self) -> list[Span]:
        """The date ranges to choose from; of equal ones, such as today and this month on the first, the last counts."""
        chosen = (self.start, self.end)
        found = ranges.named(self._today)
        current = next((span.key for span in reversed(found) if (span.start, span.end) == chosen), "")
        return [replace(span, is_current=span.key == current) for span in found]

    @cached_property
    def span_words(self) -> str:
        """What the chosen date range is called."""
        named = next((str(span.words) for span in self.spans if span.is_current), "")
        if named:
            return named
        if self.start == self.end:
            return day(self.start)
        days = {"start": day(self.start) if self.start else "…", "end": day(self.end) if self.end else "…"}
        return _("%(start)s to %(end)s") % days

    @cached_property
    def span_before(self) -> tuple[date, date] | None:
        """The date range before the chosen one."""
        try:
            return ranges.before(self.start, self.end, today=self._today) if self.start and self.end else None
        except OverflowError:
            return None

    @cached_property
    def span_after(self) -> tuple[date, date] | None:
        """The date range after the chosen one; None where it lies ahead."""
        try:
            return ranges.after(self.start, self.end, today=self._today) if self.start and self.end else None
        except OverflowError:
            return None

    # ------------------------------------------------------------ accounts

    @cached_property
    def chosen_ids(self) -> list[str]:
        """The ids of the accounts that this page is limited to."""
        return [text for text in self.request.GET.getlist("account") if _uuid(text)]

    @cached_property
    def chosen_accounts(self) -> list[Account]:
        """The first of the accounts that this page is limited to."""
        user = self.person
        if not self.chosen_ids or user is None:
            return []
        return list(Account.objects.for_user(user).filter(public_id__in=self.chosen_ids[:50]).order_by("name", "id"))

    @cached_property
    def broker(self) -> str:
        return self.request.GET.get("broker", "")

    @cached_property
    def group(self) -> str:
        return self.request.GET.get("group", "")

    @cached_property
    def account_tag(self) -> str:
        return self.request.GET.get("account_tag", "")

    @cached_property
    def account_words(self) -> str:
        """Which accounts this page is about."""
        number = len(self.chosen_ids)
        if number == 1 and self.chosen_accounts:
            return self.chosen_accounts[0].name
        if number:
            return ngettext("%(count)s account", "%(count)s accounts", number) % {"count": count(number)}
        narrowed = [self.broker, *(_name_of(model, self.person, text) for model, text in self._narrowed_by)]
        return ", ".join(part for part in narrowed if part) or _("All accounts")

    @property
    def _narrowed_by(self) -> list[tuple[type[AccountGroup] | type[AccountTag], str]]:
        return [(AccountGroup, self.group), (AccountTag, self.account_tag)]

    @cached_property
    def is_by_account(self) -> bool:
        """Whether accounts are left out."""
        return bool(self.chosen_ids or self.broker or self.group or self.account_tag)

    @cached_property
    def choices(self) -> choosing.Choices:
        """What accounts can be chosen by."""
        return choosing.choices(self.person) if self.person else choosing.Choices([], [], [], [])

    # ------------------------------------------------------------ views, currency, unit

    @cached_property
    def views(self) -> list[choosing.Offered]:
        """The person's saved views."""
        return choosing.views(self.person) if self.person else []

    @cached_property
    def currency(self) -> str:
        return self.request.GET.get("currency", "")

    @cached_property
    def currencies(self) -> list[str]:
        """The currencies that this person's accounts have made or lost money in."""
        return sorted({*self.choices.currencies, *([self.currency] if self.currency else [])})

    @cached_property
    def unit(self) -> str:
        """What amounts are read in."""
        asked = self.request.GET.get("unit", "")
        return asked if asked in UNITS else UNITS[0]

    @property
    def units(self) -> list[UnitChoice]:
        """The units to choose from; money is what an address without a unit means."""
        return [UnitChoice(key, *_UNIT_WORDS[key], key == self.unit) for key in UNITS]


def frame(request: HttpRequest) -> Mapping[str, Any]:
    """The frame and the theme, for every template."""
    user = getattr(request, "user", None)
    kept = user.theme if isinstance(user, User) else request.COOKIES.get(locale.THEME_COOKIE, "")
    return {"frame": Frame(request), "theme": kept if kept in Theme.values else Theme.SYSTEM.value}


def _name_of(model: type[AccountGroup] | type[AccountTag], user: User | None, text: str) -> str:
    """What the group or label is called that an address names by its id or its name."""
    key = _uuid(text)
    if not key or user is None:
        return text.removeprefix("=")
    found = model.objects.for_user(user).filter(public_id=key).values_list("name", flat=True).first()
    return str(found or "")


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
