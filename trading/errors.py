"""Why trading refuses to act."""

from accounts.errors import DomainError


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


class BarsRefused(DomainError):
    """These bars of prices cannot be stored."""

    code = "bars_refused"
    status = 422


class OperatorsOnly(DomainError):
    """Only somebody who runs this installation may do it."""

    code = "operators_only"
    status = 403
