"""How the words of orders are said to people: statuses, types, times in force, events."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from trading.order_rules.statuses import Event, Outcome, Status
from trading.order_rules.vocabulary import OrderClass, OrderType, Purpose, TimeInForce

STATUSES: Mapping[str, str | Promise] = {
    Status.PENDING_SUBMIT: _("Stored, not sent yet"),
    Status.SUBMIT_UNKNOWN: _("Sent, answer unknown"),
    Status.PENDING_NEW: _("Received by the venue"),
    Status.ACCEPTED: _("Accepted, waits for the opening"),
    Status.ACCEPTED_FOR_BIDDING: _("Being priced"),
    Status.HELD: _("Waits for its entry"),
    Status.PENDING_REVIEW: _("Looked at by the broker"),
    Status.NEW: _("Working"),
    Status.PARTIALLY_FILLED: _("Partly filled"),
    Status.SUSPENDED: _("Suspended"),
    Status.STOPPED: _("Fill guaranteed"),
    Status.DONE_FOR_DAY: _("Done for today"),
    Status.CALCULATED: _("Settling"),
    Status.PENDING_REPLACE: _("Being replaced"),
    Status.PENDING_CANCEL: _("Being canceled"),
    Status.FILLED: pgettext_lazy("order", "Filled"),
    Status.CANCELED: pgettext_lazy("order", "Canceled"),
    Status.EXPIRED: pgettext_lazy("order", "Expired"),
    Status.REJECTED: pgettext_lazy("order", "Rejected"),
    Status.REPLACED: pgettext_lazy("order", "Replaced"),
}
#: Which colour a status has beside its words; all others have none.
CHIPS: Mapping[str, str] = {
    Status.FILLED: "chip-good",
    Status.REJECTED: "chip-bad",
    Status.NEW: "chip-brand",
    Status.PARTIALLY_FILLED: "chip-brand",
    Status.SUBMIT_UNKNOWN: "chip-warn",
    Status.SUSPENDED: "chip-warn",
}
SIDES: Mapping[str, str | Promise] = {
    "buy": pgettext_lazy("order", "Buy"),
    "sell": pgettext_lazy("order", "Sell"),
    "buy_to_open": _("Buy to open"),
    "buy_to_close": _("Buy to close"),
    "sell_to_open": _("Sell to open"),
    "sell_to_close": _("Sell to close"),
}
TYPES: Mapping[str, str | Promise] = {
    OrderType.MARKET: _("Market"),
    OrderType.LIMIT: pgettext_lazy("order", "Limit"),
    OrderType.STOP: pgettext_lazy("order", "Stop"),
    OrderType.STOP_LIMIT: _("Stop limit"),
    OrderType.TRAILING_STOP: _("Trailing stop"),
}
TIMES: Mapping[str, str | Promise] = {
    TimeInForce.DAY: _("For the day"),
    TimeInForce.GTC: _("Until canceled"),
    TimeInForce.IOC: _("At once, cancel the rest"),
    TimeInForce.FOK: _("All at once or nothing"),
    TimeInForce.OPG: _("At the opening"),
    TimeInForce.CLS: _("At the close"),
}
CLASSES: Mapping[str, str | Promise] = {
    OrderClass.SIMPLE: _("None: the order alone"),
    OrderClass.BRACKET: _("Bracket: brings target and stop"),
    OrderClass.OTO: _("One exit: brings a target or a stop"),
    OrderClass.OCO: _("Exits only: target and stop, one cancels the other"),
    OrderClass.MULTI_LEG: _("Several legs"),
}
PURPOSES: Mapping[str, str | Promise] = {
    Purpose.ENTRY: pgettext_lazy("order", "Entry"),
    Purpose.EXIT_STOP_LOSS: _("Exit: stop"),
    Purpose.EXIT_TAKE_PROFIT: _("Exit: target"),
    Purpose.EXIT_TRAILING_STOP: _("Exit: trailing stop"),
    Purpose.EXIT_SCALING: _("Exit: scaling out"),
    Purpose.EXIT_MIRROR: _("Exit: mirrored"),
    Purpose.EXIT_MANUAL: _("Exit: by hand"),
    Purpose.ADJUST: _("Adjustment"),
}
EVENTS: Mapping[str, str | Promise] = {
    Event.PLACED: _("Placed"),
    Event.REFUSED: _("Refused before trading"),
    Event.ABORTED: _("Given up before it was sent"),
    Event.TIMED_OUT: _("No answer in time"),
    Event.NOT_FOUND: _("Not found at the venue"),
    Event.PENDING_NEW: _("Received"),
    Event.ACCEPTED: _("Accepted"),
    Event.ACCEPTED_FOR_BIDDING: _("Being priced"),
    Event.HELD: _("Waits for its entry"),
    Event.PENDING_REVIEW: _("Looked at by the broker"),
    Event.NEW: _("At work"),
    Event.PARTIAL_FILL: _("Partly filled"),
    Event.FILL: _("Fill"),
    Event.FILL_BUSTED: _("Fill taken back"),
    Event.SUSPENDED: _("Suspended"),
    Event.STOPPED: _("Fill guaranteed"),
    Event.DONE_FOR_DAY: _("Done for today"),
    Event.CALCULATED: _("Settling"),
    Event.PENDING_REPLACE: _("Replacement asked for"),
    Event.PENDING_CANCEL: _("Cancellation asked for"),
    Event.REPLACE_REJECTED: _("Replacement refused"),
    Event.CANCEL_REJECTED: _("Cancellation refused"),
    Event.CANCELED: pgettext_lazy("order", "Canceled"),
    Event.EXPIRED: pgettext_lazy("order", "Expired"),
    Event.REJECTED: pgettext_lazy("order", "Rejected"),
    Event.REPLACED: pgettext_lazy("order", "Replaced"),
}
#: What an event did that did not simply happen.
OUTCOMES: Mapping[str, str | Promise] = {
    Outcome.IGNORED: _("ignored"),
    Outcome.LATE_FILL: _("after the end"),
    Outcome.OVERFILL: _("beyond the quantity"),
}
