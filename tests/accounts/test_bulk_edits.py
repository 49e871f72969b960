"""One change to many accounts: all or none, told account by account, and taken back where nobody changed it since."""

import uuid
from datetime import UTC, datetime

import pytest
from rest_framework.test import APIClient

from accounts import account_groups, bulk_edits, trading_accounts, undo, versions
from accounts.bulk_edits import Change
from accounts.errors import InvalidValue
from accounts.models import Account, AccountGroup, AccountTag, ActivityEntry, AuditEvent, User
from tests.factories import make_account

AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
BULK = "/api/v1/accounts/bulk/"


def applied(owner: User, accounts: list[Account], change: Change) -> bulk_edits.Applied:
    return bulk_edits.apply(owner=owner, accounts=[each.pk for each in accounts], change=change, at=AT)


def test_every_part_of_a_change_reaches_every_account_and_nothing_else(alice: User) -> None:
    group = account_groups.create_group(owner=alice, name="Evaluations")
    kept, gone = (account_groups.create_tag(owner=alice, name=name) for name in ("Kept", "Gone"))
    first, second, other = (make_account(alice, name, broker="IBKR") for name in ("First", "Second", "Other"))
    first.tags.add(gone)
    values = {"group": group, "broker": "Schwab", "kind": "prop", "status": "closed", "color": "#112233"}
    version = versions.current(alice.pk)

    change = Change(values={**values, "archived": True}, add_tags=[kept], remove_tags=[gone])
    done = applied(alice, [first, second], change)

    assert (done.total, done.changed) == (2, 2)
    for account in Account.objects.filter(pk__in=[first.pk, second.pk]):
        assert {name: getattr(account, name) for name in values} == values
        assert account.archived_at == account.updated_at == AT
        assert list(account.tags.all()) == [kept]
    other.refresh_from_db()
    assert (other.group, other.broker, other.archived_at, other.tags.count()) == (None, "IBKR", None, 0)
    assert versions.current(alice.pk) == version + 1
    assert AuditEvent.objects.filter(event="account.update").count() == 2
    assert ActivityEntry.objects.latest("id").text == "2 accounts were changed together."


def test_what_is_so_already_is_no_change_and_leaves_no_trace(alice: User) -> None:
    account = make_account(alice, "Main", kind="prop", archived_at=AT)
    version = versions.current(alice.pk)

    done = applied(alice, [account], Change(values={"kind": "prop", "archived": True}))

    assert (done.total, done.changed, done.payload) == (1, 0, None)
    assert versions.current(alice.pk) == version
    assert not AuditEvent.objects.exists()


def test_a_preview_counts_what_apply_would_change_and_changes_nothing(alice: User) -> None:
    tag = account_groups.create_tag(owner=alice, name="Prop")
    accounts = [make_account(alice, "A", status="closed"), make_account(alice, "B"), make_account(alice, "C")]
    accounts[1].tags.add(tag)

    looked = bulk_edits.preview(
        alice, [each.pk for each in accounts], Change(values={"status": "closed"}, add_tags=[tag])
    )

    assert (looked.total, looked.changed) == (3, 3)
    assert [(each.name, each.accounts) for each in looked.effects] == [("status", 2), ("add_tag", 2)]
    assert Account.objects.filter(status="closed").count() == 1


@pytest.mark.parametrize("foreign", ["another's", "absent"])
def test_one_id_that_is_not_ones_own_keeps_all_as_they_are(alice: User, bob: User, foreign: str) -> None:
    own = make_account(alice, "Own")
    other = make_account(bob, "Of Bob").pk if foreign == "another's" else 987654321

    with pytest.raises(InvalidValue) as refusal:
        bulk_edits.apply(owner=alice, accounts=[own.pk, other], change=Change(values={"kind": "prop"}), at=AT)

    assert refusal.value.message == "Some of these accounts are not there. Nothing was changed."
    assert not Account.objects.filter(kind="prop").exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    "values", [{"kind": "hedge"}, {"status": "lost"}, {"color": "red"}, {"broker": "a\x07"}, {"broker": "x" * 101}, {}]
)
def test_a_change_that_cannot_be_is_refused(alice: User, values: dict[str, str]) -> None:
    account = make_account(alice, "Own", broker="IBKR")

    with pytest.raises(InvalidValue):
        applied(alice, [account], Change(values=values))

    account.refresh_from_db()
    assert (account.kind, account.status, account.broker) == ("individual", "active", "IBKR")


