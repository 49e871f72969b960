"""What somebody asks for: an order before it is one, and what its rules have to know of the instrument.

Pure: no Django, no clock, no database.

Source: docs/orders.md#validity
"""

from dataclasses import dataclass
from decimal import Decimal

from trading.order_rules.amounts import is_multiple
from trading.order_rules.vocabulary import AssetClass, OrderClass, OrderType, PositionIntent, Side, TimeInForce


@dataclass(frozen=True, slots=True)
class Ticket:
    """An order as it was asked for. Prices are per unit in the instrument's currency.

    `quantity` is units and `notional` money; `trail_price` is an amount per unit and `trail_ratio` a fraction, 0.05
    for 5 %. `take_profit_limit`, `stop_loss_stop` and `stop_loss_limit` are those of the exits which the order brings;
    `legs` are the symbols of an order with several.
    """

    side: Side
    type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal | None = None
    notional: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_ratio: Decimal | None = None
    position_intent: PositionIntent | None = None
    extended_hours: bool = False
    order_class: OrderClass = OrderClass.SIMPLE
    take_profit_limit: Decimal | None = None
    stop_loss_stop: Decimal | None = None
    stop_loss_limit: Decimal | None = None
    legs: tuple[str, ...] = ()

    def is_fractional(self, market: "Market") -> bool:
        """Whether it is for parts of a unit, or for an amount of money, which comes to parts of a unit."""
        if self.notional is not None:
            return True
        return self.quantity is not None and market.has_whole_units and not is_multiple(self.quantity, Decimal(1))

    @property
    def exits_a_long(self) -> bool:
        """Whether the exits that it brings sell; an OCO is exits itself, the others bring them to their entry."""
        return (self.side is Side.SELL) is (self.order_class is OrderClass.OCO)

    @property
    def prices(self) -> dict[str, Decimal]:
        """Every price that is given, by the name of its field."""
        named = {
            "limit_price": self.limit_price,
            "stop_price": self.stop_price,
            "take_profit_limit": self.take_profit_limit,
            "stop_loss_stop": self.stop_loss_stop,
            "stop_loss_limit": self.stop_loss_limit,
        }
        return {name: price for name, price in named.items() if price is not None}


@dataclass(frozen=True, slots=True)
class Market:
    """What the rules know of the instrument. None where it has no such bound.

    `asset_class` is None for what cannot be traded, such as an index. `last` is the latest fresh price; where there is
    none, what needs it is not checked.
    """

    asset_class: AssetClass | None
    is_active: bool = True
    has_expired: bool = False
    tick_size: Decimal | None = None
    lot_size: Decimal | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    is_fractionable: bool = False
    is_over_the_counter: bool = False
    last: Decimal | None = None

    @property
    def has_whole_units(self) -> bool:
        """Whether a part of a unit is a fraction here; where lots are 0.01 or 0.0001 units, it is not."""
        return self.lot_size is None or is_multiple(self.lot_size, Decimal(1))
