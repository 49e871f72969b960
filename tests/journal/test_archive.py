"""Everything a person has, written and taken in again: the same numbers, once, and nothing that was tampered with."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from PIL import Image

from accounts import ledger
from accounts.models import Account, AccountGroup, AccountTag, LedgerEntry, Portfolio, Preference, User
from journal import breakdowns, reports
from journal.archive import restoring, writing
from journal.archive.opening import ArchiveRefused
from journal.models import (
    Attachment,
    Note,
    NoteTemplate,
    Playbook,
    PlaybookRule,
    PlaybookVersion,
    RuleCheck,
    SavedView,
    TradePlaybook,
)
from tests.conftest import signed_in
from tests.histories import History, seed_reference
from tests.journal.factories import make_account, make_trade
from trading import trades
from trading.models import (
    Execution,
    ImportBatch,
    ImportRow,
    Tag,
    TagGroup,
    Trade,
)
from trading.trades import Plan

pytestmark = pytest.mark.django_db

AT = datetime(2026, 4, 1, 12, tzinfo=UTC)
TUESDAY = date(2026, 3, 3)


def _picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (2, 1), "red").save(file, "PNG")
    return file.getvalue()


PNG = _picture()


@pytest.fixture(autouse=True)
def _own_media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def archive(alice: User, tmp_path: Path) -> Callable[[], Path]:
    numbers = iter(range(100))

    def write() -> Path:
        path = tmp_path / f"alice{next(numbers)}.zip"
        writing.write(alice, path, at=AT)
        return path

    return write


def furnish(alice: User) -> Trade:
    """One thing of every kind; returns the trade that most of it is about."""
    group = AccountGroup.objects.create(owner=alice, name="Evaluations", position=3)
    label = AccountTag.objects.create(owner=alice, name="copier", color="#112233")
    account = make_account(alice, "Main", group=group, initial_balance=Decimal("1000.5"), is_sample=True)
    account.tags.add(label)
    ledger.deposit(account, currency="USD", amount=Decimal("10.25"), idempotency_key="a", at=AT, note="first")
    ledger.withdraw(account, currency="USD", amount=Decimal("0.25"), idempotency_key="b", at=AT)
    setups = TagGroup.objects.create(owner=alice, name="Setups", role="setup")
    gap = Tag.objects.create(owner=alice, name="gap", group=setups)
    trade = make_trade(account, day=TUESDAY, pnl="100", fees="1.5", stop="990", target="1020", tags=[gap])
    trades.annotate(trade, note="Held =\nnot hoped", is_reviewed=True)
    Trade.objects.filter(pk=trade.pk).update(rating=4)
    note = Note.objects.create(owner=alice, account=account, day=TUESDAY, text="# Day", title="Tuesday", rating=5)
    note.tags.add(gap)
    NoteTemplate.objects.create(owner=alice, name="Morning", text="Plan:")
    playbook = Playbook.objects.create(owner=alice, name="Opening range")
    version = PlaybookVersion.objects.create(playbook=playbook, number=1)
    rule = PlaybookRule.objects.create(version=version, text="Wait", position=1)
    taken = TradePlaybook.objects.create(owner=alice, trade_key=trade.public_id, playbook=playbook, version=version)
    RuleCheck.objects.create(trade_playbook=taken, rule=rule, is_kept=False)
    for about in ({"trade_key": trade.public_id}, {"note": note}):
        Attachment.objects.create(
            owner=alice, file=ContentFile(PNG, name="x"), filename="shot.png", content_type="image/png",
            size=len(PNG), sha256=sha256(PNG).hexdigest(), width=2, height=1, **about,
        )  # fmt: skip
    SavedView.objects.create(owner=alice, name="Mine", page="trades", query=f"account={account.public_id}&side=long")
    Preference.objects.create(owner=alice, name="panels", value=[str(account.public_id), 1])
    trade.refresh_from_db()
    return trade


def taken_in(owner: User, path: Path, **choices: Any) -> dict[str, int]:
    with transaction.atomic():
        return restoring.take_in(owner, path, **choices)[0]


def changed(path: Path, change: Callable[[dict[str, bytes]], None], *, mend: bool = True) -> Path:
    """A copy of the archive with other members; with `mend`, the manifest fits them."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    change(members)
    if mend:
        manifest = json.loads(members["manifest.json"])
        for each in manifest["members"]:
            data = members[each["name"]]
            each |= {"size": len(data), "sha256": sha256(data).hexdigest()}
            if each["name"].endswith(".jsonl"):
                each["rows"] = data.count(b"\n")
        members["manifest.json"] = json.dumps(manifest).encode()
    other = path.with_name(f"changed-{path.name}")
    with zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return other


