"""The pages of trades and of files on their way in."""

import re
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.models import Account, User
from tests.conftest import signed_in
from tests.factories import make_account, make_user
from tests.journal.factories import make_trade
from trading.models import BatchStatus, ColumnMapping, Execution, FuturesRoot, ImportBatch, ImportRow, Tag, Trade

pytestmark = pytest.mark.django_db

DATA = Path(__file__).parent.parent / "data"
DAY = date(2026, 3, 3)
OWN_TABLE = b"""When,Ticker,What,Pieces,Each
2026-03-02 10:00:00,AAPL,B,10,100.00
2026-03-02 11:00:00,AAPL,S,10,103.50
"""


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.fixture
def account(alice: User) -> Account:
    return make_account(alice, "Main", broker="Alpha", time_zone="America/New_York")


def typed(*fills: dict[str, str], **fields: str) -> dict[str, str]:
    """What the editor sends for these fills; each has what is usual where it says nothing."""
    sent = {"fills-TOTAL_FORMS": str(len(fills)), "fills-INITIAL_FORMS": "0", **fields}
    for number, fill in enumerate(fills):
        usual = {"side": "buy", "quantity": "10", "price": "100", "executed_at": "2026-03-02T10:00:00"}
        sent |= {f"fills-{number}-{name}": value for name, value in {**usual, **fill}.items()}
    return sent


ROUND_TRIP = ({}, {"side": "sell", "price": "103.5", "executed_at": "2026-03-02T11:00:00", "commission": "2"})


def test_a_trade_by_hand_has_its_times_in_the_accounts_zone(alice_client: Client, account: Account) -> None:
    response = alice_client.post(
        "/trades/new/",
        typed(*ROUND_TRIP, account="Main", symbol="aapl", initial_stop="99", tags="gap, early", note="As planned."),
    )

    trade = Trade.objects.get()
    assert response.headers["Location"] == f"/trades/{trade.public_id}/"
    assert trade.net_pnl == Decimal(33)
    assert trade.opened_at == datetime(2026, 3, 2, 15, tzinfo=UTC)
    assert trade.realized_r == Decimal("3.3")
    assert trade.note == "As planned."
    assert sorted(tag.name for tag in trade.tags.all()) == ["early", "gap"]
    page = text_of(alice_client.get(response.headers["Location"]))
    assert "+33.00 USD" in page
    assert "2 Mar 2026, 10:00:00 Buy Entry 10 100.00" in page
    assert "+3.30R" in page


def test_numbers_are_typed_as_the_language_writes_them(alice: User, alice_client: Client, account: Account) -> None:
    User.objects.filter(pk=alice.pk).update(language="fr")
    sell = {"side": "sell", "executed_at": "2026-03-02T11:00:00", "price": "1\N{NARROW NO-BREAK SPACE}199,5"}

    alice_client.post("/trades/new/", typed({"price": "1 099,5"}, sell, account="Main", symbol="aapl"))

    trade = Trade.objects.get()
    assert trade.net_pnl == Decimal(1000)
    assert 'value="1099,5"' in alice_client.get(f"/trades/{trade.public_id}/edit/").content.decode()


def test_a_refused_trade_keeps_what_was_typed_and_says_where_it_is_wrong(
    alice_client: Client, account: Account
) -> None:
    response = alice_client.post(
        "/trades/new/", typed({"quantity": "1,5", "price": "-"}, account="Nobody's", symbol="AAPL", note="Keep me")
    )

    assert response.status_code == 422
    page = response.content.decode()
    assert "You have no account of this name." in page
    assert "Write a number such as 1234.5 or 1,234.5." in page
    assert 'value="1,5"' in page
    assert "Keep me" in page
    assert not Execution.objects.exists()


def test_a_trade_without_a_fill_is_refused(alice_client: Client, account: Account) -> None:
    empty = {"side": "buy", "quantity": "", "price": "", "executed_at": ""}

    response = alice_client.post("/trades/new/", typed(empty, account="Main", symbol="AAPL"))

    assert response.status_code == 422
    assert not Trade.objects.exists()


def test_a_contract_whose_point_value_is_not_known_is_refused_at_the_symbol(
    alice_client: Client, account: Account
) -> None:
    response = alice_client.post("/trades/new/", typed(*ROUND_TRIP, account="Main", symbol="ZZQH26", kind="future"))

    assert response.status_code == 422
    assert "not in the reference data" in text_of(response)
    assert not Execution.objects.exists()


