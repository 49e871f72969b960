"""Sums by what people say of trades: kept by day, stale with every such act, and right again after it."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Account, User
from journal import breakdowns, facets, playbooks, reports, verification
from journal.filters import MetricsFilter
from journal.models import FacetDay
from journal.playbooks import WrittenRule
from tests.journal.factories import at, make_account, make_instrument, make_trade
from trading import many_trades, tag_groups, tags, trades
from trading.models import FxRate
from trading.trades import EnteredFill

pytestmark = pytest.mark.django_db

MONDAY, TUESDAY, WEDNESDAY = date(2025, 3, 3), date(2025, 3, 4), date(2025, 3, 5)
NOW = datetime(2025, 3, 9, 12, tzinfo=UTC)
BY = ("tag", "setup", "mistake", "playbook", "rule", "rating", "reviewed")


class Told:
    """Three trades of alice's, of which much is said; everything is computed."""

    def __init__(self, alice: User, account: Account) -> None:
        self.owner = alice
        self.group = tag_groups.create(owner=alice, name="Setups", role="setup")
        self.gap = tags.create(owner=alice, name="gap", group=self.group)
        self.news = tags.create(owner=alice, name="news")
        self.book = playbooks.create(owner=alice, name="Fade", rules=[WrittenRule("Wait"), WrittenRule("Stop")])
        self.monday = make_trade(account, day=MONDAY, pnl="10", tags=[self.gap, self.news])
        self.tuesday = make_trade(account, day=TUESDAY, pnl="-4", tags=[self.news])
        self.wednesday = make_trade(account, day=WEDNESDAY, pnl="7")
        self.taken = playbooks.assign(self.monday, playbook=self.book)
        self.rules = [rule.key for rule in playbooks.rules_of(self.taken.version)]
        playbooks.check(self.taken, kept={self.rules[0]: True, self.rules[1]: False})
        facets.recompute_all(alice.pk)

    @property
    def trades(self) -> list[int]:
        return [self.monday.pk, self.tuesday.pk, self.wednesday.pk]

    def stale(self) -> list[date]:
        return facets.stale_days(self.owner.pk, part=facets.OF_REMARKS)

    def rows(self, by: str, **wanted: Any) -> dict[str, tuple[Decimal | None, int]]:
        found = breakdowns.breakdown(self.owner, MetricsFilter(**wanted), by=by, fresh=True).rows
        return {row.label: (row.figures.net_pnl, row.figures.trade_count) for row in found}


@pytest.fixture
def told(alice: User, account: Account) -> Told:
    return Told(alice, account)