def edited(path: Path, table: str, **values: Any) -> Path:
    """A copy in which the first row of a table has other values."""

    def change(members: dict[str, bytes]) -> None:
        lines = members[f"{table}.jsonl"].splitlines()
        lines[0] = json.dumps({**json.loads(lines[0]), **values}).encode()
        members[f"{table}.jsonl"] = b"".join(line + b"\n" for line in lines)

    return changed(path, change)


def rows_of(owner: User) -> dict[str, int]:
    models: list[Any] = [
        Account,
        Execution,
        Trade,
        Tag,
        Note,
        Playbook,
        Attachment,
        SavedView,
        ImportBatch,
        LedgerEntry,
    ]
    return {model.__name__: model.objects.filter(owner=owner).count() for model in models}


def test_another_person_has_everything_that_the_archive_holds(
    alice: User, bob: User, archive: Callable[[], Path]
) -> None:
    trade = furnish(alice)

    taken_in(bob, archive())

    account = Account.objects.get(owner=bob)
    assert (account.name, account.initial_balance, account.is_sample) == ("Main", Decimal("1000.5"), True)
    assert (account.group.name, [each.name for each in account.tags.all()]) == ("Evaluations", ["copier"])
    assert Portfolio.objects.get(account=account).available_balance == 10
    assert list(LedgerEntry.objects.filter(owner=bob).order_by("id").values_list("available_after", "note")) == [
        (Decimal("10.25"), "first"), (Decimal(10), "")
    ]  # fmt: skip
    copy = Trade.objects.get(owner=bob)
    for name in ("net_pnl", "fees", "initial_stop", "planned_r", "realized_r", "note", "rating", "reviewed_at"):
        assert getattr(copy, name) == getattr(trade, name), name
    (tag,) = copy.tags.all()
    assert (tag.owner, tag.name, tag.group.role) == (bob, "gap", "setup")
    note = Note.objects.get(owner=bob)
    assert (note.text, note.title, note.account, note.rating) == ("# Day", "Tuesday", account, 5)
    assert list(note.tags.all()) == [tag]
    taken = TradePlaybook.objects.get(owner=bob)
    assert (taken.trade_key, taken.playbook.name) == (copy.public_id, "Opening range")
    assert [(check.rule.text, check.is_kept) for check in taken.checks.all()] == [("Wait", False)]
    ours = Attachment.objects.filter(owner=bob).order_by("id")
    assert [each.file.read() for each in ours] == [PNG, PNG]
    assert [(each.trade_key, each.note) for each in ours] == [(copy.public_id, None), (None, note)]
    assert not {each.file.name for each in ours} & {each.file.name for each in Attachment.objects.filter(owner=alice)}
    assert SavedView.objects.get(owner=bob).query == f"account={account.public_id}&side=long"
    assert Preference.objects.get(owner=bob).value == [str(account.public_id), 1]
    assert NoteTemplate.objects.get(owner=bob).text == "Plan:"


