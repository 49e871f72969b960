"""Which trades a figure is about: the filters that every answer of the journal takes, read strictly."""

import calendar
import re
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.http import QueryDict
from django.utils.translation import gettext as _

from accounts.errors import InvalidValue
from accounts.models import Account, User
from accounts.text import one_line
from journal import dimensions
from journal.dimensions import NO_BROKER, NONE, Dimension, Grain

#: The parameters that choose trades. `unit` only says how money is shown and is left to the caller.
NAMES = (
    "account", "broker", "group", "account_tag",
    "from", "to", "month", "weekday",
    "symbol", "side", "status", "outcome", "currency",
    "tag", "setup", "mistake", "playbook", "rule", "kept", "reviewed", "rating",
    "entry_day", "entry_weekday", "hour", "holding", "size", "price", "r", "result",
    "unit",
)  # fmt: skip
#: Those that say which accounts are meant; `view` stands for a set of them.
ACCOUNTS = ("view", "account", "broker", "group", "account_tag")
#: As many as a set of accounts may hold; an address has room for about a hundred and fifty.
LARGEST_CHOICE = 20_000
#: Trading days that can be asked for.
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 12, 31)
UNITS = ("money", "percent", "r")

__all__ = [
    "ACCOUNTS", "EARLIEST", "LARGEST_CHOICE", "LATEST", "NAMES", "NO_BROKER", "UNITS",
    "MetricsFilter", "parse", "text_of",
]  # fmt: skip

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])", re.ASCII)
_CURRENCY = re.compile(r"[A-Z][A-Z0-9]{1,11}", re.ASCII)
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class MetricsFilter:
    """Which trades are meant; None does not filter.

    `accounts` are primary keys of the person's own accounts; an empty tuple means none of them. `broker` is the
    exact name, `NO_BROKER` for accounts without one. `start` and `end` are trading days, both included, as is
    `weekday`: they choose days on which money is realized. `symbol` is an instrument's symbol or the root of a futures
    contract; after "=" the symbol alone. `currency` is that of the trades; figures are then left in it instead of
    being converted. The rest are keys of `journal.dimensions`, "none" for what has none; of what people have named,
    ids as well. `rule` is the key of a rule, with ":kept" or ":broken" where only that is meant.
    """

    accounts: tuple[int, ...] | None = None
    broker: str | None = None
    start: date | None = None
    end: date | None = None
    symbol: str | None = None
    tag: str | None = None
    side: str | None = None
    currency: str | None = None
    group: str | None = None
    account_tag: str | None = None
    weekday: str | None = None
    status: str | None = None
    outcome: str | None = None
    setup: str | None = None
    mistake: str | None = None
    playbook: str | None = None
    rule: str | None = None
    reviewed: str | None = None
    rating: str | None = None
    entry_day: str | None = None
    entry_weekday: str | None = None
    hour: str | None = None
    holding: str | None = None
    size: str | None = None
    price: str | None = None
    r: str | None = None
    result: str | None = None

    @property
    def by_trade(self) -> tuple[tuple[Dimension, str], ...]:
        """The properties of trades that it looks at and day rollups do not hold, with what they must be."""
        return tuple(
            (dimension, value) for dimension in _OF_TRADES if (value := getattr(self, dimension.name)) is not None
        )

    @property
    def is_by_trade(self) -> bool:
        """Whether it looks at properties that day rollups do not hold."""
        return bool(self.by_trade)

    @property
    def is_by_account(self) -> bool:
        """Whether it leaves accounts out."""
        return any(value is not None for value in (self.accounts, self.broker, self.group, self.account_tag))

    @property
    def is_by_day(self) -> bool:
        """Whether it leaves days out."""
        return self.start is not None or self.end is not None or self.weekday is not None


_OF_TRADES = tuple(
    dimension
    for name, dimension in dimensions.BY_NAME.items()
    if dimension.grain in (Grain.TRADE, Grain.LINK) and name in MetricsFilter.__dataclass_fields__
)


def parse(params: QueryDict, *, user: User, also: Collection[str] = ()) -> MetricsFilter:
    """The filter that a query string asks for. Names in `also` are left to the caller.

    Accounts of other people count as absent: asking for one alone finds nothing.
    Raises InvalidValue for unknown or repeated names and for values that cannot be meant.
    """
    _refuse_unknown(params, also=also)
    start, end = _day(params, "from"), _day(params, "to")
    if start and end and start > end:
        raise InvalidValue(_("The first day must not be after the last."), pointer="?from")
    if "month" not in also:
        start, end = _within_month(params, start, end)
    if (unit := params.get("unit") or "money") not in UNITS:
        raise InvalidValue(
            _("unit is one of %(units)s, not %(unit)s.") % {"units": ", ".join(UNITS), "unit": unit[:20]},
            pointer="?unit",
        )
    currency = text_of(params, "currency")
    if currency is not None and not _CURRENCY.fullmatch(currency := currency.upper()):
        raise InvalidValue(_("currency is a code such as USD."), pointer="?currency")
    symbol, entry_day = text_of(params, "symbol"), _day(params, "entry_day")
    return MetricsFilter(
        accounts=_accounts(params, user),
        broker=text_of(params, "broker"),
        start=start,
        end=end,
        symbol=symbol.upper() if symbol else None,
        currency=currency,
        rule=_rule(params),
        entry_day=None if entry_day is None else entry_day.isoformat(),
        **{name: _key(params, name) for name in _BY_KEY if name not in also},
    )