def test_a_contract_takes_its_point_value_from_its_root(alice_client: Client, account: Account) -> None:
    FuturesRoot.objects.create(
        root="MES", exchange="CME", name="Micro", currency="USD", tick_size=Decimal("0.25"), point_value=5
    )

    alice_client.post("/trades/new/", typed(*ROUND_TRIP, account="Main", symbol="MESH26"))

    assert Trade.objects.get().gross_pnl == Decimal(175)


def test_rows_are_added_without_javascript_and_nothing_typed_is_lost(alice_client: Client, account: Account) -> None:
    response = alice_client.post("/trades/new/", typed({"price": "77.5"}, account="Main", symbol="AAPL", more="1"))

    page = response.content.decode()
    assert response.status_code == 200
    assert page.count("data-fill>") == 6  # one typed, four more, and the pattern for the script
    assert 'value="77.5"' in page
    assert not Execution.objects.exists()


def test_changed_fills_change_the_figures_and_untouched_ones_keep_their_exact_time(
    alice_client: Client, account: Account
) -> None:
    exact = datetime(2026, 3, 2, 15, 0, 0, 123456, tzinfo=UTC)
    trade = make_trade(account, day=DAY, pnl="50", opened=exact)
    page = alice_client.get(f"/trades/{trade.public_id}/edit/").content.decode()
    sent = dict(re.findall(r'name="(fills-[^"]+)" value="([^"]*)"', page.partition("<template")[0]))
    sent |= {"fills-0-side": "buy", "fills-1-side": "sell", "fills-1-price": "1070", "fills-2-side": "buy"}

    response = alice_client.post(f"/trades/{trade.public_id}/edit/", sent)

    assert response.status_code == 302, text_of(response)
    trade.refresh_from_db()
    assert trade.net_pnl == Decimal(70)
    assert trade.opened_at == exact


def test_saving_fills_that_nobody_touched_writes_nothing(alice_client: Client, account: Account) -> None:
    trade = make_trade(account, day=DAY, pnl="50")
    page = alice_client.get(f"/trades/{trade.public_id}/edit/").content.decode()
    sent = dict(re.findall(r'name="(fills-[^"]+)" value="([^"]*)"', page.partition("<template")[0]))
    sent |= {"fills-0-side": "buy", "fills-1-side": "sell", "fills-2-side": "buy"}

    alice_client.post(f"/trades/{trade.public_id}/edit/", sent)

    assert Execution.objects.count() == 2


def test_words_and_plan_are_kept_and_give_r(alice_client: Client, account: Account) -> None:
    trade = make_trade(account, day=DAY, pnl="50")

    alice_client.post(
        f"/trades/{trade.public_id}/words/",
        {"initial_stop": "975", "initial_target": "1100", "tags": "gap", "note": "line\r\nline"},
    )

    trade.refresh_from_db()
    assert (trade.realized_r, trade.planned_r) == (Decimal(2), Decimal(4))
    assert trade.note == "line\nline"
    assert Tag.objects.get().owner == account.owner


def test_wrong_words_are_shown_again_at_their_field(alice_client: Client, account: Account) -> None:
    trade = make_trade(account, day=DAY, pnl="50")

    response = alice_client.post(f"/trades/{trade.public_id}/words/", {"initial_stop": "1e3", "note": "Keep me"})

    assert response.status_code == 422
    assert "Write a number such as" in response.content.decode()
    assert "Keep me" in response.content.decode()
    trade.refresh_from_db()
    assert trade.initial_stop is None


def test_a_deleted_trade_comes_back_by_the_undo_of_its_message(alice_client: Client, account: Account) -> None:
    trade = make_trade(account, day=DAY, pnl="50")

    after = alice_client.post(f"/trades/{trade.public_id}/delete/", follow=True)
    assert not Trade.objects.exists()
    token = re.search(r'name="token" value="([^"]+)"', after.content.decode())
    assert token
    back = alice_client.post("/undo/", {"token": token[1]})

    brought_back = Trade.objects.get()
    assert brought_back.net_pnl == Decimal(50)
    assert back.headers["Location"] == f"/trades/{brought_back.public_id}/"


def test_whoever_deletes_a_trade_is_back_in_the_list_as_it_was_filtered(alice_client: Client, account: Account) -> None:
    trade = make_trade(account, day=DAY, pnl="50")
    page = alice_client.get(f"/trades/{trade.public_id}/?from=2026-03-01&side=long").content.decode()
    form = page[page.index(f'action="/trades/{trade.public_id}/delete/"') :].partition("</form>")[0]
    found = re.search(r'name="next" value="([^"]+)"', form)
    assert found
    sent = {"next": unescape(found[1])}

    after = alice_client.post(f"/trades/{trade.public_id}/delete/", sent)

    assert after.headers["Location"] == "/trades/?from=2026-03-01&side=long"


