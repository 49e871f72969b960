"""What is made of signals: what is copied, what is not and why, and that it is done once."""

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts.models import Portfolio
from intelligence import (
    copy_settings,
    signal_processing,
    tokens,
    wallets,
)
from intelligence.models import CopiedPosition, SignalOutcome, Token, TokenInstrument
from intelligence.sources.transactions import address
from tests.conftest import signed_in
from tests.factories import make_account, make_user
from tests.intelligence import following
from tests.intelligence.copies import MINT, Follower, nothing_was_bought, plan_of, priced, safe_token, settled, verdicts
from tests.trading.desk import broken, cash
from trading import exit_strategies, risk
from trading.exits.plans import simple_plan
from trading.models import (
    BreakerEvent,
    BreakerStatus,
    ExitStrategy,
    Instrument,
    Order,
    Position,
)
from trading.risk.breakers import Target

pytestmark = pytest.mark.django_db


def test_a_purchase_is_copied_with_its_size_its_plan_and_every_check(follower: Follower) -> None:
    outcome = follower.buys()

    # 300 at risk of 2 % is 6; a stop of 20 % costs 30.
    plan = plan_of(outcome)
    assert (outcome.verdict, outcome.action_taken, outcome.reason) == ("traded", "position_created", "")
    assert (plan.status, plan.entry_price, plan.entry_quantity, plan.is_entered) == ("monitoring", 1, 30, True)
    assert plan.strategy == follower.wallet.exit_strategy
    assert outcome.details["size"] == {
        "wanted": "30", "value": "30", "loss_at_stop": "6", "bound_by": "", "quantity": "30",
        "caps": {"per_trade": "60", "per_wallet": "120", "per_token": "75", "total": "240", "free": "9708.73786407"},
    }  # fmt: skip
    assert verdicts(outcome) == {
        "wallet": "passed", "copying": "passed", "account": "passed", "blacklist": "passed", "liquidity": "passed",
        "top_holders": "passed", "contract": "passed", "token_age": "skipped", "safety_score": "passed",
        "signal_age": "passed", "source_sold": "passed", "source_value": "skipped", "price": "passed",
        "price_drift": "passed", "existing_position": "passed", "open_positions": "passed", "breaker": "passed",
        "size": "passed",
    }  # fmt: skip
    liquidity = outcome.checks.get(name="liquidity")
    assert (liquidity.seen, liquidity.limit, liquidity.source) == ("900000", "50000", "dexscreener")
    assert liquidity.age is not None
    assert liquidity.age < timedelta(minutes=1)
    assert cash(follower.account) == (9970, 0)
    assert broken() == []
    assert outcome.checks.get(name="token_age").seen == "720"
    page = signed_in(follower.person).get(f"/signals/{outcome.signal.public_id}/").content.decode()
    for words in (
        "What came of it", "No dearer than", "30 @ 1 USD", "Stop in force", "0.8 USD", "How its size came about",
        "Free in the account", "9,708.74 USD", "Lost at the stop", "6.00 USD", "30d 0h", "900,000.00 USD",
    ):  # fmt: skip
        assert words in page, words


#: What is said of the token, what is set or done, and what it comes to.
REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("paused", {}, "ignored_inactive_wallet", "Wallet is followed: paused."),
    ("off", {}, "rejected_off", "Copying is on: off."),
    ("no account", {}, "rejected_no_account", "Account of its mode"),
    ("blacklisted", {}, "rejected_blacklisted", "The token is blacklisted: a trap"),
    ("thin", {"liquidity": D(49_999)}, "rejected_safety", "Liquidity: 49999, limit 50000."),
    ("unsafe", {"contract_score": D("0.25")}, "rejected_safety", "Contract: 0.25, limit 0.5."),
    ("unknown", {"liquidity": None, "top_holders": None, "contract_score": None}, "rejected_safety", "not known."),
    ("old", {}, "rejected_stale", "limit 300."),
    ("small", {}, "rejected_small", "limit 1000."),
    ("no price", {"price": None}, "rejected_no_price", "not known"),
    ("drift", {"price": "1.12"}, "rejected_price_drift", "0.12, limit 0.1."),
    ("unpaid", {}, "rejected_price_drift", "Move since the wallet traded: not known."),
    ("full", {}, "rejected_size", "Size, USD: 0, limit > 0."),
]