#: What is one of the keys of its dimension, or the name or the id of something that the person has made.
_BY_KEY = (
    "side", "tag", "group", "account_tag", "weekday", "status", "outcome", "setup", "mistake", "playbook", "reviewed",
    "rating", "entry_weekday", "hour", "holding", "size", "price", "r", "result",
)  # fmt: skip


def _key(params: QueryDict, name: str) -> str | None:
    value = text_of(params, name)
    labels = dimensions.BY_NAME[name].labels
    if value is not None and labels and value not in labels:
        raise InvalidValue(
            _("%(name)s is one of %(names)s.") % {"name": name, "names": ", ".join(labels)},
            pointer=f"?{name}",
            code="invalid_choice",
        )
    return value


def _rule(params: QueryDict) -> str | None:
    rule, kept = text_of(params, "rule"), text_of(params, "kept")
    if kept not in (None, "yes", "no"):
        raise InvalidValue(_("kept is yes or no."), pointer="?kept")
    if rule is None or rule == NONE:
        if kept is not None:
            raise InvalidValue(_("kept is about a rule; give its key as rule."), pointer="?kept")
        return rule
    rule = str(_uuid(rule, "A rule is named by its key, a UUID.", name="rule"))
    return rule if kept is None else f"{rule}:{'kept' if kept == 'yes' else 'broken'}"


def _within_month(params: QueryDict, start: date | None, end: date | None) -> tuple[date | None, date | None]:
    """The days narrowed to the month asked for."""
    text = params.get("month")
    if not text:
        return start, end
    if not _MONTH.fullmatch(text) or not EARLIEST.year <= int(text[:4]) <= LATEST.year:
        raise InvalidValue(_("month is written 2025-03."), pointer="?month")
    first, last = days_of_month(int(text[:4]), int(text[5:]))
    return max(start or first, first), min(end or last, last)


def days_of_month(year: int, month: int) -> tuple[date, date]:
    """Its first and its last day."""
    return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])


def _refuse_unknown(params: QueryDict, *, also: Collection[str]) -> None:
    for name, values in params.lists():
        if name not in NAMES and name not in also:
            raise InvalidValue(_("There is no such parameter."), pointer=f"?{name[:50]}", code="unknown_parameter")
        if name != "account" and len(values) > 1:
            raise InvalidValue(_("This may be given once."), pointer=f"?{name}", code="duplicate_parameter")


def _accounts(params: QueryDict, user: User) -> tuple[int, ...] | None:
    given = params.getlist("account")
    if not given:
        return None
    if len(given) > LARGEST_CHOICE:
        raise InvalidValue(_("At most %(most)s accounts can be chosen.") % {"most": LARGEST_CHOICE}, pointer="?account")
    ids = {_uuid(text) for text in given}
    return tuple(Account.objects.for_user(user).filter(public_id__in=ids).order_by("pk").values_list("pk", flat=True))


def _uuid(text: str, words: str = "An account is named by its id, a UUID.", *, name: str = "account") -> uuid.UUID:
    try:
        found = uuid.UUID(text)
    except ValueError:
        found = None
    if found is None or str(found) != text.lower():
        raise InvalidValue(words, pointer=f"?{name}")
    return found


def _day(params: QueryDict, name: str) -> date | None:
    text = params.get(name)
    if text is None or text == "":
        return None
    try:
        if not _DATE.fullmatch(text):
            raise ValueError(text)
        return _bounded(date.fromisoformat(text))
    except ValueError:
        raise InvalidValue(_("%(name)s is a date such as 2025-03-31.") % {"name": name}, pointer=f"?{name}") from None


def _bounded(day: date) -> date:
    # Sums look some days back and forth, which ends where the calendar of Python does.
    if not EARLIEST.year <= day.year <= LATEST.year:
        raise ValueError(day)
    return day


def text_of(params: QueryDict, name: str) -> str | None:
    """The text of a parameter on one line of at most 100 characters, None where it is empty. Raises InvalidValue."""
    text = params.get(name)
    if text is None or text == "":
        return None
    try:
        clean = one_line(text)
    except ValueError as error:
        raise InvalidValue(f"{name}: {error}.", pointer=f"?{name}") from error
    if not 0 < len(clean) <= _LONGEST:
        raise InvalidValue(
            _("%(name)s has 1 to %(most)s characters.") % {"name": name, "most": _LONGEST}, pointer=f"?{name}"
        )
    return clean
