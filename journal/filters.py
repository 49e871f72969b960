"""Which trades a figure is about: the filters that every answer of the journal takes, read strictly."""

import re
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.http import QueryDict

from accounts.errors import InvalidValue
from accounts.models import Account, User
from accounts.text import one_line

NAMES = ("account", "broker", "from", "to", "symbol", "tag", "side", "currency")
LARGEST_CHOICE = 1000
#: Trading days that can be asked for.
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 12, 31)
#: How accounts without a broker are called, and found again.
NO_BROKER = "Unknown"

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z][A-Z0-9]{1,11}", re.ASCII)
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class MetricsFilter:
    """Which trades are meant; None does not filter.

    `accounts` are primary keys of the person's own accounts; an empty tuple means none of them. `broker` is the
    exact name, `NO_BROKER` for accounts without one. `start` and `end` are trading days, both included. `symbol`
    is an instrument's symbol or the root of a futures contract. `tag` is the name of a tag or its public id.
    `currency` is that of the trades; figures are then left in it instead of being converted.
    """

    accounts: tuple[int, ...] | None = None
    broker: str | None = None
    start: date | None = None
    end: date | None = None
    symbol: str | None = None
    tag: str | None = None
    side: str | None = None
    currency: str | None = None

    @property
    def is_by_trade(self) -> bool:
        """Whether it looks at properties that day rollups do not hold."""
        return self.symbol is not None or self.tag is not None or self.side is not None

    @property
    def is_by_account(self) -> bool:
        """Whether it leaves accounts out."""
        return self.accounts is not None or self.broker is not None

    @property
    def is_by_day(self) -> bool:
        """Whether it leaves days out."""
        return self.start is not None or self.end is not None


def parse(params: QueryDict, *, user: User, also: Collection[str] = ()) -> MetricsFilter:
    """The filter that a query string asks for. Names in `also` are left to the caller.

    Accounts of other people count as absent: asking for one alone finds nothing.
    Raises InvalidValue for unknown or repeated names and for values that cannot be meant.
    """
    _refuse_unknown(params, also=also)
    start, end = _day(params, "from"), _day(params, "to")
    if start and end and start > end:
        raise InvalidValue("from must not be after to.", pointer="?from")
    side = text_of(params, "side")
    if side not in (None, "long", "short"):
        raise InvalidValue("side is long or short.", pointer="?side")
    currency = text_of(params, "currency")
    if currency is not None and not _CURRENCY.fullmatch(currency := currency.upper()):
        raise InvalidValue("currency is a code such as USD.", pointer="?currency")
    symbol = text_of(params, "symbol")
    return MetricsFilter(
        accounts=_accounts(params, user),
        broker=text_of(params, "broker"),
        start=start,
        end=end,
        symbol=symbol.upper() if symbol else None,
        tag=text_of(params, "tag"),
        side=side,
        currency=currency,
    )


def _refuse_unknown(params: QueryDict, *, also: Collection[str]) -> None:
    for name, values in params.lists():
        if name not in NAMES and name not in also:
            raise InvalidValue("There is no such parameter.", pointer=f"?{name[:50]}", code="unknown_parameter")
        if name != "account" and len(values) > 1:
            raise InvalidValue("This may be given once.", pointer=f"?{name}", code="duplicate_parameter")


def _accounts(params: QueryDict, user: User) -> tuple[int, ...] | None:
    given = params.getlist("account")
    if not given:
        return None
    if len(given) > LARGEST_CHOICE:
        raise InvalidValue(f"At most {LARGEST_CHOICE} accounts can be chosen.", pointer="?account")
    ids = {_uuid(text) for text in given}
    return tuple(Account.objects.for_user(user).filter(public_id__in=ids).order_by("pk").values_list("pk", flat=True))


def _uuid(text: str) -> uuid.UUID:
    try:
        found = uuid.UUID(text)
    except ValueError:
        found = None
    if found is None or str(found) != text.lower():
        raise InvalidValue("An account is named by its id, a UUID.", pointer="?account")
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
        raise InvalidValue(f"{name} is a date such as 2025-03-31.", pointer=f"?{name}") from None


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
        raise InvalidValue(f"{name} has 1 to {_LONGEST} characters.", pointer=f"?{name}")
    return clean
