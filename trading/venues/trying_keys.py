"""Keys are tried at the broker before they are kept: what it says no to is not kept, what it cannot be asked is.

Source: docs/alpaca.md#connecting
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.errors import InvalidValue
from accounts.models import Account, BrokerConnection
from trading import connections
from trading.connections import Keys
from trading.venues.alpaca_client import BrokerError, Client, Refused, base_of

#: How a broker says that it knows no such keys, or that they are of its other environment.
_NOT_THESE = frozenset({401, 403})


class KeysRefused(InvalidValue):
    """The broker does not take these keys."""

    code = "keys_refused"
    status = 422


@dataclass(frozen=True, slots=True)
class Kept:
    """The connection, and why its keys could not be tried; empty where the broker took them."""

    connection: BrokerConnection
    warning: str = ""


def keep(account: Account, *, environment: str, keys: Keys) -> Kept:
    """The account is connected with keys that its broker takes, or that it could not be asked about.

    Raises KeysRefused, and as `connections.connect` does; then nothing has changed. Call it outside of transactions:
    the broker may take its time.
    """
    keys = connections.sound(account, environment=environment, keys=keys)
    number, warning = _tried(environment, keys)
    row = connections.connect(account, environment=environment, keys=keys, broker_account=number)
    return Kept(row, warning)


def _tried(environment: str, keys: Keys) -> tuple[str, str]:
    """The account's number there, and what kept anybody from asking for it. Raises KeysRefused."""
    try:
        told = Client(base_of(environment), keys, float(settings.BROKER_TIMEOUT)).account()
    except Refused as error:
        if error.status in _NOT_THESE:
            words = _("Alpaca does not take these keys (%(why)s). Are they of this environment, and not revoked?")
            raise KeysRefused(words % {"why": error.words}, pointer="/secret") from None
        return "", _untried(error)
    except BrokerError as error:
        return "", _untried(error)
    return str(told.get("account_number") or "") if isinstance(told, Mapping) else "", ""


def _untried(error: BrokerError) -> str:
    return _("The keys are kept, and could not be tried: %(why)s") % {"why": error}
