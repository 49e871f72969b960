"""Paper orders that bars fill, and prices out of JSON."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.errors import Conflict
from accounts.models import Account, User
from tests.factories import make_user
from tests.trading.brokers import stored, units
from tests.trading.desk import broken, cash, funded, quoted, share, ticket
from trading import connections, feeds, order_sweeps, risk, trades
from trading.models import Bar, Execution, Instrument, Order, Quote
from trading.order_rules.vocabulary import OrderClass
from trading.risk.breakers import Target
from trading.trades import EnteredFill
from trading.venues import paper

D = Decimal
#: Ten hours before now, to the hour: bars of it are over.
START = (timezone.now() - timedelta(hours=10)).replace(minute=0, second=0, microsecond=0)


def feed(path: Path, symbol: str, *rows: tuple[int, str, str, str, str]) -> str:
    """A file as Alpaca answers: hourly bars that begin so many hours after START."""
    bars = [
        {"t": (START + timedelta(hours=hour)).isoformat(), "o": D(o), "h": D(h), "l": D(low), "c": D(c), "v": 100}
        for hour, o, h, low, c in rows
    ]
    path.write_text(json.dumps({"bars": {symbol: bars}, "next_page_token": None}, default=float))
    return str(path)


def load(path: str, *more: str) -> str:
    out = StringIO()
    call_command("load_bars", "--json", path, "--timeframe", "1h", *more, stdout=out)
    return out.getvalue()


def from_bars(owner: User, **fields: Any) -> Account:
    account = funded(owner, **fields)
    connections.fill_from(account, source="bars")
    return account


def placed_at(order: Order, hours: float) -> Order:
    Order.objects.filter(pk=order.pk).update(created_at=START + timedelta(hours=hours))
    Order.objects.filter(parent=order).update(created_at=START + timedelta(hours=hours))
    return order


@pytest.mark.django_db
def test_orders_of_such_an_account_meet_the_bars_that_begin_after_them_each_once(alice: User, tmp_path: Path) -> None:
    account, other, acme = from_bars(alice), funded(alice), share()
    order = placed_at(stored(account, acme, ticket("buy", "10", "limit", limit_price="50")), 1.5)
    beside = stored(other, acme, ticket("buy", "10", "limit", limit_price="50"))
    quoted(acme, "39", "40")
    beside.refresh_from_db()
    order.refresh_from_db()
    # The quote fills the other account's order and not this one's; the bar of hour 1 began before it was placed.
    assert (beside.status, order.status) == ("filled", "new")
    said = load(feed(tmp_path / "a", "ACME", (1, "40", "41", "39", "40"), (2, "52", "53", "50.5", "51")))
    assert "2 bars added" in said
    assert "fills" not in said
    assert "1 fills" in load(feed(tmp_path / "b", "ACME", (3, "49", "55", "48", "54"), (4, "30", "31", "29", "30")))
    order.refresh_from_db()
    # The bar of hour 3 opened below the limit: at its opening, dated at its close.
    assert (order.status, order.filled_average_price) == ("filled", D(49))
    fill = Execution.objects.get(account=account)
    assert fill.executed_at == START + timedelta(hours=4)
    assert (cash(account), units(account)) == ((D(9510), D(0)), {"ACME": D(10)})
    assert "fills" not in load(str(tmp_path / "b"))
    assert Execution.objects.filter(account=account).count() == 1
    assert broken() == []


@pytest.mark.django_db
def test_one_bar_that_touches_stop_and_target_means_the_stop(alice: User, tmp_path: Path) -> None:
    account, acme = from_bars(alice), share()
    order = placed_at(
        stored(
            account,
            acme,
            ticket("buy", "10", "limit", limit_price="50", order_class=OrderClass.BRACKET, take_profit_limit="60",
                   stop_loss_stop="45"),
        ),
        0,
    )  # fmt: skip
    load(feed(tmp_path / "a", "ACME", (1, "50", "51", "49", "50"), (2, "50", "61", "44", "60")))
    target, stop = order.legs.order_by("id")
    assert (stop.status, stop.filled_average_price, target.status) == ("filled", D(45), "canceled")
    assert (cash(account), units(account)) == ((D(9950), D(0)), {})
    assert broken() == []


@pytest.mark.django_db
def test_a_trailing_stop_is_met_where_it_stood_before_the_bar_and_no_bar_moves_it_twice(
    alice: User, tmp_path: Path
) -> None:
    account, acme = from_bars(alice), share()
    connections.fill_from(account, source="quotes")
    quoted(acme, "99", "100")
    bought = stored(account, acme, ticket("buy", "10", "limit", limit_price="100"))
    paper.match(acme.pk)
    bought.refresh_from_db()
    assert bought.status == "filled"
    connections.fill_from(account, source="bars")
    trail = placed_at(stored(account, acme, ticket("sell", "10", "trailing_stop", trail_price="5")), 0)
    # It begins at the opening of 100, so 95; the bar up to 110 makes it 105, and the next bar falls through that.
    load(feed(tmp_path / "a", "ACME", (1, "100", "110", "96", "104")))
    load(feed(tmp_path / "a", "ACME", (1, "100", "110", "96", "104")))
    trail.refresh_from_db()
    assert (trail.status, trail.stop_price, trail.best_price) == ("new", None, D(110))
    load(feed(tmp_path / "b", "ACME", (2, "107", "108", "103", "104")))
    trail.refresh_from_db()
    assert (trail.status, trail.filled_average_price) == ("filled", D(105))
    assert broken() == []


@pytest.mark.parametrize("has_exit", [False, True])
@pytest.mark.django_db
def test_a_bar_in_which_an_exit_ends_unfilled_is_met_once_by_everybody_else(
    alice: User, tmp_path: Path, has_exit: bool
) -> None:
    account, other, acme = funded(alice, allows_short=True), funded(make_user()), share()
    quoted(acme, "99", "100")
    opening = stored(account, acme, ticket("sell", "10", "limit", limit_price="108"))
    orders = [opening]
    for each in (account, other):
        stored(each, acme, ticket("buy", "10"))
    paper.match(acme.pk)
    if has_exit:
        orders.append(stored(account, acme, ticket("sell", "10", "limit", limit_price="110")))
    for each in (account, other):
        # What waits already stays, and meets bars from now on.
        Account.objects.filter(pk=each.pk).update(paper_fills="bars")
        each.refresh_from_db()
    trail = stored(other, acme, ticket("sell", "10", "trailing_stop", trail_price="5"))
    for order in (*orders, trail):
        placed_at(order, 0)

    # The first sale gets out of what was bought, and the exit of that has nothing left to close.
    said = load(feed(tmp_path / "a", "ACME", (1, "101", "111", "100", "110")))

    assert "1 fills" in said
    for order in (*orders, trail):
        order.refresh_from_db()
    assert (opening.status, opening.filled_average_price) == ("filled", D(108))
    assert [order.status for order in orders[1:]] == ["canceled"] * has_exit
    # It began at the opening of 101, so 96, which the bar did not touch; the bar moved it to 106, below its close.
    assert (trail.status, trail.best_price) == ("new", D(111))
    assert broken() == []


@pytest.mark.django_db
def test_an_order_for_the_day_waits_for_the_bars_of_its_day_and_no_longer(alice: User, tmp_path: Path) -> None:
    account, acme = from_bars(alice), share()
    late = placed_at(stored(account, acme, ticket("buy", "1", "limit", limit_price="50", time_in_force="day")), 0)
    Order.objects.filter(pk=late.pk).update(expires_at=START + timedelta(hours=3))
    assert order_sweeps.expire_due(at=timezone.now()).done == 0
    load(feed(tmp_path / "a", "ACME", (2, "60", "61", "59", "60"), (3, "40", "41", "39", "40")))
    late.refresh_from_db()
    assert (late.status, cash(account)) == ("expired", (D(10000), D(0)))
    stored(account, acme, ticket("buy", "1", "limit", limit_price="50"))
    with pytest.raises(Conflict):
        connections.fill_from(account, source="quotes")
    assert broken() == []


@pytest.mark.django_db
def test_feeds_of_alpaca_and_polygon_are_read_and_what_is_none_changes_nothing(alice: User, tmp_path: Path) -> None:
    acme, path = share(), tmp_path / "feed.json"
    stamp = int(datetime(2026, 3, 6, 14, tzinfo=UTC).timestamp() * 1000)
    row = {"v": 7.07e7, "vw": 1.1, "o": 1.5, "c": 1.75, "h": 2, "l": 1.25, "t": stamp, "n": 3}
    path.write_text(json.dumps({"ticker": "ACME", "results": [row], "resultsCount": 1}))
    assert "1 bars added" in load(str(path))
    bar = Bar.objects.get(instrument=acme)
    assert (bar.starts_at, bar.open, bar.close, bar.volume) == (
        datetime(2026, 3, 6, 14, tzinfo=UTC), D("1.5"), D("1.75"), D(70_700_000),
    )  # fmt: skip
    path.write_text(json.dumps({"symbol": "ACME", "bars": [{**row, "t": "2026-03-06T15:00:00Z"}]}))
    assert "would load 1 bars" in load(str(path), "--dry-run")
    for text, words in (
        ("{", "no JSON"), ('{"bars": 5}', "neither bars"), ('{"bars": [5]}', "not an object"),
        ('{"bars": null}', "no bar"), (json.dumps([row]), "names no symbol"),
        (json.dumps({"bars": {"ACME": [{**row, "h": 1}]}}), "between low and high"),
    ):  # fmt: skip
        path.write_text(text)
        with pytest.raises(CommandError, match=words):
            load(str(path))
    with pytest.raises(CommandError, match="https"):
        load("http://example.com/bars")
    path.write_text(json.dumps({"bars": {"WHAT": [row]}}))
    with pytest.raises(CommandError, match="no instrument WHAT"):
        load(str(path))
    assert Bar.objects.count() == 1


@pytest.mark.django_db
def test_quotes_of_alpaca_are_the_market_unless_a_newer_one_is_known(alice: User, tmp_path: Path) -> None:
    acme, path, now = share(), tmp_path / "quotes.json", timezone.now()
    quote = {"t": now.isoformat(), "bp": 49.5, "bs": 3, "ap": 50, "as": 0}
    path.write_text(json.dumps({"quotes": {"ACME": quote, "ELSE": quote}}))
    out = StringIO()
    call_command("load_quotes", "--json", str(path), stdout=out)
    assert out.getvalue() == "1 quotes taken, 0 were older, 1 of unknown instruments\n"
    found = Quote.objects.get(instrument=acme)
    assert (found.bid, found.ask, found.bid_size, found.ask_size) == (D("49.5"), D(50), D(3), None)
    older = {**quote, "t": (now - timedelta(minutes=1)).isoformat(), "bp": 1, "ap": 1}
    path.write_text(json.dumps({"ACME": {"latestQuote": older, "latestTrade": {"p": 2}}}))
    call_command("load_quotes", "--json", str(path), stdout=out)
    assert Quote.objects.get(instrument=acme).ask == D(50)
    assert Instrument.objects.count() == 1


@pytest.mark.django_db
def test_a_quote_of_a_time_to_come_is_refused_and_one_that_is_there_gives_way(alice: User, tmp_path: Path) -> None:
    acme, path, now = share(), tmp_path / "quotes.json", timezone.now()
    path.write_text(json.dumps({"quotes": {"ACME": {"t": "2136-01-01T00:00:00Z", "bp": 70, "ap": 71}}}))

    with pytest.raises(CommandError, match="The quote of ACME is of a time to come: 2136-01-01") as refused:
        call_command("load_quotes", "--json", str(path))
    assert refused.value.returncode == 1
    assert not paper.take_quote(Quote(instrument=acme, last=D(70), quoted_at=now + timedelta(minutes=2)))
    assert not Quote.objects.exists()

    # Clocks differ by a little.
    assert paper.take_quote(Quote(instrument=acme, last=D(70), quoted_at=now + timedelta(seconds=30)))
    Quote.objects.update(quoted_at=now + timedelta(days=3650))
    assert paper.take_quote(Quote(instrument=acme, last=D(80), quoted_at=now))
    assert Quote.objects.get().last == D(80)


@pytest.mark.django_db
def test_a_quote_that_no_market_makes_is_refused_with_its_reason_and_no_quote_of_the_file_is_taken(
    tmp_path: Path,
) -> None:
    share(), share("BOLT")
    path, now = tmp_path / "quotes.json", timezone.now().isoformat()
    sound = {"t": now, "bp": 1, "ap": 2}
    cases = [
        ({"bp": -1}, "BOLT: bid is not above zero"),
        ({"bs": -1}, "BOLT: bid_size is not above zero"),
        ({"ap": 99999999999999999}, "BOLT: ask is too large"),
        ({"bp": 20, "ap": 10}, "BOLT: the bid is above the ask"),
        ({"bp": {"deep": []}}, "not a plain decimal"),
    ]
    texts = [(json.dumps({"quotes": {"ACME": sound, "BOLT": {**sound, **wrong}}}), words) for wrong, words in cases]
    snapshot = {"ACME": {"latestQuote": sound}, "BOLT": {"latestQuote": sound, "latestTrade": ["x"]}}
    texts += [
        (json.dumps(snapshot), "The trade of BOLT is not an object"),
        ("[" * 100_000, "nested too deep"),
        (json.dumps({"quotes": {"ACME": sound}}).replace("1,", "1e999999999999,"), "no JSON"),
        (json.dumps({"quotes": {"AC\0ME": sound}}), "plain letters"),
    ]
    for text, words in texts:
        path.write_text(text)
        with pytest.raises(CommandError, match=words) as refused:
            call_command("load_quotes", "--json", str(path))
        assert refused.value.returncode == 1
    assert not Quote.objects.exists()


def test_pages_are_followed_on_the_same_host_alone() -> None:
    url = "https://data.example.com/v2/stocks/bars?symbols=ACME"
    assert feeds.next_page(url, feeds.Feed({}, next_token="a/b")) == f"{url}&page_token=a%2Fb"
    assert feeds.next_page(url, feeds.Feed({}, next_url="https://data.example.com/x")) == "https://data.example.com/x"
    assert feeds.next_page(url, feeds.Feed({})) == ""
    for elsewhere in ("https://elsewhere.example.com/x", "https://[x"):
        with pytest.raises(feeds.BadFeed):
            feeds.next_page(url, feeds.Feed({}, next_url=elsewhere))


@pytest.mark.parametrize("address", ["http://data.example.com/x", "ftp://x", "https://[x"])
def test_what_is_no_safe_address_is_refused_in_words(db: None, address: str) -> None:
    for command in (["load_bars", "--timeframe", "1d"], ["load_quotes"]):
        with pytest.raises(CommandError, match="Give an address that begins with https") as refused:
            call_command(*command, "--json", address)
        assert refused.value.returncode == 1


@pytest.mark.django_db
def test_exits_of_one_group_that_would_open_under_a_breaker_are_canceled_together(alice: User, tmp_path: Path) -> None:
    account, acme = from_bars(alice), share()
    bought = EnteredFill("buy", D(10), D(100), START)
    trade = trades.enter(account, instrument=acme, fills=[bought])[-1]
    exits = {"order_class": OrderClass.OCO, "take_profit_limit": "110", "stop_loss_stop": "95"}
    target = placed_at(stored(account, acme, ticket("sell", "10", "limit", **exits)), 1.5)
    trades.delete(trade)
    halt = Target(alice, "simulation", account)
    risk.activate(alice, halt, state="halted", note="enough", at=timezone.now())

    load(feed(tmp_path / "a", "ACME", (2, "100", "112", "99", "111")))

    assert list(Order.objects.order_by("id").values_list("id", "status")) == [
        (target.pk, "canceled"),
        (target.legs.get().pk, "canceled"),
    ]
    assert (units(account), broken()) == ({}, [])
