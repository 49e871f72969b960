"""How numbers and dates are written on pages, in the person's language: a true minus sign, grouped thousands, a dash
for what is undefined.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import template
from django.http import HttpRequest
from django.utils import dateformat, timezone
from django.utils.dates import MONTHS
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, pgettext

from accounts.addresses import written
from journal.filters import ACCOUNTS

register = template.Library()

DASH = "–"
MINUS = "\N{MINUS SIGN}"
_CENT = Decimal("0.01")
#: From here on a headline leaves its cents to the title.
_WHOLE_FROM = 100_000
#: Of a number that is written in full: 1E+999999999 would be a gigabyte.
_MOST_DIGITS = 100
#: As long as −61,148.20; what is longer is set smaller.
_LONGEST_HEADLINE = 10
_WITHOUT_CENTS = frozenset(("JPY", "KRW", "HUF", "CLP", "ISK"))
_CRYPTO_STEP = Decimal("0.00000001")
_CRYPTO = frozenset(("BTC", "ETH", "SOL", "BNB", "XRP", "LTC"))


#: Of each language what stands between thousands, before decimals, and before a percent sign or a unit.
_THIN = "\N{NARROW NO-BREAK SPACE}"
_MARKS = {"en": (",", ".", ""), "fr": (_THIN, ",", _THIN)}


def _marks() -> tuple[str, str, str]:
    return _MARKS.get((get_language() or "en")[:2], _MARKS["en"])


def _grouped(number: Decimal) -> str:
    return _written(f"{number:,f}")


def _written(text: str) -> str:
    """1,234.50 as Python writes it, in the language of the page."""
    between, point, _ = _marks()
    return text if between == "," else text.replace(",", between).replace(".", point)


def _signed(number: Decimal, text: str, *, plus: bool) -> str:
    if number < 0:
        return f"{MINUS}{text.lstrip('-')}"
    return f"+{text}" if plus and number > 0 else text


def _step(currency: str) -> Decimal:
    if currency in _WITHOUT_CENTS:
        return Decimal(1)
    return _CRYPTO_STEP if currency in _CRYPTO else _CENT


def _rounded(number: Decimal, step: Decimal) -> Decimal:
    rounded = number.quantize(step, rounding=ROUND_HALF_EVEN)
    return rounded if rounded else abs(rounded)  # no negative zero


@register.filter
def money(value: Decimal | None, currency: str = "") -> str:
    """1,234.50, with the currency behind it where one is given: 1,234.50 EUR."""
    if value is None:
        return DASH
    rounded = _rounded(Decimal(value), _step(currency))
    text = _signed(rounded, _grouped(rounded), plus=False)
    return f"{text} {currency}" if currency else text


@register.filter
def signed_money(value: Decimal | None, currency: str = "") -> str:
    """+1,234.50 or −20.00: a profit says that it is one."""
    if value is None:
        return DASH
    rounded = _rounded(Decimal(value), _step(currency))
    text = _signed(rounded, _grouped(rounded), plus=True)
    return f"{text} {currency}" if currency else text


@register.filter
def headline_money(value: Decimal | None) -> str:
    """As `signed_money`, in whole units from 100,000 on, where cents are no longer read; a title has them."""
    if value is None:
        return DASH
    number = Decimal(value)
    if abs(number) < _WHOLE_FROM:
        return signed_money(number)
    rounded = _rounded(number, Decimal(1))
    return _signed(rounded, _grouped(rounded), plus=True)


@register.filter
def short_money(value: Decimal | None) -> str:
    """+1.2k: for places as narrow as a calendar's day; the exact amount belongs in a title beside it."""
    if value is None:
        return DASH
    number = Decimal(value)
    size = abs(number)
    # From where the smaller unit would round up to a thousand.
    if size >= Decimal(999_500):
        text = _written(f"{_rounded(size / 1_000_000, Decimal('0.1') if size >= 10_000_000 else _CENT):f}M")
    elif size >= Decimal("999.5"):
        text = _written(f"{_rounded(size / 1000, Decimal(1) if size >= 100_000 else Decimal('0.1')):f}k")
    else:
        text = _grouped(_rounded(size, Decimal(1) if size >= 10 else _CENT))
    return f"{MINUS if number < 0 else '+' if number > 0 else ''}{text}"


@register.filter
def percent(value: Decimal | None) -> str:
    """A fraction as 12.5%."""
    if value is None:
        return DASH
    return _percent(value, plus=False)


@register.filter
def signed_percent(value: Decimal | None) -> str:
    """A fraction that was won or lost, as +12.5%."""
    return DASH if value is None else _percent(value, plus=True)


