"""The desk and the memory in an archive: what ended comes back with its figures, and nothing begins to work again."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Account, Portfolio, User
from intelligence import decisions, news
from intelligence.decisions import Links, StatedOutcome
from intelligence.models import Decision, DecisionRevision, Embedding, NewsArticle, StockAnalysis
from journal.archive import restoring
from journal.archive.opening import ArchiveRefused
from journal.archive.tables import tables
from tests.journal.test_archive import AT, _own_media, archive, changed, edited, taken_in
from tests.trading.desk import funded, placed, quoted, share, ticket
from trading import exit_orders, exit_plans, exit_strategies, orders, sessions
from trading.exits.plans import simple_plan
from trading.invariants import INVARIANTS
from trading.models import (
    ExitStrategy,
    Instrument,
    ManagedPosition,
    Order,
    OrderEvent,
    RiskLimit,
    TradingSession,
)
from trading.venues import paper

__all__ = ["_own_media", "archive"]
pytestmark = pytest.mark.django_db


def furnish_desk(alice: User) -> Account:
    """An order that filled and one that took another's place and was canceled, one that waits, a plan that is closed
    by an order and one that watches, decisions with an outcome of a trade and a stated one.
    """
    account, acme, other = funded(alice, name="Desk", allows_short=True), share(), share("OTHER")
    for where in ({}, {"account": account, "instrument": other}):
        RiskLimit.objects.create(owner=alice, max_quantity=50, **where)
    quoted(acme, "10", "10")
    bought = placed(account, acme, ticket("buy", "10"), client_order_id="bought")
    resting = placed(account, other, ticket("buy", "1", "limit", limit_price="2"), client_order_id="resting")
    orders.cancel(orders.replace_order(resting, ticket=ticket("buy", "1", "limit", limit_price="3")).order)
    wide = exit_strategies.create(owner=alice, name="Wide", plan=simple_plan(stop_loss=Decimal("0.4")))
    exit_strategies.set_default(wide)
    plan = exit_plans.open_plan(account, acme, strategy=wide, quantity=Decimal(4))
    exit_plans.override(plan, changes={"stop_loss": "0.3"}, by=alice, revision=0)
    exit_plans.close(plan)
    exit_orders.submit_exits()
    paper.match(acme.pk)
    exit_orders.settle_exits()
    exit_plans.open_plan(account, acme, plan=simple_plan(stop_loss=Decimal("0.2")))
    placed(account, acme, ticket("buy", "5", "limit", limit_price="8"), client_order_id="waits")
    sessions.start(account, at=AT, name="Morning")
    for text, links, stated in (
        ("It holds", Links(account=account, instruments=[other, acme], order=bought, managed_position=plan), None),
        ("Elsewhere", Links(instruments=[acme]), StatedOutcome(result_pct=Decimal("-0.02"))),
    ):
        said = decisions.Said("BUY", text, strategy="gap")
        decided = decisions.record(owner=alice, said=said, at=AT, links=links, external_id=text, stated=stated)
    first = Decision.objects.get(reasoning="It holds")
    for text in ("It will hold", "It held"):
        links = Links(account=account, instruments=[other, acme], order=bought, managed_position=plan)
        first = decisions.revise(
            first, said=decisions.Said("BUY", text, strategy="gap"), links=links, revision=first.revision, at=AT
        )
    article = NewsArticle.objects.create(
        owner=alice, url="https://example.com/a", title="Up", source="x", published_at=AT
    )
    article.instruments.add(acme)
    article.decisions.add(decided)
    parts = {"technical_analysis": {}, "ai_recommendation": {"action": "BUY"}}
    news.analyse(alice, acme, price=Decimal(10), parts=parts, at=AT, decisions=[decided])
    return account


def desk_of(owner: User) -> dict[str, Any]:
    """What a person reads of what `furnish_desk` made, in the words of the pages."""
    made = {order.pk: order for order in Order.objects.for_user(owner).order_by("id")}
    return {
        "orders": [
            (each.client_order_id, each.status, each.filled_quantity, each.traded_amount, each.account.name,
             each.instrument.symbol, each.replaces and each.replaces.client_order_id)
            for each in made.values() if each.client_order_id in ("bought", "resting") or each.replaces
        ],
        "chains": len({each.chain_id for each in made.values() if each.client_order_id == "resting" or each.replaces}),
        "events": list(
            OrderEvent.objects.filter(owner_id=owner.pk, order__client_order_id="bought").order_by("id")
            .values_list("event", "status_after", "quantity", "price", "execution__price")
        ),
        "strategies": list(ExitStrategy.objects.of_owner(owner).values_list("name", "stop_loss", "is_default")),
        "plans": [
            (each.status, each.reason, each.plan.stop_loss, each.strategy and each.strategy.name,
             each.revisions.count(),
             [(done.quantity, done.filled_price, done.order and done.order.status) for done in each.plan_exits.all()])
            for each in ManagedPosition.objects.for_user(owner).filter(closed_at__isnull=False)
        ],
        "decisions": [
            (each.reasoning, [named.instrument.symbol for named in each.named.order_by("position")],
             each.order and each.order.client_order_id, each.outcome.source, each.outcome.result_pct,
             each.outcome.result_amount)
            for each in Decision.objects.for_user(owner).resolved().order_by("id")
        ],
        "revisions": [
            (each.number, each.revised_at, each.values["reasoning"], each.values["symbols"],
             each.values["account"] == str(each.decision.account.public_id),
             each.values["order"] == str(each.decision.order.public_id))
            for each in DecisionRevision.objects.filter(owner_id=owner.pk).select_related("decision").order_by("number")
        ],
        "limits": list(
            RiskLimit.objects.filter(owner=owner).order_by("id")
            .values_list("max_quantity", "account__name", "instrument__symbol")
        ),
        "news": list(
            NewsArticle.objects.filter(owner=owner)
            .values_list("url", "published_at", "instruments__symbol", "decisions__reasoning")
        ),
        "analyses": list(
            StockAnalysis.objects.filter(owner=owner, news_sentiment__isnull=True)
            .values_list("instrument__symbol", "current_price", "ai_recommendation", "decisions__reasoning")
        ),
    }  # fmt: skip


def test_orders_that_ended_closed_plans_and_decisions_come_back_and_what_waits_does_not(
    alice: User, bob: User, archive: Callable[[], Path]
) -> None:
    account = furnish_desk(alice)
    quoted(Instrument.objects.get(symbol="ACME"), "12", "12")
    sold = placed(account, Instrument.objects.get(symbol="ACME"), ticket("sell", "6"), client_order_id="sold")
    assert sold.status == "filled"
    path = archive()

    with transaction.atomic():
        _added, remarks = restoring.take_in(bob, path)

    told = desk_of(bob)
    assert told == desk_of(alice)
    assert told["orders"] == [
        ("bought", "filled", 10, -100, "Desk", "ACME", None),
        ("resting", "replaced", 0, 0, "Desk", "OTHER", None),
        (told["orders"][2][0], "canceled", 0, 0, "Desk", "OTHER", "resting"),
    ]
    assert told["events"][-1] == ("fill", "filled", 10, 10, 10)
    assert (told["chains"], told["strategies"]) == (1, [("Wide", Decimal("0.4"), True)])
    assert told["plans"] == [("closed", "manual", Decimal("0.3"), "Wide", 1, [(4, 10, "filled")])]
    # Four units at 10 and six at 12, bought at 10: 12 of 100.
    assert told["decisions"] == [
        ("It held", ["OTHER", "ACME"], "bought", "trade", Decimal("0.12"), 12),
        ("Elsewhere", ["ACME"], None, "stated", Decimal("-0.02"), None),
    ]
    assert told["revisions"] == [
        (1, AT, "It holds", ["OTHER", "ACME"], True, True), (2, AT, "It will hold", ["OTHER", "ACME"], True, True),
    ]  # fmt: skip
    assert told["limits"] == [(50, None, None), (50, "Desk", "OTHER")]
    assert told["news"] == [("https://example.com/a", AT, "ACME", "Elsewhere")]
    assert told["analyses"] == [("ACME", 10, {"action": "BUY"}, "Elsewhere")]
    assert not {"waits"} & set(Order.objects.for_user(bob).values_list("client_order_id", flat=True))
    assert [each for each in remarks if "were left where they were" in each]
    assert TradingSession.objects.for_user(bob).get().name == "Morning"
    assert Account.objects.get(owner=bob).allows_short
    # What the order that waits had set aside is free again: 10,000 less 100, and 112 for what was sold.
    portfolio = Portfolio.objects.for_user(bob).get()
    assert (portfolio.available_balance, portfolio.reserved_balance) == (Decimal(10_012), Decimal(0))
    assert [each.name for each in INVARIANTS if list(each.broken())] == []
    # It is found by its words at once.
    assert Embedding.objects.filter(owner=bob, decision__isnull=False).count() == 2

    assert taken_in(bob, path) == {}

    # A later archive brings the end of the order that waited, which frees nothing a second time.
    orders.cancel(Order.objects.get(account=account, client_order_id="waits"))
    assert {"orders", "order_events"} == set(taken_in(bob, archive()))
    portfolio.refresh_from_db()
    assert (portfolio.available_balance, portfolio.reserved_balance) == (Decimal(10_012), Decimal(0))
    assert [each.name for each in INVARIANTS if list(each.broken())] == []


def test_what_one_has_oneself_already_does_not_come_twice(alice: User, bob: User, archive: Callable[[], Path]) -> None:
    furnish_desk(alice)
    RiskLimit.objects.create(owner=bob, max_quantity=7)
    exit_strategies.set_default(
        exit_strategies.create(owner=bob, name="Wide", plan=simple_plan(stop_loss=Decimal("0.1")))
    )
    said = decisions.Said("SELL", "My own words")
    decisions.record(owner=bob, said=said, at=AT, links=Links(), external_id="Elsewhere")

    taken_in(bob, archive())

    found = Decision.objects.for_user(bob)
    assert sorted(found.values_list("reasoning", flat=True)) == ["It held", "My own words"]
    assert sorted(RiskLimit.objects.filter(owner=bob).values_list("max_quantity", flat=True)) == [7, 50]
    assert list(ExitStrategy.objects.of_owner(bob).order_by("name").values_list("name", "is_default")) == [
        ("Wide", True), ("Wide (2)", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("news", {"url": "javascript:alert(1)"}),
        ("analyses", {"ai_recommendation": {"action": "GAMBLE"}}),
        ("orders", {"purpose": "fun"}),
        ("decision_revisions", {"number": 3}),
        ("decision_revisions", {"number": 2}),
        ("decision_revisions", {"values": {"password": "x"}}),
        ("decision_revisions", {"values": {"entry_price": "1E+999999999"}}),
        ("decision_revisions", {"values": {"confidence": "0.5e0"}}),
        ("orders", {"traded_amount": "-90"}),
        ("order_events", {"event": "rejected"}),
        ("orders", {"reserved_amount": "5"}),
        ("managed_positions", {"taken": "{}"}),
        ("exit_strategies", {"hold_at_most": "soon"}),
    ],
)
def test_what_the_desk_and_the_memory_would_not_write_is_refused(
    alice: User, bob: User, archive: Callable[[], Path], table: str, values: dict[str, Any]
) -> None:
    furnish_desk(alice)
    path = edited(archive(), table, **values)

    with pytest.raises(ArchiveRefused):
        taken_in(bob, path)

    assert not Account.objects.filter(owner=bob).exists()


def test_an_archive_of_before_sessions_and_orders_is_read(alice: User, bob: User, archive: Callable[[], Path]) -> None:
    furnish_desk(alice)

    def older(members: dict[str, bytes]) -> None:
        """Without what came to archives late; of orders, without a column, and with one that is no more."""
        manifest = json.loads(members["manifest.json"])
        kept = {"orders", "order_events"}
        gone = {f"{table.name}.jsonl" for table in tables() if table.may_be_missing and table.name not in kept}
        manifest["members"] = [each for each in manifest["members"] if each["name"] not in gone]
        members["manifest.json"] = json.dumps(manifest).encode()
        for name in gone:
            del members[name]
        for name, lost in (("orders", "shares_hold"), ("accounts", "allows_short")):
            rows = [json.loads(line) for line in members[f"{name}.jsonl"].splitlines()]
            more = {"remaining_quantity": "1"} if name == "orders" else {}
            rows = [{key: value for key, value in row.items() if key != lost} | more for row in rows]
            members[f"{name}.jsonl"] = b"".join(json.dumps(row).encode() + b"\n" for row in rows)

    added = taken_in(bob, changed(archive(), older))

    assert (added["executions"], added["orders"], "decisions" in added) == (2, 4, False)
    assert not Account.objects.get(owner=bob).allows_short
