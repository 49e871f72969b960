"""Exports and imports at work: begun once, told how far, fetched by their owner alone, gone after a week."""

from contextlib import closing
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.errors import Conflict
from accounts.models import Account, User
from journal import tasks
from journal.archive import jobs
from journal.models import Archive, ArchiveStatus
from tests.journal.factories import make_account, make_trade
from tests.journal.test_archive import TUESDAY
from trading.models import Trade

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def exported(alice: User) -> Archive:
    return jobs.run(jobs.request(alice, at=timezone.now()))


def content_of(archive: Archive) -> bytes:
    return jobs.path_of(archive).read_bytes()


def received(owner: User, content: bytes) -> Archive:
    return jobs.receive(owner, chunks=[content], filename="C:\\mine\\journal.zip")


def test_an_export_is_begun_once_and_then_waits_for_a_week(alice: User) -> None:
    make_trade(make_account(alice), day=TUESDAY, pnl="5")
    first, second = jobs.request(alice, at=timezone.now()), jobs.request(alice, at=timezone.now())

    done = jobs.run(first)

    assert first == second
    assert (done.status, done.counts["trades"], done.counts["executions"]) == (ArchiveStatus.DONE, 1, 2)
    assert done.progress == done.total == sum(done.counts.values())
    assert done.expires_at is not None
    assert timedelta(days=6, hours=23) < done.expires_at - timezone.now() <= timedelta(days=7)
    assert jobs.path_of(done).stat().st_mode & 0o777 == 0o600
    assert jobs.folder().stat().st_mode & 0o777 == 0o700


def test_an_export_that_is_done_is_not_written_again(alice: User) -> None:
    done = exported(alice)
    before = content_of(done)

    jobs.run(done)

    assert content_of(done) == before
    assert len(list(jobs.folder().iterdir())) == 1


def test_an_import_takes_the_file_in_and_forgets_it(alice: User, bob: User) -> None:
    make_trade(make_account(alice), day=TUESDAY, pnl="5")

    done = jobs.run(received(bob, content_of(exported(alice))))

    assert (done.status, done.filename, done.counts["trades"]) == (ArchiveStatus.DONE, "journal.zip", 1)
    assert Trade.objects.filter(owner=bob).get().net_pnl == 5
    assert done.stored_as == ""
    assert len(list(jobs.folder().iterdir())) == 1


def test_a_refused_import_says_why_and_changes_nothing(bob: User) -> None:
    failed = jobs.run(received(bob, b"PK nonsense"))

    assert (failed.status, failed.error_code) == (ArchiveStatus.FAILED, "not_a_zip")
    assert not Account.objects.filter(owner=bob).exists()
    assert list(jobs.folder().iterdir()) == []


def test_a_file_that_is_too_large_is_not_kept(bob: User, settings: Any) -> None:
    settings.ARCHIVE_MAX_BYTES = 3

    with pytest.raises(Exception, match="at most"):
        received(bob, b"four")

    assert not Archive.objects.exists()
    assert list(jobs.folder().iterdir()) == []


def test_a_second_import_is_refused_while_one_is_at_work(bob: User) -> None:
    received(bob, b"PK")

    with pytest.raises(Conflict):
        received(bob, b"PK")

    assert len(list(jobs.folder().iterdir())) == 1


def test_what_is_canceled_while_it_waits_is_never_done(alice: User) -> None:
    archive = jobs.request(alice, at=timezone.now())

    jobs.cancel(archive)

    assert jobs.run(archive).status == ArchiveStatus.CANCELED
    with pytest.raises(Conflict):
        jobs.cancel(archive)


@pytest.mark.django_db(transaction=True)
def test_what_is_canceled_just_before_its_worker_begins_stays_canceled(alice: User) -> None:
    archive = jobs.request(alice, at=timezone.now())
    jobs.cancel(archive)

    with closing(jobs._Progress(archive)) as progress, pytest.raises(jobs.ArchiveCanceled):
        progress.started(0)

    archive.refresh_from_db()
    assert (archive.status, archive.attempts) == (ArchiveStatus.CANCELED, 0)


def test_what_is_over_does_not_end_in_another_way(alice: User) -> None:
    done = exported(alice)

    jobs._over(done, ArchiveStatus.FAILED, error="late")

    done.refresh_from_db()
    assert (done.status, done.error, bool(done.stored_as)) == (ArchiveStatus.DONE, "", True)


def test_only_what_waited_is_said_to_have_changed_nothing(alice: User, alice_client: Client) -> None:
    waiting = jobs.request(alice, at=timezone.now())
    answer = alice_client.post(f"/everything/{waiting.public_id}/cancel/", follow=True)
    assert "Canceled. Nothing was changed." in answer.content.decode()

    running = jobs.request(alice, at=timezone.now())
    Archive.objects.filter(pk=running.pk).update(status="running")
    page = alice_client.post(f"/everything/{running.public_id}/cancel/", follow=True).content.decode()

    assert "It is being canceled." in page
    assert "Canceled. Nothing was changed." not in page