def _percent(value: Decimal, *, plus: bool) -> str:
    rounded = _rounded(Decimal(value) * 100, Decimal("0.1"))
    return f"{_signed(rounded, _grouped(rounded), plus=plus)}{_marks()[2]}%"


def fine_percent(value: Decimal) -> str:
    """A small fraction as 0.25% or 0.025%: to two places, or three where those would say next to nothing."""
    step = _CENT if abs(value) >= Decimal("0.0005") else Decimal("0.001")
    rounded = _rounded(value * 100, step).normalize()
    return f"{_signed(rounded, _grouped(rounded), plus=False)}{_marks()[2]}%"


@register.filter
def ratio(value: Decimal | None) -> str:
    """A plain ratio to two places."""
    if value is None:
        return DASH
    rounded = _rounded(Decimal(value), _CENT)
    return _signed(rounded, _grouped(rounded), plus=False)


@register.filter
def r_multiple(value: Decimal | None) -> str:
    """+1.50R or −1.00R."""
    if value is None:
        return DASH
    rounded = _rounded(Decimal(value), _CENT)
    return f"{_signed(rounded, _grouped(rounded), plus=True)}R"


@register.filter
def price(value: Decimal | None, tick: Decimal | None = None) -> str:
    """A price to its tick, else with all the digits it has and at least two."""
    if value is None:
        return DASH
    number = Decimal(value).normalize()
    exponent = number.as_tuple().exponent
    places = max(2, -exponent) if isinstance(exponent, int) else 2
    if tick:
        step = Decimal(tick).normalize().as_tuple().exponent
        if isinstance(step, int):
            # An average price may lie between two ticks: one digit more than the tick has.
            places = max(min(places, max(2, -step + 1)), -step)
    rounded = number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    return _signed(rounded, _grouped(rounded), plus=False)


@register.filter
def quantity(value: Decimal | None) -> str:
    """A number of units without trailing zeros; one that no column holds stands with its exponent."""
    if value is None:
        return DASH
    number = Decimal(value)
    text = f"{number:,f}" if abs(number.adjusted()) < _MOST_DIGITS else str(number)
    text = text.rstrip("0").rstrip(".") if "." in text and "E" not in text else text
    return _signed(number, _written(text), plus=False)


@register.filter
def count(value: int | str | None) -> str:
    """How many, with grouped thousands; a dash where nobody counted."""
    return DASH if value is None or value == "" else _written(f"{int(value):,}")


@register.filter
def signed_class(value: Decimal | None) -> str:
    """The class of a number that is a profit, a loss or neither."""
    if not value:
        return "flat"
    return "gain" if value > 0 else "loss"


@register.filter
def holding(value: Decimal | int | timedelta | None) -> str:
    """Seconds as 45s, 12m, 3h 20m or 2d 4h."""
    if value is None:
        return DASH
    seconds = int(value.total_seconds()) if isinstance(value, timedelta) else int(value)
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = {"days": days, "hours": hours, "minutes": minutes, "seconds": rest}
    if days:
        return pgettext("holding time", "%(days)dd %(hours)dh") % parts
    if hours:
        return pgettext("holding time", "%(hours)dh %(minutes)dm") % parts
    if minutes:
        return pgettext("holding time", "%(minutes)dm %(seconds)ds") % parts
    return pgettext("holding time", "%(seconds)ds") % parts


@register.filter(expects_localtime=False)
def day(value: date | str | None) -> str:
    """A date: 2 Mar 2026. An instant gives its date in the person's time zone, a text is one in ISO form."""
    found = _date(value)
    return DASH if found is None else _day_words(found, _day_format(), get_language())


@lru_cache(maxsize=4096)
def _day_words(found: date, form: str, language: str | None) -> str:
    """Kept, as the rows of a list are of few days."""
    return dateformat.format(found, form)


@register.filter(expects_localtime=False)
def weekday_day(value: date | str | None) -> str:
    """A date with its day of the week: Mon 2 Mar 2026."""
    found = _date(value)
    return DASH if found is None else dateformat.format(found, f"D {_day_format()}")


@register.filter(expects_localtime=False)
def moment(value: datetime | None) -> str:
    """An instant in the person's time zone: 2 Mar 2026, 15:04. A wall time without a zone stays as it is."""
    return _instant(value, "%H:%M")


@register.filter(expects_localtime=False)
def moment_to_second(value: datetime | None) -> str:
    """As `moment`, to the second: 2 Mar 2026, 15:04:05."""
    return _instant(value, "%H:%M:%S")