def test_groups_and_labels_of_others_are_refused(alice: User, bob: User) -> None:
    account = make_account(alice, "Own")
    group = account_groups.create_group(owner=bob, name="Of Bob")
    tag = account_groups.create_tag(owner=bob, name="Of Bob")

    for change in (Change(values={"group": group}), Change(add_tags=[tag]), Change(remove_tags=[tag])):
        with pytest.raises(InvalidValue):
            applied(alice, [account], change)

    account.refresh_from_db()
    assert (account.group_id, account.tags.count()) == (None, 0)


def test_an_undo_gives_each_account_what_it_had(alice: User) -> None:
    old, new = (account_groups.create_group(owner=alice, name=name) for name in ("Old", "New"))
    tag = account_groups.create_tag(owner=alice, name="Prop")
    then = datetime(2025, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
    first = make_account(alice, "First", group=old, broker="IBKR", archived_at=then)
    second = make_account(alice, "Second", broker="Schwab")
    second.tags.add(tag)
    change = Change(values={"group": new, "broker": "Tradovate", "archived": False}, add_tags=[tag])
    done = applied(alice, [first, second], change)
    assert done.payload is not None

    undone = undo.perform(alice, undo.token(alice, bulk_edits.UNDO, done.payload))

    assert undone.words == "2 accounts are as before."
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.group, first.broker, first.archived_at, first.tags.count()) == (old, "IBKR", then, 0)
    assert (second.group, second.broker, second.archived_at, second.tags.count()) == (None, "Schwab", None, 1)


def test_an_undo_keeps_what_was_changed_since(alice: User) -> None:
    first, second = make_account(alice, "First"), make_account(alice, "Second")
    done = applied(alice, [first, second], Change(values={"broker": "IBKR", "kind": "prop"}))
    assert done.payload is not None
    trading_accounts.update(first, broker="Later")

    bulk_edits.take_back(alice, done.payload)

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.broker, first.kind) == ("Later", "individual")
    assert (second.broker, second.kind) == ("", "individual")
    with pytest.raises(InvalidValue):
        bulk_edits.take_back(alice, done.payload)


def test_nobody_takes_back_what_another_did(alice: User, bob: User) -> None:
    account = make_account(alice, "Main")
    done = applied(alice, [account], Change(values={"kind": "prop"}))
    assert done.payload is not None

    with pytest.raises(InvalidValue):
        undo.perform(bob, undo.token(alice, bulk_edits.UNDO, done.payload))
    with pytest.raises(InvalidValue):
        bulk_edits.take_back(bob, done.payload)

    account.refresh_from_db()
    assert account.kind == "prop"


def test_thousands_of_accounts_cost_few_queries_and_one_short_token(
    alice: User, django_assert_max_num_queries: object
) -> None:
    tag = account_groups.create_tag(owner=alice, name="Prop")
    Account.objects.bulk_create(Account(owner=alice, name=f"Account {number}") for number in range(3000))
    pks = list(Account.objects.values_list("pk", flat=True))
    change = Change(values={"kind": "prop"}, add_tags=[tag])

    with django_assert_max_num_queries(25):  # type: ignore[operator]
        # Lines of the audit log and links to labels are written in thousands.
        done = bulk_edits.apply(owner=alice, accounts=pks, change=change, at=AT)
    assert done.payload is not None
    assert (done.changed, tag.accounts.count()) == (3000, 3000)
    assert len(undo.token(alice, bulk_edits.UNDO, done.payload)) < 300

    bulk_edits.take_back(alice, done.payload)
    assert Account.objects.filter(kind="individual").count() == 3000
    assert not Account.tags.through.objects.exists()


