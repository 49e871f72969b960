"""Why a verb refuses: each error knows its code, its HTTP status and the field it is about."""


class DomainError(Exception):
    """A verb could not act, and nothing was changed. `pointer` is the JSON pointer of the field at fault, if one is."""

    code = "refused"
    status = 400
    #: Whether what was refused is on file, as an order with the reasons against it is: then that is kept.
    is_kept = False

    def __init__(self, message: str, *, pointer: str = "", code: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.pointer = pointer
        self.code = code or self.code
        self.status = status or self.status

    def errors(self) -> list[dict[str, str]]:
        """What is wrong, one by one, as the API tells it; empty where it is about no field."""
        return [{"pointer": self.pointer, "code": self.code, "detail": self.message}] if self.pointer else []


class InvalidValue(DomainError):
    """A field holds what it may not hold."""

    code = "invalid_value"


class InvalidCursor(DomainError):
    """A cursor that this list did not hand out to this person."""

    code = "invalid_cursor"


class NeedsConfirmation(DomainError):
    """It cannot be taken back, or is about real money, and nobody has said yes to it. `pointer` is where to say so."""

    code = "needs_confirmation"
    status = 422


class Conflict(DomainError):
    """The request is well formed and contradicts what is there."""

    code = "conflict"
    status = 409


class NameTaken(Conflict):
    """The person has an account of this name."""

    code = "name_taken"


class DuplicateInRequest(DomainError):
    """One request names the same thing twice."""

    code = "duplicate_in_request"


class AccountHasTrades(Conflict):
    """The account has fills, and nobody said that they may go."""

    code = "account_has_trades"


class AccountHasCashMovements(Conflict):
    """The ledger is append-only, so an account with entries in it stays."""

    code = "account_has_cash_movements"


class InsufficientFunds(Conflict):
    """The available balance is smaller than what is to leave it."""

    code = "insufficient_funds"


class IdempotencyConflict(Conflict):
    """The key came before with another request."""

    code = "idempotency_conflict"


class IdempotencyKeyRequired(DomainError):
    """Money moves here, so a retry must be told from a second request."""

    code = "idempotency_key_required"


class TooManyAttempts(DomainError):
    """Wrong passwords came too often. `wait` is the number of seconds after which another may be tried."""

    code = "too_many_attempts"
    status = 429

    def __init__(self, message: str, *, wait: int) -> None:
        super().__init__(message)
        self.wait = wait
