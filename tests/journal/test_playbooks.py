"""Rules in versions that never change once a trade was held against them, and what keeping them made."""

import uuid
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import undo
from accounts.errors import Conflict, InvalidValue
from accounts.models import User
from journal import playbook_results, playbooks
from journal.filters import MetricsFilter
from journal.models import Playbook, PlaybookRule, PlaybookVersion, RuleCheck, TradePlaybook
from journal.playbooks import PlaybookChanged, PlaybookInUse, PlaybookNameTaken, WrittenRule
from journal.version_differences import RuleChange, differences
from tests.journal.factories import make_account, make_trade
from trading import trades
from trading.models import Trade

DAY = date(2026, 3, 2)


def make(owner: User, *texts: str, name: str = "Breakout") -> Playbook:
    return playbooks.create(owner=owner, name=name, rules=[WrittenRule(text) for text in texts])


def rules(playbook: Playbook) -> list[PlaybookRule]:
    return playbooks.rules_of(playbooks.current_version(playbook))


def as_written(rule: PlaybookRule, text: str = "") -> WrittenRule:
    return WrittenRule(text or rule.text, rule.group, rule.key)


@pytest.fixture
def trade(alice: User) -> Trade:
    return make_trade(make_account(alice), day=DAY, pnl="100")


def test_a_playbook_starts_with_its_first_version(alice: User) -> None:
    playbook = make(alice, "Wait for the close", "Half size")

    version = playbooks.current_version(playbook)
    assert (version.number, [rule.text for rule in rules(playbook)]) == (1, ["Wait for the close", "Half size"])


def test_rules_of_a_group_stand_together(alice: User) -> None:
    written = [WrittenRule("a", "Entry"), WrittenRule("b", "Exit"), WrittenRule("c", "Entry")]

    playbook = playbooks.create(owner=alice, name="Grouped", rules=written)

    assert [(rule.group, rule.text) for rule in rules(playbook)] == [("Entry", "a"), ("Entry", "c"), ("Exit", "b")]


def test_an_unused_version_is_edited_in_place(alice: User) -> None:
    playbook = make(alice, "Wait")
    (rule,) = rules(playbook)

    playbooks.edit(playbook, rules=[as_written(rule, "Wait for the close"), WrittenRule("New")])

    assert [each.number for each in playbook.versions.all()] == [1]
    first, second = rules(playbook)
    assert (first.key, first.text, second.text) == (rule.key, "Wait for the close", "New")


def test_a_used_version_stays_and_the_edit_makes_the_next(alice: User, trade: Trade) -> None:
    playbook = make(alice, "Wait", "Half size")
    wait, half = rules(playbook)
    taken = playbooks.assign(trade, playbook=playbook)
    playbooks.check(taken, kept={wait.key: True, half.key: False})

    playbooks.edit(playbook, rules=[as_written(wait, "Wait for the close")])

    assert [each.number for each in playbook.versions.order_by("number")] == [1, 2]
    taken.refresh_from_db()
    assert taken.version.number == 1
    assert [rule.text for rule in playbooks.rules_of(taken.version)] == ["Wait", "Half size"]
    assert set(taken.checks.values_list("rule__text", "is_kept")) == {("Wait", True), ("Half size", False)}
    assert [(rule.key, rule.text) for rule in rules(playbook)] == [(wait.key, "Wait for the close")]


def test_another_name_makes_no_version(alice: User, trade: Trade) -> None:
    playbook = make(alice, "Wait")
    playbooks.assign(trade, playbook=playbook)

    playbooks.edit(playbook, name="Fade", rules=[as_written(rule) for rule in rules(playbook)])

    assert (Playbook.objects.get().name, PlaybookVersion.objects.count()) == ("Fade", 1)


def test_a_rule_that_comes_back_continues_its_history(alice: User, trade: Trade) -> None:
    playbook = make(alice, "Wait")
    (wait,) = rules(playbook)
    playbooks.assign(trade, playbook=playbook)
    playbooks.edit(playbook, rules=[WrittenRule("Other")])

    playbooks.edit(playbook, rules=[WrittenRule("Wait again", "", wait.key)])

    assert [(rule.key, rule.text) for rule in rules(playbook)] == [(wait.key, "Wait again")]


