"""Risk: what nobody may exceed, how near each limit is, and the breaker that stops new risk and never an exit.

`trading.breaker` says when a breaker trips, `trading.order_rules.pretrade` what it stops; here it is read, switched
and kept.

Source: docs/risk.md
"""

from trading.risk.breakers import ARE_STOPPED, activate, blocked, on_for, reset, state_for, stop, worst
from trading.risk.configuration import configure, current
from trading.risk.counting import Book
from trading.risk.evaluation import behind, evaluate
from trading.risk.exposure import is_stop, opening
from trading.risk.lifting import due, ends, lift
from trading.risk.limits import ARE_LIMITED, Rules, change_limit, exceeded, limits_for, remove_limit, set_limit

__all__ = [
    "ARE_LIMITED",
    "ARE_STOPPED",
    "Book",
    "Rules",
    "activate",
    "behind",
    "blocked",
    "change_limit",
    "configure",
    "current",
    "due",
    "ends",
    "evaluate",
    "exceeded",
    "is_stop",
    "lift",
    "limits_for",
    "on_for",
    "opening",
    "remove_limit",
    "reset",
    "set_limit",
    "state_for",
    "stop",
    "worst",
]