def test_a_page_that_was_open_before_takes_a_deletion_back_at_its_old_address(
    alice_client: Client, account: Account
) -> None:
    trade = make_trade(account, day=DAY, pnl="50")
    after = alice_client.post(f"/trades/{trade.public_id}/delete/", follow=True)
    token = re.search(r'name="token" value="([^"]+)"', after.content.decode())
    assert token

    alice_client.post("/trades/restore/", {"fills": token[1]})

    assert Trade.objects.get().net_pnl == Decimal(50)


def test_an_undo_of_somebody_else_brings_nothing_back(
    alice_client: Client, bob_client: Client, account: Account
) -> None:
    trade = make_trade(account, day=DAY, pnl="50")
    after = alice_client.post(f"/trades/{trade.public_id}/delete/", follow=True)
    token = re.search(r'name="token" value="([^"]+)"', after.content.decode())
    assert token

    bob_client.post("/undo/", {"token": token[1]})
    bob_client.post("/trades/restore/", {"fills": token[1]})
    forged = alice_client.post("/undo/", {"token": "WzFd:forged"}, follow=True)

    assert "can no longer be undone" in text_of(forged)
    assert not Trade.objects.exists()


def test_previous_and_next_lead_along_the_list(alice_client: Client, account: Account) -> None:
    first, second, third = (make_trade(account, day=date(2026, 3, day), pnl="1") for day in (2, 3, 4))

    page = alice_client.get(f"/trades/{second.public_id}/").content.decode()

    assert re.search(rf'rel="prev" href="/trades/{first.public_id}/"', page)
    assert re.search(rf'rel="next" href="/trades/{third.public_id}/"', page)


@pytest.mark.parametrize("rest", ["", "edit/"])
def test_foreign_and_absent_trades_look_the_same(bob_client: Client, account: Account, rest: str) -> None:
    trade = make_trade(account, day=DAY, pnl="50")

    foreign = bob_client.get(f"/trades/{trade.public_id}/{rest}")
    absent = bob_client.get(f"/trades/{uuid.uuid4()}/{rest}")

    assert foreign.status_code == absent.status_code == 404
    assert text_of(foreign) == text_of(absent)


def test_a_suspended_person_changes_no_trade() -> None:
    carol = make_user("carol@example.com", status="suspended")
    trade = make_trade(make_account(carol, "Hers"), day=DAY, pnl="50")
    client = signed_in(carol)

    page = client.get(f"/trades/{trade.public_id}/")
    refused = client.post(f"/trades/{trade.public_id}/delete/")

    assert page.status_code == 200
    assert "/delete/" not in page.content.decode()
    assert refused.status_code == 403
    assert Trade.objects.filter(pk=trade.pk).exists()


# ---- files


def upload(client: Client, content: bytes, name: str = "file.csv", **fields: str) -> Any:
    return client.post("/imports/", {"file": SimpleUploadedFile(name, content), **fields})


