"""Money, percent and R: what an amount is in each, and where it is nothing."""

from datetime import date
from decimal import Decimal

import pytest
from django.test import Client, RequestFactory

from accounts.errors import InvalidValue
from accounts.models import User
from journal import breakdowns, playbooks, reports, units
from journal.figures import WithoutBalance
from journal.filters import MetricsFilter
from journal.playbooks import WrittenRule
from journal.units import Scale, Unit
from tests.journal.factories import make_account, make_trade

TUESDAY, WEDNESDAY = date(2026, 3, 3), date(2026, 3, 4)


@pytest.mark.parametrize(
    ("query", "unit"), [("", Unit.MONEY), ("?unit=", Unit.MONEY), ("?unit=percent", Unit.PERCENT), ("?unit=r", Unit.R)]
)
def test_the_address_names_the_unit(query: str, unit: Unit) -> None:
    assert units.of(RequestFactory().get(f"/{query}")) is unit


def test_a_unit_that_there_is_not_is_refused() -> None:
    with pytest.raises(InvalidValue):
        units.of(RequestFactory().get("/?unit=pips"))


def test_percent_is_the_amount_of_what_the_accounts_started_with() -> None:
    scale = Scale(Unit.PERCENT, "USD", Decimal(2000))

    assert scale.shown(Decimal("49.50"), r=Decimal(3)) == Decimal("0.02475")
    assert scale.shown(Decimal(-20), currency="USD") == Decimal("-0.01")
    assert scale.shown(None) is None


def test_a_foreign_amount_and_one_without_equity_have_no_percent() -> None:
    assert Scale(Unit.PERCENT, "USD", Decimal(2000)).shown(Decimal(10), currency="EUR") is None
    assert Scale(Unit.PERCENT, "USD", None).shown(Decimal(10)) is None
    assert Scale(Unit.PERCENT, "USD", Decimal(0)).shown(Decimal(10)) is None
    assert Scale(Unit.PERCENT, "USD", None).lacks_equity


def test_r_is_what_is_known_of_it_whatever_the_currency() -> None:
    assert Scale(Unit.R).shown(Decimal(10), r=Decimal("1.5"), currency="EUR") == Decimal("1.5")
    assert Scale(Unit.R).shown(Decimal(10)) is None


def test_a_daily_series_follows_the_unit() -> None:
    daily = [(TUESDAY, Decimal(100)), (WEDNESDAY, Decimal(-50))]
    in_r = {TUESDAY: Decimal(2)}

    assert Scale().days(daily, in_r) == daily
    assert Scale(Unit.PERCENT, "USD", Decimal(1000)).days(daily, in_r) == [
        (TUESDAY, Decimal("0.1")),
        (WEDNESDAY, Decimal("-0.05")),
    ]
    assert Scale(Unit.R).days(daily, in_r) == [(TUESDAY, Decimal(2)), (WEDNESDAY, None)]


@pytest.mark.django_db
def test_equity_at_the_start_is_the_balances_and_what_was_earned_before(alice: User) -> None:
    one = make_account(alice, "One", initial_balance=Decimal(900))
    make_account(alice, "Two", initial_balance=Decimal(100))
    make_trade(one, day=TUESDAY, pnl="100", fees="1")
    make_trade(one, day=WEDNESDAY, pnl="-50")

    # 1,000 of both, and 99 of Tuesday before Wednesday.
    assert reports.aggregate_metrics(alice).starting_equity == Decimal(1000)
    wednesday = MetricsFilter(start=WEDNESDAY, end=WEDNESDAY)
    assert reports.aggregate_metrics(alice, wednesday).starting_equity == Decimal(1099)
    scale = units.scale(Unit.PERCENT, reports.aggregate_metrics(alice))
    assert scale.shown(Decimal(49)) == Decimal("0.049")


@pytest.mark.django_db
def test_one_account_without_a_balance_leaves_percent_undefined(alice: User, alice_client: Client) -> None:
    """The account is named, with the way to give it one."""
    make_trade(make_account(alice, "One", initial_balance=Decimal(900)), day=TUESDAY, pnl="100")
    two = make_account(alice, "Two")

    for wanted in (MetricsFilter(), MetricsFilter(side="long")):
        metrics = reports.aggregate_metrics(alice, wanted)
        assert metrics.starting_equity is None
        assert metrics.without_balance == WithoutBalance(1, ((str(two.public_id), "Two"),))
    page = alice_client.get("/reports/days/?unit=percent").content.decode()
    assert "each of them needs a starting balance. Without one: Two." in page
    assert f'<a href="/accounts/{two.public_id}/edit/">Two</a>' in page
    for name in ("Three", "Four", "Zero"):
        make_account(alice, name)
    reason = str(units.scale(Unit.PERCENT, reports.aggregate_metrics(alice, fresh=True)).reason)
    assert reason.endswith("Without one: Four, Three, Two and 1 more.")


@pytest.mark.django_db
def test_what_was_written_is_read_in_the_unit_of_the_page(alice: User, alice_client: Client) -> None:
    """Of 1,000, with a risk of 50 in each: one trade makes 95 after a fee of 5, or 1.9 R; one loses 25, or 0.5 R."""
    account = make_account(alice, initial_balance=Decimal(1000))
    won = make_trade(account, day=TUESDAY, pnl="100", stop="950", fees="5")
    lost = make_trade(account, day=TUESDAY, pnl="-25", stop="950", symbol="MSFT")
    book = playbooks.create(owner=alice, name="Breakout", rules=[WrittenRule("Wait")])
    (rule,) = playbooks.rules_of(playbooks.current_version(book))
    for trade, is_kept in ((won, True), (lost, False)):
        playbooks.check(playbooks.assign(trade, playbook=book), kept={rule.key: is_kept})

    for path, money, percent, r in (
        (f"/days/{TUESDAY}/", ("+70.00", "5.00", "+95.00"), ("+7.0%", "0.5%", "+9.5%"), ("+1.40R", "+1.90R")),
        ("/trades/", ("+70.00 USD", "5.00 USD"), ("+7.0%", "0.5%"), ("+1.40R",)),
        ("/journal/", ("+70.00 USD",), ("+7.0%",), ("+1.40R",)),
        ("/playbooks/", ("+70.00 USD", "+35.00"), ("+7.0%", "+3.5%"), ("+1.40R", "+0.70R")),
        (f"/playbooks/{book.public_id}/", ("+70.00 USD", "+120.00"), ("+7.0%", "+12.0%"), ("+1.40R", "+2.40R")),
    ):
        for unit, expected in (("", money), ("percent", percent), ("r", r)):
            words = alice_client.get(f"{path}?unit={unit}").content.decode().partition("<main")[2]
            assert [text for text in expected if f">{text}<" not in words] == [], (path, unit)
            assert unit == "" or f">{money[0]}<" not in words, (path, unit)


@pytest.mark.django_db
def test_a_day_in_r_sums_the_trades_that_closed_on_it(alice: User) -> None:
    """A stop 50 below: 100 is 2 R, -25 is -0.5 R; a trade without a stop has none."""
    account = make_account(alice)
    make_trade(account, day=TUESDAY, pnl="100", stop="950")
    make_trade(account, day=TUESDAY, pnl="-25", stop="950", symbol="MSFT")
    make_trade(account, day=WEDNESDAY, pnl="7")

    assert breakdowns.calendar(alice).in_r == {TUESDAY: Decimal("1.5")}