@pytest.mark.parametrize("key", [uuid.uuid4(), None])
def test_a_key_of_another_playbook_is_refused(alice: User, key: uuid.UUID | None) -> None:
    foreign = key or rules(make(alice, "Theirs", name="Other"))[0].key
    playbook = make(alice, "Wait")

    with pytest.raises(InvalidValue):
        playbooks.edit(playbook, rules=[WrittenRule("Stolen", "", foreign)])

    assert [rule.text for rule in rules(playbook)] == ["Wait"]


def test_an_edit_of_what_was_changed_meanwhile_is_refused(alice: User) -> None:
    playbook = make(alice, "Wait")
    read = playbooks.stand_of(playbook)
    playbooks.edit(playbook, rules=[WrittenRule("First")])

    with pytest.raises(PlaybookChanged):
        playbooks.edit(playbook, rules=[WrittenRule("Second")], instead_of=read)

    assert [rule.text for rule in rules(playbook)] == ["First"]


def test_two_playbooks_have_two_names(alice: User, bob: User) -> None:
    make(alice)
    make(bob)

    with pytest.raises(PlaybookNameTaken):
        make(alice)

    assert Playbook.objects.for_user(alice).count() == 1


def test_a_trade_is_held_against_the_version_of_now_once(alice: User, trade: Trade) -> None:
    playbook = make(alice, "Wait")
    first = playbooks.assign(trade, playbook=playbook)
    playbooks.edit(playbook, rules=[WrittenRule("Other")])

    again = playbooks.assign(trade, playbook=playbook)

    assert (again.pk, again.version.number) == (first.pk, 1)


def test_somebody_elses_or_an_archived_playbook_is_refused(alice: User, bob: User, trade: Trade) -> None:
    archived = make(alice)
    playbooks.archive(archived)

    for playbook in (make(bob), archived):
        with pytest.raises(InvalidValue):
            playbooks.assign(trade, playbook=playbook)

    assert not TradePlaybook.objects.exists()


def test_a_rule_is_kept_broken_or_not_looked_at(alice: User, trade: Trade) -> None:
    playbook = make(alice, "Wait", "Half size")
    wait, half = rules(playbook)
    taken = playbooks.assign(trade, playbook=playbook)
    playbooks.check(taken, kept={wait.key: True, half.key: True})

    playbooks.check(taken, kept={wait.key: None, half.key: False})

    assert list(taken.checks.values_list("rule__text", "is_kept")) == [("Half size", False)]


def test_a_rule_of_another_version_cannot_be_ticked(alice: User, trade: Trade) -> None:
    playbook = make(alice, "Wait")
    taken = playbooks.assign(trade, playbook=playbook)
    playbooks.edit(playbook, rules=[WrittenRule("Other")])

    with pytest.raises(InvalidValue):
        playbooks.check(taken, kept={rules(playbook)[0].key: True})

    assert not RuleCheck.objects.exists()


def test_a_used_playbook_is_not_deleted(alice: User, trade: Trade) -> None:
    playbook = make(alice, "Wait")
    playbooks.assign(trade, playbook=playbook)

    with pytest.raises(PlaybookInUse):
        playbooks.delete(playbook)

    assert Playbook.objects.filter(pk=playbook.pk).exists()


def test_a_deleted_playbook_comes_back_with_its_id_and_keys(alice: User, bob: User) -> None:
    playbook = make(alice, "Wait")
    keys = [rule.key for rule in rules(playbook)]
    token = undo.token(alice, "playbook.delete", playbooks.delete(playbook))

    with pytest.raises(InvalidValue):
        undo.perform(bob, token)
    undo.perform(alice, token)

    back = Playbook.objects.get()
    assert (back.owner, back.public_id, [rule.key for rule in rules(back)]) == (alice, playbook.public_id, keys)
    with pytest.raises(Conflict):
        undo.perform(alice, token)


