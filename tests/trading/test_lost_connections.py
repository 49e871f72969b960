"""A connection to the database that is lost amid a request: 503, nothing half done; sent again, it is done.

The connection is really cut, by the server, just before the step that a case names.
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.test import Client
from django.utils import timezone

from accounts import audit
from accounts.models import Account, LedgerEntry
from tests.conftest import api_of, signed_in
from tests.factories import make_user
from tests.trading.desk import broken, cash, funded, quoted, share, ticket
from trading import (
    bulk,
    joint_orders,
    order_facts,
    order_progress,
    order_sweeps,
    orders,
    rebuilding,
    trades,
)
from trading.models import Execution, Instrument, Order
from trading.orders import placing
from trading.venues import paper

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
D = Decimal
#: From the first statement of an order to the last of its fill: in this thread, in the lane beside it, by COPY.
STEPS: list[tuple[Any, str]] = [
    (joint_orders, "place_many"),
    (order_facts.Facts, "__init__"),
    (placing._Desk, "store"),
    (placing.versions, "move_on"),
    (paper, "arrived"),
    (trades, "changed"),
    (rebuilding, "_old_trades"),
    (rebuilding, "_fills"),
    (bulk, "next_ids"),
    (bulk, "_copy"),
    (audit, "written"),
    (order_progress, "_write"),
]


def cut(pid: int | None = None) -> None:
    """The server has ended this connection, or the one of this thread."""
    if pid is None:
        connection.ensure_connection()
        pid = connection.connection.info.backend_pid
    other = connections.create_connection(DEFAULT_DB_ALIAS)
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 60000)", [pid])
    other.close()


def cut_before(monkeypatch: pytest.MonkeyPatch, place: Any, name: str) -> list[str]:
    """The first call of it finds the connection gone; returns the steps that were cut."""
    connection.ensure_connection()
    pid, cuts, step = connection.connection.info.backend_pid, [], getattr(place, name)

    def found_gone(*arguments: Any, **named: Any) -> Any:
        if not cuts:
            cuts.append(name)
            cut(pid)
        return step(*arguments, **named)

    monkeypatch.setattr(place, name, found_gone)
    return cuts


def test_an_order_of_which_the_connection_is_lost_at_any_step_is_a_503_and_whole_or_not_there() -> None:
    person = make_user()
    account, api = funded(person, "100000"), api_of(person)
    asked = []
    for number, (place, name) in enumerate(STEPS):
        # A share each, so that its fill begins a trade.
        quoted(share(f"S{number}"), "99.90", "100")
        asked.append({
            "account": str(account.public_id), "symbol": f"S{number}", "side": "buy", "type": "market",
            "time_in_force": "gtc", "quantity": "1", "client_order_id": f"mine-{number}",
        })  # fmt: skip
        with pytest.MonkeyPatch.context() as patched:
            cuts = cut_before(patched, place, name)
            answer = api.post("/api/v1/orders/", asked[-1])
        connection.close_if_unusable_or_obsolete()
        assert cuts == [name]
        assert (answer.status_code, answer.json()["code"]) == (503, "try_again"), name
        assert answer.headers["Retry-After"] == "1"
    assert broken() == []

    answers = [api.post("/api/v1/orders/", each).status_code for each in asked]
    order_sweeps.match_unmatched(at=timezone.now() + timedelta(seconds=3))

    assert set(answers) == {200, 201}
    assert Order.objects.filter(status="filled").count() == Execution.objects.count() == len(STEPS)
    assert LedgerEntry.objects.filter(kind="trade").count() == len(STEPS)
    assert cash(account) == (D(100_000 - 100 * len(STEPS)), D(0))
    assert broken() == []


@pytest.mark.parametrize("lose", [lambda: None, cut])
def test_a_page_says_that_the_database_is_away_and_only_then(lose: Callable[[], None]) -> None:
    client: Client = signed_in(make_user())
    client.raise_request_exception = False

    lose()
    answer = client.get("/desk/")
    connection.close()

    is_away = lose is cut
    assert answer.status_code == (503 if is_away else 200)
    # Every page has the words for its script; only this one shows them.
    assert (">The database did not answer" in answer.content.decode()) is is_away
    assert answer.headers.get("Retry-After") == ("1" if is_away else None)
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["X-Request-Id"]


def test_one_lost_connection_does_not_fail_the_orders_that_shared_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed together is tried alone, on a connection that is there."""
    accounts = [funded(make_user()) for _ in range(3)]
    acme = share()
    quoted(acme, "99.90", "100")
    asked = [joint_orders._Waiting(_named(account, acme)) for account in accounts]
    cut_before(monkeypatch, paper, "arrived")

    joint_orders._answer(asked)

    assert [type(each.answer) for each in asked] == [joint_orders.Stood] * 3
    order_sweeps.match_unmatched(at=timezone.now() + timedelta(seconds=3))
    assert Order.objects.filter(status="filled").count() == 3
    assert broken() == []


def _named(account: Account, acme: Instrument) -> orders.Request:
    return orders.with_id(orders.Request(account, acme, ticket("buy", "1")))
