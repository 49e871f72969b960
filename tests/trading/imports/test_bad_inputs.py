"""Files that are wrong, too large, cut off, somebody else's or there already: a clear answer, and nothing changed.

The numbers are those of the cases that every importer must answer; what parsers alone answer is tested beside them.
"""

import hashlib
import io
import tracemalloc
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import Account, User
from tests.factories import make_account
from trading import trades
from trading.errors import ImportRefused
from trading.imports import batches
from trading.imports.parsers import tables
from trading.models import BatchStatus, Execution, ImportBatch, Position, Trade
from trading.trades import EnteredFill

pytestmark = pytest.mark.django_db

IMPORTS = "/api/v1/imports/"
HEADER = "Date,Time,Symbol,Quantity,Price,Side,Commission"
BUY = "03/06/2026,09:30:05,ACME,100,10.00,Bought,1.00"
SELL = "03/06/2026,09:42:11,ACME,-100,12.00,Sold,1.00"
LATER = "03/09/2026,09:42:11,ZEUS,5,80.00,Bought,0.50"
#: What tells of files and of what people did, as opposed to what they own.
TELLING = {"importbatch", "importrow", "auditevent", "activityentry", "idempotencykey", "apitoken", "session"}


@pytest.fixture(autouse=True)
def _media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def account(alice: User) -> Account:
    return make_account(alice, "Main", time_zone="America/New_York")


def file_of(*rows: str, end: str = "\n") -> bytes:
    return (end.join([HEADER, *rows]) + end).encode()


def business() -> str:
    """Changes when any row of any table changes that is not about files and doings."""
    digest = hashlib.sha256()
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            if model._meta.model_name in TELLING or not model._meta.managed:
                continue
            table = model._meta.db_table
            cursor.execute(
                f"SELECT %s || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {table} t", [table]
            )
            digest.update(cursor.fetchone()[0].encode())
    return digest.hexdigest()


@pytest.fixture
def unchanged(account: Account) -> Iterator[None]:
    """Nothing that counts is other than before, nor is anything left in the folder of files."""
    before = business()
    yield
    assert business() == before


def received(owner: User, content: bytes, **choices: Any) -> ImportBatch:
    return batches.receive(owner=owner, chunks=[content], filename="fills.csv", **choices)


def imported(owner: User, content: bytes, account: Account) -> ImportBatch:
    looked = batches.look(received(owner, content, account=account))
    assert looked.status == BatchStatus.READY, looked.error_message
    return batches.run(batches.queue(looked))


