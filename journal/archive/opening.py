"""An archive looked into before a word of it is believed: its shape, its sizes, its names, its hashes."""

import hashlib
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from django.conf import settings
from django.utils.translation import gettext as _

from accounts.errors import DomainError
from journal.archive.tables import FORMAT, VERSION, tables

MANIFEST = "manifest.json"
PERSON = "person.json"
LONGEST_MANIFEST = 64 << 20
LONGEST_PERSON = 64 << 10
#: A line holds at most a note, or the account of an import.
LONGEST_LINE = 32 << 20
#: Text packs well; what packs better than this was made to fill a disk.
LARGEST_RATIO = 400
_PIECE = 1 << 20
_NAME = re.compile(r"attachments/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


class ArchiveRefused(DomainError):
    """The file is no archive of ours, or not a whole one, or holds what it may not. Nothing of it was taken in."""

    code = "archive_refused"
    status = 422


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the archive, as its manifest has it."""

    name: str
    rows: int
    size: int
    sha256: str


class Opened:
    """An archive whose every member is there, of its stated size and hash, and nothing else."""

    def __init__(self, file: zipfile.ZipFile, members: dict[str, Member]) -> None:
        self.zip = file
        self.members = members

    @property
    def total(self) -> int:
        """Rows in all tables."""
        return sum(self.rows(table.name) for table in tables())

    def rows(self, name: str) -> int:
        """How many the table has; none where the archive is older than the table."""
        member = self.members.get(f"{name}.jsonl")
        return member.rows if member else 0

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a table, one by one. Raises ArchiveRefused for one that is too long."""
        if f"{name}.jsonl" not in self.members:
            return
        with self.zip.open(f"{name}.jsonl") as file:
            while line := file.readline(LONGEST_LINE + 1):
                if len(line) > LONGEST_LINE:
                    raise ArchiveRefused(
                        _("%(name)s has a line that is too long.") % {"name": f"{name}.jsonl"}, code="line_too_long"
                    )
                yield line

    def person(self) -> dict[str, Any]:
        """What the archive says of the person. Raises ArchiveRefused."""
        if self.zip.getinfo(PERSON).file_size > LONGEST_PERSON:
            raise ArchiveRefused(_("%(name)s is too long.") % {"name": PERSON}, code="too_large")
        return _object(self.zip.read(PERSON), name=PERSON)

    @contextmanager
    def file(self, name: str) -> Iterator[BinaryIO]:
        """The bytes of an attachment."""
        with self.zip.open(f"attachments/{name}") as file:
            yield file  # type: ignore[misc]  # ZipExtFile is a BufferedIOBase


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """The archive at `path`, looked into. Raises ArchiveRefused, which says why it is not taken."""
    try:
        with ExitStack() as stack:
            yield _looked_into(path, stack)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise _not_whole() from error
    except OSError as error:
        raise ArchiveRefused(_("The file can no longer be read: send it again."), code="file_missing") from error


def _looked_into(path: Path, stack: ExitStack) -> Opened:
    # Here alone, where every byte is the file's: what the caller does with it may raise these for reasons of its own.
    try:
        file = stack.enter_context(zipfile.ZipFile(path))
        _refuse_odd(file.infolist())
        members = _members(file)
        for member in members.values():
            _refuse_changed(file, member)
    except (ValueError, RuntimeError, struct.error) as error:
        raise _not_whole() from error
    return Opened(file, members)


def _not_whole() -> ArchiveRefused:
    return ArchiveRefused(_("This is not a whole ZIP file."), code="not_a_zip")


def _refuse_odd(found: list[zipfile.ZipInfo]) -> None:
    """Nothing in the ZIP is encrypted, there twice, named like a path, or larger than there is room for."""
    names = [each.filename for each in found]
    if len(set(names)) != len(names):
        raise ArchiveRefused(_("A name comes twice in it."), code="duplicate_member")
    known = {MANIFEST, PERSON, *(f"{table.name}.jsonl" for table in tables())}
    room = settings.ARCHIVE_MAX_UNPACKED_BYTES
    for each in found:
        if each.filename not in known and not _NAME.fullmatch(each.filename):
            raise ArchiveRefused(
                _("%(name)s does not belong in an archive.") % {"name": repr(each.filename[:60])}, code="unknown_member"
            )
        if each.flag_bits & 1:
            raise ArchiveRefused(_("It is encrypted."), code="encrypted")
        if each.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ArchiveRefused(_("It is packed in a way that is not read here."), code="packing")
        room -= each.file_size
        if room < 0 or each.file_size > LARGEST_RATIO * max(each.compress_size, 1 << 16):
            raise ArchiveRefused(_("It would be too large unpacked."), code="too_large")


def _members(file: zipfile.ZipFile) -> dict[str, Member]:
    if MANIFEST not in file.namelist():
        raise ArchiveRefused(_("It has no manifest.json: it is not an archive of this journal."), code="no_manifest")
    if file.getinfo(MANIFEST).file_size > LONGEST_MANIFEST:
        raise ArchiveRefused(_("Its manifest is too long."), code="too_large")
    manifest = _object(file.read(MANIFEST), name=MANIFEST)
    if manifest.get("format") != FORMAT:
        raise ArchiveRefused(_("It is not an archive of this journal."), code="unknown_format")
    if manifest.get("version") != VERSION:
        raise ArchiveRefused(
            _("It is of version %(found)s; this journal reads version %(read)s.")
            % {"found": str(manifest.get("version"))[:20], "read": VERSION},
            code="unknown_version",
        )
    stated = manifest.get("members")
    members = {each.name: each for each in map(_member, stated if isinstance(stated, list) else [])}
    in_file = set(file.namelist()) - {MANIFEST}
    needed = {PERSON, *(f"{table.name}.jsonl" for table in tables() if not table.may_be_missing)}
    if members.keys() != in_file or not needed <= in_file:
        odd = sorted((members.keys() ^ in_file) | (needed - in_file))
        raise ArchiveRefused(
            _("Its manifest and its files differ: %(names)s.") % {"names": ", ".join(odd[:3])}, code="members_differ"
        )
    return members


def _member(stated: Any) -> Member:
    if not isinstance(stated, dict) or stated.keys() != {"name", "rows", "size", "sha256"}:
        raise ArchiveRefused(_("Its manifest is not as it should be."), code="bad_manifest")
    numbers = [stated["rows"], stated["size"]]
    if (
        any(not isinstance(number, int) or isinstance(number, bool) or number < 0 for number in numbers)
        or not isinstance(stated["name"], str)
        or not isinstance(stated["sha256"], str)
        or not _HASH.fullmatch(stated["sha256"])
    ):
        raise ArchiveRefused(_("Its manifest is not as it should be."), code="bad_manifest")
    return Member(**stated)


def _refuse_changed(file: zipfile.ZipFile, member: Member) -> None:
    """The member is as it was when it was written."""
    digest, size, rows = hashlib.sha256(), 0, 0
    with file.open(member.name) as content:
        while piece := content.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            rows += piece.count(b"\n")
    is_table = member.name.endswith(".jsonl")
    if size != member.size or digest.hexdigest() != member.sha256 or (is_table and rows != member.rows):
        raise ArchiveRefused(_("%(name)s was changed or is damaged.") % {"name": member.name}, code="hash_differs")


def _object(data: bytes, *, name: str) -> dict[str, Any]:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ArchiveRefused(_("%(name)s is not JSON.") % {"name": name}, code="bad_manifest") from error
    if not isinstance(found, dict):
        raise ArchiveRefused(_("%(name)s is not as it should be.") % {"name": name}, code="bad_manifest")
    return found
