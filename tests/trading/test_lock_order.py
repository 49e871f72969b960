"""Who needs several of an account, a person's book and a person's version takes them in one order: nobody is in a knot.

The account first, then the book, which is held where limits count, then portfolios, and the version last. Whoever
matches holds the instrument's book before all of them: what was placed is matched after its transaction.
"""

import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts import ledger
from accounts.models import Account, LedgerEntry
from tests.conftest import api_of
from tests.factories import make_user
from tests.trading.desk import broken, funded, placed, quoted, share, ticket
from tests.waiting import PATIENCE, at_once, until_somebody_waits
from trading import halting, order_sweeps, orders, risk
from trading.api.orders import OrderViewSet
from trading.models import BreakerMode, Instrument, Order, Quote
from trading.orders import changes
from trading.risk.breakers import Target
from trading.venues import paper

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
D = Decimal
_NO_BOOK = SimpleNamespace(Book=SimpleNamespace(hold=lambda owner_id: None))


def _two_accounts(*, are_long: bool) -> tuple[list[Account], Instrument]:
    """Two accounts of one person, of whom limits count; the first has an order that waits, and a position if asked."""
    owner, acme = make_user(), share()
    accounts = [funded(owner, name=name) for name in ("One", "Two")]
    risk.set_limit(owner, max_open_positions=5)
    quoted(acme, "99.90", "100")
    if are_long:
        for account in accounts:
            placed(account, acme, ticket("buy", "10"))
    placed(accounts[0], acme, ticket("buy", "1", "limit", limit_price="90"))
    return accounts, acme


def _while_something_is_moved(
    patch: pytest.MonkeyPatch, module: Any, name: str, first: Callable[[], Any], second: Callable[[], Any]
) -> list[Any]:
    """What becomes of both, where the second begins once the first has moved an order, and with it the version."""
    moved, move = threading.Event(), getattr(module, name)

    def until_the_other_waits(*given: Any, **options: Any) -> Any:
        done = move(*given, **options)
        if not moved.is_set():
            moved.set()
            until_somebody_waits()
        return done

    def afterwards() -> Any:
        assert moved.wait(PATIENCE)
        return second()

    patch.setattr(module, name, until_the_other_waits)
    return at_once(first, afterwards)


def _in_a_knot(answers: list[Any]) -> list[bool]:
    return [isinstance(each, OperationalError) and "deadlock" in str(each) for each in answers]


def _flattened_beside_an_order(patch: pytest.MonkeyPatch) -> list[Any]:
    (one, two), acme = _two_accounts(are_long=True)
    asked = ticket("buy", "1", "limit", limit_price="90")
    return _while_something_is_moved(
        patch,
        orders,
        "cancel",
        lambda: halting.flatten(one.owner, one, confirmed=True),
        lambda: orders.place(two, instrument=acme, ticket=asked),
    )


def test_flattening_one_account_and_an_order_in_another_come_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flattened, answer = _flattened_beside_an_order(monkeypatch)

    assert [order.quantity for order in flattened.placed] == [D(10)]
    assert answer.order.status == "new"
    assert broken() == []


def test_flattening_that_does_not_hold_the_book_first_would_be_in_a_knot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(halting, "risk", _NO_BOOK)

    assert any(_in_a_knot(_flattened_beside_an_order(monkeypatch)))


def _replaced_beside_an_order(patch: pytest.MonkeyPatch) -> list[Any]:
    (_one, two), acme = _two_accounts(are_long=False)
    asked = ticket("buy", "1", "limit", limit_price="90")
    return _while_something_is_moved(
        patch,
        changes,
        "_move",
        lambda: orders.replace_order(Order.objects.get(), ticket=ticket("buy", "2", "limit", limit_price="90")),
        lambda: orders.place(two, instrument=acme, ticket=asked),
    )


def test_replacing_an_order_and_another_in_another_account_come_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = _replaced_beside_an_order(monkeypatch)

    assert [answer.order.status for answer in answers] == ["new", "new"]
    assert broken() == []


def test_replacing_that_does_not_hold_the_book_first_would_be_in_a_knot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "risk", _NO_BOOK)

    assert any(_in_a_knot(_replaced_beside_an_order(monkeypatch)))


def _flattened_beside_a_deposit(patch: pytest.MonkeyPatch) -> list[Any]:
    (one, two), _acme = _two_accounts(are_long=True)
    return _while_something_is_moved(
        patch,
        orders,
        "cancel",
        lambda: halting.flatten(one.owner, None, confirmed=True),
        lambda: ledger.deposit(two, currency="USD", amount=D(5), idempotency_key="more", at=timezone.now()),
    )


def test_flattening_all_accounts_and_money_for_one_of_them_come_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flattened, deposit = _flattened_beside_a_deposit(monkeypatch)

    assert [order.quantity for order in flattened.placed] == [D(10), D(10)]
    assert LedgerEntry.objects.get(idempotency_key="more") == deposit
    assert broken() == []


def test_money_that_comes_without_holding_its_account_would_be_in_a_knot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_hold", lambda account: None)

    assert any(_in_a_knot(_flattened_beside_a_deposit(monkeypatch)))


def _placed(account: Account, acme: Instrument) -> tuple[str, dict[str, Any]]:
    return "orders/", _asked(account, acme)