def test_what_is_not_copied_says_why_and_buys_nothing() -> None:
    follower = Follower()
    for case, said, action, words in REFUSED:
        token, fields = safe_token(address(f"token {case}"), **said), {}
        if case == "paused":
            wallets.pause(follower.wallet)
        elif case == "off":
            follower.change(is_on=False)
        elif case == "no account":
            wallets.update(follower.wallet, simulation_account=None)
        elif case == "blacklisted":
            tokens.blacklist(token.address, reason="a trap", at=timezone.now())
        elif case == "old":
            fields = {"occurred_at": timezone.now() - timedelta(seconds=301)}
        elif case == "unpaid":
            fields = {"price": None, "value": None}
        elif case == "small":
            follower.change(min_source_value=D(1000))
        elif case == "full":
            Portfolio.objects.filter(account=follower.account).update(available_balance=D(0))

        outcome = follower.buys(token.address, **fields)

        assert (outcome.action_taken, words in outcome.reason) == (action, True), (case, outcome.reason)
        assert outcome.verdict == ("ignored" if case == "paused" else "rejected"), case
        # Every check was made, also those behind the one that stopped it.
        assert outcome.checks.count() == 18, case
        assert nothing_was_bought(), case
        if case == "paused":
            wallets.activate(follower.wallet, at=timezone.now())
        wallets.update(follower.wallet, simulation_account=follower.account)
        follower.change(is_on=True, min_source_value=D(0))
    assert not BreakerEvent.objects.filter(kind="blocked").exists()


def test_all_reasons_are_told_and_the_first_in_the_order_of_checks_names_it() -> None:
    safe_token(liquidity=D(1), price="2.00")
    follower = Follower()
    follower.change(is_on=False)

    outcome = follower.buys()

    assert outcome.action_taken == "rejected_off"
    assert (
        outcome.reason == "Copying is on: off. Liquidity: 1, limit 50000. Move since the wallet traded: 1, limit 0.1."
    )


def test_thresholds_count_as_they_are_at_the_decision_not_as_they_were(follower: Follower) -> None:
    Token.objects.update(liquidity=D(60_000))
    operator = make_user(is_staff=True)

    risk.configure(operator, min_liquidity_usd=D(70_000))
    refused = follower.buys()
    risk.configure(operator, min_liquidity_usd=D(50_000))
    bought = follower.buys()

    assert (refused.action_taken, bought.action_taken) == ("rejected_safety", "position_created")


def test_live_asks_for_a_known_contract_and_known_holders_and_goes_to_its_own_account(follower: Follower) -> None:
    live = make_account(follower.person, kind="individual")
    wallets.update(follower.wallet, mode="live", live_account=live, confirmed=True)
    Token.objects.update(top_holders=None)

    outcome = follower.buys()

    assert outcome.action_taken == "rejected_safety"
    assert outcome.reason.startswith("Ten largest holders: not known.")
    assert outcome.mode == "live"
    Token.objects.update(top_holders=D("0.1"), top_holders_at=timezone.now())
    # No money is in that account: the size is nothing, whatever there is in the paper one.
    assert follower.buys().action_taken == "rejected_size"
    assert nothing_was_bought()


def test_a_second_purchase_of_an_open_token_is_left_or_bought_under_a_plan_of_its_own(follower: Follower) -> None:
    first = follower.buys()
    left = follower.buys()
    follower.change(repeat_policy="add")
    added = follower.buys()

    assert [each.action_taken for each in (first, left, added)] == [
        "position_created", "rejected_existing_position", "position_created",
    ]  # fmt: skip
    assert Position.objects.get().quantity == 60
    assert CopiedPosition.objects.open().count() == 2


