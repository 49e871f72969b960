"""What happens to orders though nobody asks, and the prices that the paper market is given."""

from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Account
from tests.trading.desk import cash, placed, quoted, ticket
from trading import order_sweeps, orders
from trading.models import Instrument, Order, Quote
from trading.order_rows import Intent
from trading.paper_prices import BadPrices, Priced, Start, gaps, read_csv, walk

# --- the clock ---------------------------------------------------------------------------------------


def test_orders_whose_time_is_over_expire_and_free_what_they_set_aside(account: Account, acme: Instrument) -> None:
    over = placed(account, acme, ticket("buy", "10", "limit", limit_price="49", time_in_force="day"))
    still = placed(account, acme, ticket("buy", "10", "limit", limit_price="48", time_in_force="day"))
    Order.objects.filter(pk=over.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    out = StringIO()

    call_command("expire_orders", "--dry-run", stdout=out)
    assert Order.objects.live().count() == 2
    call_command("expire_orders", stdout=out)

    assert out.getvalue() == "would expire 1 orders\n1 orders expired\n"
    assert [Order.objects.get(pk=each.pk).status for each in (over, still)] == ["expired", "new"]
    assert cash(account) == (Decimal(9520), Decimal(480))


def test_an_order_that_cannot_expire_keeps_no_other_and_is_told(
    account: Account, acme: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = (placed(account, acme, ticket("buy", "1", "limit", limit_price="49")) for _ in range(2))
    Order.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    expire = orders.expire

    def fails(order: Order) -> Order:
        if order.pk == bad.pk:
            raise RuntimeError("broken")
        return expire(order)

    monkeypatch.setattr(orders, "expire", fails)
    with pytest.raises(CommandError) as told:
        call_command("expire_orders", stdout=StringIO())

    assert told.value.returncode == 1
    assert [Order.objects.get(pk=each.pk).status for each in (bad, good)] == ["new", "expired"]


def test_an_order_left_alone_by_who_placed_it_is_matched(account: Account, acme: Instrument) -> None:
    quoted(acme, "49.98", "50.02")
    left = orders.place(account, instrument=acme, ticket=ticket("buy", "10"), intent=Intent()).order

    soon, late = left.created_at + timedelta(seconds=1), left.created_at + timedelta(seconds=2)
    assert order_sweeps.match_unmatched(at=soon).done == 0  # who placed it may still be at it
    assert order_sweeps.match_unmatched(at=late).done == 1

    assert Order.objects.get(pk=left.pk).status == "filled"
    assert order_sweeps.unmatched(at=late) == []


def test_what_rests_is_not_swept_and_a_waiting_stop_only_while_a_quote_is_fresh(
    account: Account, acme: Instrument
) -> None:
    placed(account, acme, ticket("buy", "10", "limit", limit_price="49"))
    assert order_sweeps.unmatched(at=timezone.now() + timedelta(seconds=3)) == []

    stop = placed(account, acme, ticket("buy", "10", "stop", stop_price="60"))
    assert order_sweeps.unmatched(at=stop.created_at + timedelta(seconds=10)) == [acme.pk]
    assert order_sweeps.unmatched(at=stop.updated_at + timedelta(minutes=5)) == []


# --- prices ------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_walk_on_the_tick_and_never_at_zero() -> None:
    starts = [Start("ACME", Decimal("0.03"), Decimal("0.01")), Start("BETA", Decimal(100), Decimal("0.25"))]

    one, again = (list(walk(starts, seed=7, ticks=200)) for _ in range(2))

    assert one == again
    assert one != list(walk(starts, seed=8, ticks=200))
    assert len(one) == 400
    assert all(each.bid is not None and each.bid > 0 for each in one)
    assert all(each.bid % Decimal("0.25") == 0 for each in one if each.symbol == "BETA" and each.bid)
    assert all(
        each.ask - each.bid == Decimal("0.02") for each in one if each.symbol == "ACME" and each.ask and each.bid
    )


def test_a_file_is_read_with_what_it_leaves_out() -> None:
    found = list(read_csv(StringIO("Symbol,bid,ask,last\nacme,49.98,50.02,\nacme,,,50\n")))

    assert found[0] == Priced("ACME", Decimal("49.98"), Decimal("50.02"))
    assert found[1] == Priced("ACME", None, None, Decimal(50))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("symbol,bid\nA,1\n", "the heading has no ask"),
        ("symbol,bid,ask,volume\n", "the heading has volume, which means nothing here"),
        ("symbol,bid,ask\n,1,2\n", "line 2: there is no symbol"),
        ("symbol,bid,ask\nA,1,2\nA,,\n", "line 3: there is no price"),
        ("symbol,bid,ask\nA,2,1\n", "line 2: the bid is above the ask"),
        ("symbol,bid,ask\nA,-1,1\n", "line 2: bid is not above zero"),
        ("symbol,bid,ask\nA,1,99999999999999999\n", "line 2: ask is too large"),
        (f"symbol,bid,ask\nA,1,2\nA,1,{'2' * 200_000}\n", "line 3: field larger than field limit"),
        ("symbol,bid,ask\nA,1,2,3\n", "line 2: there are more cells than the heading has"),
    ],
)
def test_a_file_that_is_no_market_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(BadPrices, match=words):
        list(read_csv(StringIO(text)))


