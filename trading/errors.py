"""Why trading refuses to act."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from accounts.errors import Conflict, DomainError

if TYPE_CHECKING:
    from trading.order_rules.validity import Violation


class ImportRefused(DomainError):
    """The file cannot be imported as it stands."""

    code = "import_refused"
    status = 422


class BatchBusy(DomainError):
    """The import is in a state in which this cannot be done."""

    code = "import_state"
    status = 409


class TradeRefused(DomainError):
    """The trade cannot be entered or changed like this."""

    code = "trade_refused"
    status = 422


class WordsChanged(DomainError):
    """Somebody has changed the note or the plan of the trade since they were read."""

    code = "words_changed"
    status = 409


class NothingLeft(DomainError):
    """What was deleted cannot be brought back any more."""

    code = "nothing_left"
    status = 409


class SessionOpen(DomainError):
    """A session goes on in the account already."""

    code = "session_open"
    status = 409


class BarsRefused(DomainError):
    """These bars of prices cannot be stored."""

    code = "bars_refused"
    status = 422


class OperatorsOnly(DomainError):
    """Only somebody who runs this installation may do it."""

    code = "operators_only"
    status = 403


class OrderRefused(DomainError):
    """The order cannot be placed or changed like this; `reasons` are all of them."""

    code = "order_refused"
    status = 422

    def __init__(self, reasons: "Sequence[Violation]", *, order_id: str = "") -> None:
        super().__init__(" ".join(reason.said(_) for reason in reasons), pointer=reasons[0].pointer)
        self.reasons = tuple(reasons)
        self.order_id = order_id
        self.is_kept = bool(order_id)

    def errors(self) -> list[dict[str, str]]:
        """Every reason; the refused order's id is in each where it was stored."""
        told = [{"pointer": each.pointer, "code": each.code, "detail": each.said(_)} for each in self.reasons]
        return [{**each, "order": self.order_id} for each in told] if self.order_id else told


class InvalidState(DomainError):
    """What is asked for cannot be done to an order where it stands."""

    code = "invalid_state"
    status = 422


class VersionConflict(Conflict):
    """The order has moved on since it was read."""

    code = "version_conflict"


class AccountHasOrders(Conflict):
    """The history of orders is append-only, so an account with orders stays."""

    code = "account_has_orders"


class PlanInvalid(DomainError):
    """The exit plan breaks rules of its own; `problems` has all of them in words."""

    code = "plan_invalid"
    status = 422

    def __init__(self, message: str, *, pointer: str = "", problems: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message, pointer=pointer)
        self.problems = problems or ((pointer, message),)

    def errors(self) -> list[dict[str, str]]:
        """Every broken rule."""
        return [{"pointer": pointer, "code": self.code, "detail": words} for pointer, words in self.problems]


class PlanImpossible(DomainError):
    """What the plan is asked to do cannot be done as things stand."""

    code = "plan_impossible"
    status = 409


class PlanChanged(DomainError):
    """Somebody has changed the plan since it was read."""

    code = "plan_changed"
    status = 409


class AccountHasPlans(DomainError):
    """What persons changed of its exit plans is append-only, so an account with plans stays."""

    code = "account_has_plans"
    status = 409
