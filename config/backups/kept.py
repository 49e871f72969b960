"""The folder of backups: what is in it, which of it is good, and what is old enough to go."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from config.backups.contents import Contents, Table
from config.backups.sealing import unsealed
from config.backups.server import PIECE, BackupError

#: Of the manifest and of what it stands beside. A later one is for a later program to read.
FORMAT = 1
MANIFEST, DUMP, SEALED_DUMP = "manifest.json", "database.dump", "database.dump.sealed"
UNFINISHED = ".unfinished-"
#: One that is older means that the clock does not make them any more.
FRESH = timedelta(hours=26)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is. `roles` are those that the dump names, `media` says what of the uploaded files is in it."""

    made_at: datetime
    database: str
    product: str
    server: str
    pg_dump: str
    migrations: list[str]
    extensions: dict[str, str]
    roles: list[str]
    contents: Contents
    bytes: int
    sha256: str
    is_sealed: bool
    seconds: float
    media: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def server_major(self) -> int:
        return int(self.server.split(".")[0])

    def as_json(self) -> str:
        return json.dumps({**asdict(self), "made_at": self.made_at.isoformat()}, indent=1)


def read_manifest(path: Path) -> Manifest:
    """Raises BackupError where it cannot be read, or belongs to a later version of this program."""
    try:
        found = json.loads(path.read_bytes())
        if found["format"] > FORMAT:
            raise BackupError(
                f"{path} has format {found['format']}, and this version of the journal reads {FORMAT}: "
                f"use the version that made it ({found.get('product', 'unknown')}) or a later one."
            )
        tables = {name: Table(**table) for name, table in found["contents"]["tables"].items()}
        contents = Contents(tables, found["contents"]["objects"])
        return Manifest(**{**found, "made_at": datetime.fromisoformat(found["made_at"]), "contents": contents})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupError(f"{path} cannot be read: {error}") from None


@dataclass(frozen=True, slots=True)
class Backup:
    """A complete backup, at least by its name."""

    folder: Path
    manifest: Manifest

    @property
    def dump(self) -> Path:
        return self.folder / (SEALED_DUMP if self.manifest.is_sealed else DUMP)

    @property
    def is_whole(self) -> bool:
        """The dump is as long as it was. Cheap; `check` reads all of it."""
        return self.dump.is_file() and self.dump.stat().st_size == self.manifest.bytes

    def check(self) -> None:
        """Raises BackupError unless the dump is, byte for byte, what was written."""
        if not self.dump.is_file():
            raise BackupError(f"{self.dump} is not there.")
        size = self.dump.stat().st_size
        if size != self.manifest.bytes:
            raise BackupError(
                f"{self.dump} has {size} bytes instead of {self.manifest.bytes}: it was cut off or changed."
            )
        digest = hashlib.sha256()
        for piece in self._raw():
            digest.update(piece)
        if digest.hexdigest() != self.manifest.sha256:
            raise BackupError(f"{self.dump} is damaged: its checksum is not that of the manifest.")

    def pieces(self, key: str) -> Iterator[bytes]:
        """pg_dump's output. Raises BackupError without the right key."""
        if not self.manifest.is_sealed:
            yield from self._raw()
            return
        if not key:
            raise BackupError("The backup is sealed: set BACKUP_KEY or BACKUP_KEY_FILE to the key it was made with.")
        with self.dump.open("rb") as file:
            yield from unsealed(file, key)

    def _raw(self) -> Iterator[bytes]:
        with self.dump.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece


def open_backup(path: Path) -> Backup:
    """The backup at the path: its folder, or either file in it. Raises BackupError where there is none."""
    folder = path.parent if path.is_file() else path
    if not (folder / MANIFEST).is_file():
        raise BackupError(f"{path} is no backup: there is no {MANIFEST} in {folder}.")
    return Backup(folder, read_manifest(folder / MANIFEST))


def all_in(folder: Path) -> list[Backup]:
    """The newest first. What cannot be read, or is not finished, is left out."""
    found = []
    for each in folder.iterdir() if folder.is_dir() else ():
        if each.name.startswith(UNFINISHED) or not (each / MANIFEST).is_file():
            continue
        try:
            found.append(open_backup(each))
        except BackupError:
            continue
    return sorted(found, key=lambda backup: backup.manifest.made_at, reverse=True)


def newest_whole(folder: Path) -> Backup | None:
    return next((each for each in all_in(folder) if each.is_whole), None)


def forget_old(folder: Path, *, days: int, now: datetime) -> list[Path]:
    """No backup is older than so many days, but the newest whole one stays whatever its age. Returns what went."""
    kept = newest_whole(folder)
    gone = []
    for each in all_in(folder):
        if each.manifest.made_at < now - timedelta(days=days) and kept and each.folder != kept.folder:
            # Under another name first: cut off halfway, it is no backup any more.
            doomed = each.folder.rename(folder / f"{UNFINISHED}{each.folder.name}")
            shutil.rmtree(doomed)
            gone.append(each.folder)
    return gone