def test_caps_hold_over_wallets_tokens_and_all_copies(follower: Follower) -> None:
    follower.change(repeat_policy="add", max_per_token=D("0.15"), max_total=D("0.4"), max_per_wallet=D("0.4"))
    other = safe_token(address("another"), symbol="POPCAT")
    third = safe_token(address("a third"), symbol="MEW")
    values = []
    for mint in (MINT, MINT, MINT, other.address, third.address, third.address):
        outcome = follower.buys(mint)
        values.append((outcome.action_taken, outcome.details["size"]["value"], outcome.details["size"]["bound_by"]))

    # Of 300: 45 in one token, 120 in all.
    assert values == [
        ("position_created", "30", ""),
        ("position_created", "15", "per_token"),
        ("rejected_size", "0", "per_token"),
        ("position_created", "30", ""),
        ("position_created", "30", ""),
        ("position_created", "15", "per_wallet"),
    ]
    follower.change(max_positions=5)
    assert follower.buys(other.address).action_taken == "rejected_open_positions"


def test_a_signal_is_processed_once_whoever_asks_again(follower: Follower) -> None:
    signal = follower.signal()

    first, again = signal_processing.process(signal), signal_processing.process(signal)

    assert first == again
    assert (Order.objects.count(), CopiedPosition.objects.count(), SignalOutcome.objects.count()) == (1, 1, 1)


