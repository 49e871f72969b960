"""Risk in the database: the configuration, settings and limits."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts import ledger
from accounts.errors import Conflict, InvalidValue
from accounts.models import Account, AuditEvent, User
from tests.factories import make_account
from tests.journal.factories import make_instrument
from tests.trading.risk_things import NOW, buy, events, with_300
from trading import risk
from trading.errors import OperatorsOnly
from trading.models import BreakerEvent, RiskConfig, RiskConfigRevision, RiskLimit, SystemSetting
from trading.models.risk import RANGES
from trading.order_rules.pretrade import Limits
from trading.risk import system_settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(alice: User) -> Account:
    return with_300(alice)


# --- the configuration -----------------------------------------------------------------------------


def test_a_change_of_the_configuration_is_kept_with_all_of_it_before_and_after(operator: User) -> None:
    config = risk.configure(operator, max_drawdown=Decimal("0.3"), note="Wider for March")

    kept = RiskConfigRevision.objects.get()
    assert (config.revision, kept.number, kept.actor_email, kept.note) == (1, 1, "root@example.com", "Wider for March")
    assert (kept.before["max_drawdown"], kept.after["max_drawdown"]) == ("0.2", "0.3")
    assert kept.before["capital"] == kept.after["capital"] == "300"
    assert set(kept.before) >= {*RANGES, "position_sizing_mode"}
    assert AuditEvent.objects.get(event="risk_config.update").after == {"max_drawdown": "0.3"}
    assert events("config_changed")[0].thresholds == {"max_drawdown": "0.3"}


def test_what_is_no_change_leaves_no_trace(operator: User) -> None:
    risk.configure(operator, max_drawdown=Decimal("0.2"))

    assert not RiskConfigRevision.objects.exists()
    assert not BreakerEvent.objects.exists()


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"max_drawdown": Decimal("0.51")}, "/max_drawdown"),
        ({"max_drawdown": "NaN"}, "/max_drawdown"),
        ({"consecutive_max_loss_trigger": 11}, "/consecutive_max_loss_trigger"),
        ({"position_sizing_mode": "double"}, "/position_sizing_mode"),
        ({"safety_weight_age": Decimal("0.3")}, "/safety_weight_liquidity"),
        ({"max_capital_per_trade": "0.9", "max_total_capital": "0.5"}, "/max_capital_per_trade"),
        ({"currency": "usd"}, "/currency"),
        ({"id": 2}, "/id"),
        ({"helius": 1}, "/helius"),
    ],
)
def test_what_the_configuration_may_not_be_is_refused(operator: User, changes: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        risk.configure(operator, **changes)

    assert refused.value.pointer == pointer
    assert not RiskConfigRevision.objects.exists()
    assert risk.current().revision == 0


def test_a_change_of_what_somebody_else_has_changed_is_refused(operator: User) -> None:
    risk.configure(operator, capital=Decimal(500), revision=0)

    with pytest.raises(Conflict):
        risk.configure(operator, capital=Decimal(600), revision=0)

    assert risk.current().capital == 500


def test_only_operators_configure(alice: User) -> None:
    with pytest.raises(OperatorsOnly):
        risk.configure(alice, capital=Decimal(500))

    assert risk.current().capital == 300


@pytest.mark.parametrize("field", sorted(RANGES))
def test_the_database_holds_each_range(field: str) -> None:
    least, most = RANGES[field]
    column = RiskConfig._meta.get_field(field)
    is_whole = column.get_internal_type() == "PositiveSmallIntegerField"
    step = 1 if is_whole else Decimal("0.0001")
    beyond = [Decimal(most) + step] if Decimal(most) < 10**9 else []
    beyond += [Decimal(least) - step] if Decimal(least) > 0 else []
    for value in beyond:
        with pytest.raises(IntegrityError), transaction.atomic():
            RiskConfig.objects.update(**{field: value})
    if not is_whole:
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE trading_riskconfig SET {field} = 'NaN'")


def test_there_is_one_configuration_and_it_stays() -> None:
    RiskConfig.objects.get_or_create(pk=1)

    with pytest.raises(IntegrityError, match="risk_config_only_row"), transaction.atomic():
        RiskConfig.objects.create(pk=2)
    with pytest.raises(IntegrityError, match="one row"), transaction.atomic():
        RiskConfig.objects.all().delete()
    assert RiskConfig.objects.count() == 1


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("max_position_size", {"pct": 0.15}, {"pct": "0.15"}),
        ("max_position_size", {"pct": "0.2"}, {"pct": "0.2"}),
        ("max_positions", {"count": 10}, {"count": 10}),
    ],
)
def test_settings_are_kept_in_one_form(operator: User, key: str, value: Any, kept: Any) -> None:
    system_settings.put(operator, key=key, value=value)

    assert SystemSetting.objects.get(key=key).value == kept


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_position_size", {"pct": 15}),
        ("max_position_size", {"pct": True}),
        ("max_position_size", {"pct": "0.1", "more": 1}),
        ("max_position_size", 0.15),
        ("max_positions", {"count": 0}),
        ("max_positions", {"count": "10"}),
        ("favourite_colour", {"name": "red"}),
    ],
)
def test_settings_that_no_schema_knows_are_refused(operator: User, key: str, value: Any) -> None:
    with pytest.raises(InvalidValue):
        system_settings.put(operator, key=key, value=value)

    assert not SystemSetting.objects.exists()


# --- limits ----------------------------------------------------------------------------------------


def test_of_several_limits_the_tightest_of_each_kind_counts(alice: User, account: Account) -> None:
    apple, other = make_instrument("AAPL"), make_instrument("MSFT")
    risk.set_limit(alice, max_quantity=Decimal(100), price_band=Decimal("0.1"))
    risk.set_limit(alice, account=account, max_quantity=Decimal(50), max_notional=Decimal(5000))
    risk.set_limit(alice, instrument=apple, max_notional=Decimal(2000))
    risk.set_limit(alice, account=account, instrument=apple, max_quantity=Decimal(70))
    elsewhere = make_account(alice, "Other")

    assert risk.limits_for(account, apple) == Limits(Decimal(50), Decimal(2000), Decimal("0.1"))
    assert risk.limits_for(account, other) == Limits(Decimal(50), Decimal(5000), Decimal("0.1"))
    assert risk.limits_for(elsewhere, other) == Limits(Decimal(100), None, Decimal("0.1"))


def test_nobody_is_limited_by_somebody_else(alice: User, bob: User, account: Account) -> None:
    risk.set_limit(bob, max_quantity=Decimal(1))

    assert risk.limits_for(account, make_instrument()) == Limits()


def test_shares_of_the_capital_limit_the_value_of_an_order(operator: User, account: Account) -> None:
    system_settings.put(operator, key="max_position_size", value={"pct": 0.15})
    ledger.deposit(account, currency="USD", amount=Decimal(700), idempotency_key="a", at=NOW)

    # 0.15 of 300 + 700
    assert risk.limits_for(account, make_instrument()).notional == 150

    risk.configure(operator, max_capital_per_trade=Decimal("0.1"))
    assert risk.limits_for(account, make_instrument()).notional == 100


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({}, "/max_quantity"),
        ({"max_quantity": Decimal(0)}, "/max_quantity"),
        ({"price_band": Decimal(1)}, "/price_band"),
        ({"max_notional": Decimal("NaN")}, "/max_notional"),
        ({"cap": 1}, "/cap"),
    ],
)
def test_limits_that_say_nothing_are_refused(alice: User, values: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        risk.set_limit(alice, **values)

    assert refused.value.pointer == pointer
    assert not RiskLimit.objects.exists()


def test_a_scope_has_its_limits_once(alice: User, account: Account) -> None:
    risk.set_limit(alice, account=account, max_quantity=Decimal(5))

    with pytest.raises(Conflict):
        risk.set_limit(alice, account=account, max_quantity=Decimal(6))

    assert RiskLimit.objects.get().max_quantity == 5


def test_the_database_knows_whose_account_a_limit_is_of(bob: User, account: Account) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError, match="account_of_owner"), transaction.atomic():
        RiskLimit.objects.create(owner=bob, account=account, max_quantity=1)


def test_a_limit_is_changed_and_taken_away(alice: User) -> None:
    limit = risk.set_limit(alice, max_quantity=Decimal(5), max_open_positions=3)

    changed = risk.change_limit(limit, max_quantity=None, max_trades_per_day=4)
    assert (changed.max_quantity, changed.max_open_positions, changed.max_trades_per_day) == (None, 3, 4)

    risk.remove_limit(changed)
    assert not RiskLimit.objects.exists()
    told = AuditEvent.objects.filter(subject="risk_limit").order_by("id").values_list("event", flat=True)
    assert list(told) == ["risk_limit.create", "risk_limit.update", "risk_limit.delete"]


def test_positions_and_trades_of_a_day_are_counted(alice: User, operator: User, account: Account) -> None:
    buy(account, "AAPL")
    apple, other = make_instrument("AAPL"), make_instrument("MSFT")
    risk.set_limit(alice, account=account, max_open_positions=1)

    assert [each.code for each in risk.exceeded(account, other, at=NOW)] == ["limit_positions"]
    assert risk.exceeded(account, apple, at=NOW) == ()  # adds to what is there

    system_settings.put(operator, key="max_trades_per_day", value={"count": 1})
    assert [each.code for each in risk.exceeded(account, apple, at=NOW)] == ["limit_trades"]
    assert risk.exceeded(account, apple, at=NOW + timedelta(days=1)) == ()


def test_all_that_is_open_is_worth_no_more_than_its_share(operator: User, account: Account) -> None:
    buy(account, "AAPL")  # 1 at 100
    risk.configure(operator, max_total_capital=Decimal("0.5"))

    assert risk.exceeded(account, make_instrument("MSFT"), at=NOW, value=Decimal(50)) == ()
    over = risk.exceeded(account, make_instrument("MSFT"), at=NOW, value=Decimal("50.01"))
    assert [(each.code, each.values) for each in over] == [("limit_total_capital", {"most": "150"})]