def test_an_error_that_nobody_foresaw_ends_it_and_the_next_one_begins(
    bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise LookupError("nobody foresaw it")

    monkeypatch.setattr("zipfile.ZipFile", broken)

    failed = jobs.run(received(bob, b"PK"))

    assert (failed.status, failed.error_code, failed.stored_as) == (ArchiveStatus.FAILED, "unexpected", "")
    assert received(bob, b"PK").status == ArchiveStatus.QUEUED


def test_a_worker_that_died_three_times_is_followed_by_none(alice: User) -> None:
    archive = jobs.request(alice, at=timezone.now())
    Archive.objects.filter(pk=archive.pk).update(status="running", attempts=3)

    assert jobs.run(archive).error_code == "gave_up"


def test_after_a_week_the_file_is_gone(alice: User, alice_client: Client) -> None:
    done = exported(alice)
    week = timezone.now() + timedelta(days=7, minutes=1)

    assert jobs.sweep(at=timezone.now()) == 0
    assert jobs.sweep(at=week) == 1

    assert list(jobs.folder().iterdir()) == []
    assert alice_client.get(f"/everything/{done.public_id}/file/").status_code == 404


def test_files_that_nobody_knows_of_are_cleared_away_after_a_day(alice: User) -> None:
    (jobs.folder() / "left-over.part").write_text("x")

    assert jobs.sweep(at=timezone.now()) == 0
    assert jobs.sweep(at=timezone.now() + timedelta(days=2)) == 1


def test_the_sweep_takes_up_what_was_lost(alice: User) -> None:
    archive = jobs.request(alice, at=timezone.now())
    Archive.objects.filter(pk=archive.pk).update(created_at=timezone.now() - timedelta(minutes=1))

    tasks.sweep_archives()

    archive.refresh_from_db()
    assert archive.status == ArchiveStatus.DONE


def test_the_page_begins_shows_and_hands_out_an_export(alice: User, alice_client: Client, bob_client: Client) -> None:
    assert alice_client.post("/everything/export/").status_code == 302
    archive = Archive.objects.get(owner=alice)
    assert "Waiting for its turn" in alice_client.get("/everything/").content.decode()
    assert alice_client.get(f"/everything/{archive.public_id}/").status_code == 200

    jobs.run(archive)

    page = alice_client.get("/everything/").content.decode()
    address = f"/everything/{archive.public_id}/file/"
    assert f'href="{address}"' in page
    answer = alice_client.get(address)
    assert b"".join(answer.streaming_content) == content_of(archive)  # type: ignore[attr-defined]
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{archive.filename}"'
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert bob_client.get(address).status_code == 404
    assert alice_client.post(f"/everything/{archive.public_id}/forget/").status_code == 302
    assert alice_client.get(address).status_code == 404


def test_the_page_takes_a_file(alice: User, bob: User, bob_client: Client) -> None:
    make_trade(make_account(alice), day=TUESDAY, pnl="5")
    file = SimpleUploadedFile("journal.zip", content_of(exported(alice)))

    assert bob_client.post("/everything/import/", {"file": file}).status_code == 302
    tasks.run_archive(Archive.objects.get(owner=bob).pk)

    assert Trade.objects.filter(owner=bob).count() == 1
    page = bob_client.get("/everything/").content.decode()
    assert "<li>1 trade</li>" in page
    assert "<li>2 fills</li>" in page
    assert bob_client.post("/everything/import/").status_code == 400


def test_the_api_exports_and_imports(alice: User, alice_api: APIClient, bob: User, bob_api: APIClient) -> None:
    make_trade(make_account(alice), day=TUESDAY, pnl="5")
    begun = alice_api.post("/api/v1/archives/")
    assert (begun.status_code, begun.json()["status"]) == (202, "queued")
    jobs.run(Archive.objects.get(owner=alice))
    found = alice_api.get(f"/api/v1/archives/{begun.json()['id']}/").json()
    assert (found["status"], found["has_file"], found["counts"]["trades"]) == ("done", True, 1)
    content = b"".join(alice_api.get(f"/api/v1/archives/{found['id']}/download/").streaming_content)

    sent = bob_api.post("/api/v1/archives/import/", {"file": SimpleUploadedFile("a.zip", content)}, format="multipart")
    assert sent.status_code == 202
    jobs.run(Archive.objects.get(owner=bob))

    assert bob_api.get("/api/v1/archives/").json()["results"][0]["counts"]["executions"] == 2
    assert bob_api.get(f"/api/v1/archives/{found['id']}/").status_code == 404


def test_the_commands_write_and_take_in(alice: User, bob: User, tmp_path: Path) -> None:
    make_trade(make_account(alice), day=TUESDAY, pnl="5")
    path, out = tmp_path / "alice.zip", StringIO()

    call_command("export_everything", "alice@example.com", str(path), stdout=out)
    call_command("import_everything", "bob@example.com", str(path), stdout=out)
    call_command("import_everything", "bob@example.com", str(path), stdout=out)

    assert Trade.objects.filter(owner=bob).count() == 1
    assert "Everything in it was there already." in out.getvalue()
    with pytest.raises(CommandError, match="exists"):
        call_command("export_everything", "alice@example.com", str(path))
    with pytest.raises(CommandError, match="Nobody"):
        call_command("import_everything", "nobody@example.com", str(path))
