"""Imports over the API, from upload to undo: what is shown, what is kept, what is refused."""

import json
import uuid
from collections.abc import Callable
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from accounts.models import Account, ActivityEntry, AuditEvent, ClientStatus, User
from tests.conftest import api_of, signed_in
from tests.factories import make_account, make_user
from trading.models import BatchStatus, Execution, ImportBatch, ImportRow, Instrument, Trade

pytestmark = pytest.mark.django_db

IMPORTS = "/api/v1/imports/"
HEADER = (
    "ClientAccountID,CurrencyPrimary,AssetClass,Symbol,DateTime,Buy/Sell,Quantity,TradePrice,IBCommission,IBExecID,"
    "FifoPnlRealized,LevelOfDetail"
)
OPEN = "U1,USD,STK,ACME,20260105;100000,BUY,100,10,-1,e1,0,EXECUTION"
CLOSE = "U1,USD,STK,ACME,20260106;100000,SELL,-100,12,-1.25,e2,197.75,EXECUTION"
BAD = "U1,USD,STK,ACME,20260106;100000,SELL,-100,1O,-1.25,e2,197.75,EXECUTION"
OPTIONS = {"create_accounts": True, "time_zone": "UTC"}

#: Runs what was to be sent to the worker after the commit, as pytest-django gives it.
Worker = Callable[..., Any]


@pytest.fixture(autouse=True)
def _media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def stored(folder: Path) -> list[Path]:
    return list((folder / "imports").glob("*"))


def send(api: APIClient, *rows: str, query: str = "", options: Any = OPTIONS, **fields: Any) -> Any:
    content = "\n".join([HEADER, *rows, ""]).encode()
    form = {
        "file": SimpleUploadedFile("flex.csv", content),
        "options": options if isinstance(options, str) else json.dumps(options),
        **fields,
    }
    return api.post(f"{IMPORTS}{query}", {name: value for name, value in form.items() if value}, format="multipart")


def applied(api: APIClient, worker: Worker, *rows: str) -> str:
    path = f"{IMPORTS}{send(api, *rows).json()['id']}/"
    with worker(execute=True):
        assert api.post(f"{path}commit/").status_code == 202
    assert api.get(path).json()["status"] == "applied"
    return path


def test_a_file_goes_from_upload_to_undo(
    alice_api: APIClient, django_capture_on_commit_callbacks: Worker, tmp_path: Path
) -> None:
    answer = send(alice_api, OPEN, CLOSE)

    assert answer.status_code == 202, answer.content
    batch = answer.json()
    assert (batch["status"], batch["filename"], batch["error_code"]) == ("ready", "flex.csv", "")
    assert (batch["preview"]["new"], batch["preview"]["fills"], batch["options"]) == (2, 2, OPTIONS)
    assert not Execution.objects.exists()
    path = f"{IMPORTS}{batch['id']}/"
    assert alice_api.get(path).json() == batch

    # The worker is stopped: what was asked for is there at the next read all the same.
    queued = alice_api.post(f"{path}commit/")
    assert (queued.status_code, queued.json()["status"]) == (202, "queued")
    assert alice_api.get(path).json()["status"] == "queued"
    assert alice_api.get(IMPORTS).json()["results"][0]["status"] == "queued"
    again = alice_api.post(f"{path}commit/")
    assert (again.status_code, again.json()["code"]) == (409, "import_state")
    run(batch["id"])

    done = alice_api.get(path).json()
    assert (done["status"], done["result"]["new"], done["result"]["trades_created"]) == ("applied", 2, 1)
    trade = alice_api.get("/api/v1/trades/").json()["results"][0]
    assert (trade["net_pnl"], trade["broker_pnl"]) == ("197.75", "197.75")
    detail = alice_api.get(f"/api/v1/trades/{trade['id']}/").json()
    assert [fill["line"] for fill in detail["fills"]] == [
        {"batch": batch["id"], "filename": "flex.csv", "line": 2, "raw": OPEN},
        {"batch": batch["id"], "filename": "flex.csv", "line": 3, "raw": CLOSE},
    ]
    fills = alice_api.get("/api/v1/executions/").json()["results"]
    assert [(fill["batch"], fill["line"], fill["source"]) for fill in fills] == [
        (batch["id"], 3, "import"),
        (batch["id"], 2, "import"),
    ]

    undone = alice_api.post(f"{path}undo/")
    assert (undone.status_code, undone.json()["status"]) == (200, "undone")
    assert alice_api.get("/api/v1/trades/").json()["total"] == 0
    assert alice_api.post(f"{path}undo/").status_code == 409
    assert not Execution.objects.exists()