def test_links_in_words_lead_to_the_same_things_of_the_other_person(
    alice: User, bob: User, archive: Callable[[], Path]
) -> None:
    trade = furnish(alice)
    nobody = "019d0000-0000-7000-8000-000000000000"

    def words(owner: User) -> str:
        picture = Attachment.objects.get(owner=owner, note__isnull=False)
        return (
            f"![shot](/attachments/{picture.public_id}/file/) "
            f"[trade](/trades/{Trade.objects.get(owner=owner).public_id}/) "
            f"[note](/journal/{Note.objects.get(owner=owner).public_id}/) "
            f"[day](/days/2026-03-03/?account={Account.objects.get(owner=owner).public_id}) /journal/{nobody}/"
        )

    said = words(alice)
    Note.objects.filter(owner=alice).update(text=said)
    NoteTemplate.objects.filter(owner=alice).update(text=said)
    Playbook.objects.filter(owner=alice).update(description=said)
    trades.annotate(trade, note=said)

    taken_in(bob, archive())

    expected = words(bob)
    assert Note.objects.get(owner=bob).text == expected != said
    assert NoteTemplate.objects.get(owner=bob).text == expected
    assert Playbook.objects.get(owner=bob).description == expected
    assert Trade.objects.get(owner=bob).note == expected
    picture = Attachment.objects.get(owner=bob, note__isnull=False)
    answer = signed_in(bob).get(f"/attachments/{picture.public_id}/file/")
    assert b"".join(answer.streaming_content) == PNG  # type: ignore[attr-defined]


def test_taking_the_same_archive_in_again_adds_nothing(alice: User, bob: User, archive: Callable[[], Path]) -> None:
    furnish(alice)
    path = archive()
    taken_in(bob, path)
    before = rows_of(bob)

    again = taken_in(bob, path)

    assert again == {}
    assert rows_of(bob) == before


def test_taking_in_ones_own_archive_adds_nothing_and_keeps_later_words(
    alice: User, archive: Callable[[], Path]
) -> None:
    trade = furnish(alice)
    path = archive()
    trades.annotate(trade, note="Since changed")
    before = rows_of(alice)

    assert taken_in(alice, path) == {}

    assert rows_of(alice) == before
    trade.refresh_from_db()
    assert trade.note == "Since changed"


def test_outside_ids_are_kept_where_they_are_free(alice: User, bob: User, archive: Callable[[], Path]) -> None:
    trade = furnish(alice)
    path = archive()
    ids = {trade.public_id, *Account.objects.filter(owner=alice).values_list("public_id", flat=True)}
    with connection.cursor() as cursor:
        cursor.execute("UPDATE trading_trade SET public_id = uuidv7() WHERE owner_id = %s", [alice.pk])
        cursor.execute("UPDATE accounts_account SET public_id = uuidv7() WHERE owner_id = %s", [alice.pk])

    taken_in(bob, path)

    made = {Trade.objects.get(owner=bob).public_id, Account.objects.get(owner=bob).public_id}
    assert made == ids


def test_what_has_a_name_already_is_merged_or_renamed(alice: User, bob: User, archive: Callable[[], Path]) -> None:
    furnish(alice)
    own = make_account(bob, "Main", currency="EUR")
    tag = Tag.objects.create(owner=bob, name="gap", color="#000000")

    _, remarks = restoring.take_in(bob, archive())

    assert set(Account.objects.filter(owner=bob).values_list("name", flat=True)) == {"Main", "Main (2)"}
    assert "Main is called Main (2) here: you had one of that name." in remarks
    assert list(Trade.objects.get(owner=bob).tags.all()) == [tag]
    own.refresh_from_db()
    assert own.currency == "EUR"


