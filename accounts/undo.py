"""Taking back what was just done: every act that can be undone hands out a signed token, and one address takes it.

An app says at its start what its acts are called and how they are taken back: `undo.register("trade.delete", …)`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core import signing
from django.utils.translation import gettext as _

from accounts.errors import InvalidValue
from accounts.models import User

#: How long a token can be used: as long as somebody may still have the page open.
LIFETIME = 24 * 3600
_SALT = "accounts.undo"


@dataclass(frozen=True, slots=True)
class Undone:
    """What a person is told once their act was taken back, and the page to go to; "" stays where one is."""

    words: str
    address: str = ""


#: Takes back what `payload` describes, which this person was given; raises a DomainError where it cannot any more.
Taker = Callable[[User, Mapping[str, Any]], Undone]
_takers: dict[str, Taker] = {}


def register(name: str, taker: Taker) -> None:
    """Acts of this name are taken back by `taker`, which checks again that all of it is the person's."""
    _takers[name] = taker


def token(user: User, name: str, payload: Mapping[str, Any]) -> str:
    """What takes this act back, for this person alone. `payload` is plain JSON."""
    if name not in _takers:
        raise LookupError(name)
    return signing.dumps([user.pk, name, dict(payload)], salt=_SALT, compress=True)


def perform(user: User, text: str) -> Undone:
    """The act that the token names is taken back. Raises InvalidValue for a token not given to this person."""
    try:
        owner_id, name, payload = signing.loads(text, salt=_SALT, max_age=LIFETIME)
        taker = _takers[name]
    except (signing.BadSignature, ValueError, TypeError, KeyError) as error:
        raise InvalidValue(_("This can no longer be undone here."), code="undo_expired") from error
    if owner_id != user.pk:
        raise InvalidValue(_("This can no longer be undone here."), code="undo_expired")
    return taker(user, payload)
