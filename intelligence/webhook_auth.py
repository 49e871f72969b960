"""Who sent a webhook: an echoed header, or a signature over time and body. Pure, and of constant time.

Source: docs/wallets.md#senders
"""

import enum
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence

#: Seconds that a signature's time may be off, either way.
TOLERANCE = 300
#: Both of a rotation, no more.
ACTIVE_SECRETS = 2
_LONGEST_HEADER = 2000
_MOST_PARTS = 10
_TIME = re.compile(r"[0-9]{1,12}", re.ASCII)
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Verdict(enum.Enum):
    """What a signature is worth."""

    RIGHT = "right"
    WRONG = "wrong"
    #: The secret is right and the time is not: a replay, or a clock that is off.
    OFF_TIME = "off_time"


def is_one_of(header: bytes, secrets: Sequence[str]) -> bool:
    """Whether the header is one of the active secrets, byte for byte; every one is compared whole."""
    matches = [hmac.compare_digest(header, secret.encode()) for secret in secrets[:ACTIVE_SECRETS] if secret]
    return any(matches)


def judge(header: str, body: bytes, *, secrets: Sequence[str], now: float) -> Verdict:
    """What `t=…,v1=…` is worth for this body: HMAC-SHA256 over time, a point and the body, in lower-case hex."""
    found = _parts(header)
    if found is None:
        return Verdict.WRONG
    said_at, signatures = found
    expected = [sign(secret, said_at, body).encode() for secret in secrets[:ACTIVE_SECRETS] if secret]
    # All of them, whatever the first said: bytes, for text outside of ASCII raises.
    matches = [hmac.compare_digest(given.encode(), right) for given in signatures for right in expected]
    if not any(matches):
        return Verdict.WRONG
    return Verdict.RIGHT if abs(now - int(said_at)) <= TOLERANCE else Verdict.OFF_TIME


def sign(secret: str, said_at: str, body: bytes) -> str:
    """The signature that a sender with this secret writes."""
    return hmac.new(secret.encode(), said_at.encode() + b"." + body, hashlib.sha256).hexdigest()


def header(secrets: Iterable[str], body: bytes, *, at: float) -> str:
    """The header that a sender writes, with a signature by each secret."""
    said_at = str(int(at))
    return ",".join([f"t={said_at}", *(f"v1={sign(secret, said_at, body)}" for secret in secrets)])


def _parts(header: str) -> tuple[str, list[str]] | None:
    if not header or len(header) > _LONGEST_HEADER:
        return None
    pairs = [part.strip().partition("=") for part in header.split(",")]
    if len(pairs) > _MOST_PARTS:
        return None
    times = [value for name, _, value in pairs if name == "t"]
    signatures = [value for name, _, value in pairs if name == "v1" and _HEX.fullmatch(value)]
    if len(times) != 1 or not _TIME.fullmatch(times[0]) or not signatures:
        return None
    return times[0], signatures
