"""The instruments that somebody means by the symbols that they name in a decision."""

from collections.abc import Sequence
from datetime import date

from accounts.errors import InvalidValue
from accounts.models import Account, User
from trading.models import Instrument, InstrumentStatus
from trading.typed_symbols import instrument_of


def instruments_of(symbols: Sequence[str], *, owner: User, account: Account | None, on: date) -> list[Instrument]:
    """The instrument of each symbol, in order, made where there is none yet. Raises InvalidValue at /symbols.

    What is active under the symbol is meant, whatever its currency: nothing is booked here.
    """
    wanted = [symbol.strip().upper() for symbol in symbols]
    known = {each.symbol: each for each in Instrument.objects.filter(symbol__in=wanted, status=InstrumentStatus.ACTIVE)}
    # For the currency of what is new.
    place = account or Account(owner=owner, currency=owner.reporting_currency)
    found = []
    for symbol in wanted:
        try:
            found.append(known.get(symbol) or instrument_of(symbol, account=place, on=on))
        except InvalidValue as error:
            raise InvalidValue(error.message, pointer="/symbols", code=error.code) from error
    return list(dict.fromkeys(found))