def run(batch: str) -> None:
    from trading.tasks import run_import

    run_import(ImportBatch.objects.get(public_id=batch).pk)


def test_the_worker_is_told_after_the_commit(alice_api: APIClient, django_capture_on_commit_callbacks: Worker) -> None:
    applied(alice_api, django_capture_on_commit_callbacks, OPEN, CLOSE)

    assert Trade.objects.get().net_pnl == D("197.75")


def test_a_dry_run_shows_the_preview_and_leaves_nothing(
    alice_api: APIClient, django_capture_on_commit_callbacks: Worker, tmp_path: Path
) -> None:
    answer = send(alice_api, OPEN, CLOSE, query="?dry_run=true")

    assert answer.status_code == 200, answer.content
    assert "id" not in answer.json()
    assert (answer.json()["status"], answer.json()["preview"]["new"]) == ("ready", 2)
    refused = send(alice_api, OPEN, BAD, query="?dry_run=true").json()
    assert (refused["status"], refused["preview"]["errors"][0]["line"]) == ("refused", 3)
    assert stored(tmp_path) == []
    for model in (ImportBatch, ImportRow, Execution, Account, Instrument, ActivityEntry):
        assert not model.objects.exists()
    assert not AuditEvent.objects.filter(subject="import").exists()
    assert alice_api.get(IMPORTS).json()["total"] == 0


def test_a_bad_line_is_named_and_nothing_is_imported(alice_api: APIClient) -> None:
    batch = send(alice_api, OPEN, BAD).json()

    assert batch["status"] == "refused"
    assert batch["error_message"].startswith("Line 3, column TradePrice: ")
    refused = alice_api.post(f"{IMPORTS}{batch['id']}/commit/")
    assert (refused.status_code, refused.json()["code"]) == (409, "import_state")
    assert not Execution.objects.exists()


def test_an_open_question_is_answered_before_the_import(
    alice: User, alice_api: APIClient, django_capture_on_commit_callbacks: Worker
) -> None:
    account = make_account(alice, "Margin")
    batch = send(alice_api, OPEN, CLOSE, options={"time_zone": "UTC"}).json()
    path = f"{IMPORTS}{batch['id']}/"
    assert [(each["code"], each["key"]) for each in batch["preview"]["decisions"]] == [("unknown_account", "U1")]
    refused = alice_api.post(f"{path}commit/")
    assert (refused.status_code, refused.json()["code"]) == (422, "needs_decision")

    chosen = alice_api.patch(path, {"options": {"accounts": {"U1": {"account": str(account.public_id)}}}}).json()

    assert (chosen["status"], chosen["preview"]["decisions"]) == ("ready", [])
    assert chosen["options"] == {"time_zone": "UTC", "accounts": {"U1": {"account": str(account.public_id)}}}
    with django_capture_on_commit_callbacks(execute=True):
        alice_api.post(f"{path}commit/")
    assert Trade.objects.get().account == account
    assert alice_api.patch(path, {"options": {}}).status_code == 409


def test_an_account_may_be_made_for_a_number(alice_api: APIClient) -> None:
    batch = send(alice_api, OPEN, options={"time_zone": "UTC"}).json()
    create = {"name": "From file", "currency": "USD", "kind": "prop", "time_zone": "America/New_York"}

    chosen = alice_api.patch(f"{IMPORTS}{batch['id']}/", {"options": {"accounts": {"U1": {"create": create}}}}).json()

    assert (chosen["status"], chosen["preview"]["accounts"][0]["name"]) == ("ready", "From file")
    assert not Account.objects.exists()


