"""Makes a backup of the database, or says which there are."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.backups import kept, making
from config.backups.server import BackupError, configured


class Command(BaseCommand):
    help = (
        "Dump the database into the folder of backups (BACKUP_DIR) with a manifest of what every table holds at that "
        "moment, encrypted if BACKUP_KEY is set, and delete backups older than BACKUP_DAYS, but never the newest good "
        "one. Uploaded files (MEDIA_ROOT) are not in it. With --check, list what there is. Exit code 1: no backup "
        "could be made, or --check finds no good one of the last 26 hours."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--into", metavar="FOLDER", type=Path, help="another folder of backups")
        parser.add_argument("--check", action="store_true", help="make none; list them and say whether one is fresh")

    def handle(self, *args: Any, **options: Any) -> None:
        folder = options["into"] or settings.BACKUP_DIR
        if options["check"]:
            self._check(folder)
            return
        now = timezone.now()
        try:
            made = making.make(folder, configured(), key=settings.BACKUP_KEY, now=now, on_step=self._show_progress)
        except BackupError as error:
            raise CommandError(str(error), returncode=1) from None
        for gone in kept.forget_old(folder, days=settings.BACKUP_DAYS, now=now):
            self.stdout.write(f"Deleted {gone}, which is more than {settings.BACKUP_DAYS} days old.")
        manifest = made.manifest
        rows = sum(table.rows for table in manifest.contents.tables.values())
        self.stdout.write(
            f"{len(manifest.contents.tables)} tables, {rows:,} rows, {manifest.bytes:,} bytes, {manifest.seconds} s, "
            f"{'encrypted' if manifest.is_sealed else 'not encrypted (no BACKUP_KEY)'}."
        )
        if files := manifest.media["files"]:
            self.stdout.write(
                f"Not in it: {files:,} uploaded files in {manifest.media['folder']}. Copy that folder too."
            )
        self.stdout.write(self.style.SUCCESS(str(made.folder)))

    def _check(self, folder: Path) -> None:
        for each in kept.all_in(folder):
            state = "" if each.is_whole else "  DAMAGED: the dump has not the length of its manifest"
            self.stdout.write(
                f"{each.manifest.made_at:%Y-%m-%d %H:%M} UTC {each.manifest.bytes:>15,}  {each.folder}{state}"
            )
        newest = kept.newest_whole(folder)
        if newest is None:
            raise CommandError(f"There is no good backup in {folder}.", returncode=1)
        if newest.manifest.made_at < timezone.now() - kept.FRESH:
            raise CommandError(
                f"The newest good backup is of {newest.manifest.made_at:%Y-%m-%d %H:%M} UTC.", returncode=1
            )
        self.stdout.write(self.style.SUCCESS("The newest is fresh."))

    def _show_progress(self, what: str, done: int, of: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r\033[K{done} of {of}  {what}", ending="\n" if done == of else "")
