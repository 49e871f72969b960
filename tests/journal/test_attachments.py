"""Files that people keep: what they are by their content, harmless, within a quota, for nobody else."""

import io
import os
import stat
import zlib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from accounts import undo
from accounts.errors import Conflict, InvalidValue
from accounts.models import User
from journal import attachments, notes, pictures
from journal.attachments import FileTooLarge, QuotaExceeded, cleaned_name
from journal.models import Attachment, Note
from journal.notes import Written
from journal.pictures import FileRefused, examine
from tests.factories import make_user
from tests.journal.factories import make_account, make_trade
from tests.waiting import at_once
from trading import trades

DAY = date(2026, 3, 2)


@pytest.fixture(autouse=True)
def media(tmp_path: Path, settings: Any) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def drawn(kind: str = "PNG", size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "#336699").save(out, kind, **options)
    return out.getvalue()


@pytest.fixture
def note(alice: User) -> Note:
    return notes.write(owner=alice, words=Written(text="x"), day=DAY)


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


# ---------------------------------------------------------------- what a file is
@pytest.mark.parametrize(
    ("kind", "content_type", "extension"),
    [
        ("PNG", "image/png", "png"),
        ("JPEG", "image/jpeg", "jpg"),
        ("WEBP", "image/webp", "webp"),
        ("GIF", "image/gif", "gif"),
    ],
)
def test_pictures_are_known_by_their_content(kind: str, content_type: str, extension: str) -> None:
    found = examine(drawn(kind), name="anything.exe")

    assert (found.content_type, found.extension, found.width, found.height) == (content_type, extension, 40, 30)
    assert Image.open(io.BytesIO(found.thumbnail)).format == "WEBP"


@pytest.mark.parametrize(
    ("content", "name", "content_type"),
    [
        (b"%PDF-1.7\n%%EOF", "a.png", "application/pdf"),
        (b"when,what\n1,2\n", "fills.csv", "text/csv"),
        ("d\u00e9j\u00e0 vu".encode(), "a.html", "text/plain"),
    ],
)
def test_other_files_that_are_kept(content: bytes, name: str, content_type: str) -> None:
    assert examine(content, name=name).content_type == content_type


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!DOCTYPE html><script>alert(1)</script>",
        b"  \n<html>",
        b"<?xml version='1.0'?><svg/>",
        b"words, then <script>alert(1)</script>",
        b"MZ\x90\x00\x03",
        b"PK\x03\x04zip",
        b"\x7fELF",
        b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\r\n\x1a\nnot a picture",
        b"\xff\xd8\xff\xe0 broken",
        b"GIF89a",
        b"RIFF\x00\x00\x00\x00WEBPbroken",
        b"text with \x00 in it",
        "<\u0000svg".encode("utf-16"),
    ],
)
def test_what_is_refused(content: bytes) -> None:
    with pytest.raises(FileRefused):
        examine(content, name="picture.png")


def test_what_a_camera_wrote_is_taken_out() -> None:
    exif = Image.Exif()
    exif[0x010F] = "SECRETCAMERA"
    exif[0x8825] = {1: "N", 2: (48.0, 51.0, 0.0)}
    text = PngInfo()
    text.add_text("Comment", "SECRETWORDS")

    for content in (
        drawn("JPEG", exif=exif, comment=b"SECRETWORDS"),
        drawn("PNG", exif=exif, pnginfo=text),
        drawn("WEBP", exif=exif),
    ):
        assert b"SECRET" in content
        found = examine(content)
        assert b"SECRET" not in found.content
        assert not Image.open(io.BytesIO(found.content)).getexif()


def test_a_picture_on_its_side_is_turned() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6

    found = examine(drawn("JPEG", exif=exif))

    assert (found.width, found.height) == (30, 40)


def test_what_stands_behind_a_picture_is_dropped() -> None:
    found = examine(drawn() + b"<script>alert(1)</script>PK\x03\x04")

    assert b"<script>" not in found.content
    assert b"PK\x03\x04" not in found.content


def test_a_small_file_with_a_huge_picture_is_refused() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    head = (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )

    with pytest.raises(FileRefused):
        examine(bomb)


def test_a_picture_just_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "LARGEST_AREA", 40 * 30)
    examine(drawn(size=(40, 30)))

    with pytest.raises(FileRefused):
        examine(drawn(size=(41, 30)))


def test_a_moving_picture_keeps_its_frames_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "green", "blue")]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=[100, 200, 300])

    assert Image.open(io.BytesIO(examine(out.getvalue()).content)).n_frames == 3
    monkeypatch.setattr(pictures, "MOST_FRAMES", 2)
    with pytest.raises(FileRefused):
        examine(out.getvalue())