def test_a_large_file_is_looked_into_by_the_worker(
    alice_api: APIClient, settings: Any, django_capture_on_commit_callbacks: Worker
) -> None:
    settings.IMPORT_INLINE_BYTES = 10

    with django_capture_on_commit_callbacks(execute=True):
        batch = send(alice_api, OPEN).json()

    assert (batch["status"], batch["preview"]) == ("previewing", {})
    assert alice_api.get(f"{IMPORTS}{batch['id']}/").json()["status"] == "ready"


def test_the_lines_of_a_file_are_paged_and_filtered(
    alice_api: APIClient, bob_api: APIClient, django_capture_on_commit_callbacks: Worker
) -> None:
    applied(alice_api, django_capture_on_commit_callbacks, OPEN)
    path = f"{applied(alice_api, django_capture_on_commit_callbacks, OPEN, CLOSE)}rows/"

    page = alice_api.get(f"{path}?limit=1").json()
    assert (page["total"], page["has_more"]) == (2, True)
    assert page["results"] == [
        {
            "line": 2,
            "outcome": "duplicate",
            "code": "",
            "message": "This fill is already in the account.",
            "raw": OPEN,
        }
    ]
    rest = alice_api.get(f"{path}?limit=1&cursor={page['next']}").json()
    assert ([row["line"] for row in rest["results"]], rest["next"]) == ([3], None)
    new = alice_api.get(f"{path}?outcome=new").json()
    assert (new["total"], new["results"][0]["raw"]) == (1, CLOSE)
    assert alice_api.get(f"{path}?outcome=New").json()["code"] == "invalid_choice"
    assert alice_api.get(f"{path}?outcome=new&cursor={page['next']}").json()["code"] == "invalid_cursor"
    assert bob_api.get(path).status_code == 404


def test_a_replay_shows_what_would_change_and_changes_it_when_asked(
    alice_api: APIClient, django_capture_on_commit_callbacks: Worker, tmp_path: Path
) -> None:
    path = applied(alice_api, django_capture_on_commit_callbacks, OPEN, CLOSE)
    (file,) = stored(tmp_path)
    file.write_bytes("\n".join([HEADER, OPEN, CLOSE.replace(",12,", ",13,"), ""]).encode())

    shown = alice_api.post(f"{path}replay/?dry_run=true").json()
    assert (shown["dry_run"], shown["added"], shown["removed"], shown["changed"]) == (True, 0, 0, 1)
    assert Trade.objects.get().gross_pnl == D(200)
    done = alice_api.post(f"{path}replay/").json()
    assert (done["dry_run"], done["changed"]) == (False, 1)
    assert alice_api.get("/api/v1/trades/").json()["results"][0]["gross_pnl"] == "300"
    assert alice_api.post(f"{path}replay/?dry_run=yes").json()["code"] == "invalid_choice"