def test_a_file_goes_from_preview_to_trades_and_back(
    alice_client: Client,
    account: Account,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    content = (DATA / "webull" / "desktop.csv").read_bytes()

    response = upload(alice_client, content, "webull.csv", account="Main")
    address = response.headers["Location"]
    preview = text_of(alice_client.get(address))
    assert "Webull" in preview
    assert "Ready to import" in preview
    assert not Execution.objects.exists()

    with django_capture_on_commit_callbacks(execute=True):
        alice_client.post(address + "start/")
    batch = ImportBatch.objects.get()
    assert batch.status == BatchStatus.APPLIED
    fills = Execution.objects.count()
    assert fills == batch.result["new"] > 0
    assert "See the trades" in text_of(alice_client.get(address))

    confirm = text_of(alice_client.get(address + "undo/"))
    assert f"{fills} fills from webull.csv are taken out again" in confirm
    assert Execution.objects.count() == fills
    alice_client.post(address + "undo/")
    assert not Execution.objects.exists()


def test_the_rows_of_a_file_are_listed_by_line_and_by_what_became_of_them(
    alice_client: Client, account: Account
) -> None:
    header, first, second = OWN_TABLE.decode().splitlines()
    batch = ImportBatch.objects.create(owner=account.owner, filename="own.csv", size=1, status=BatchStatus.APPLIED)
    ImportRow.objects.bulk_create(
        [
            ImportRow(batch=batch, line=3, outcome="duplicate", raw=second),
            ImportRow(batch=batch, line=1, outcome="skipped", raw=header, message="The header."),
            ImportRow(batch=batch, line=2, outcome="new", raw=first),
        ]
    )
    address = f"/imports/{batch.public_id}/rows/"

    page = text_of(alice_client.get(address))
    skipped = text_of(alice_client.get(address + "?outcome=skipped"))

    assert page.index(header) < page.index(first) < page.index(second)
    assert header in skipped
    assert "The header." in skipped
    assert first not in skipped
    assert "No row came to that." in text_of(alice_client.get(address + "?outcome=error"))
    assert alice_client.get(address + "?outcome=other").status_code == 400


def test_the_rows_of_a_long_file_are_paged(alice_client: Client, account: Account) -> None:
    batch = ImportBatch.objects.create(owner=account.owner, filename="own.csv", size=1, status=BatchStatus.APPLIED)
    ImportRow.objects.bulk_create(
        ImportRow(batch=batch, line=line, outcome="new", raw=f"row {line};") for line in range(1, 102)
    )
    address = f"/imports/{batch.public_id}/rows/"

    first = alice_client.get(address)
    cursor = first.context["page"].next
    second = text_of(alice_client.get(address, {"cursor": cursor}))

    assert "row 100;" in text_of(first)
    assert "row 101;" not in text_of(first)
    assert "row 101;" in second
    assert "row 100;" not in second
    assert alice_client.get(address, {"cursor": cursor, "outcome": "new"}).status_code == 400


def test_the_same_file_again_is_all_duplicates(
    alice_client: Client,
    account: Account,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    content = (DATA / "webull" / "desktop.csv").read_bytes()
    with django_capture_on_commit_callbacks(execute=True):
        first = upload(alice_client, content, account="Main").headers["Location"]
        alice_client.post(first + "start/")
    fills = Execution.objects.count()

    second = upload(alice_client, content, account="Main").headers["Location"]

    assert f"0 new {fills} already there" in text_of(alice_client.get(second))


def test_a_file_that_names_no_account_asks_for_one_and_makes_it(alice_client: Client, alice: User) -> None:
    content = (DATA / "webull" / "desktop.csv").read_bytes()
    address = upload(alice_client, content).headers["Location"]
    assert "1 thing to decide" in text_of(alice_client.get(address))
    refused = alice_client.post(address + "start/")

    alice_client.post(address + "choices/", {"to_0": "create", "name_0": "Fresh"})

    assert refused.status_code in (409, 422)
    page = text_of(alice_client.get(address))
    assert "Fresh (new)" in page
    assert "to decide" not in page
    assert not Account.objects.filter(name="Fresh").exists()  # not before the import itself


def test_an_account_that_is_not_ones_own_cannot_be_chosen(
    alice_client: Client, alice: User, bob: User, account: Account
) -> None:
    make_account(bob, "Bob's")
    content = (DATA / "webull" / "desktop.csv").read_bytes()

    at_upload = upload(alice_client, content, account="Bob's")
    address = upload(alice_client, content).headers["Location"]
    later = alice_client.post(address + "choices/", {"to_0": "existing", "name_0": "Bob's"})

    assert at_upload.status_code == later.status_code == 422
    assert "You have no account of this name." in text_of(later)


def test_errors_are_shown_with_line_column_and_reason_and_nothing_can_be_started(
    alice_client: Client, account: Account
) -> None:
    content = (DATA / "tradervue" / "executions.csv").read_bytes().splitlines(keepends=True)
    spoiled = content[0] + content[1].replace(content[1].split(b",")[3], b"many") + b"".join(content[2:])

    address = upload(alice_client, spoiled, account="Main").headers["Location"]

    page = alice_client.get(address)
    assert "Refused" in text_of(page)
    assert "many" in text_of(page)
    assert f'action="{address}start/"' not in page.content.decode()
    assert alice_client.post(address + "start/").status_code == 409


def test_unknown_columns_are_mapped_once_and_known_the_next_time(
    alice_client: Client,
    account: Account,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    address = upload(alice_client, OWN_TABLE, account="Main").headers["Location"]
    assert "What the columns hold" in text_of(alice_client.get(address))

    response = alice_client.post(
        address + "mapping/",
        {
            "name": "My own table",
            "column_symbol": "Ticker",
            "column_side": "What",
            "column_quantity": "Pieces",
            "column_price": "Each",
            "column_executed_at": "When",
            "time_zone": "UTC",
        },
    )

    assert response.status_code == 302, text_of(response)
    assert "2 new" in text_of(alice_client.get(address))
    with django_capture_on_commit_callbacks(execute=True):
        alice_client.post(address + "start/")
    assert Trade.objects.get().net_pnl == Decimal(35)
    assert ColumnMapping.objects.get().columns["symbol"] == "Ticker"

    later = OWN_TABLE.replace(b"2026-03-02", b"2026-03-03")
    again = upload(alice_client, later, account="Main").headers["Location"]
    assert "2 new" in text_of(alice_client.get(again))


def test_a_mapping_without_a_symbol_is_refused_at_its_field(alice_client: Client, account: Account) -> None:
    address = upload(alice_client, OWN_TABLE, account="Main").headers["Location"]

    response = alice_client.post(address + "mapping/", {"name": "x", "column_quantity": "Pieces"})

    assert response.status_code == 422
    assert "Choose the column that holds it." in text_of(response)
    assert not ColumnMapping.objects.exists()


def test_a_file_above_the_limit_is_answered_with_413(
    alice_client: Client, account: Account, settings: Settings
) -> None:
    settings.IMPORT_MAX_BYTES = 20

    response = upload(alice_client, OWN_TABLE)

    assert response.status_code == 413
    assert "larger than" in text_of(response)
    assert not ImportBatch.objects.exists()


def test_an_empty_file_and_no_file_are_refused_at_the_field(alice_client: Client, account: Account) -> None:
    empty, missing = upload(alice_client, b""), alice_client.post("/imports/", {})

    assert empty.status_code == missing.status_code == 422
    assert "The file is empty." in text_of(empty)
    assert "This field is required." in text_of(missing)


def test_a_large_file_is_looked_into_by_the_worker_while_the_page_waits(
    alice_client: Client,
    account: Account,
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.IMPORT_INLINE_BYTES = 0
    with django_capture_on_commit_callbacks(execute=False) as later:
        address = upload(alice_client, (DATA / "webull" / "desktop.csv").read_bytes(), account="Main").headers[
            "Location"
        ]
    waiting = alice_client.get(address).content.decode()
    assert 'hx-trigger="every 1s"' in waiting
    assert alice_client.get(address + "progress/").status_code == 200

    for call in later:
        call()

    assert alice_client.get(address + "progress/").headers["HX-Refresh"] == "true"
    assert "Ready to import" in text_of(alice_client.get(address))


def test_reading_anew_shows_first_what_would_change(
    alice_client: Client,
    account: Account,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        address = upload(alice_client, (DATA / "webull" / "desktop.csv").read_bytes(), account="Main").headers[
            "Location"
        ]
        alice_client.post(address + "start/")

    page = text_of(alice_client.post(address + "replay/"))

    assert "0 fills more 0 fills fewer 0 fills that differ" in page
    assert "Nothing would change." in page


def test_a_waiting_import_can_be_canceled(alice_client: Client, account: Account) -> None:
    address = upload(alice_client, OWN_TABLE, account="Main").headers["Location"]

    alice_client.post(address + "cancel/")

    assert ImportBatch.objects.get().status == BatchStatus.CANCELED


@pytest.mark.parametrize("rest", ["", "progress/", "undo/"])
def test_foreign_and_absent_imports_look_the_same(
    alice_client: Client, bob_client: Client, account: Account, rest: str
) -> None:
    address = upload(alice_client, OWN_TABLE, account="Main").headers["Location"]

    foreign = bob_client.get(address + rest)
    absent = bob_client.get(f"/imports/{uuid.uuid4()}/{rest}")

    assert foreign.status_code == absent.status_code == 404
    assert text_of(foreign) == text_of(absent)


def test_the_list_of_files_shows_refused_ready_and_canceled_ones(alice_client: Client, account: Account) -> None:
    upload(alice_client, OWN_TABLE, "unknown.csv", account="Main")
    upload(alice_client, (DATA / "webull" / "desktop.csv").read_bytes(), "known.csv", account="Main")
    alice_client.post(upload(alice_client, OWN_TABLE, "given up.csv").headers["Location"] + "cancel/")

    page = text_of(alice_client.get("/imports/"))

    assert "given up.csv Canceled –" in page
    assert "known.csv Ready to import Webull" in page
    assert "unknown.csv Refused –" in page
