"""After any 2xx the next read has it: with nobody at work, with Redis emptied in between, gone, or hanging."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django_redis import get_redis_connection
from rest_framework.test import APIClient

from accounts import answers, versions
from accounts.models import User
from journal import tasks
from journal.metrics import rollups
from tests import broken_services
from tests.conftest import api_of
from tests.factories import PASSWORD, make_user
from trading.imports import batches
from trading.models import ImportBatch

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

#: Seconds: far above what a request takes, far below what a hung broker cost where it was waited for.
LONGEST = 3.0


class Clock:
    """Of all that it times at most one thing takes long: a machine may stand still once, and a broker hangs always."""

    def __init__(self) -> None:
        self.late = 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self.late += time.monotonic() - begun > LONGEST
        assert self.late <= 1, "nothing may be waited for"


FLEX = (
    b"ClientAccountID,CurrencyPrimary,AssetClass,Symbol,DateTime,Buy/Sell,Quantity,TradePrice,IBCommission,IBExecID,"
    b"LevelOfDetail\n"
    b"U9,USD,STK,ZEUS,20260107;100000,BUY,10,50,-1,e1,EXECUTION\n"
    b"U9,USD,STK,ZEUS,20260108;100000,SELL,-10,53,-1,e2,EXECUTION\n"
)


@pytest.fixture(autouse=True)
def _nobody_works(by_messages: None, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture(params=["worker stopped", "redis emptied", "redis absent", "redis hung"])
def between(request: pytest.FixtureRequest) -> Iterator[Callable[[], Any]]:
    """What happens between a write and the read after it."""
    with ExitStack() as stack:
        if request.param == "redis absent":
            stack.enter_context(broken_services.redis_at(stack.enter_context(broken_services.no_server())))
        if request.param == "redis hung":
            stack.enter_context(broken_services.redis_at(stack.enter_context(broken_services.hung_server())))
        yield get_redis_connection("default").flushdb if request.param == "redis emptied" else _nothing


def _nothing() -> None:
    """Nothing happens."""


class Trader:
    """A client of the API that asks for everything after each of its writes, and waits for nothing long."""

    def __init__(self, owner: User, between: Callable[[], Any] = _nothing) -> None:
        self.owner = owner
        self.api: APIClient = api_of(owner)
        self.between = between
        self.in_time = Clock()
        self.seen = 0
        self.keys = 0

    def write(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The answer's JSON, {} when it has none; the request was answered in time and accepted."""
        self.keys += 1
        send = getattr(self.api, method)
        with self.in_time():
            answer = send(f"/api/v1/{path}", body, headers={"Idempotency-Key": f"key-{self.keys}"}, **options)
        assert 200 <= answer.status_code < 300, answer.content
        self.between()
        return answer.json() if answer.content else {}

    def read(self, path: str) -> Any:
        """The answer's JSON: whole, and no older than anything read before."""
        with self.in_time():
            answer = self.api.get(f"/api/v1/{path}")
        assert answer.status_code == 200, answer.content
        found = answer.json()
        if "as_of" in found:
            assert not found.get("stale")
            assert found["as_of"] >= self.seen
            self.seen = found["as_of"]
        return found

    def sees(self, *, pnl: str, trades: int, days: dict[str, str]) -> None:
        """Every view shows this, at once."""
        metrics = self.read("aggregate/metrics/")
        assert (Decimal(metrics["total_pnl"] or 0), metrics["total_trades"]) == (Decimal(pnl), trades)
        calendar = self.read("aggregate/calendar/")
        assert {day["date"]: Decimal(day["pnl"]) for day in calendar["days"]} == {
            day: Decimal(text) for day, text in days.items()
        }
        curve = self.read("aggregate/equity-curve/")["combined"]
        assert Decimal(curve[-1]["cumulative_pnl"] if curve else 0) == Decimal(pnl)
        listed = self.read("accounts/?stats=true")["results"]
        assert sum(Decimal(row["total_pnl"] or 0) for row in listed) == Decimal(pnl)
        assert self.read("trades/")["total"] == trades

    def lives(self) -> None:
        """A day's work: every kind of write, each followed by every kind of read."""
        account = self.write("post", "accounts/", {"name": "Main", "broker": "Alpha", "currency": "USD"})["id"]
        assert [row["name"] for row in self.read("accounts/")["results"]] == ["Main"]
        assert self.read("accounts/brokers/")["total"] == 1
        self.sees(pnl="0", trades=0, days={})

        self.write("post", f"accounts/{account}/deposits/", {"currency": "USD", "amount": "250.50"})
        assert Decimal(self.read(f"accounts/{account}/portfolios/")["results"][0]["available_balance"]) == Decimal(
            "250.50"
        )
        assert self.read(f"accounts/{account}/ledger/")["total"] == 1

        trade = self.write("post", "trades/", entered(account, exit_price="12"))["id"]
        self.sees(pnl="19", trades=1, days={"2026-01-05": "19"})
        assert Decimal(self.read(f"accounts/{account}/stats/")["total_pnl"]) == Decimal(19)

        self.write("patch", f"trades/{trade}/", {"fills": entered(account, exit_price="15")["fills"]})
        self.sees(pnl="49", trades=1, days={"2026-01-05": "49"})

        self.write("patch", f"trades/{trade}/", {"note": "Held on."})
        assert self.read(f"trades/{trade}/")["note"] == "Held on."

        batch = self.imports()
        self.sees(pnl="77", trades=2, days={"2026-01-05": "49", "2026-01-08": "28"})

        undo = self.write("delete", f"trades/{trade}/")["undo"]
        self.sees(pnl="28", trades=1, days={"2026-01-08": "28"})
        self.write("post", "trades/restore/", undo)
        self.sees(pnl="77", trades=2, days={"2026-01-05": "49", "2026-01-08": "28"})

        self.write("patch", f"accounts/{account}/", {"time_zone": "Asia/Tokyo"})
        self.sees(pnl="77", trades=2, days={"2026-01-06": "49", "2026-01-08": "28"})

        self.write("post", f"imports/{batch}/undo/")
        self.sees(pnl="49", trades=1, days={"2026-01-06": "49"})

        other = next(row["id"] for row in self.read("accounts/")["results"] if row["id"] != account)
        self.write("delete", f"accounts/{other}/?confirm=true")
        assert self.read("accounts/")["total"] == 1
        self.sees(pnl="49", trades=1, days={"2026-01-06": "49"})

    def imports(self) -> str:
        """A file is sent and committed; then somebody comes and does the work."""
        form = {"file": SimpleUploadedFile("flex.csv", FLEX, "text/csv"), "options": '{"create_accounts": true}'}
        batch = str(self.write("post", "imports/", form, format="multipart")["id"])
        assert self.read(f"imports/{batch}/")["status"] == "ready"
        self.write("post", f"imports/{batch}/commit/")
        assert self.read(f"imports/{batch}/")["status"] == "queued"
        batches.run(ImportBatch.objects.get(public_id=batch))
        self.between()
        assert self.read(f"imports/{batch}/")["status"] == "applied"
        return batch