def test_rows_follow_each_other_as_their_times_do() -> None:
    rows = "symbol,bid,ask,time\nA,1,2,2026-01-05T10:00:00Z\nA,1,2,2026-01-05T10:00:03Z\nA,1,2,2026-01-05T10:00:02Z\n"

    assert [wait for _, wait in gaps(read_csv(StringIO(rows)), interval=1)] == [0, 3, 0]
    assert [wait for _, wait in gaps([Priced("A", None, None)] * 5, interval=2, each=2)] == [0, 0, 2, 0, 2]


def test_the_market_fills_what_its_file_reaches(account: Account, acme: Instrument, tmp_path: Path) -> None:
    order = placed(account, acme, ticket("buy", "10", "limit", limit_price="49"))
    file = tmp_path / "prices.csv"
    file.write_text("symbol,bid,ask\nACME,49.98,50.02\nACME,48.95,48.99\nACME,50,50.04\n")
    out = StringIO()

    call_command("paper_market", str(file), "--speed", "0", stdout=out)

    assert out.getvalue() == "3 quotes of 1 instruments\n"
    order.refresh_from_db()
    assert (order.status, order.filled_average_price) == ("filled", Decimal("48.99"))
    assert Quote.objects.get().bid == 50


def test_a_bad_line_moves_no_price(acme: Instrument, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("symbol,bid,ask\nACME,49.98,50.02\nACME,wrong,1\n")

    with pytest.raises(CommandError, match="line 3") as refused:
        call_command("paper_market", str(file), "--speed", "0")

    assert refused.value.returncode == 1
    assert not Quote.objects.exists()


def test_a_walk_quotes_its_instruments(acme: Instrument) -> None:
    out = StringIO()

    call_command("paper_market", "--symbols", "acme", "--ticks", "5", "--speed", "0", "--start", "20", stdout=out)

    assert out.getvalue() == "5 quotes of 1 instruments\n"
    bid = Quote.objects.get().bid
    assert bid is not None
    assert abs(bid - 20) <= Decimal("0.25")


@pytest.mark.parametrize(
    "given",
    [
        [],
        ["prices.csv", "--symbols", "ACME"],
        ["--symbols", "NONE"],
        ["--symbols", "ACME", "--ticks", "0"],
        ["--symbols", "ACME", "--start", "99999999999999999"],
    ],
)
def test_a_wrong_call_says_so(acme: Instrument, given: list[str]) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("paper_market", *given)

    assert refused.value.returncode == 2 or "argument" in str(refused.value)
