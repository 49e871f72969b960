"""Secrets that have to be read again, such as a broker's keys: encrypted at rest, by a key that is not in the database.

The first key seals; every key opens, so that a new one can be put in front of the old one until all is sealed anew.
"""

import base64
import hashlib
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from accounts.errors import DomainError

#: Of a key: shorter ones can be guessed.
SHORTEST_KEY = 32


class KeysMissing(DomainError):
    """There is no key, or none that fits, so a secret can be neither kept nor read."""

    code = "credentials_key"
    status = 503


def problem() -> str:
    """What is wrong with the keys of this installation, in words for its operator; empty where nothing is."""
    keys = settings.CREDENTIALS_KEYS
    if not keys:
        return "CREDENTIALS_KEY is not set, so no broker can be connected."
    if any(len(key) < SHORTEST_KEY for key in keys):
        return f"CREDENTIALS_KEY, and each of CREDENTIALS_KEY_FALLBACKS, needs at least {SHORTEST_KEY} characters."
    return ""


def seal(secret: str) -> str:
    """The secret as nobody can read it without the key. Raises KeysMissing where there is none."""
    return _box().encrypt(secret.encode()).decode()


def opened(sealed: str) -> str:
    """The secret again. Raises KeysMissing where no key fits."""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise KeysMissing("No key fits what was sealed: add the one that sealed it to the fallbacks.") from None


def resealed(sealed: str) -> str:
    """The same secret sealed by the first key. Raises KeysMissing where no key fits."""
    try:
        return _box().rotate(sealed.encode()).decode()
    except InvalidToken:
        raise KeysMissing("No key fits what was sealed: add the one that sealed it to the fallbacks.") from None


def _box() -> MultiFernet:
    if wrong := problem():
        raise KeysMissing(wrong)
    return _boxes(tuple(settings.CREDENTIALS_KEYS))


@lru_cache(maxsize=4)
def _boxes(keys: tuple[str, ...]) -> MultiFernet:
    # Whatever the operator chose as a key becomes the 32 bytes that the cipher needs.
    return MultiFernet(
        Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"broker credentials\0" + key.encode()).digest()))
        for key in keys
    )