def _placed_together(account: Account, acme: Instrument) -> tuple[str, dict[str, Any]]:
    return "orders/bulk/", {"orders": [_asked(account, acme), _asked(account, acme)]}


def _replaced(account: Account, acme: Instrument) -> tuple[str, dict[str, Any]]:
    waiting = Order.objects.get(account=account, instrument=acme, status="new")
    return f"orders/{waiting.public_id}/replace/", {"quantity": "2"}


def _flattened(account: Account, _acme: Instrument) -> tuple[str, dict[str, Any]]:
    return "breaker/flatten/", {"account": str(account.public_id), "confirm": True}


def _asked(account: Account, acme: Instrument) -> dict[str, Any]:
    return {
        "account": str(account.public_id), "symbol": acme.symbol, "side": "buy", "type": "limit", "limit_price": "80",
        "quantity": "1", "time_in_force": "gtc",
    }  # fmt: skip


_REQUESTS = [(_placed, orders), (_placed_together, orders), (_replaced, changes), (_flattened, orders)]


def _beside_the_market(
    patch: pytest.MonkeyPatch, asked: Callable[[Account, Instrument], Any], module: Any
) -> list[Any]:
    """A request under a key, all that it does being one transaction, and the market, which comes to a waiting order."""
    account, acme = funded(make_user()), share()
    quoted(acme, "99.90", "100")
    placed(account, acme, ticket("buy", "10"))
    placed(account, acme, ticket("buy", "1", "limit", limit_price="90"))
    Quote.objects.update(bid=D("85.90"), ask=D(86))
    path, body = asked(account, acme)
    client = api_of(account.owner)

    def sent() -> Any:
        answer = client.post(f"/api/v1/{path}", body, format="json", HTTP_IDEMPOTENCY_KEY="one")
        return OperationalError(answer.json()["code"]) if answer.status_code == 503 else answer.status_code

    return _while_something_is_moved(patch, module, "place_many", sent, lambda: paper.match(acme.pk))


@pytest.mark.parametrize(("asked", "module"), _REQUESTS)
def test_a_request_under_a_key_and_the_market_come_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, asked: Any, module: Any
) -> None:
    status, _matched = _beside_the_market(monkeypatch, asked, module)

    assert status in (200, 201)
    assert not order_sweeps.unmatched(at=timezone.now() + timedelta(seconds=3))
    assert broken() == []


def test_what_is_placed_and_matched_in_one_transaction_would_be_in_a_knot_with_the_market(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(OrderViewSet, "is_one_transaction", property(lambda _view: False, lambda _view, _value: None))

    status, matched = _beside_the_market(monkeypatch, _placed, orders)

    assert isinstance(status, OperationalError) or any(_in_a_knot([matched]))


#: What becomes of what waits in both instruments, which is what moves the version of its person on: it fills at the
#: price of the quote, is canceled as a breaker came on, or is given up, as it had to execute at once and cannot.
_ENDS = [("record", "gtc", "80", "filled"), ("cancel", "gtc", "80", "canceled"), ("record", "ioc", "95", "canceled")]


def _two_instruments_of_two_persons(patch: pytest.MonkeyPatch, moves: str, time_in_force: str, ask: str) -> list[Any]:
    """Orders of both wait in each: in one that of the first person came first, in the other that of the second."""
    people, (acme, bolt) = [make_user(), make_user()], (share(), share("BOLT"))
    for instrument, owners in ((acme, people), (bolt, people[::-1])):
        for owner in owners:
            asked = ticket("buy", "1", "limit", limit_price="90", time_in_force=time_in_force)
            orders.place(funded(owner), instrument=instrument, ticket=asked)
        Quote.objects.create(instrument=instrument, bid=D(79), ask=D(ask), quoted_at=timezone.now())
    if moves == "cancel":
        for person in people:
            halted = Target(person, BreakerMode.SIMULATION)
            risk.activate(person, halted, state="halted", note="Enough", at=timezone.now())
    return _while_something_is_moved(patch, orders, moves, lambda: paper.match(acme.pk), lambda: paper.match(bolt.pk))


@pytest.mark.parametrize(("moves", "time_in_force", "ask", "end"), _ENDS)
def test_two_instruments_in_which_the_same_persons_trade_are_matched_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, moves: str, time_in_force: str, ask: str, end: str
) -> None:
    counted = _two_instruments_of_two_persons(monkeypatch, moves, time_in_force, ask)

    # What a breaker stopped was not given up by the market.
    assert counted == ([0, 0] if moves == "cancel" else [2, 2])
    assert list(Order.objects.values_list("status", flat=True)) == [end] * 4
    assert broken() == []


@pytest.mark.parametrize(("moves", "time_in_force", "ask"), [each[:3] for each in _ENDS])
def test_matching_that_moves_versions_on_as_orders_end_would_be_in_a_knot(
    monkeypatch: pytest.MonkeyPatch, moves: str, time_in_force: str, ask: str
) -> None:
    monkeypatch.setattr(paper, "versions", SimpleNamespace(move_on=lambda owner_ids: None))

    assert any(_in_a_knot(_two_instruments_of_two_persons(monkeypatch, moves, time_in_force, ask)))