def stored_files(settings: Any) -> list[Path]:
    return [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


# ---------------------------------------------------------------------- C24 to C27: large


@pytest.mark.usefixtures("unchanged")
def test_c25_a_file_above_the_limit_is_answered_with_413(alice_api: APIClient, settings: Any) -> None:
    settings.IMPORT_MAX_BYTES = 1000
    upload = SimpleUploadedFile("large.csv", file_of(*[BUY] * 100))

    answer = alice_api.post(IMPORTS, {"file": upload}, format="multipart")

    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")
    assert not ImportBatch.objects.exists()
    assert not stored_files(settings)


@pytest.mark.usefixtures("unchanged")
def test_c25_a_request_that_announces_too_much_is_answered_before_it_is_read(
    alice_api: APIClient, settings: Any
) -> None:
    class Unread:
        def read(self, *_: Any) -> bytes:
            raise AssertionError("the body was read")

        readline = read

    answer = alice_api.generic(
        "POST",
        IMPORTS,
        b"",
        content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(settings.IMPORT_MAX_BYTES * 2),
        **{"wsgi.input": Unread()},
    )

    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")


@pytest.mark.usefixtures("unchanged")
def test_c27_one_row_more_than_a_file_may_have_is_refused(
    alice: User, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MAX_ROWS", 50)
    row = "03/06/2026,09:{:02d}:05,ACME,100,10.00,Bought,1.00"

    most = batches.look(received(alice, file_of(*map(row.format, range(50))), account=account))
    more = batches.look(received(alice, file_of(*map(row.format, range(51))), account=account))

    assert (most.status, most.preview["new"]) == (BatchStatus.READY, 50)
    assert (more.status, more.error_code) == (BatchStatus.REFUSED, "too_many_rows")


@pytest.mark.usefixtures("unchanged")
def test_c24_a_line_that_never_ends_is_refused_in_little_memory(alice: User, account: Account) -> None:
    block = b"9" * (1 << 20)
    chunks = (block if number else file_of() + block for number in range(64))
    tracemalloc.start()
    try:
        batch = batches.receive(owner=alice, chunks=chunks, filename="long.csv", account=account)
        batch = batches.look(batch)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (batch.status, batch.error_code) == (BatchStatus.REFUSED, "line_too_long")
    assert most < 16 << 20


# ---------------------------------------------------------------------- C31: names


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("CON", "CON"),
        ("a" * 5000 + ".csv", "a" * 251 + ".csv"),
        ("line\nbreak\r.csv", "linebreak.csv"),
        ("fills\u202evsc.exe", "fillsvsc.exe"),
        ("<script>alert(1)</script>.csv", "script>.csv"),
        ("=HYPERLINK(1).csv", "=HYPERLINK(1).csv"),
        ("\u200b\u0000", "file"),
        ("/", "file"),
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_c31_a_name_is_shown_harmless_and_never_a_path(alice: User, settings: Any, name: str, shown: str) -> None:
    batch = batches.receive(owner=alice, chunks=[file_of(BUY)], filename=name)

    assert batch.filename == shown
    (kept,) = stored_files(settings)
    assert kept == Path(settings.MEDIA_ROOT) / "imports" / batch.stored_as
    assert batch.stored_as.isalnum()
    assert len(batch.stored_as) == 32


def test_c31_a_name_is_escaped_on_its_page(alice: User, alice_client: Client, account: Account) -> None:
    batch = batches.receive(owner=alice, chunks=[file_of(BUY)], filename="<img src=x onerror=1>.csv", account=account)
    batches.look(batch)

    for page in (reverse("import_detail", args=[batch.public_id]), reverse("import_list")):
        content = alice_client.get(page).content
        assert b"&lt;img src=x" in content
        assert b"<img src=x" not in content


# ---------------------------------------------------------------------- C65 to C68: there already


def test_c65_the_same_rows_in_other_clothes_add_nothing(alice: User, account: Account) -> None:
    imported(alice, file_of(BUY, BUY, SELL), account)
    before = business()
    columns = [HEADER, BUY, BUY, SELL]
    turned = "\n".join(",".join(reversed(line.split(","))) for line in columns).encode() + b"\n"

    for content in (
        file_of(BUY, BUY, SELL),
        file_of(BUY, BUY, SELL, end="\r\n"),
        b"\xef\xbb\xbf" + file_of(BUY, BUY, SELL),
        file_of(BUY, BUY, SELL, "", ""),
        turned,
    ):
        batch = imported(alice, content, account)
        assert (batch.result["new"], batch.result["duplicates"]) == (0, 3)

    assert business() == before


def test_c66_files_that_overlap_come_to_their_union(alice: User, account: Account) -> None:
    imported(alice, file_of(BUY, SELL), account)

    batch = imported(alice, file_of(SELL, LATER), account)

    assert (batch.result["new"], batch.result["duplicates"]) == (1, 1)
    assert Execution.objects.count() == 3
    assert Trade.objects.get(status="closed").net_pnl == Decimal(198)


def test_c67_an_edited_row_is_still_known_and_its_edit_kept(alice: User, account: Account) -> None:
    imported(alice, file_of(BUY, SELL), account)
    trade = Trade.objects.get()
    fills = [
        EnteredFill(fill.side, fill.quantity, fill.price + 1, fill.executed_at)
        for fill in Execution.objects.filter(parts__trade=trade).in_order()
        if fill.executed_at
    ]
    trades.correct(trade, fills=fills)
    before = business()

    batch = imported(alice, file_of(BUY, SELL), account)

    assert (batch.result["new"], batch.result["duplicates"]) == (0, 2)
    assert business() == before
    assert Trade.objects.get().entry_price == Decimal(11)


def test_c67_a_deleted_trade_does_not_come_back_with_its_file(alice: User, account: Account) -> None:
    imported(alice, file_of(BUY, SELL), account)
    trades.delete(Trade.objects.get())
    before = business()

    batch = imported(alice, file_of(BUY, SELL), account)

    assert (batch.result["new"], batch.result["duplicates"]) == (0, 2)
    assert business() == before
    assert not Trade.objects.exists()


def test_c68_the_same_rows_in_another_account_are_new(alice: User, account: Account) -> None:
    other = make_account(alice, "Other")
    imported(alice, file_of(BUY), account)

    batch = imported(alice, file_of(BUY), other)

    assert (batch.result["new"], batch.result["duplicates"]) == (1, 0)
    assert set(Position.objects.values_list("account__name", "quantity")) == {("Main", 100), ("Other", 100)}


# ---------------------------------------------------------------------- C71: somebody else's account


def test_c71_a_foreign_number_is_answered_like_one_that_nobody_has(alice: User, bob: User) -> None:
    make_account(bob, "Bob's", number="BOB-1", broker="Other")
    with_number = "\n".join([HEADER + ",Account", BUY + ",{}", ""])

    foreign = batches.look(received(alice, with_number.format("BOB-1").encode()))
    absent = batches.look(received(alice, with_number.format("ABC-1").encode()))

    (decision,), (same) = foreign.preview["decisions"], absent.preview["decisions"]
    assert decision["code"] == "unknown_account"
    assert [{**decision, "key": "", "message": decision["message"].replace("BOB", "ABC")}] == [{**same[0], "key": ""}]
    with pytest.raises(ImportRefused):
        batches.queue(foreign)


def test_c71_a_foreign_account_cannot_be_chosen(bob: User, alice_api: APIClient, settings: Any) -> None:
    theirs = make_account(bob, "Bob's")
    before = business()
    absent = "01890000-0000-7000-8000-000000000000"
    answers = []
    for account in (str(theirs.public_id), absent):
        upload = SimpleUploadedFile("fills.csv", file_of(BUY))
        answer = alice_api.post(IMPORTS, {"file": upload, "account": account}, format="multipart")
        assert 400 <= answer.status_code < 500
        answers.append({**answer.json(), "request_id": ""})

    assert str(answers[0]).replace(str(theirs.public_id), absent) == str(answers[1])
    assert not ImportBatch.objects.exists()
    assert not stored_files(settings)
    assert business() == before


def test_c71_a_foreign_account_in_a_decision_is_left_open(alice: User, bob: User) -> None:
    theirs = make_account(bob, "Bob's")
    before = business()
    content = "\n".join([HEADER + ",Account", BUY + ",X-1", ""]).encode()
    options = {"accounts": {"X-1": {"account": str(theirs.public_id)}}}

    looked = batches.look(received(alice, content, options=options))

    assert [each["code"] for each in looked.preview["decisions"]] == ["unknown_account"]
    assert "Bob" not in str(looked.preview)
    assert business() == before


# ---------------------------------------------------------------------- C73: cut off


@pytest.mark.usefixtures("unchanged")
def test_c73_an_upload_that_breaks_off_leaves_nothing(alice: User, account: Account, settings: Any) -> None:
    def broken() -> Iterator[bytes]:
        yield file_of(BUY)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        batches.receive(owner=alice, chunks=broken(), filename="half.csv", account=account)

    assert not ImportBatch.objects.exists()
    assert not stored_files(settings)


@pytest.mark.usefixtures("unchanged")
def test_c73_a_request_cut_off_in_the_middle_is_no_import(alice_api: APIClient, settings: Any) -> None:
    whole = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="fills.csv"\r\n'
        b"Content-Type: text/csv\r\n\r\n" + file_of(BUY, SELL) + b"\r\n--x--\r\n"
    )
    half = whole[: len(whole) // 2]

    answer = alice_api.generic(
        "POST",
        IMPORTS,
        half,
        content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(len(whole)),
        **{"wsgi.input": io.BytesIO(half)},
    )

    assert 400 <= answer.status_code < 500
    assert not ImportBatch.objects.exists()
    assert not stored_files(settings)


# ---------------------------------------------------------------------- C52, C53: text that is not harmless elsewhere


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "<script>alert(1)</script>", "{{7*7}}", "%s%n", "'; DROP--"],
)
def test_c52_c53_text_is_kept_as_it_is_and_shown_inert(
    alice: User, alice_client: Client, account: Account, text: str
) -> None:
    batch = imported(alice, (HEADER + ",Notes\n" + BUY + f',"{text}"\n').encode(), account)

    page = alice_client.get(reverse("import_detail", args=[batch.public_id]))

    assert page.status_code == 200
    assert b"<script>alert(1)" not in page.content
    assert text in batch.rows.get().raw


def test_what_can_wait_is_not_done_in_the_request_of_a_large_file(
    alice: User, alice_api: APIClient, account: Account, settings: Any, by_messages: None
) -> None:
    settings.IMPORT_INLINE_BYTES = 10
    before = business()
    upload = {"file": SimpleUploadedFile("fills.csv", file_of(BUY)), "account": str(account.public_id)}

    answer = alice_api.post(IMPORTS, upload, format="multipart")

    assert (answer.status_code, answer.json()["status"]) == (202, "previewing")
    assert business() == before
