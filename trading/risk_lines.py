"""What pages and the API say of breakers: each gauge with its words and numbers, each event with its reasons."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy

from trading.breaker import Missing, Reason
from trading.models import BreakerEvent, BreakerState, RiskConfig
from trading.models.risk import RANGES

REASONS: dict[str, Promise] = {
    Reason.MAX_DRAWDOWN: gettext_lazy("Drawdown from the peak"),
    Reason.MIN_WIN_RATE: gettext_lazy("Win rate"),
    Reason.CONSECUTIVE_LOSSES: gettext_lazy("Losses in a row"),
    Reason.DAILY_LOSS: gettext_lazy("Loss of the day"),
    Reason.DAILY_LOSS_RATIO: gettext_lazy("Loss of the day, of the capital"),
    Reason.MANUAL: gettext_lazy("By hand"),
}
MISSING: dict[str, Promise] = {
    Missing.CAPITAL: gettext_lazy("the capital is not known"),
    Missing.RESULTS: gettext_lazy("some results have no amount in this currency"),
    Missing.OPEN_PNL: gettext_lazy("something that is open has no fresh price"),
    Missing.TODAY: gettext_lazy("the sum of the day is not known"),
}
_MONEY = {"capital", "daily_loss_limit", "min_liquidity_usd"}
_UNITS = {Reason.CONSECUTIVE_LOSSES: "count", Reason.DAILY_LOSS: "money"}


@dataclass(frozen=True, slots=True)
class GaugeLine:
    """One limit: how much of it is used, as numbers and as the length of a bar of 100."""

    words: Promise
    unit: str
    value: Decimal | None
    limit: Decimal
    used: Decimal | None
    filled: int
    holds: bool
    is_least: bool


@dataclass(frozen=True, slots=True)
class BreakerLine:
    """A breaker with its gauges; `missing` is what they could not take in.

    `ends_at` is when the day is over with which it is reset by itself; None where it is not.
    """

    row: BreakerState
    gauges: list[GaugeLine]
    reasons: list[Promise]
    missing: list[Promise]
    currency: str
    sample: int
    is_capital_assumed: bool
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event with its reasons in words."""

    row: BreakerEvent
    reasons: list[Promise]


def breaker_line(row: BreakerState, *, ends_at: datetime | None = None) -> BreakerLine:
    """The breaker as it was judged last."""
    metrics: dict[str, Any] = row.metrics or {}
    return BreakerLine(
        row=row,
        gauges=[_gauge(each) for each in metrics.get("gauges", [])],
        reasons=_words(row.reasons),
        missing=[MISSING[each] for each in metrics.get("missing", []) if each in MISSING],
        currency=metrics.get("currency", ""),
        sample=metrics.get("sample", 0),
        is_capital_assumed=metrics.get("is_capital_assumed", False),
        ends_at=ends_at,
    )


def event_line(row: BreakerEvent) -> EventLine:
    """The event as its feed shows it."""
    return EventLine(row, _words(row.reasons))


def _words(reasons: Iterable[str]) -> list[Promise]:
    return [REASONS[each] for each in reasons if each in REASONS]


def _gauge(kept: dict[str, Any]) -> GaugeLine:
    reason, used = Reason(kept["reason"]), _number(kept["used"])
    return GaugeLine(
        words=REASONS[reason],
        unit=_UNITS.get(reason, "share"),
        value=_number(kept["value"]),
        limit=_number(kept["limit"]) or Decimal(0),
        used=used,
        filled=0 if used is None else int(min(used, Decimal(1)) * 100),
        holds=bool(kept["holds"]),
        is_least=reason is Reason.MIN_WIN_RATE,
    )


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


@dataclass(frozen=True, slots=True)
class SettingLine:
    """One setting of the configuration: what it is called, and its value with what that is of."""

    words: str
    unit: str
    value: Any
    currency: str = ""


def setting_lines(config: RiskConfig) -> list[SettingLine]:
    """Every setting, in the order of the form, for those who only read it: shares as percentages, choices in words."""
    lines = []
    for field in config._meta.fields:
        if not field.editable or field.name == "id":
            continue
        value, words = getattr(config, field.name), capfirst(str(field.verbose_name))
        if field.name in _MONEY:
            currency = "USD" if field.name == "min_liquidity_usd" else config.currency
            lines.append(SettingLine(words, "money", value, currency))
        elif field.choices:
            lines.append(SettingLine(words, "words", getattr(config, f"get_{field.name}_display")()))
        elif isinstance(value, bool):
            lines.append(SettingLine(words, "yes", value))
        elif field.name in RANGES:
            unit = "percent" if RANGES[field.name][1] <= 1 else "count"
            lines.append(SettingLine(words, unit, value))
    return lines
