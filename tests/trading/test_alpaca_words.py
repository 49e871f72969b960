"""Alpaca's words and ours: tables, with values worked out by hand. No database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from trading.order_rules.broker_events import Correction, Fill, Report
from trading.order_rules.statuses import Event, Status
from trading.order_rules.vocabulary import OrderClass, OrderType, PositionIntent, Side, TimeInForce
from trading.venues import alpaca_requests as requests
from trading.venues import alpaca_words as words
from trading.venues.alpaca import slippage
from trading.venues.alpaca_requests import Asked

D = Decimal
AT = datetime(2026, 3, 6, 14, 30, 0, 123456, tzinfo=UTC)
ORDER: dict[str, Any] = {
    "id": "b-1", "client_order_id": "c-1", "symbol": "AAPL", "asset_class": "us_equity", "status": "new", "side": "buy",
    "type": "limit", "time_in_force": "day", "qty": "10", "filled_qty": "0", "filled_avg_price": None,
    "limit_price": "150.25", "updated_at": "2026-03-06T14:30:00.123456789Z", "order_class": "",
}  # fmt: skip


def test_every_status_of_alpaca_is_one_of_ours_and_only_fills_make_the_filled_ones() -> None:
    theirs = {
        "new", "partially_filled", "filled", "done_for_day", "canceled", "expired", "replaced", "pending_cancel",
        "pending_replace", "pending_review", "accepted", "pending_new", "accepted_for_bidding", "stopped", "rejected",
        "suspended", "calculated", "held",
    }  # fmt: skip
    assert set(words.STATUSES) == theirs
    assert {name for name, event in words.STATUSES.items() if event is None} == {"partially_filled", "filled"}
    for name, event in words.STATUSES.items():
        assert event is None or (event == name and Status(name))


def test_every_event_of_the_stream_is_read() -> None:
    for name, event in {
        "new": Event.NEW, "canceled": Event.CANCELED, "expired": Event.EXPIRED, "done_for_day": Event.DONE_FOR_DAY,
        "replaced": Event.REPLACED, "accepted": Event.ACCEPTED, "rejected": Event.REJECTED,
        "pending_new": Event.PENDING_NEW, "stopped": Event.STOPPED, "pending_cancel": Event.PENDING_CANCEL,
        "pending_replace": Event.PENDING_REPLACE, "calculated": Event.CALCULATED, "suspended": Event.SUSPENDED,
        "order_replace_rejected": Event.REPLACE_REJECTED, "order_cancel_rejected": Event.CANCEL_REJECTED,
        "held": Event.HELD,
    }.items():  # fmt: skip
        news = words.update(
            {"event": name, "event_id": "e-1", "timestamp": "2026-03-06T14:30:00.123456Z", "order": ORDER}
        )
        assert news is not None
        assert news.event == Report(event, AT, reference="e-1", filled_so_far=D(0)), name
    unknown = words.update({"event": "restated", "order": ORDER})
    assert unknown is not None
    assert unknown.event is None
    assert words.update({"event": "new", "order": {"status": "new"}}) is None
    assert words.update("nonsense") is None


def test_a_fill_has_its_own_quantity_and_price_and_what_the_order_came_to() -> None:
    message = {
        "event": "partial_fill", "execution_id": "x-1", "price": "150.20", "qty": "4", "position_qty": "4",
        "timestamp": "2026-03-06T14:30:00.123456999Z", "order": {**ORDER, "filled_qty": "4"},
    }  # fmt: skip
    news = words.update(message)
    assert news is not None
    assert news.event == Fill("x-1", AT, D(4), D("150.20"))
    assert news.total == D(4)
    last = words.update({**message, "event": "fill"})
    assert last is not None
    assert last.event == Fill("x-1", AT, D(4), D("150.20"), completes=True)
    for broken in ({"price": "0"}, {"qty": "NaN"}, {"qty": None}, {"execution_id": None}):
        nothing = words.update({**message, **broken})
        assert nothing is not None
        assert nothing.event is None
    bust = words.update({**message, "event": "trade_bust", "event_id": "e-9", "previous_execution_id": "x-1"})
    assert bust is not None
    assert bust.event == Correction("e-9", AT, "x-1")


def test_an_end_has_one_time_however_it_is_told() -> None:
    canceled = {**ORDER, "status": "canceled", "canceled_at": "2026-03-06T14:30:00.123456Z"}
    canceled["updated_at"] = "2026-03-06T14:30:07Z"
    news = words.update({"event": "canceled", "timestamp": "2026-03-06T14:30:09Z", "order": canceled})
    seen = words.seen(canceled)
    assert news is not None
    assert seen is not None
    assert news.event == seen.report() == Report(Event.CANCELED, AT, filled_so_far=D(0))


def test_numbers_and_times_that_are_none_are_none() -> None:
    assert [words.number(each) for each in ("1.50", "0", None, "", "NaN", "Infinity", "abc", True)] == [
        D("1.50"), D(0), None, None, None, None, None, None,
    ]  # fmt: skip
    assert words.moment("2026-03-06T14:30:00.123456789Z") == AT
    assert words.moment("2026-03-06T09:30:00.123456-05:00") == AT
    assert [words.moment(each) for each in (None, "", "2026-03-06T14:30:00", "soon", 5)] == [None] * 5
    assert [requests.written(D(each)) for each in ("10.000000000000", "0.10", "150", "1E+2", "1E-7")] == [
        "10", "0.1", "150", "100", "0.0000001",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "body"),
    [
        (
            Asked("c", "AAPL", Side.BUY, OrderType.LIMIT, TimeInForce.DAY, D("10.000"), limit_price=D("150.2500"),
                  extended_hours=True),
            {"type": "limit", "time_in_force": "day", "qty": "10", "limit_price": "150.25", "extended_hours": True},
        ),
        (
            Asked("c", "AAPL", Side.BUY, OrderType.MARKET, TimeInForce.DAY, notional=D("250.5000")),
            {"type": "market", "time_in_force": "day", "notional": "250.5"},
        ),
        (
            Asked("c", "AAPL", Side.BUY, OrderType.TRAILING_STOP, TimeInForce.GTC, quantity=D(3), trail_ratio=D("0.05"),
                  position_intent=PositionIntent.BUY_TO_CLOSE),
            {"type": "trailing_stop", "time_in_force": "gtc", "qty": "3", "trail_percent": "5",
             "position_intent": "buy_to_close"},
        ),
        (
            Asked("c", "AAPL", Side.BUY, OrderType.MARKET, TimeInForce.GTC, quantity=D(3),
                  order_class=OrderClass.BRACKET, take_profit_limit=D(160), stop_loss_stop=D(140),
                  stop_loss_limit=D(139)),
            {"type": "market", "time_in_force": "gtc", "qty": "3", "order_class": "bracket",
             "take_profit": {"limit_price": "160"}, "stop_loss": {"stop_price": "140", "limit_price": "139"}},
        ),
        (
            Asked("c", "AAPL", Side.BUY, OrderType.LIMIT, TimeInForce.GTC, quantity=D(3), order_class=OrderClass.OCO,
                  limit_price=D(160), take_profit_limit=D(160), stop_loss_stop=D(140)),
            {"type": "limit", "time_in_force": "gtc", "qty": "3", "order_class": "oco",
             "take_profit": {"limit_price": "160"}, "stop_loss": {"stop_price": "140"}},
        ),
    ],
)  # fmt: skip
def test_an_order_is_written_as_alpaca_wants_it(asked: Asked, body: dict[str, Any]) -> None:
    assert requests.submission(asked) == {"client_order_id": "c", "symbol": "AAPL", "side": "buy", **body}


def test_a_fill_of_the_activities_is_that_of_the_stream_by_id_or_by_what_it_says() -> None:
    told = words.filled(
        {
            "activity_type": "FILL", "id": "20260306143000123::x-1", "order_id": "b-1", "symbol": "AAPL", "qty": "4",
            "price": "150.2", "cum_qty": "4", "type": "partial_fill", "transaction_time": "2026-03-06T14:30:00.123Z",
        }
    )  # fmt: skip
    assert told is not None
    for known, reached, is_one in (
        (Fill("x-1", AT, D(9), D(1)), None, True),
        (Fill("else", AT, D(4), D("150.20")), None, True),
        (Fill("else", AT.replace(year=2025), D(4), D("150.20")), D(4), True),
        (Fill("else", AT, D(4), D("150.20")), D(8), False),
        (Fill("else", AT.replace(hour=3), D(4), D("150.20")), None, False),
        (Fill("else", AT, D(4), D("150.21")), None, False),
    ):
        left = words.untold([told], [known], reached={} if reached is None else {known: reached})
        assert left == ([] if is_one else [told])
    # Of two fills that are alike, the stream told the second, a moment after the first.
    second = replace(
        told, id="b", fill=replace(told.fill, execution_id="b", at=AT + timedelta(milliseconds=5)), total=D(8)
    )
    known = Fill("else", AT + timedelta(milliseconds=5), D(4), D("150.20"))
    assert words.untold([told, second], [known], reached={}) == [told]
    assert words.untold([told, second], [known, replace(known, execution_id="more")], reached={}) == []
    assert words.moved({"activity_type": "DIV", "id": "a", "net_amount": "1.02", "date": "2026-03-06"}) is not None
    assert words.moved({"activity_type": "SPLIT", "id": "a", "net_amount": "0", "date": "2026-03-06"}) is None


def test_slippage_is_worse_above_zero_to_buy_and_to_sell() -> None:
    assert slippage(Side.BUY, D(100), D("100.05")) == D("5.0000")
    assert slippage(Side.SELL, D(100), D("100.05")) == D("-5.0000")
    assert slippage(Side.SELL, D(50), D("49.90")) == D("20.0000")
    assert slippage(Side.BUY, None, D(1)) is None


def test_a_refusal_is_told_in_the_brokers_words_with_its_details() -> None:
    body = {"code": 40310000, "message": "insufficient qty available", "available": "0", "held_for_orders": "10"}
    assert requests.refusal(body) == ("40310000", "insufficient qty available (available 0, held_for_orders 10)")
    assert requests.refusal("<html>") == ("", "")
    assert requests.is_taken("40010001", "client_order_id must be unique")