def test_what_an_import_put_in_is_a_duplicate_of_its_file_afterwards(
    alice: User, bob: User, archive: Callable[[], Path]
) -> None:
    seed_reference()
    history = History(alice, seed=3)
    history.import_vue()
    taken_in(bob, archive())
    batch = ImportBatch.objects.filter(owner=bob).get()

    assert batch.rows.count() == ImportRow.objects.filter(batch__owner=alice).count() > 0
    assert set(Execution.objects.filter(owner=bob).values_list("batch", flat=True)) == {batch.pk}
    assert set(Execution.objects.filter(owner=bob).values_list("identity", "line")) == set(
        Execution.objects.filter(owner=alice).values_list("identity", "line")
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_numbers_of_a_random_history_are_the_same_to_the_last_digit(
    alice: User, bob: User, archive: Callable[[], Path], seed: int
) -> None:
    seed_reference()
    History(alice, seed=seed).live(25)
    make_trade(make_account(alice, "Extra"), day=TUESDAY, pnl="5", stop="995", target="1010")

    taken_in(bob, archive())

    bob.refresh_from_db()
    assert _numbers(bob) == _numbers(alice)
    assert Execution.objects.filter(owner=bob, voided_at__isnull=False).count() == (
        Execution.objects.filter(owner=alice, voided_at__isnull=False).count()
    )
    taken_in(bob, archive())
    assert _numbers(bob) == _numbers(alice)


def _numbers(user: User) -> dict[str, Any]:
    metrics = reports.aggregate_metrics(user, fresh=True)
    calendar = breakdowns.calendar(user, fresh=True)
    return {
        "figures": metrics.figures,
        "counts": metrics.counts,
        "by currency": metrics.by_currency,
        "drawdown": metrics.max_drawdown,
        "sharpe": (metrics.sharpe, metrics.sortino),
        "accounts": sorted((row.name, row.pnl, row.trade_count) for row in metrics.accounts),
        "curve": reports.equity_curve(user, fresh=True).combined.text,
        "days": [asdict(calendar)[name] for name in ("currency", "days", "net_pnl", "trade_count")],
        "streaks": breakdowns.trade_streaks(user, fresh=True).streaks,
        **{
            by: [(row.label, row.figures) for row in breakdowns.breakdown(user, by=by, fresh=True).rows]
            for by in ("symbol", "side", "weekday", "hour", "holding", "tag", "broker")
        },
    }


def test_a_thousand_fills_take_no_more_queries_than_ten(alice: User, archive: Callable[[], Path]) -> None:
    account = make_account(alice, "Main")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            archive()
        return len(captured)

    make_trade(account, day=TUESDAY, pnl="1")
    few = queries()
    for number in range(6):
        make_trade(account, day=TUESDAY, pnl="1", symbol=f"S{number}")

    assert queries() == few


def test_the_manifest_counts_and_hashes_every_member(alice: User, archive: Callable[[], Path]) -> None:
    furnish(alice)

    with zipfile.ZipFile(archive()) as file:
        manifest = json.loads(file.read("manifest.json"))
        stated = {each["name"]: each for each in manifest["members"]}

        assert (manifest["format"], manifest["version"]) == ("trading-journal-archive", 1)
        assert {*stated, "manifest.json"} == set(file.namelist())
        for name, each in stated.items():
            assert each["sha256"] == sha256(file.read(name)).hexdigest()
        fill = json.loads(file.read("executions.jsonl").splitlines()[1])
    assert manifest["counts"]["executions"] == 2
    assert (fill["price"], fill["fees"], fill["side"]) == ("1100", "1.5", "sell")


def test_the_file_is_readable_by_nobody_else(archive: Callable[[], Path]) -> None:
    assert archive().stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda members: members.pop("manifest.json"), "no_manifest"),
        (lambda members: members.__setitem__("../evil", b"x"), "unknown_member"),
        (lambda members: members.__setitem__("/etc/passwd", b"x"), "unknown_member"),
        (lambda members: members.__setitem__("attachments/../../x", b"x"), "unknown_member"),
        (lambda members: members.pop("trades.jsonl"), "members_differ"),
        (lambda members: members.__setitem__("trades.jsonl", b"{}\n"), "hash_differs"),
        (lambda members: members.__setitem__("accounts.jsonl", b"0" * 40_000_000), "too_large"),
        (lambda members: members.__setitem__("manifest.json", b'{"format": "x"}'), "unknown_format"),
        (
            lambda members: members.__setitem__(
                "manifest.json", members["manifest.json"].replace(b'"version": 1', b'"version": 2')
            ),
            "unknown_version",
        ),
    ],
)
def test_a_file_that_was_tampered_with_is_refused_and_nothing_is_taken_in(
    alice: User, bob: User, archive: Callable[[], Path], change: Callable[[dict[str, bytes]], None], code: str
) -> None:
    furnish(alice)
    path = changed(archive(), change, mend=False)

    with pytest.raises(ArchiveRefused) as refused:
        taken_in(bob, path)

    assert refused.value.code == code
    assert not any(rows_of(bob).values())