@register.filter(expects_localtime=False)
def month_name(value: date | int | str | None) -> str:
    """March 2026 for a date, March for a number from 1 to 12."""
    if isinstance(value, int):
        return str(MONTHS[value])
    found = _date(value)
    return DASH if found is None else dateformat.format(found, "F Y")


def short_month(value: str) -> str:
    """A month in ISO form, as short as a day is: Mar 2026."""
    return dateformat.format(date.fromisoformat(f"{value}-01"), _day_format().removeprefix("j "))


def _instant(value: datetime | None, clock: str) -> str:
    if value is None or value == "":
        return DASH
    local = timezone.localtime(value) if timezone.is_aware(value) else value
    return f"{_day_words(local.date(), _day_format(), get_language())}, {local:{clock}}"


def _day_format() -> str:
    # Django's short months are English capitals in every language; its other abbreviations are those of each.
    return "j M Y" if _marks()[1] == "." else "j N Y"


def _date(value: date | str | None) -> date | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return date.fromisoformat(value[:10])
    if isinstance(value, datetime):
        return timezone.localdate(value) if timezone.is_aware(value) else value.date()
    return value


@register.filter
def dash(value: Any) -> Any:
    """The value, or a dash where there is none."""
    return DASH if value is None or value == "" else value


@register.filter
def file_size(value: int) -> str:
    """Bytes as 640 B, 12 KB, 3.4 MB or 512 MB, in powers of 1,024."""
    if value < 1024:
        return gettext("%(size)s B") % {"size": value}
    if value < 1024**2:
        return gettext("%(size)s KB") % {"size": f"{Decimal(value) / 1024:.0f}"}
    size = Decimal(value) / 1024**2
    return gettext("%(size)s MB") % {"size": _written(f"{size:,.0f}" if size >= 100 else f"{size:,.1f}")}


@register.simple_tag
def kpi_money(value: Decimal | None) -> SafeString:
    """A key figure's amount, never cut: a long one is set smaller, and one without its cents has them in a title."""
    text, exact = headline_money(value), signed_money(value)
    title = format_html(' title="{}"', exact) if exact != text else ""
    long = " is-long" if len(text) > _LONGEST_HEADLINE else ""
    return format_html('<span class="kpi-value {}{}"{}>{}</span>', signed_class(value), long, title, text)


@register.simple_tag
def icon(name: str) -> SafeString:
    """A small drawing beside a word; the word is what says it, so that it is hidden from screen readers."""
    return format_html('<span class="icon icon-{}" aria-hidden="true"></span>', name)


@register.simple_tag(takes_context=True)
def with_query(context: template.Context, **changes: Any) -> str:
    """The address of this page with these parameters changed, `None` for taken away: ?from=…&symbol=…"""
    request: HttpRequest = context["request"]
    query = written(request).copy()
    query.pop("cursor", None)
    query.pop("page", None)
    for name, value in changes.items():
        query.pop(name.rstrip("_"), None)
        if value not in (None, ""):
            query[name.rstrip("_")] = str(value)
    return f"?{query.urlencode()}" if query else request.path


@register.simple_tag(takes_context=True)
def filtered(context: template.Context, address: str, extra: Mapping[str, Any] | None = None, **more: Any) -> str:
    """The address with the frame's filters, and more parameters on top; an underscore behind `from_` falls off.

    An `account`, "" for any of them, takes the place of every other choice of accounts.
    """
    more = {**(extra or {}), **more}
    frame = context.get("frame")
    pairs: list[tuple[str, str]] = [] if frame is None else list(frame.pairs)
    names = {name.rstrip("_") for name in more}
    if "account" in more:
        names.update(ACCOUNTS)
    pairs = [pair for pair in pairs if pair[0] not in names]
    pairs += [(name.rstrip("_"), str(value)) for name, value in more.items() if value not in (None, "")]
    return f"{address}?{urlencode(pairs)}" if pairs else address


@register.filter
def joined(values: Iterable[Any]) -> str:
    """The values with commas between them."""
    return ", ".join(str(value) for value in values)


@register.filter
def as_loss(value: Decimal | str | None) -> Decimal | None:
    """A magnitude that is a loss, with the sign of one; a template hands over "" for what is not there."""
    return None if value is None or value == "" else -Decimal(value)


@register.simple_tag(takes_context=True)
def with_cursor(context: template.Context, cursor: str) -> str:
    """The address of this list's next page."""
    request: HttpRequest = context["request"]
    query = written(request).copy()
    query["cursor"] = cursor
    return f"?{query.urlencode()}"


@register.filter(expects_localtime=False)
def at_zone(value: datetime, zone: str) -> datetime:
    """The wall time of an instant in a zone."""
    # Without its zone, or the template would bring it back to the site's.
    return value.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