def test_taking_a_playbook_off_a_trade_is_undone_with_its_checks(alice: User, trade: Trade) -> None:
    playbook = make(alice, "Wait")
    (wait,) = rules(playbook)
    taken = playbooks.assign(trade, playbook=playbook)
    playbooks.check(taken, kept={wait.key: False})
    playbooks.edit(playbook, rules=[WrittenRule("Other")])
    token = undo.token(alice, "playbook.unassign", playbooks.unassign(taken))
    assert not TradePlaybook.objects.exists()

    undo.perform(alice, token)

    back = TradePlaybook.objects.get()
    assert back.version.number == 1
    assert list(back.checks.values_list("rule__text", "is_kept")) == [("Wait", False)]


def test_a_deleted_and_restored_trade_still_has_its_playbook(alice: User, trade: Trade) -> None:
    playbooks.assign(trade, playbook=make(alice, "Wait"))
    key = trade.public_id

    trades.restore(alice.pk, execution_ids=trades.delete(trade))

    assert TradePlaybook.objects.get().trade_key == Trade.objects.get().public_id == key


def test_results_are_those_of_the_rules_kept_and_broken(alice: User) -> None:
    account = make_account(alice)
    playbook = make(alice, "Wait")
    (wait,) = rules(playbook)
    outcomes = [("100", True), ("50", True), ("-30", True), ("-80", False), ("20", False), ("500", None)]
    for number, (pnl, kept) in enumerate(outcomes, start=1):
        trade = make_trade(account, day=date(2026, 3, number), pnl=pnl, stop="990")
        held = playbooks.assign(trade, playbook=playbook)
        playbooks.check(held, kept={wait.key: kept})
    make_trade(account, day=date(2026, 3, 20), pnl="999")

    found = playbook_results.results(alice, playbook)

    assert (found.currency, found.whole.trade_count, found.whole.net_pnl) == ("USD", 6, Decimal(560))
    (rule,) = found.rules
    assert (rule.kept.trade_count, rule.kept.net_pnl, rule.kept.expectancy) == (3, Decimal(120), Decimal(40))
    assert (rule.broken.trade_count, rule.broken.net_pnl, rule.broken.expectancy) == (2, Decimal(-60), Decimal(-30))
    assert rule.expectancy_difference == Decimal(70)
    # A stop ten below the entry: R is P&L by ten.
    assert rule.r_difference == Decimal(7)
    assert rule.kept_share == Decimal("0.6")


def test_results_of_a_rule_join_over_versions(alice: User) -> None:
    account = make_account(alice)
    playbook = make(alice, "Wait")
    (wait,) = rules(playbook)
    first = playbooks.assign(make_trade(account, day=DAY, pnl="100"), playbook=playbook)
    playbooks.check(first, kept={wait.key: True})
    playbooks.edit(playbook, rules=[as_written(wait, "Wait for the close")])
    second = playbooks.assign(make_trade(account, day=date(2026, 3, 3), pnl="50"), playbook=playbook)
    playbooks.check(second, kept={wait.key: True})

    (rule,) = playbook_results.results(alice, playbook).rules
    (march,) = playbook_results.results(alice, playbook, MetricsFilter(start=date(2026, 3, 3))).rules

    assert (rule.text, rule.kept.trade_count, rule.kept.net_pnl) == ("Wait for the close", 2, Decimal(150))
    assert (march.kept.trade_count, march.kept.net_pnl) == (1, Decimal(50))


def test_a_rule_without_broken_trades_has_no_difference(alice: User, trade: Trade) -> None:
    playbook = make(alice, "Wait")
    playbooks.check(playbooks.assign(trade, playbook=playbook), kept={rules(playbook)[0].key: True})

    (rule,) = playbook_results.results(alice, playbook).rules

    assert (rule.expectancy_difference, rule.r_difference, rule.broken.win_rate) == (None, None, None)


