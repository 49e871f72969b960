import threading
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction

from accounts import signals, trading_accounts, versions
from accounts.errors import AccountHasTrades, Conflict, InvalidValue, NameTaken
from accounts.models import Account, ActivityEntry, AuditEvent, User
from accounts.models.account import trading_day_ends
from tests.factories import make_account, make_user
from tests.journal.factories import make_trade
from tests.waiting import PATIENCE, at_once, until_somebody_waits
from trading.models import Execution, Trade

AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def test_a_new_account_moves_the_version_and_is_told_of(alice: User) -> None:
    version = versions.current(alice.pk)

    account = trading_accounts.create(owner=alice, name=" Main ", initial_balance=Decimal("1000"))

    assert account.name == "Main"
    assert account.public_id is not None
    assert versions.current(alice.pk) == version + 1
    assert AuditEvent.objects.get(event="account.create").subject_id == str(account.public_id)
    assert ActivityEntry.objects.get().text == "Account Main was added."


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "a\x07b"),
        ("name", "\u202eniaM"),
        ("name", "x" * 101),
        ("kind", "hedge"),
        ("time_zone", "Europe/Atlantis"),
        ("currency", "usd"),
        ("initial_balance", Decimal("1000000000000")),
        ("initial_balance", Decimal("NaN")),
        ("color", "red"),
    ],
)
def test_what_an_account_may_not_hold_is_refused(alice: User, field: str, value: object) -> None:
    with pytest.raises(InvalidValue) as refusal:
        trading_accounts.create(owner=alice, **{"name": "Main", field: value})

    assert refusal.value.pointer == f"/{field}"
    assert not Account.objects.exists()


def test_fields_that_nobody_may_set_are_a_mistake_of_the_caller(alice: User) -> None:
    with pytest.raises(TypeError):
        trading_accounts.create(owner=alice, name="Main", is_sample=True)


def test_a_changed_rule_is_told_to_those_who_keep_fills(alice: User) -> None:
    account = make_account(alice, "Main")
    told: list[Account] = []

    def hear(account: Account, **_: object) -> None:
        told.append(account)

    signals.account_rules_changed.connect(hear)
    try:
        trading_accounts.update(account, name="Other")
        assert told == []
        trading_accounts.update(account, time_zone="America/Chicago", day_start=time(17))
        assert told == [account]
        assert told[0].time_zone == "America/Chicago"
    finally:
        signals.account_rules_changed.disconnect(hear)


def test_archiving_and_restoring_each_happen_once(alice: User) -> None:
    account = make_account(alice, "Main")

    assert trading_accounts.archive(account, at=AT).archived_at == AT
    with pytest.raises(Conflict):
        trading_accounts.archive(account, at=AT)
    assert trading_accounts.restore(account, at=AT).archived_at is None
    with pytest.raises(Conflict):
        trading_accounts.restore(account, at=AT)
    assert AuditEvent.objects.filter(event__in=["account.archive", "account.restore"]).count() == 2


def test_a_refused_receiver_keeps_the_account(alice: User) -> None:
    account = make_account(alice, "Main")

    def refuse(**_: object) -> None:
        raise Conflict("An import runs.")

    signals.account_deleted.connect(refuse)
    try:
        with pytest.raises(Conflict):
            trading_accounts.delete(account, confirmed=True)
    finally:
        signals.account_deleted.disconnect(refuse)
    assert Account.objects.filter(pk=account.pk).exists()
    assert not AuditEvent.objects.exists()


def test_an_account_with_trades_goes_only_when_that_is_confirmed(alice: User) -> None:
    account, kept = make_account(alice, "Main"), make_account(alice, "Kept")
    make_trade(account, day=date(2026, 3, 2), pnl="25")
    make_trade(kept, day=date(2026, 3, 2), pnl="7")

    with pytest.raises(AccountHasTrades):
        trading_accounts.delete(account)
    assert Account.objects.count() == 2
    trading_accounts.delete(account, confirmed=True)

    assert list(Trade.objects.values_list("account", "net_pnl")) == [(kept.pk, Decimal(7))]
    assert not Execution.objects.filter(account_id=account.pk).exists()
    assert AuditEvent.objects.get(event="account.delete").before["name"] == "Main"


@pytest.mark.parametrize(
    ("zone", "start", "at", "end"),
    [
        ("UTC", time(0), "2026-03-02T23:59:59.999999", "2026-03-03T00:00"),
        ("UTC", time(0), "2026-03-03T00:00", "2026-03-04T00:00"),
        # Futures: 17:00 in Chicago is 23:00 in winter and 22:00 in summer.
        ("America/Chicago", time(17), "2026-03-02T22:59", "2026-03-02T23:00"),
        ("America/Chicago", time(17), "2026-03-07T23:00", "2026-03-08T22:00"),
        ("America/New_York", time(0), "2026-03-08T05:00", "2026-03-09T04:00"),
        # A start that comes twice: the day begins at the first 01:30, and again after the clock was put back to 01:00.
        ("America/New_York", time(1, 30), "2026-11-01T05:00", "2026-11-01T05:30"),
        ("America/New_York", time(1, 30), "2026-11-01T06:10", "2026-11-01T06:30"),
        # A start that never comes: 02:30, and 00:00 where the clock is put forward at midnight.
        ("America/New_York", time(2, 30), "2026-03-08T06:00", "2026-03-08T07:30"),
        ("America/Santiago", time(0), "2026-09-06T03:00", "2026-09-06T04:00"),
    ],
)
def test_a_trading_day_ends_where_the_next_begins(zone: str, start: time, at: str, end: str) -> None:
    instant = datetime.fromisoformat(at).replace(tzinfo=UTC)

    found = trading_day_ends(instant, zone=ZoneInfo(zone), day_start=start)

    assert found == datetime.fromisoformat(end).replace(tzinfo=UTC)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_two_equal_names_at_once_one_is_refused_in_words() -> None:
    owner = make_user()
    first_is_in = threading.Event()

    @transaction.atomic
    def first() -> Account:
        made = trading_accounts.create(owner=owner, name="Main")
        first_is_in.set()
        until_somebody_waits()
        return made

    def second() -> Account:
        first_is_in.wait(PATIENCE)
        return trading_accounts.create(owner=owner, name="Main")

    assert [type(each) for each in at_once(first, second)] == [Account, NameTaken]
    assert Account.objects.count() == 1
