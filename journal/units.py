"""In what people read what they made: in money, in percent of what they started with, in multiples of what they risked.

A page asks `of(request)` which unit its address names, makes a `Scale` of its figures, and shows each amount as
`scale.shown(...)` says. Templates write the result with the `in_unit` filter of `journal_units`. The figures themselves
do not depend on the unit. Source: docs/metrics.md#units
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum
from typing import Any

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.errors import InvalidValue
from journal.figures import NONE_LACKS_A_BALANCE, AggregateMetrics, WithoutBalance

#: Of the sum of fractions not a digit is lost that anybody could see.
_WIDE = Context(prec=40, rounding=ROUND_HALF_EVEN)


class Unit(StrEnum):
    """What amounts are read in."""

    MONEY = "money"
    PERCENT = "percent"
    R = "r"


def of(source: Any) -> Unit:
    """The unit that a request's address names, or that of a frame, which knows its request; money where none is named.

    Raises InvalidValue for a unit that there is not.
    """
    request = source if hasattr(source, "GET") else source.request
    asked = request.GET.get("unit") or Unit.MONEY.value
    try:
        return Unit(asked)
    except ValueError:
        raise InvalidValue(
            _("unit is one of %(names)s.") % {"names": ", ".join(Unit)}, pointer="?unit", code="invalid_choice"
        ) from None


@dataclass(frozen=True, slots=True)
class Scale:
    """What the amounts of one page are measured by.

    `equity` is what the accounts in scope held before the first day, in `currency`; None where that is not known.
    """

    unit: Unit = Unit.MONEY
    currency: str | None = None
    equity: Decimal | None = None
    without_balance: WithoutBalance = NONE_LACKS_A_BALANCE

    @property
    def is_money(self) -> bool:
        return self.unit is Unit.MONEY

    @property
    def kind(self) -> str:
        """How reports write an amount with its sign."""
        return {Unit.MONEY: "signed", Unit.PERCENT: "signed_percent", Unit.R: "r"}[self.unit]

    @property
    def tick_kind(self) -> str:
        """How drawings write the numbers beside their lines."""
        return {Unit.MONEY: "money", Unit.PERCENT: "of_equity", Unit.R: "r"}[self.unit]

    @property
    def lacks_equity(self) -> bool:
        """Whether percent is asked for and there is nothing to take it of."""
        return self.unit is Unit.PERCENT and not self._is_measurable

    @property
    def _is_measurable(self) -> bool:
        return self.equity is not None and self.equity > 0

    @property
    def reason(self) -> str | Promise:
        """Why an amount that is there in money cannot be shown in this unit; "" for money."""
        if self.unit is Unit.PERCENT:
            return self._why_no_percent
        if self.unit is Unit.R:
            return _("R is the multiple of what a trade risked: it needs a stop.")
        return ""

    @property
    def _why_no_percent(self) -> str | Promise:
        lacking = self.without_balance
        if not lacking.count:
            return _("Percent is of what the accounts started with: each of them needs a starting balance.")
        names = ", ".join(name for _key, name in lacking.first)
        if rest := lacking.count - len(lacking.first):
            names = gettext("%(names)s and %(count)s more") % {
                "names": names,
                "count": number_format(rest, force_grouping=True),
            }
        words = gettext(
            "Percent is of what the accounts started with: each of them needs a starting balance. "
            "Without one: %(names)s."
        )
        return words % {"names": names}

    def shown(self, amount: Decimal | None, *, r: Decimal | None = None, currency: str | None = None) -> Decimal | None:
        """The amount in this unit; None where it has none there.

        `r` is the same result in multiples of risk, None where nothing is known of it. `currency` is that of the
        amount where it is not the page's: a foreign amount is no part of the equity.
        """
        if self.unit is Unit.R:
            return r
        if amount is None or self.unit is Unit.MONEY:
            return amount
        if not self._is_measurable or (currency is not None and currency != self.currency):
            return None
        assert self.equity is not None
        return _WIDE.divide(amount, self.equity)

    def days(
        self, daily: Iterable[tuple[date, Decimal]], in_r: Mapping[date, Decimal]
    ) -> list[tuple[date, Decimal | None]]:
        """A daily series in this unit, day by day."""
        return [(day, self.shown(amount, r=in_r.get(day))) for day, amount in daily]


def scale(unit: Unit, metrics: AggregateMetrics) -> Scale:
    """The scale of a page with these figures."""
    return Scale(unit, metrics.figures.currency, metrics.starting_equity, metrics.without_balance)
