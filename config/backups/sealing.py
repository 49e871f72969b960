"""Encryption of a stream in pieces: AES-256-GCM under a key that scrypt makes of a passphrase and the file's own salt.

The nonce of a piece is its number and whether it is the last, so that none can be left out, moved or cut off; the
head of the file is authenticated with each of them. The key of a file encrypts nothing else.
"""

import hashlib
import hmac
import os
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config.backups.server import BackupError

MAGIC = b"JOURNAL-SEALED-1\n"
PIECE = 1 << 20
SHORTEST_KEY = 16
_SALT, _TAG, _PROOF = 16, 16, 32


def sealed(plain: Iterable[bytes], key: str) -> Iterator[bytes]:
    """The stream encrypted. Raises BackupError for a key that is too short."""
    salt = os.urandom(_SALT)
    cipher, proof = _keys(key, salt)
    head = MAGIC + salt + proof
    yield head
    number, held = 0, bytearray()
    for some in plain:
        held += some
        while len(held) > PIECE:  # never all of it: what is left at the end is the last piece
            yield cipher.encrypt(_nonce(number, is_last=False), bytes(held[:PIECE]), head)
            del held[:PIECE]
            number += 1
    yield cipher.encrypt(_nonce(number, is_last=True), bytes(held), head)


def unsealed(file: BinaryIO, key: str) -> Iterator[bytes]:
    """The stream as it was. Raises BackupError for another key, and where the file is damaged or cut off."""
    head = file.read(len(MAGIC) + _SALT + _PROOF)
    if not head.startswith(MAGIC) or len(head) != len(MAGIC) + _SALT + _PROOF:
        raise BackupError("The dump is not a sealed file, or its beginning is damaged.")
    cipher, proof = _keys(key, head[len(MAGIC) : -_PROOF])
    if not hmac.compare_digest(proof, head[-_PROOF:]):
        raise BackupError("The key is not the one that this backup was sealed with.")
    number, piece = 0, file.read(PIECE + _TAG)
    while True:
        following = file.read(PIECE + _TAG)
        try:
            yield cipher.decrypt(_nonce(number, is_last=not following), piece, head)
        except InvalidTag:
            raise BackupError("The sealed dump is damaged or was cut off.") from None
        if not following:
            return
        number, piece = number + 1, following


def _keys(key: str, salt: bytes) -> tuple[AESGCM, bytes]:
    """What encrypts, and what shows that the key is right without telling anything about it."""
    if len(key) < SHORTEST_KEY:
        raise BackupError(f"BACKUP_KEY needs at least {SHORTEST_KEY} characters.")
    made = hashlib.scrypt(key.encode(), salt=salt, n=1 << 15, r=8, p=1, maxmem=1 << 26, dklen=32 + _PROOF)
    return AESGCM(made[:32]), made[32:]


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])