def entered(account: str, *, exit_price: str) -> dict[str, Any]:
    """Ten shares bought at 10 and sold, on one UTC day that is the next in Tokyo."""
    fills = [
        {"side": "buy", "quantity": "10", "price": "10", "executed_at": "2026-01-05T20:00:00Z", "fees": "1"},
        {"side": "sell", "quantity": "10", "price": exit_price, "executed_at": "2026-01-05T20:30:00Z"},
    ]
    return {"account": account, "symbol": "ACME", "fills": fills}


def test_every_write_is_in_the_next_read(between: Callable[[], Any]) -> None:
    trader = Trader(make_user(), between)

    trader.lives()

    assert rollups.stale_count(trader.owner.pk) == 0


def test_every_page_is_shown_with_what_was_written(between: Callable[[], Any]) -> None:
    owner = make_user("page@example.com")
    trader = Trader(owner, between)
    account = trader.write("post", "accounts/", {"name": "Main", "broker": "Alpha", "currency": "USD"})["id"]
    trade = trader.write("post", "trades/", entered(account, exit_price="4321.10"))["id"]
    client = Client()

    def page(address: str) -> str:
        with trader.in_time():
            answer = client.get(address)
        assert answer.status_code == 200
        return answer.content.decode()

    assert client.post("/login/", {"username": owner.email, "password": PASSWORD}).status_code == 302
    # 10 × (4,321.10 − 10) − 1
    for address in ("/", f"/accounts/{account}/", f"/trades/{trade}/", "/trades/?from=2026-01-01"):
        assert "43,110.00" in page(address).replace("\u202f", ",").replace("&#x27;", "'"), address
    for address in ("/accounts/", "/calendar/", "/reports/", "/imports/", "/settings/"):
        page(address)


def test_another_person_is_never_answered_with_it() -> None:
    Trader(make_user()).lives()

    Trader(make_user()).sees(pnl="0", trades=0, days={})


def test_without_versions_in_its_keys_the_cache_would_show_old_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: take the guard away and the same day's work fails."""
    monkeypatch.setattr(versions, "current", lambda owner_id: 1)

    with pytest.raises(AssertionError):
        Trader(make_user()).lives()


def test_a_hung_broker_would_be_waited_for_if_a_request_sent_to_it() -> None:
    """The control: the same message sent inline does not come back while a request may last."""
    with broken_services.hung_server() as url, broken_services.redis_at(url):
        sent = threading.Thread(target=_sent, daemon=True)
        sent.start()
        sent.join(1.0)

        assert sent.is_alive()


def _sent() -> None:
    try:
        tasks.recompute_owner.apply_async((1,), retry=False, ignore_result=True)
    except Exception:  # noqa: BLE001 – whatever comes when the server goes away
        return


def test_a_cache_that_hangs_is_passed_over_after_one_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "PAUSE", 3600.0)
    trader = Trader(make_user())
    with broken_services.hung_server() as url, broken_services.redis_at(url):
        trader.read("aggregate/metrics/")
        assert answers._health.is_paused()
        paused_until = answers._health.paused_until

        for _ in range(10):
            trader.read("aggregate/metrics/")

        # Each failure moves it on: there was none, and so nobody has asked.
        assert answers._health.paused_until == paused_until