@pytest.mark.parametrize(
    ("name", "extension", "shown"),
    [
        ("../../etc/passwd", "txt", "passwd.txt"),
        ("C:\\fills\\a.png", "png", "a.png"),
        ("a.php.png", "png", "a.php.png"),
        ("evil.html", "txt", "evil.txt"),
        ("CON", "txt", "file CON.txt"),
        ("", "png", "file.png"),
        ("...", "png", "file.png"),
        ("a\r\nSet-Cookie: x.png", "png", "aSet-Cookie x.png"),
        ("\u202egnp.exe", "png", "gnp.png"),
        ("x" * 5000, "png", "x" * 100 + ".png"),
        ("<script>.png", "png", "script.png"),
    ],
)
def test_names_are_cleaned(name: str, extension: str, shown: str) -> None:
    assert cleaned_name(name, extension=extension) == shown


# ---------------------------------------------------------------- keeping
def test_a_file_is_kept_by_owner_under_a_name_of_our_own(alice: User, note: Note, media: Path) -> None:
    made = attachments.add(owner=alice, content=drawn(), name="../chart.exe", note=note, caption="The open")

    assert (made.filename, made.caption, made.content_type) == ("chart.png", "The open", "image/png")
    for path in files_below(media):
        assert path.parent == media / "attachments" / str(alice.pk)
        assert "chart" not in path.name
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert made.size == sum(path.stat().st_size for path in files_below(media))


def test_a_refused_file_leaves_nothing(alice: User, note: Note, media: Path, settings: Any) -> None:
    settings.ATTACHMENT_MAX_BYTES = 1000

    for content, refusal in ((b"<svg>", FileRefused), (b"", FileRefused), (b"x" * 1001, FileTooLarge)):
        with pytest.raises(refusal):
            attachments.add(owner=alice, content=content, name="a", note=note)

    assert not Attachment.objects.exists()
    assert files_below(media) == []


def test_others_things_are_no_place_for_files(alice: User, bob: User, note: Note) -> None:
    trade = make_trade(make_account(bob), day=DAY, pnl="1")

    for owner, place in (
        (bob, {"note": note}),
        (alice, {"trade": trade}),
        (alice, {}),
        (bob, {"note": note, "trade": trade}),
    ):
        with pytest.raises(InvalidValue):
            attachments.add(owner=owner, content=b"x", name="a", **place)

    assert not Attachment.objects.exists()


def test_the_quota_holds(alice: User, bob: User, note: Note, media: Path, settings: Any) -> None:
    settings.ATTACHMENT_QUOTA_BYTES = 100
    attachments.add(owner=alice, content=b"x" * 60, name="a", note=note)
    his = notes.write(owner=bob, words=Written(text="x"), day=DAY)
    attachments.add(owner=bob, content=b"x" * 60, name="a", note=his)

    with pytest.raises(QuotaExceeded):
        attachments.add(owner=alice, content=b"x" * 41, name="b", note=note)

    assert attachments.used_by(alice) == 60
    assert len(files_below(media)) == 2
    attachments.add(owner=alice, content=b"x" * 40, name="b", note=note)


