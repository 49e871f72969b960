"""Which types of order each venue takes with which time in force: data, with a version, as venues change it.

Pure: no Django, no clock, no database.

Source: docs/orders.md#what-venues-take
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from trading.order_rules.ticket import Market, Ticket
from trading.order_rules.vocabulary import AssetClass, OrderType, TimeInForce


class Profile(StrEnum):
    """What venues treat alike. `fractional` is parts of units, and amounts of money, which come to such parts."""

    WHOLE = "whole"
    FRACTIONAL = "fractional"
    EXTENDED_HOURS = "extended_hours"
    CRYPTO = "crypto"
    OPTION = "option"
    OVER_THE_COUNTER = "over_the_counter"


def profile_of(ticket: Ticket, market: Market) -> Profile:
    """The profile that the order falls under; the narrower one where two would fit."""
    if market.asset_class is AssetClass.CRYPTO:
        return Profile.CRYPTO
    if market.asset_class is AssetClass.OPTION:
        return Profile.OPTION
    if ticket.extended_hours:
        return Profile.EXTENDED_HOURS
    if ticket.is_fractional(market):
        return Profile.FRACTIONAL
    return Profile.OVER_THE_COUNTER if market.is_over_the_counter else Profile.WHOLE


_LETTERS = {
    "M": OrderType.MARKET,
    "L": OrderType.LIMIT,
    "S": OrderType.STOP,
    "SL": OrderType.STOP_LIMIT,
    "T": OrderType.TRAILING_STOP,
}
_Cells = Mapping[TimeInForce, frozenset[OrderType]]


def _cells(**types: str) -> _Cells:
    """What is taken, by time in force: M market, L limit, S stop, SL stop_limit, T trailing_stop."""
    return MappingProxyType(
        {
            TimeInForce(name): frozenset(_LETTERS[letter] for letter in letters.split())
            for name, letters in types.items()
        }
    )


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one venue took at one time. A profile that is missing is not taken at all.

    `groups` are the profiles for which orders may bring their exits (bracket, OCO, OTO). `min_notional` is money;
    `quantity_decimals` is how fine a quantity may be.
    """

    venue: str
    version: str
    table: Mapping[Profile, _Cells]
    groups: frozenset[Profile] = frozenset(Profile)
    min_notional: Decimal | None = None
    quantity_decimals: int = 12

    def types(self, profile: Profile, time_in_force: TimeInForce) -> frozenset[OrderType]:
        """The types that are taken with that time in force."""
        return self.table.get(profile, {}).get(time_in_force, frozenset())

    def all_types(self, profile: Profile) -> list[OrderType]:
        """The types that are taken at all, in the order of their names here."""
        return [each for each in OrderType if self.times(profile, each)]

    def times(self, profile: Profile, order_type: OrderType) -> list[TimeInForce]:
        """The times in force that are taken with that type, in the order of their names here."""
        return [each for each in TimeInForce if order_type in self.types(profile, each)]


#: True wherever orders are: a CHECK of the database. Stops wait, so they cannot be for one instant.
UNIVERSAL: _Cells = _cells(day="M L S SL T", gtc="M L S SL T", ioc="M L", fok="M L", opg="M L", cls="M L")

PAPER = Capabilities(
    venue="paper",
    version="1",
    table={
        Profile.WHOLE: UNIVERSAL,
        Profile.FRACTIONAL: _cells(day="M L S SL", gtc="M L S SL", ioc="M L", fok="M L", opg="M L", cls="M L"),
        Profile.EXTENDED_HOURS: _cells(day="L"),
        # It never closes: there is no day to live for, no opening and no close.
        Profile.CRYPTO: _cells(gtc="M L S SL", ioc="M L", fok="M L"),
        Profile.OPTION: _cells(day="M L S SL", gtc="M L S SL", ioc="M L", fok="M L"),
        Profile.OVER_THE_COUNTER: _cells(day="M L S SL", gtc="M L S SL"),
    },
)

_ALPACA_ALIKE = {
    Profile.WHOLE: UNIVERSAL,
    Profile.FRACTIONAL: _cells(day="M L S SL"),
    Profile.EXTENDED_HOURS: _cells(day="L"),
    Profile.CRYPTO: _cells(gtc="M L SL", ioc="M L"),
    Profile.OVER_THE_COUNTER: _cells(day="M L S SL", gtc="M L S SL"),
}

ALPACA_2026_01 = Capabilities(
    venue="alpaca",
    version="2026-01",
    table=_ALPACA_ALIKE | {Profile.OPTION: _cells(day="M L")},
    groups=frozenset({Profile.WHOLE}),
    min_notional=Decimal(1),
    quantity_decimals=9,
)
ALPACA_2026_06 = replace(
    ALPACA_2026_01,
    version="2026-06",
    table=_ALPACA_ALIKE | {Profile.OPTION: _cells(day="M L S SL", gtc="M L S SL")},
)