def test_an_import_that_waits_is_canceled(alice_api: APIClient) -> None:
    path = f"{IMPORTS}{send(alice_api, OPEN).json()['id']}/"
    alice_api.post(f"{path}commit/")

    assert alice_api.post(f"{path}cancel/").json()["status"] == "canceled"
    assert alice_api.post(f"{path}cancel/").status_code == 409
    run(path.rstrip("/").rpartition("/")[2])
    assert not Execution.objects.exists()


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"file": None}, "/file", "required"),
        ({"file": SimpleUploadedFile("x.csv", b"")}, "/file", "empty"),
        ({"format": "nonsense"}, "/format", "invalid_choice"),
        ({"account": "5"}, "/account", "invalid"),
        ({"account": str(uuid.uuid4())}, "/account", "does_not_exist"),
        ({"owner": "1"}, "/owner", "unknown_field"),
        ({"options": "{"}, "/options", "parse_error"),
        ({"options": "[]"}, "/options", "parse_error"),
        ({"options": '{"time_zone": "Mars"}'}, "/options/time_zone", "unknown_zone"),
        ({"options": '{"is_sample": true}'}, "/options/is_sample", "unknown_field"),
        ({"options": '{"encoding": "rot13"}'}, "/options/encoding", "invalid_choice"),
        ({"options": '{"create_accounts": "yes"}'}, "/options/create_accounts", "invalid"),
        ({"options": '{"decimal_style": "x"}'}, "/options/decimal_style", "invalid_choice"),
        ({"options": '{"accounts": []}'}, "/options/accounts", "not_a_dict"),
        ({"options": '{"decisions": {"U1|ACME": "maybe"}}'}, "/options/decisions/U1|ACME", "invalid_choice"),
        ({"options": '{"accounts": {"U1": {}}}'}, "/options/accounts/U1", "invalid"),
        ({"options": '{"accounts": {"U1": {"create": {}}}}'}, "/options/accounts/U1", "invalid"),
        (
            {"options": json.dumps({"accounts": {"U1": {"account": str(uuid.uuid4())}}})},
            "/options/accounts/U1/account",
            "does_not_exist",
        ),
        ({"options": '{"mapping": {"columns": {"a": "\\u0000"}}}'}, "/options", "parse_error"),
        ({"options": '{"mapping": {}}'}, "/options/mapping/columns", "required"),
    ],
)
def test_an_upload_that_is_not_exact_is_refused_and_not_kept(
    alice_api: APIClient, tmp_path: Path, fields: dict[str, Any], pointer: str, code: str
) -> None:
    answer = send(alice_api, OPEN, **fields)

    assert answer.status_code == 400, answer.content
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [(pointer, code)]
    assert not ImportBatch.objects.exists()
    assert stored(tmp_path) == []


def test_a_mapping_reads_any_table(alice: User, alice_api: APIClient) -> None:
    account = make_account(alice, "Margin")
    columns = {"symbol": "What", "side": "Did", "quantity": "Many", "price": "At", "executed_at": "When"}
    content = b"What,Did,Many,At,When\nACME,in,5,10,2026-01-05 10:00:00\n"
    options = {"mapping": {"columns": columns, "side_values": {"in": "buy"}}, "time_zone": "UTC"}

    answer = alice_api.post(
        IMPORTS,
        {
            "file": SimpleUploadedFile("x.csv", content),
            "account": str(account.public_id),
            "options": json.dumps(options),
        },
        format="multipart",
    )

    assert (answer.json()["status"], answer.json()["format"]) == ("ready", "mapped_csv"), answer.json()
    assert answer.json()["preview"]["new"] == 1


def test_a_file_over_the_limit_is_refused_before_it_is_read(
    alice_api: APIClient, settings: Any, tmp_path: Path
) -> None:
    settings.IMPORT_MAX_BYTES = 100
    over = send(alice_api, OPEN, CLOSE)
    settings.IMPORT_MAX_BYTES = -2 * 1024 * 1024
    unread = send(alice_api, OPEN)

    for answer in (over, unread):
        assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert not ImportBatch.objects.exists()
    assert stored(tmp_path) == []


def test_only_a_form_is_taken_for_a_file_and_only_json_for_the_rest(alice_api: APIClient) -> None:
    path = f"{IMPORTS}{send(alice_api, OPEN).json()['id']}/"

    assert alice_api.post(IMPORTS, {"file": "x"}, format="json").status_code == 415
    assert alice_api.patch(path, {"format": ""}, format="multipart").status_code == 415
    assert alice_api.post(IMPORTS, b"x", content_type="multipart/form-data").status_code == 400
    assert alice_api.put(path, {}).status_code == 405


def test_a_signed_in_page_may_upload_too(alice: User) -> None:
    client = signed_in(alice)
    content = "\n".join([HEADER, OPEN, ""]).encode()

    answer = client.post(IMPORTS, {"file": SimpleUploadedFile("flex.csv", content), "options": json.dumps(OPTIONS)})

    assert (answer.status_code, answer.json()["status"]) == (202, "ready")


