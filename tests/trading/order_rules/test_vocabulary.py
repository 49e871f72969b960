"""Every word of the bot's database is accepted, and one spelling of it is kept."""

import pytest

from trading.models import Side as StoredSide
from trading.models.instrument import InstrumentKind
from trading.order_rules.statuses import Status
from trading.order_rules.vocabulary import (
    ASSET_CLASS_OF_KIND,
    AssetClass,
    Direction,
    ManagedPositionStatus,
    OrderClass,
    OrderType,
    PositionIntent,
    PositionSide,
    Purpose,
    Side,
    TimeInForce,
    UnknownWord,
    read,
    read_class,
    read_direction,
    read_status,
)


@pytest.mark.parametrize(
    ("word", "side", "intent"),
    [
        ("buy", Side.BUY, None),
        ("sell", Side.SELL, None),
        ("buy_to_open", Side.BUY, PositionIntent.BUY_TO_OPEN),
        ("buy_to_close", Side.BUY, PositionIntent.BUY_TO_CLOSE),
        ("sell_to_open", Side.SELL, PositionIntent.SELL_TO_OPEN),
        ("sell_to_close", Side.SELL, PositionIntent.SELL_TO_CLOSE),
    ],
)
def test_six_sides_become_a_side_and_an_intent(word: str, side: Side, intent: PositionIntent | None) -> None:
    assert read_direction(word) == Direction(side, intent)
    assert read_direction(word.upper()) == Direction(side, intent)


@pytest.mark.parametrize(
    "word",
    "new partially_filled filled done_for_day canceled expired replaced pending_cancel pending_replace accepted "
    "pending_new accepted_for_bidding stopped rejected suspended calculated".split(),
)
def test_the_sixteen_statuses_of_the_bot_are_ours(word: str) -> None:
    assert read_status(word).value == word


@pytest.mark.parametrize(
    ("word", "stored"),
    [
        ("cancelled", "canceled"),
        ("CANCELLED", "canceled"),
        ("working", "new"),
        ("partial_fill", "partially_filled"),
        ("fill", "filled"),
        ("held", "held"),
        ("pending_review", "pending_review"),
        ("pending_submit", "pending_submit"),
        ("submit_unknown", "submit_unknown"),
    ],
)
def test_other_words_for_a_status_are_stored_as_ours(word: str, stored: str) -> None:
    assert read_status(word) is Status(stored)


@pytest.mark.parametrize(
    ("words", "accepted"),
    [
        (OrderType, "market limit stop stop_limit trailing_stop"),
        (TimeInForce, "day gtc ioc fok opg cls"),
        (AssetClass, "us_equity us_option crypto"),
        (PositionSide, "long short"),
        (ManagedPositionStatus, "active monitoring stop_loss_triggered take_profit_triggered closed error"),
        (Purpose, "entry exit_stop_loss exit_trailing_stop exit_scaling exit_mirror exit_manual"),
    ],
)
def test_every_other_word_is_kept_as_it_is(words: type, accepted: str) -> None:
    for word in accepted.split():
        assert read(words, word).value == word
        assert read(words, word.upper()).value == word


def test_no_class_is_simple() -> None:
    assert read_class("") is OrderClass.SIMPLE
    assert [read_class(word).value for word in ("simple", "bracket", "oco", "oto", "mleg", "multi_leg")] == [
        "simple",
        "bracket",
        "oco",
        "oto",
        "mleg",
        "mleg",
    ]


@pytest.mark.parametrize("text", ["", "bought", " buy", "buy ", "ｂｕｙ", "buy_to_hold", "1"])
def test_an_unknown_side_is_refused_with_the_known_ones(text: str) -> None:
    with pytest.raises(UnknownWord, match="use one of buy, sell, buy_to_open, buy_to_close, sell_to_open"):
        read_direction(text)


def test_a_letter_that_only_looks_right_is_refused() -> None:
    # The Kelvin sign is a small k in lower case.
    with pytest.raises(UnknownWord):
        read_status("wor\u212aing")
    with pytest.raises(UnknownWord, match="use one of market, limit, stop, stop_limit, trailing_stop"):
        read(OrderType, "lіmit")


def test_an_intent_contains_its_side_and_whether_it_opens() -> None:
    assert [(intent.side.value, intent.opens) for intent in PositionIntent] == [
        ("buy", True),
        ("buy", False),
        ("sell", True),
        ("sell", False),
    ]
    assert (Side.BUY.sign, Side.SELL.sign) == (1, -1)


def test_sides_are_those_of_stored_fills() -> None:
    assert [side.value for side in Side] == StoredSide.values


def test_every_kind_of_instrument_but_an_index_has_a_class() -> None:
    assert set(ASSET_CLASS_OF_KIND) == set(InstrumentKind.values) - {"index"}