def test_the_database_refuses_a_second_copy_a_second_outcome_and_any_change(follower: Follower) -> None:
    outcome = follower.buys()
    copy = CopiedPosition.objects.get()
    table = CopiedPosition._meta.db_table

    for again in (
        lambda: SignalOutcome.objects.create(
            signal=outcome.signal, verdict="traded", action_taken="again", decided_at=timezone.now()
        ),
        lambda: CopiedPosition.objects.filter(pk=copy.pk).update(mode="live"),
        lambda: CopiedPosition.objects.filter(pk=copy.pk).delete(),
        lambda: connection.cursor().execute(
            f"INSERT INTO {table} (owner_id, wallet_id, token_id, signal_id, strategy_id, mode, order_id, "
            "managed_position_id, intended_price, intended_value, created_at) SELECT owner_id, wallet_id, token_id, "
            f"signal_id, strategy_id, mode, order_id, managed_position_id, 1, 1, now() FROM {table}"
        ),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            again()

    assert (CopiedPosition.objects.get().mode, SignalOutcome.objects.count()) == ("simulation", 1)


def test_what_is_no_trade_is_ignored_with_the_reason(follower: Follower) -> None:
    liquidity = follower.signal("", type="liquidity_add")
    nobodys = following.signal(None)

    assert signal_processing.process(liquidity).action_taken == "ignored_other"
    assert signal_processing.process(nobodys).action_taken == "ignored_untracked"
    assert nothing_was_bought()


def test_a_mint_has_one_instrument_and_two_of_one_symbol_have_two(follower: Follower) -> None:
    twin = safe_token(address("twin"), symbol="WIF")
    follower.change(repeat_policy="add")

    follower.buys()
    follower.buys()
    follower.buys(twin.address)

    symbols = sorted(Instrument.objects.filter(token__isnull=False).values_list("symbol", flat=True))
    assert len(symbols) == 2
    assert all(symbol.startswith("WIF:") for symbol in symbols)
    assert TokenInstrument.objects.count() == 2


def test_settings_refuse_what_they_may_not_be(follower: Follower) -> None:
    for changes in (
        {"max_per_trade": D(0)}, {"max_per_trade": D("0.9")}, {"capital": D(49)}, {"max_positions": 0},
        {"max_price_drift": D("NaN")}, {"repeat_policy": "x"}, {"is_on": "yes"}, {"what": 1},
    ):  # fmt: skip
        with pytest.raises(Exception, match=r".+"):
            copy_settings.change(follower.person, **changes)
    assert copy_settings.current(follower.person.pk).revision == 0


# ---------------------------------------------------------------- the breaker


def trip(follower: Follower) -> Any:
    target = Target(follower.person, "simulation", follower.account)
    return risk.activate(follower.person, target, state=BreakerStatus.REDUCING, note="test", at=timezone.now())


def test_adr_004_a_breaker_stops_a_safe_purchase_and_no_exit(follower: Follower) -> None:
    held = follower.buys()
    other = safe_token(address("another"), symbol="POPCAT")
    unsafe = safe_token(address("a third"), liquidity=D(1))
    breaker = trip(follower)
    assert Order.objects.count() == 1, "that it came on placed nothing"

    blocked, refused = follower.buys(other.address), follower.buys(unsafe.address)

    assert (blocked.verdict, blocked.action_taken, blocked.reason) == (
        "rejected", "circuit_breaker_active", "Circuit breaker: reducing.",
    )  # fmt: skip
    # What would not have been bought anyway was not stopped by it.
    assert refused.action_taken == "rejected_safety"
    assert BreakerEvent.objects.filter(kind="blocked").count() == 1
    assert (Order.objects.count(), CopiedPosition.objects.count()) == (1, 1)
    follower.sells()
    assert (plan_of(held).status, plan_of(held).reason) == ("closed", "mirror")
    assert BreakerEvent.objects.filter(kind="blocked").count() == 1, "a sale is no purchase that was stopped"

    risk.reset(follower.person, breaker, note="looked at it", at=timezone.now())
    settled()
    assert CopiedPosition.objects.count() == 1, "what was stopped before is not bought afterwards"
    assert follower.buys(other.address).action_taken == "position_created"


def test_adr_004_the_stop_of_a_copy_is_met_while_the_breaker_is_on(follower: Follower) -> None:
    held = follower.buys()
    trip(follower)

    priced("0.80")

    assert (plan_of(held).status, plan_of(held).reason) == ("closed", "stop_loss")
    assert cash(follower.account) == (9994, 0)


def test_adr_004_an_entry_that_waits_is_canceled_when_the_breaker_trips(follower: Follower) -> None:
    signal = follower.signal()
    outcome = signal_processing.process(signal)
    trip(follower)

    settled()

    order = Order.objects.get()
    assert (outcome.action_taken, order.status) == ("position_created", "canceled")
    plan = plan_of(outcome)
    assert (plan.status, plan.reason, Position.objects.count()) == ("closed", "canceled", 0)
    assert cash(follower.account) == (10000, 0)


def test_adr_002_a_copy_keeps_the_plan_of_its_entry(follower: Follower) -> None:
    mine = exit_strategies.create(owner=follower.person, name="Mine", plan=simple_plan(stop_loss=D("0.2")))
    wallets.update(follower.wallet, exit_strategy=mine)
    follower.wallet.refresh_from_db()
    held = follower.buys()

    ExitStrategy.objects.filter(pk=mine.pk).update(stop_loss=D("0.25"), archived_at=timezone.now())
    wallets.update(follower.wallet, exit_strategy=ExitStrategy.objects.get(owner=None, name="Aggressive"))
    priced("0.81")
    assert plan_of(held).status == "monitoring"
    priced("0.80")

    assert (plan_of(held).status, plan_of(held).reason) == ("closed", "stop_loss")
    assert CopiedPosition.objects.get().strategy == mine


def test_adr_002_a_copy_stays_in_its_account_when_the_wallet_goes_live(follower: Follower) -> None:
    held = follower.buys()
    live = make_account(follower.person, kind="individual")
    wallets.update(follower.wallet, mode="live", live_account=live, confirmed=True)
    follower.wallet.refresh_from_db()

    follower.sells()

    assert (plan_of(held).status, plan_of(held).reason) == ("closed", "mirror")
    assert set(Order.objects.values_list("account", flat=True)) == {follower.account.pk}
    assert CopiedPosition.objects.get().mode == "simulation"


# ---------------------------------------------------------------- at once


# ---------------------------------------------------------------- prices