def test_ticking_a_rule_is_seen_at_once(alice: User, trade: Trade) -> None:
    playbook = make(alice, "Wait")
    taken = playbooks.assign(trade, playbook=playbook)
    assert playbook_results.results(alice, playbook).rules[0].kept.trade_count == 0

    playbooks.check(taken, kept={rules(playbook)[0].key: True})

    assert playbook_results.results(alice, playbook).rules[0].kept.trade_count == 1


def test_what_a_version_changed_is_told_rule_by_rule() -> None:
    a, b, c, d = (PlaybookRule(key=uuid.uuid4(), text=text, position=0) for text in "abcd")
    b2 = PlaybookRule(key=b.key, text="b in other words", position=0)

    found = differences([a, b, c], [c, a, b2, d])

    assert found == [
        RuleChange("moved", "", "c", ""),
        RuleChange("same", "", "a"),
        RuleChange("reworded", "", "b in other words", "b"),
        RuleChange("added", "", "d"),
    ]
    assert differences([a, b], [b])[-1] == RuleChange("removed", "", "a")


# ---------------------------------------------------------------- pages
def form(*texts: str, **fields: Any) -> dict[str, Any]:
    return {
        "name": "Breakout",
        "color": "#123456",
        "description": "",
        "rule-key": [""] * len(texts),
        "rule-group": [""] * len(texts),
        "rule-text": list(texts),
        **fields,
    }


def test_a_playbook_is_written_by_form(alice: User, alice_client: Client) -> None:
    answer = alice_client.post("/playbooks/new/", form("Wait", "", "Half size"))

    playbook = Playbook.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/playbooks/{playbook.public_id}/")
    assert [rule.text for rule in rules(playbook)] == ["Wait", "Half size"]
    assert "Half size" in alice_client.get(answer.headers["Location"]).content.decode()


@pytest.mark.parametrize(
    ("act", "texts"), [("up:1", ["b", "a"]), ("down:0", ["b", "a"]), ("drop:0", ["b"]), ("up:9", ["a", "b"])]
)
def test_rows_move_without_javascript_and_nothing_is_saved(alice_client: Client, act: str, texts: list[str]) -> None:
    answer = alice_client.post("/playbooks/new/", form("a", "b", act=act))

    assert answer.status_code == 200
    assert [row.text for row in answer.context["rows"]] == texts
    assert not Playbook.objects.exists()


def test_a_conflict_keeps_what_was_typed_and_shows_both(alice: User, alice_client: Client) -> None:
    playbook = make(alice, "Wait")
    stand = playbooks.stand_of(playbook)
    playbooks.edit(playbook, rules=[WrittenRule("Theirs")])

    answer = alice_client.post(f"/playbooks/{playbook.public_id}/edit/", form("Mine", instead_of=stand))

    assert answer.status_code == 409
    page = answer.content.decode()
    assert "Theirs" in page
    assert 'value="Mine"' in page
    assert [rule.text for rule in rules(playbook)] == ["Theirs"]


def test_rules_are_ticked_on_the_trades_page(alice: User, alice_client: Client, trade: Trade) -> None:
    playbook = make(alice, "Wait")
    (wait,) = rules(playbook)
    address = f"/trades/{trade.public_id}/playbooks/"

    alice_client.post(address, {"playbook": str(playbook.public_id)})
    alice_client.post(address, {f"rule-{playbook.public_id}-{wait.key}": "kept"})

    assert list(RuleCheck.objects.values_list("rule__text", "is_kept")) == [("Wait", True)]
    alice_client.post(address, {f"rule-{playbook.public_id}-{wait.key}": ""})
    assert not RuleCheck.objects.exists()


def test_the_list_asks_as_often_for_many_playbooks_as_for_one(
    alice: User, alice_client: Client, django_assert_num_queries: Any
) -> None:
    make(alice, "Wait", name="One")
    alice_client.get("/playbooks/")
    with CaptureQueriesContext(connection) as asked:
        alice_client.get("/playbooks/")
    count = len(asked)
    for number in range(20):
        make(alice, "Wait", name=f"Many {number}")
    alice_client.get("/playbooks/")

    with django_assert_num_queries(count):
        alice_client.get("/playbooks/")