# ---------------------------------------------------------------- by the API
def test_the_api_changes_the_accounts_named_or_all_that_match(alice_api: APIClient, alice: User, bob: User) -> None:
    first, second = make_account(alice, "Eval 1", broker="Apex"), make_account(alice, "Eval 2", broker="Apex")
    make_account(alice, "Pension", broker="IBKR")
    make_account(bob, "Eval 3", broker="Apex")
    group = account_groups.create_group(owner=alice, name="Evaluations")

    asked = {"filters": {"broker": "Apex"}, "changes": {"group": str(group.public_id)}}
    looked = alice_api.patch(BULK, {**asked, "dry_run": True})
    assert looked.json() == {"total": 2, "changed": 2}
    assert not group.accounts.exists()
    assert alice_api.patch(BULK, asked).json() == {"total": 2, "changed": 2}
    assert set(group.accounts.all()) == {first, second}

    named = {"ids": [str(first.public_id)], "changes": {"group": None, "archived": True}}
    assert alice_api.patch(BULK, named).json() == {"total": 1, "changed": 1}
    first.refresh_from_db()
    assert first.group_id is None
    assert first.archived_at is not None


def test_the_api_refuses_foreign_ids_like_absent_ones_and_changes_nothing(
    alice_api: APIClient, alice: User, bob: User
) -> None:
    own, other = make_account(alice, "Own"), make_account(bob, "Of Bob")
    answers = []
    for foreign in (str(other.public_id), str(uuid.uuid4())):
        answer = alice_api.patch(BULK, {"ids": [str(own.public_id), foreign], "changes": {"kind": "prop"}})
        assert answer.status_code == 400
        answers.append({**answer.json(), "request_id": ""})
    assert answers[0] == answers[1]
    for body in (
        {"changes": {"kind": "prop"}},
        {"ids": [], "changes": {}},
        {"ids": [str(own.public_id)], "changes": {}},
    ):
        assert alice_api.patch(BULK, body).status_code == 400
    assert not Account.objects.filter(kind="prop").exists()


def test_an_account_by_the_api_has_its_group_and_labels(alice_api: APIClient, alice: User, bob: User) -> None:
    group = account_groups.create_group(owner=alice, name="Evaluations", color="#112233")
    tags = [account_groups.create_tag(owner=alice, name=name) for name in ("Prop", "Fast")]
    ids = [str(tag.public_id) for tag in tags]

    made = alice_api.post("/api/v1/accounts/", {"name": "Main", "group": str(group.public_id), "tags": ids}).json()
    assert made["group"] == {"id": str(group.public_id), "name": "Evaluations", "color": "#112233"}
    assert [tag["name"] for tag in made["tags"]] == ["Fast", "Prop"]
    path = f"/api/v1/accounts/{made['id']}/"
    assert alice_api.get(path).json() == made
    assert alice_api.get("/api/v1/accounts/?tag=Prop").json()["results"] == [made]
    assert alice_api.get(f"/api/v1/accounts/?group={group.public_id}").json()["total"] == 1
    assert alice_api.get("/api/v1/accounts/?group=none").json()["total"] == 0
    changed = alice_api.patch(path, {"group": None, "tags": ids[:1]}).json()
    assert (changed["group"], [tag["name"] for tag in changed["tags"]]) == (None, ["Prop"])
    told = AuditEvent.objects.filter(event="account.update").latest("id")
    assert told.after == {"group": None, "tags": ids[:1]}

    foreign = account_groups.create_group(owner=bob, name="Of Bob")
    refused = alice_api.patch(path, {"group": str(foreign.public_id)})
    assert refused.status_code == 400
    assert alice_api.get(path).json() == changed


