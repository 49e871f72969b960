"""Trading sessions: one at a time in an account, worth what is known, and what was traded in them counted anew."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts import ledger
from accounts.errors import InvalidValue
from accounts.models import Account, ActivityEntry, AuditEvent, User
from tests.factories import make_account
from tests.trading.desk import placed, quoted, share, ticket
from trading import equity, session_figures, sessions, trades
from trading.errors import SessionOpen
from trading.models import FxRate, Instrument, Quote, TradingSession

START = datetime(2026, 3, 2, 14, tzinfo=UTC)


def trade(account: Account, result: str, *, at: datetime, instrument: Instrument) -> None:
    """Bought at 100 a minute before, sold at 100 and the result."""
    fills = [
        trades.EnteredFill("buy", D(1), D(100), at - timedelta(minutes=1)),
        trades.EnteredFill("sell", D(1), D(100) + D(result), at),
    ]
    trades.enter(account, instrument=instrument, fills=fills)


def figures(session: TradingSession, *, now: datetime) -> session_figures.Figures:
    return session_figures.shown([session], now=now)[0].figures


def test_equity_is_cash_reserved_or_not_and_positions_at_the_bid(account: Account) -> None:
    acme = share()
    quoted(acme, "49", "50", bid_size="1000", ask_size="1000")
    placed(account, acme, ticket("buy", "100"))
    placed(account, acme, ticket("buy", "10", "limit", limit_price="40"))
    # 10,000 - 100 x 50 paid, of which 400 are set aside; 100 held at 49. No fees by default.
    assert equity.of(account, at=timezone.now()) == equity.Equity(D(9900))


def test_equity_is_not_guessed_without_cash_a_fresh_mark_or_a_rate(account: Account, alice: User) -> None:
    now = timezone.now()
    assert equity.of(make_account(alice, "No cash"), at=now) == equity.Equity(None, "no_cash")

    euros = {"currency": "EUR", "amount": D(100), "at": now, "note": ""}
    ledger.deposit(account, idempotency_key="euros", **euros)
    assert equity.of(account, at=now) == equity.Equity(None, "no_rate")
    FxRate.objects.create(date=now.date() - timedelta(days=1), base="EUR", quote="USD", rate=D("1.1"), source="ecb")
    assert equity.of(account, at=now) == equity.Equity(D(10110))

    acme = share()
    quoted(acme, "49", "50", bid_size="1000", ask_size="1000")
    placed(account, acme, ticket("buy", "1"))
    Quote.objects.update(quoted_at=now - timedelta(days=1))
    assert equity.of(account, at=now) == equity.Equity(None, "no_mark")


def test_a_future_counts_with_what_it_would_make_for_it_was_not_paid_for(account: Account) -> None:
    future = share("ESZ6", kind="future", multiplier=D(50))
    now = timezone.now()
    trades.enter(
        account, instrument=future, fills=[trades.EnteredFill("sell", D(2), D(6000), now - timedelta(hours=1))]
    )
    Quote.objects.create(instrument=future, ask=D(5990), quoted_at=now)
    # Sold short at 6,000, bought back at 5,990: 2 x 10 x 50.
    assert equity.of(account, at=now) == equity.Equity(D(11000))


def test_one_session_at_a_time_goes_on_in_an_account(account: Account, alice: User) -> None:
    first = sessions.start(account, at=START, name="Morning", strategy="gap", note="Slow")
    assert (first.starting_equity, first.starting_gap, first.currency) == (D(10000), "", "USD")
    with pytest.raises(SessionOpen):
        sessions.start(account, at=START + timedelta(hours=1))
    assert TradingSession.objects.get() == first
    sessions.start(make_account(alice, "Other"), at=START)

    over = sessions.end(first, at=START + timedelta(hours=2))
    again = sessions.end(first, at=START + timedelta(hours=3))
    assert over.ended_at == again.ended_at == START + timedelta(hours=2)
    assert again.ending_equity == D(10000)
    events = AuditEvent.objects.filter(subject_id=str(first.public_id)).order_by("id")
    assert [each.event for each in events] == ["session.start", "session.end"]
    assert ActivityEntry.objects.filter(link=f"/desk/sessions/{first.public_id}/", account=account).count() == 2
    sessions.start(account, at=START + timedelta(hours=2))


def test_a_session_ends_after_it_began_and_its_words_are_one_line(account: Account) -> None:
    session = sessions.start(account, at=START)
    with pytest.raises(InvalidValue):
        sessions.end(session, at=START)
    assert TradingSession.objects.get().is_open
    for words in ({"name": "x" * 101}, {"note": "two\nlines"}, {"strategy": "s" * 61}):
        with pytest.raises(InvalidValue):
            sessions.start(account, at=START, **words)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({}, "trading_session_one_open_per_account"),
        ({"ended_at": START, "ending_gap": "no_mark"}, "trading_session_ended_after_started"),
        ({"starting_gap": "no_mark"}, "trading_session_starting_equity_or_why"),
        ({"starting_equity": None}, "trading_session_starting_equity_or_why"),
        ({"ending_equity": D(1)}, "trading_session_ending_equity_or_why"),
        ({"ended_at": START + timedelta(hours=1)}, "trading_session_ending_equity_or_why"),
        ({"starting_equity": D("999999999999.5")}, "trading_session_equity_finite"),
    ],
)
def test_the_database_refuses_a_session_that_cannot_be(
    account: Account, alice: User, change: dict[str, Any], constraint: str
) -> None:
    sessions.start(account, at=START)
    fields = {"owner": alice, "account": account, "currency": "USD", "started_at": START, "starting_equity": D(1)}
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        TradingSession.objects.create(**fields | change)


def test_the_database_refuses_a_session_in_somebody_elses_account(account: Account, bob: User) -> None:
    TradingSession.objects.create(owner=bob, account=account, currency="USD", started_at=START, starting_gap="no_mark")
    with pytest.raises(IntegrityError, match="account_of_owner"):
        connection.check_constraints()


def test_figures_are_of_what_closed_from_its_start_up_to_its_end(
    account: Account, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    end = START + timedelta(hours=2)
    session = sessions.start(account, at=START)
    for result, at in (
        ("-50", START - timedelta(seconds=1)),
        ("10", START),
        ("-4", START + timedelta(hours=1)),
        ("30", START + timedelta(hours=1, minutes=10)),
        ("0", end - timedelta(seconds=1)),
        ("70", end),
    ):
        trade(account, result, at=at, instrument=share(f"S{result}"))
    before = figures(session, now=START + timedelta(hours=1))
    assert (before.trades, before.wins, before.win_rate) == (1, 1, D(1))

    session = sessions.end(session, at=end)
    with django_assert_num_queries(1):
        found = figures(session, now=timezone.now())
    # What was bought a minute before the start is no fill of its own, and what closed at its end was bought in it.
    assert (found.orders, found.fills, found.trades, found.wins, found.losses) == (0, 8, 4, 2, 1)
    assert (found.pnl, found.win_rate, found.largest_win, found.largest_loss) == (D(36), D("0.5"), D(30), D(-4))


def test_without_a_trade_there_is_no_win_rate_and_without_a_rate_no_sum(account: Account) -> None:
    session = sessions.start(account, at=START)
    now = START + timedelta(hours=1)
    found = figures(session, now=now)
    assert (found.trades, found.pnl, found.win_rate, found.largest_win, found.largest_loss) == (
        0,
        D(0),
        None,
        None,
        None,
    )

    trade(account, "10", at=now - timedelta(minutes=5), instrument=share("SAP", currency="EUR"))
    found = figures(session, now=now)
    assert (found.trades, found.wins, found.pnl, found.largest_win, found.lacks_rate) == (1, 1, None, None, True)
    FxRate.objects.create(date=START.date(), base="EUR", quote="USD", rate=D("1.5"), source="ecb")
    assert figures(session, now=now).pnl == D(15)


def test_a_session_begins_and_ends_over_the_api_and_counts_its_orders(alice_api: APIClient, account: Account) -> None:
    path, acme = "/api/v1/sessions/", share()
    body = {"account": str(account.public_id), "name": "Bot", "strategy": "gap", "note": "Slow"}
    made = alice_api.post(path, body)
    assert made.status_code == 201, made.content
    assert {name: made.json()[name] for name in body} == body
    assert alice_api.post(path, body).status_code == 409

    quoted(acme, "49", "50", bid_size="1000", ask_size="1000")
    placed(account, acme, ticket("buy", "10"))
    placed(account, acme, ticket("sell", "10"))
    one = f"{path}{made.json()['id']}/"
    ended = alice_api.post(f"{one}end/")
    assert ended.status_code == 200, ended.content
    found = ended.json()
    assert alice_api.post(f"{one}end/").json() == alice_api.get(one).json() == found
    assert (found["starting_equity"], found["ending_equity"], found["equity_change"]) == ("10000", "9990", "-10")
    assert found["figures"] == {
        "orders": 2, "fills": 2, "trades": 1, "wins": 0, "losses": 1, "pnl": "-10", "win_rate": "0",
        "largest_win": None, "largest_loss": "-10",
    }  # fmt: skip
    assert alice_api.get(f"{path}?is_open=true").json()["results"] == []
    assert alice_api.get(f"{path}?account={account.public_id}").json()["results"] == [found]
    assert alice_api.get(f"{path}?account={uuid.uuid4()}").json()["results"] == []


def test_a_session_begins_and_ends_on_its_pages(alice_client: Client, account: Account) -> None:
    began = alice_client.post("/desk/sessions/", {"account": account.name, "name": "Morning"})
    session = TradingSession.objects.get()
    assert began.headers["Location"] == f"/desk/sessions/{session.public_id}/"
    again = alice_client.post("/desk/sessions/", {"account": account.name})
    assert (again.status_code, TradingSession.objects.count()) == (409, 1)
    placed(account, share(), ticket("buy", "1", "limit", limit_price="40"))

    assert "Morning" in alice_client.get("/desk/sessions/").content.decode()
    assert "ACME" in alice_client.get(began.headers["Location"]).content.decode()
    assert alice_client.post(f"/desk/sessions/{session.public_id}/end/").status_code == 302
    page = alice_client.get("/desk/sessions/").content.decode()
    assert "No session goes on" in page
    assert "Morning" in page