def test_deleting_makes_room_and_never_fills_the_disk(
    alice: User, note: Note, media: Path, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.ATTACHMENT_QUOTA_BYTES = 100
    for _ in range(5):
        with django_capture_on_commit_callbacks(execute=True):
            attachments.delete(attachments.add(owner=alice, content=b"x" * 60, name="a", note=note))

    assert attachments.used_by(alice) == 0
    assert sum(path.stat().st_size for path in files_below(media)) <= 100


def test_a_deleted_file_comes_back_until_it_is_swept(
    alice: User, note: Note, media: Path, django_capture_on_commit_callbacks: Any
) -> None:
    made = attachments.add(owner=alice, content=b"words", name="a", note=note)
    token = undo.token(alice, "attachment.delete", attachments.delete(made))
    undo.perform(alice, token)
    assert Attachment.objects.for_user(alice).get() == made
    attachments.delete(made)

    now = timezone.now()
    assert attachments.sweep(now + timedelta(days=6)) == 0
    with django_capture_on_commit_callbacks(execute=True):
        assert attachments.sweep(now + timedelta(days=8)) == 1

    assert files_below(media) == []
    with pytest.raises(Conflict):
        undo.perform(alice, token)


def test_files_of_a_trade_that_is_gone_have_a_month(alice: User, django_capture_on_commit_callbacks: Any) -> None:
    trade = make_trade(make_account(alice), day=DAY, pnl="1")
    made = attachments.add(owner=alice, content=b"words", name="a", trade=trade)
    now = timezone.now()
    fills = trades.delete(trade)
    attachments.sweep(now)
    attachments.sweep(now + timedelta(days=29))

    trades.restore(alice.pk, execution_ids=fills)
    attachments.sweep(now + timedelta(days=40))
    assert Attachment.objects.for_user(alice).get() == made

    trades.delete(trade.__class__.objects.get())
    attachments.sweep(now + timedelta(days=41))
    with django_capture_on_commit_callbacks(execute=True):
        assert attachments.sweep(now + timedelta(days=72)) == 1


def test_files_that_no_row_knows_are_swept_after_a_day(alice: User, note: Note, media: Path) -> None:
    attachments.add(owner=alice, content=b"words", name="a", note=note)
    stray = media / "attachments" / str(alice.pk) / "stray"
    stray.write_bytes(b"left by a crash")

    assert attachments.sweep_unknown(timezone.now()) == 0
    assert attachments.sweep_unknown(timezone.now() + timedelta(days=2)) == 1
    assert not stray.exists()
    assert len(files_below(media)) == 1


# ---------------------------------------------------------------- pages
def test_a_picture_is_shown_and_other_files_are_saved(alice: User, alice_client: Client, note: Note) -> None:
    picture = attachments.add(owner=alice, content=drawn(), name="chart.png", note=note)
    text = attachments.add(owner=alice, content=b"<b>bold", name='a".txt', note=note)

    shown = alice_client.get(f"/attachments/{picture.public_id}/file/")
    saved = alice_client.get(f"/attachments/{text.public_id}/file/")

    assert shown.headers["Content-Type"] == "image/png"
    assert shown.headers["Content-Disposition"] == 'inline; filename="chart.png"'
    assert saved.headers["Content-Type"].startswith("text/plain")
    assert saved.headers["Content-Disposition"].startswith("attachment; ")
    for answer in (shown, saved):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    again = alice_client.get(f"/attachments/{text.public_id}/file/", headers={"If-None-Match": saved.headers["ETag"]})
    assert again.status_code == 304


def test_a_file_that_is_missing_on_the_disk_is_not_found(alice: User, alice_client: Client, note: Note) -> None:
    made = attachments.add(owner=alice, content=b"words", name="a", note=note)
    default_storage.delete(str(made.file.name))

    assert alice_client.get(f"/attachments/{made.public_id}/file/").status_code == 404


def test_nobody_else_gets_a_file(alice: User, bob_client: Client, note: Note) -> None:
    made = attachments.add(owner=alice, content=drawn(), name="a", note=note)

    for path in ("file/", "thumbnail/"):
        assert bob_client.get(f"/attachments/{made.public_id}/{path}").status_code == 404
        assert Client().get(f"/attachments/{made.public_id}/{path}").status_code == 302


def test_files_are_sent_with_what_was_refused_beside_them(alice_client: Client, note: Note) -> None:
    sent = [SimpleUploadedFile("a.png", drawn()), SimpleUploadedFile("b.svg", b"<svg/>")]

    answer = alice_client.post(
        "/attachments/", {"note": str(note.public_id), "file": sent}, headers={"HX-Request": "true"}
    )

    assert answer.status_code == 200
    assert 'role="alert"' in answer.content.decode()
    assert [each.filename for each in Attachment.objects.all()] == ["a.png"]


def test_a_new_note_with_a_refused_file_is_not_written(alice_client: Client) -> None:
    form = {"kind": "note", "day": "2026-03-02", "text": "typed", "files": SimpleUploadedFile("x.png", b"<html>")}

    answer = alice_client.post("/journal/new/", form)

    assert answer.status_code == 422
    assert "typed</textarea>" in answer.content.decode()
    assert not Note.objects.exists()


def test_files_are_described_and_deleted(alice: User, alice_client: Client, note: Note) -> None:
    made = attachments.add(owner=alice, content=b"words", name="a", note=note)

    alice_client.post(f"/attachments/{made.public_id}/caption/", {"caption": "The <b>open</b>"})
    page = alice_client.get(f"/journal/{note.public_id}/").content.decode()
    assert "The &lt;b&gt;open&lt;/b&gt;" in page
    alice_client.post(f"/attachments/{made.public_id}/delete/")

    assert not Attachment.objects.for_user(alice).exists()
    assert settings.ATTACHMENT_QUOTA_BYTES == 1024**3


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_uploads_at_once_do_not_exceed_the_quota(media: Path, settings: Any) -> None:
    settings.ATTACHMENT_QUOTA_BYTES = 100
    owner = make_user()
    note = notes.write(owner=owner, words=Written(text="x"), day=DAY)

    sent = at_once(
        *[lambda name=name: attachments.add(owner=owner, content=b"x" * 40, name=name, note=note) for name in "abcdef"]
    )

    assert sorted(type(each).__name__ for each in sent) == ["Attachment"] * 2 + ["QuotaExceeded"] * 4
    assert attachments.used_by(owner) == 80
    assert len(files_below(media)) == 2