def test_a_batch_has_groups_and_labels(alice_api: APIClient, alice: User) -> None:
    tag = str(account_groups.create_tag(owner=alice, name="Prop").public_id)

    rows = [{"name": "A", "tags": [tag]}, {"name": "B"}]
    made = alice_api.post("/api/v1/accounts/batch/", {"accounts": rows}).json()["results"]

    assert [[each["name"] for each in account["tags"]] for account in made] == [["Prop"], []]


# ---------------------------------------------------------------- groups and labels
def test_names_of_groups_and_of_labels_are_unique_among_ones_own(alice: User, bob: User) -> None:
    account_groups.create_group(owner=alice, name="Prop")
    account_groups.create_tag(owner=alice, name="Prop")
    account_groups.create_group(owner=bob, name="Prop")

    for make in (account_groups.create_group, account_groups.create_tag):
        with pytest.raises(account_groups.LabelNameTaken) as refusal:
            make(owner=alice, name=" Prop ")
        assert refusal.value.pointer == "/name"
    for name in ("", "x" * 51, "a\nb", "None"):
        with pytest.raises(InvalidValue):
            account_groups.create_group(owner=alice, name=name)
    assert AccountGroup.objects.count() == 2


def test_groups_keep_the_order_that_their_owner_gave_them(alice_api: APIClient, alice: User, bob: User) -> None:
    made = [account_groups.create_group(owner=alice, name=name) for name in "ABC"]
    foreign = account_groups.create_group(owner=bob, name="Z")

    def names() -> str:
        return "".join(each["name"] for each in alice_api.get("/api/v1/account-groups/").json()["results"])

    assert names() == "ABC"
    account_groups.move_group(made[2], step=-1)
    assert names() == "ACB"
    account_groups.move_group(made[2], step=-9)
    assert names() == "CAB"
    account_groups.reorder_groups(owner=alice, ids=[made[1].public_id])
    assert names() == "BCA"
    alice_api.patch(f"/api/v1/account-groups/{made[0].public_id}/", {"position": 1})
    assert names() == "BAC"
    for ids in ([foreign.public_id], [made[0].public_id, made[0].public_id]):
        with pytest.raises(InvalidValue):
            account_groups.reorder_groups(owner=alice, ids=ids)
    assert names() == "BAC"


def test_a_deleted_group_comes_back_with_its_accounts(alice: User) -> None:
    group = account_groups.create_group(owner=alice, name="Evaluations", color="#112233")
    stayed, moved = make_account(alice, "Stayed", group=group), make_account(alice, "Moved", group=group)
    key = group.public_id
    payload = account_groups.delete_group(group, at=AT)
    assert Account.objects.filter(group=None).count() == 2
    other = account_groups.create_group(owner=alice, name="Other")
    trading_accounts.update(moved, group=other)

    undo.perform(alice, undo.token(alice, account_groups.UNDO_GROUP, payload))

    back = AccountGroup.objects.get(public_id=key)
    assert (back.name, back.color, list(back.accounts.all())) == ("Evaluations", "#112233", [stayed])
    moved.refresh_from_db()
    assert moved.group == other


def test_a_deleted_label_comes_back_on_its_accounts(alice: User) -> None:
    tag = account_groups.create_tag(owner=alice, name="Prop")
    account = make_account(alice, "Main")
    account.tags.add(tag)
    payload = account_groups.delete_tag(tag, at=AT)
    assert not AccountTag.objects.exists()
    account_groups.create_tag(owner=alice, name="Prop")

    with pytest.raises(account_groups.LabelNameTaken):
        account_groups.bring_tag_back(alice, payload)
    AccountTag.objects.all().delete()
    account_groups.bring_tag_back(alice, payload)

    assert [tag.name for tag in account.tags.all()] == ["Prop"]