@pytest.fixture
def _computed_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers come from what is stored: to look at trades fails."""
    monkeypatch.setattr("journal.day_rows.from_trades", None)


@pytest.mark.usefixtures("_computed_only")
def test_sums_are_those_of_the_trades_by_hand(told: Told) -> None:
    assert told.rows("tag") == {
        "gap": (Decimal(10), 1),
        "news": (Decimal(6), 2),
        "untagged": (Decimal(7), 1),
    }
    assert told.rows("setup") == {"gap": (Decimal(10), 1), "no setup": (Decimal(3), 2)}
    assert told.rows("mistake") == {"no mistake": (Decimal(13), 3)}
    assert told.rows("playbook") == {"Fade": (Decimal(10), 1), "no playbook": (Decimal(3), 2)}
    assert told.rows("rule") == {
        "Stop · broken": (Decimal(10), 1),
        "Wait · kept": (Decimal(10), 1),
        "no rule looked at": (Decimal(3), 2),
    }
    assert told.rows("rating") == {"not rated": (Decimal(13), 3)}
    assert told.rows("reviewed") == {"Not reviewed": (Decimal(13), 3)}


@pytest.mark.usefixtures("_computed_only")
def test_days_and_filters_are_of_the_stored_sums_as_well(told: Told) -> None:
    assert told.rows("tag", start=TUESDAY) == {"news": (Decimal(-4), 1), "untagged": (Decimal(7), 1)}

    def net(**wanted: Any) -> Decimal | None:
        return reports.aggregate_metrics(told.owner, MetricsFilter(**wanted)).figures.net_pnl

    assert net(tag="news") == Decimal(6)
    assert net(tag=str(told.news.public_id).upper()) == Decimal(6)
    assert net(tag="none") == Decimal(7)
    assert net(setup="gap") == Decimal(10)
    assert net(setup="news") == Decimal(0)
    assert net(playbook="Fade", end=MONDAY) == Decimal(10)
    assert net(rule=str(told.rules[0])) == Decimal(10)
    assert net(rule=f"{told.rules[0]}:kept") == Decimal(10)
    assert net(rule=f"{told.rules[0]}:broken") == Decimal(0)
    assert net(reviewed="no", start=WEDNESDAY) == Decimal(7)


def test_a_rule_kept_and_broken_in_two_playbooks_counts_once(told: Told) -> None:
    """The same rule in both: asked for whole, its trade is one."""
    other = playbooks.create(owner=told.owner, name="Other", rules=[WrittenRule("Wait")])
    taken = playbooks.assign(told.monday, playbook=other)
    rule = playbooks.rules_of(taken.version)[0]
    type(rule).objects.filter(pk=rule.pk).update(key=told.rules[0])
    playbooks.check(taken, kept={told.rules[0]: False})

    figures = reports.aggregate_metrics(told.owner, MetricsFilter(rule=str(told.rules[0]))).figures

    assert (figures.net_pnl, figures.trade_count) == (Decimal(10), 1)
    assert told.rows("rule")["Wait · broken"] == told.rows("rule")["Wait · kept"] == (Decimal(10), 1)


def test_a_new_name_makes_nothing_stale(told: Told) -> None:
    tags.update(told.news, name="headlines")
    playbooks.edit(told.book, name="Fades")

    assert told.stale() == []
    assert told.rows("tag")["headlines"] == (Decimal(6), 2)
    assert told.rows("playbook")["Fades"] == (Decimal(10), 1)


def _undo_delete(told: Told) -> None:
    kept = tags.delete(told.news)
    facets.recompute_all(told.owner.pk)
    tags.undelete(told.owner, kept)


def _undo_merge(told: Told) -> None:
    kept = tags.merge(told.news, into=told.gap)
    facets.recompute_all(told.owner.pk)
    tags.unmerge(told.owner, kept)


def _undo_label(told: Told) -> None:
    done = many_trades.label(told.owner.pk, trade_ids=told.trades[1:], add=[told.gap], remove=[told.news])
    facets.recompute_all(told.owner.pk)
    many_trades.take_back(told.owner.pk, event=done.event)


def _undo_review(told: Told) -> None:
    done = many_trades.review(told.owner.pk, trade_ids=told.trades, is_reviewed=True, at=NOW)
    facets.recompute_all(told.owner.pk)
    many_trades.take_back(told.owner.pk, event=done.event)


def _undo_rating(told: Told) -> None:
    done = many_trades.rate(told.owner.pk, trade_ids=told.trades[1:], rating=4)
    facets.recompute_all(told.owner.pk)
    many_trades.take_back(told.owner.pk, event=done.event)


def _undo_group(told: Told) -> None:
    kept = tag_groups.delete(told.group)
    facets.recompute_all(told.owner.pk)
    tag_groups.undelete(told.owner, kept)


def _undo_playbook(told: Told) -> None:
    kept = playbooks.unassign(told.taken)
    facets.recompute_all(told.owner.pk)
    playbooks.reassign(told.owner, kept)


ALL = [MONDAY, TUESDAY, WEDNESDAY]
#: What is done, and the days whose sums it makes stale.
ACTS: dict[str, tuple[Callable[[Told], Any], list[date]]] = {
    "tags of one trade": (lambda told: trades.annotate(told.wednesday, tags=[told.gap]), [WEDNESDAY]),
    "a rating": (lambda told: trades.annotate(told.tuesday, rating=3), [TUESDAY]),
    "a review": (lambda told: trades.annotate(told.tuesday, is_reviewed=True), [TUESDAY]),
    "tags of many": (
        lambda told: many_trades.label(told.owner.pk, trade_ids=told.trades, add=[told.news]),
        [WEDNESDAY],
    ),
    "tags of many, undone": (_undo_label, [TUESDAY, WEDNESDAY]),
    "reviews of many": (
        lambda told: many_trades.review(told.owner.pk, trade_ids=told.trades, is_reviewed=True, at=NOW),
        ALL,
    ),
    "reviews of many, undone": (_undo_review, ALL),
    "ratings of many": (lambda told: many_trades.rate(told.owner.pk, trade_ids=told.trades[:1], rating=5), [MONDAY]),
    "ratings of many, undone": (_undo_rating, [TUESDAY, WEDNESDAY]),
    "a tag that goes": (lambda told: tags.delete(told.news), [MONDAY, TUESDAY]),
    "a tag that comes back": (_undo_delete, [MONDAY, TUESDAY]),
    "a merge": (lambda told: tags.merge(told.news, into=told.gap), [MONDAY, TUESDAY]),
    "a merge, undone": (_undo_merge, [MONDAY, TUESDAY]),
    "a tag in another group": (lambda told: tags.update(told.news, group=told.group), [MONDAY, TUESDAY]),
    "a group of another role": (lambda told: tag_groups.update(told.group, role="mistake"), [MONDAY]),
    "a group that goes": (lambda told: tag_groups.delete(told.group), [MONDAY]),
    "a group that comes back": (_undo_group, [MONDAY]),
    "a playbook taken": (lambda told: playbooks.assign(told.tuesday, playbook=told.book), [TUESDAY]),
    "a playbook taken off": (lambda told: playbooks.unassign(told.taken), [MONDAY]),
    "a playbook put back": (_undo_playbook, [MONDAY]),
    "a rule ticked": (lambda told: playbooks.check(told.taken, kept={told.rules[1]: True}), [MONDAY]),
    "a rule no more looked at": (lambda told: playbooks.check(told.taken, kept={told.rules[0]: None}), [MONDAY]),
    "a trade deleted": (lambda told: trades.delete(told.monday), [MONDAY]),
}


@pytest.mark.parametrize("act", ACTS)
def test_every_act_makes_its_days_stale_and_they_are_right_again(told: Told, act: str) -> None:
    run, days = ACTS[act]

    run(told)

    assert told.stale() == days
    unstored = {by: told.rows(by, status="closed") for by in BY}  # two properties at once: summed from trades
    assert {by: told.rows(by) for by in BY} == unstored
    facets.recompute_all(told.owner.pk)
    assert told.stale() == []
    assert list(verification._facets(told.owner.pk)) == []
    assert {by: told.rows(by) for by in BY} == unstored


def test_days_not_computed_yet_are_summed_from_their_trades(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facets, "recompute", lambda *_arguments, **_options: 0)
    trades.annotate(told.tuesday, tags=[told.gap, told.news])

    assert told.stale() == [TUESDAY]
    assert told.rows("tag") == {"gap": (Decimal(6), 2), "news": (Decimal(6), 2), "untagged": (Decimal(7), 1)}
    assert told.rows("tag", tag="gap") == {"gap": (Decimal(6), 2), "news": (Decimal(6), 2)}
    metrics = reports.aggregate_metrics(told.owner, MetricsFilter(tag="news"), fresh=True)
    assert (metrics.figures.net_pnl, metrics.figures.trade_count) == (Decimal(6), 2)


def test_what_people_say_makes_no_sum_of_figures_stale(told: Told) -> None:
    trades.annotate(told.monday, tags=[], rating=2, is_reviewed=True)

    assert facets.stale_days(told.owner.pk) == []


def test_a_trade_closed_in_parts_is_stale_on_each_of_its_days(told: Told, account: Account) -> None:
    (trade,) = trades.enter(
        make_account(told.owner, "Other"),
        instrument=make_instrument(),
        fills=[
            EnteredFill("buy", Decimal(3), Decimal(10), at(MONDAY, 14)),
            EnteredFill("sell", Decimal(1), Decimal(11), at(MONDAY, 15)),
            EnteredFill("sell", Decimal(1), Decimal(12), at(TUESDAY, 15)),
            EnteredFill("sell", Decimal(1), Decimal(13), at(WEDNESDAY, 15)),
        ],
    )
    facets.recompute_all(told.owner.pk)

    trades.annotate(trade, tags=[told.gap])

    assert told.stale() == ALL
    facets.recompute_all(told.owner.pk)
    # Its money is on the three days, and it counts on the last: 1 + 2 + 3, and the 10 of Monday's other trade.
    assert told.rows("tag", end=TUESDAY)["gap"] == (Decimal(13), 1)
    assert told.rows("tag")["gap"] == (Decimal(16), 2)


def test_money_of_several_currencies_is_converted_by_the_day(told: Told, account: Account) -> None:
    FxRate.objects.create(date=MONDAY, base="EUR", quote="USD", rate=Decimal("1.25"))
    make_trade(account, day=MONDAY, pnl="8", symbol="SAP", currency="EUR", tags=[told.gap])
    facets.recompute_all(told.owner.pk)

    assert told.rows("tag")["gap"] == (Decimal(20), 2)


def test_keys_fit_into_their_column(told: Told) -> None:
    longest = max(len(key) for key in FacetDay.objects.values_list("key", flat=True))

    assert longest == 38  # the id of a rule, and whether it was kept