@pytest.mark.parametrize(
    ("table", "values", "says"),
    [
        ("executions", {"quantity": 1}, "a decimal is written as text"),
        ("executions", {"quantity": "1e3"}, "quantity"),
        ("executions", {"price": "NaN"}, "price"),
        ("executions", {"price": "1234567890123456789"}, "price"),
        ("executions", {"side": "hold"}, "it is not one of its choices"),
        ("executions", {"owner": "somebody"}, "there is no column 'owner'"),
        ("executions", {"executed_on": "03/06/2026"}, "it is not a date"),
        ("executions", {"sort_at": "2026-03-03T14:00:00"}, "it is not an instant with its offset"),
        ("executions", {"account": "019d0000-0000-7000-8000-000000000000"}, "that is not there"),
        ("executions", {"quantity": "-1"}, "contradicts"),
        ("accounts", {"time_zone": "Mars/Olympus"}, "time zone"),
        ("accounts", {"name": "a\nb"}, "name"),
        ("ledger", {"available_after": "99"}, "does not add up"),
        ("attachments", {"content_type": "text/html"}, "is not of the type"),
        ("attachments", {"sha256": "0" * 64}, "is not in it"),
        ("notes", {"rating": 6}, "contradicts"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_and_nothing_is_taken_in(
    alice: User, bob: User, archive: Callable[[], Path], table: str, values: dict[str, Any], says: str
) -> None:
    furnish(alice)
    path = edited(archive(), table, **values)

    with pytest.raises(ArchiveRefused, match=says):
        taken_in(bob, path)

    assert not any(rows_of(bob).values())


def test_what_is_no_zip_is_refused(bob: User, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(b"PK nothing")

    with pytest.raises(ArchiveRefused, match="not a whole ZIP"):
        taken_in(bob, path)


def test_a_zip_with_a_name_that_is_no_text_is_refused(bob: User, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("éé", b"")
    path.write_bytes(path.read_bytes().replace("éé".encode(), b"\xff\xfe\xff\xfe"))

    with pytest.raises(ArchiveRefused, match="not a whole ZIP"):
        taken_in(bob, path)


def test_what_it_says_of_the_person_is_read_only_where_it_is_short(
    alice: User, bob: User, archive: Callable[[], Path]
) -> None:
    def change(members: dict[str, bytes]) -> None:
        members["person.json"] = json.dumps({**json.loads(members["person.json"]), "theme": "x" * 70_000}).encode()

    with pytest.raises(ArchiveRefused) as refused:
        taken_in(bob, changed(archive(), change))

    assert refused.value.code == "too_large"


def test_a_plan_that_nobody_made_is_not_made_up(alice: User, bob: User, archive: Callable[[], Path]) -> None:
    trade = make_trade(make_account(alice, "Main"), day=TUESDAY, pnl="5", stop="995")
    trades.annotate(trade, plan=Plan(None, Decimal(1010)))

    taken_in(bob, archive())

    copy = Trade.objects.get(owner=bob)
    assert (copy.initial_stop, copy.initial_target, copy.planned_r, copy.realized_r) == (None, 1010, None, None)


def test_an_archive_is_a_zip_that_streams(alice: User) -> None:
    file = io.BytesIO()

    counts = writing.Writer(alice, file).write(at=AT)

    assert counts["executions"] == 0
    assert zipfile.is_zipfile(file)
