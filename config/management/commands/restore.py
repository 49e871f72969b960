"""Tries a backup out, or brings it back."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.backups import kept, restoring
from config.backups.contents import Compared
from config.backups.kept import Backup
from config.backups.server import BackupError, configured


class Command(BaseCommand):
    help = (
        "With --verify, restore a backup into a scratch database, compare the rows and checksum of every table with "
        "the manifest, check the invariants of the journal there, and drop it. With --into NAME, restore it into a new "
        "or empty database, never over anything. Exit code 1: something differs or is broken. Exit code 2: it could "
        "not be restored, and nothing has changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("backup", help="its folder, a file in it, or: newest")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--verify", action="store_true", help="try it out in a database of its own")
        what.add_argument("--into", metavar="NAME", help="a database of this server that is new or empty")
        parser.add_argument("--yes", action="store_true", help="do not ask before restoring")
        parser.add_argument("--no-invariants", action="store_true", help="with --verify: compare the tables only")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            backup = self._backup(options["backup"])
            made = backup.manifest
            self.stdout.write(f"{backup.folder}: {made.database} of {made.made_at:%Y-%m-%d %H:%M:%S} UTC")
            broken = (
                self._verify(backup, with_invariants=not options["no_invariants"])
                if options["verify"]
                else self._restore(backup, options["into"], is_confirmed=options["yes"])
            )
        except BackupError as error:
            raise CommandError(str(error), returncode=2) from None
        if broken:
            raise CommandError(broken, returncode=1)

    def _backup(self, name: str) -> Backup:
        if name != "newest":
            return kept.open_backup(Path(name))
        found = kept.newest_whole(settings.BACKUP_DIR)
        if found is None:
            raise BackupError(f"There is no good backup in {settings.BACKUP_DIR}.")
        return found

    def _verify(self, backup: Backup, *, with_invariants: bool) -> str:
        """What is wrong, or nothing."""
        steps = self._show_progress
        with restoring.tried_out(backup, configured(), key=settings.BACKUP_KEY, on_step=steps) as (scratch, lines):
            differing = self._print(lines)
            if not with_invariants:
                holds = True
            elif restoring.has_our_migrations(backup):
                holds, said = restoring.verify_invariants(scratch)
                self.stdout.write(said)
            else:
                holds = True
                self.stdout.write("The invariants are not checked: the tables are those of another version.")
        if differing or not holds:
            return f"{differing} tables differ; the invariants {'hold' if holds else 'are broken'}."
        self.stdout.write(self.style.SUCCESS("The backup restores to what it was made of."))
        return ""

    def _restore(self, backup: Backup, name: str, *, is_confirmed: bool) -> str:
        """What is wrong, or nothing."""
        if not name.strip():
            raise BackupError("Name the database that it is restored into.")
        target = configured().named(name)
        if not is_confirmed:
            asked = f'Restore it into the database "{name}" on this server? Type the name again: '
            if not sys.stdin.isatty() or input(asked) != name:
                raise BackupError("Not confirmed; nothing was done. Without a terminal, --yes confirms.")
        lines = restoring.restore_into(backup, target, key=settings.BACKUP_KEY, on_step=self._show_progress)
        if differing := self._print(lines):
            return f"{differing} tables differ from the manifest."
        media = backup.manifest.media
        self.stdout.write(self.style.SUCCESS(f"{name} holds the backup. Run migrate on it before it is used."))
        if media.get("files"):
            self.stdout.write(f"Not in it: the {media['files']:,} uploaded files that were in {media['folder']}.")
        return ""

    def _print(self, lines: list[Compared]) -> int:
        """The table of what was compared; returns how many lines differ."""
        width = max(len(line.name) for line in lines)
        self.stdout.write(f"{'table':{width}}  {'was':>12}  {'restored':>12}")
        for line in lines:
            was, found = ("none" if count is None else f"{count:,}" for count in (line.was, line.found))
            verdict = "same" if line.is_same else self.style.ERROR("DIFFERS")
            self.stdout.write(f"{line.name:{width}}  {was:>12}  {found:>12}  {verdict}")
        return sum(not line.is_same for line in lines)

    def _show_progress(self, what: str, done: int, of: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r\033[K{done} of {of}  {what}", ending="\n" if done == of else "")