def test_an_upload_takes_effect_once_per_idempotency_key(alice_api: APIClient, tmp_path: Path) -> None:
    def upload(*rows: str, **headers: str) -> Any:
        form = {
            "file": SimpleUploadedFile("flex.csv", "\n".join([HEADER, *rows, ""]).encode()),
            "options": json.dumps(OPTIONS),
        }
        return alice_api.post(IMPORTS, form, format="multipart", HTTP_IDEMPOTENCY_KEY="k")

    first, again, other = upload(OPEN), upload(OPEN), upload(CLOSE)

    assert first.status_code == 202
    assert first.json() == again.json()
    assert other.status_code == 409
    assert ImportBatch.objects.count() == len(stored(tmp_path)) == 1


def test_imports_are_listed_latest_first_by_status(alice_api: APIClient, bob_api: APIClient) -> None:
    first, second = (send(alice_api, row).json()["id"] for row in (OPEN, BAD))

    page = alice_api.get(f"{IMPORTS}?limit=1").json()
    assert ([row["id"] for row in page["results"]], page["total"]) == ([second], 2)
    assert alice_api.get(f"{IMPORTS}?cursor={page['next']}").json()["results"][0]["id"] == first
    assert [row["id"] for row in alice_api.get(f"{IMPORTS}?status=ready").json()["results"]] == [first]
    assert alice_api.get(f"{IMPORTS}?status=Ready").json()["code"] == "invalid_choice"
    assert alice_api.get(f"{IMPORTS}?stat=ready").json()["code"] == "unknown_parameter"
    assert "preview" not in page["results"][0]
    assert bob_api.get(IMPORTS).json()["total"] == 0
    assert "ETag" not in alice_api.get(IMPORTS).headers


def test_what_is_foreign_is_answered_as_what_is_absent(
    alice_api: APIClient, bob_api: APIClient, django_capture_on_commit_callbacks: Worker
) -> None:
    path = applied(alice_api, django_capture_on_commit_callbacks, OPEN, CLOSE)
    absent = f"{IMPORTS}{uuid.uuid4()}/"

    for action in ("commit/", "cancel/", "undo/", "replay/"):
        assert [bob_api.post(base + action).status_code for base in (path, absent)] == [404, 404]
    for base in (path, absent):
        assert bob_api.get(base).status_code == 404
        assert bob_api.get(f"{base}rows/").status_code == 404
        assert bob_api.patch(base, {"options": {}}).status_code == 404
    assert ImportBatch.objects.get().status == BatchStatus.APPLIED
    assert Trade.objects.get().net_pnl == D("197.75")


def test_a_foreign_account_takes_no_fills(alice: User, bob_api: APIClient) -> None:
    account = make_account(alice, "Alice's")

    direct = send(bob_api, OPEN, account=str(account.public_id))
    nested = send(bob_api, OPEN, options={"accounts": {"U1": {"account": str(account.public_id)}}})

    assert {direct.json()["code"], nested.json()["code"]} == {"does_not_exist"}
    assert not ImportBatch.objects.exists()


def test_suspended_people_read_their_imports_and_change_none(
    tmp_path: Path, django_capture_on_commit_callbacks: Worker
) -> None:
    carol = make_user("carol@example.com")
    api = api_of(carol)
    path = applied(api, django_capture_on_commit_callbacks, OPEN)
    carol.client.status = ClientStatus.SUSPENDED
    carol.client.save(update_fields=["status"])

    assert api.get(path).status_code == api.get(f"{path}rows/").status_code == 200
    refused = [send(api, CLOSE), send(api, CLOSE, query="?dry_run=true"), api.patch(path, {"options": {}})]
    refused += [api.post(f"{path}{action}/") for action in ("commit", "cancel", "undo", "replay")]
    assert {answer.status_code for answer in refused} == {403}
    assert (Execution.objects.count(), ImportBatch.objects.get().status) == (1, "applied")
    assert len(stored(tmp_path)) == 1
