"""What a transaction says of a wallet: side, amount and price, worked out by hand from what it gained and lost."""

import json
from datetime import UTC, datetime
from decimal import Decimal as D
from typing import Any

import pytest

from intelligence import helius_parsing
from intelligence.helius_parsing import SOL, USDC, USDT, Malformed, Seen
from intelligence.sources.transactions import address, balances, signature, swap

AT = datetime(2026, 3, 2, 14, 0, 5, tzinfo=UTC)
WHALE, OTHER, TOKEN, SECOND = address("whale"), address("other"), address("token"), address("second")


def read(*transactions: Any, watched: tuple[str, ...] = (WHALE,), sol: str | None = "150") -> helius_parsing.Reading:
    body = json.dumps(transactions).encode()
    found = helius_parsing.transactions_of(body)
    return helius_parsing.read(found, watched=watched, sol_price=D(sol) if sol else None)


def seen(*transactions: Any, **options: Any) -> list[Seen]:
    reading = read(*transactions, **options)
    assert reading.problems == []
    return reading.seen


def said(each: Seen) -> tuple[Any, ...]:
    return (each.action, each.token_address, each.amount, each.base_token, each.base_amount, each.price, each.value)


#: Legs of a swap and what is seen: action, token, amount, against, how much of it, price, value; SOL at 150 USD.
SWAPS: dict[str, tuple[list[Any], list[tuple[Any, ...]]]] = {
    "SOL for a token is a buy": (
        [(SOL, "-2", 9), (TOKEN, "1000", 6)],
        [("buy", TOKEN, D(1000), SOL, D(2), D("0.3"), D(300))],
    ),
    "a token for SOL is a sell": (
        [(TOKEN, "-1000", 6), (SOL, "4", 9)],
        [("sell", TOKEN, D(1000), SOL, D(4), D("0.6"), D(600))],
    ),
    "dollars need no rate": (
        [(USDC, "-50", 6), (TOKEN, "200", 6)],
        [("buy", TOKEN, D(200), USDC, D(50), D("0.25"), D(50))],
    ),
    "tether is a dollar as well": (
        [(TOKEN, "-200", 6), (USDT, "50", 6)],
        [("sell", TOKEN, D(200), USDT, D(50), D("0.25"), D(50))],
    ),
    "nine decimals are exact": (
        [(SOL, "-1", 9), (TOKEN, "0.000000003", 9)],
        [("buy", TOKEN, D("0.000000003"), SOL, D(1), D("50000000000"), D(150))],
    ),
    "a token for a token is a sell and a buy, and neither has a price": (
        [(TOKEN, "-10", 6), (SECOND, "30", 6)],
        [
            ("sell", TOKEN, D(10), "", None, None, None),
            ("buy", SECOND, D(30), "", None, None, None),
        ],
    ),
    "SOL for dollars is of no token": ([(SOL, "-1", 9), (USDC, "150", 6)], []),
    "what comes back to where it was is nothing": ([(TOKEN, "-5", 6), (TOKEN, "5", 6)], []),
}


@pytest.mark.parametrize("has_event", [True, False], ids=["by its event", "by balances"])
@pytest.mark.parametrize("case", SWAPS)
def test_the_side_and_the_price_follow_from_what_was_gained_and_lost(case: str, has_event: bool) -> None:
    legs, expected = SWAPS[case]
    found = seen(swap(WHALE, legs, at=AT, name=case, has_event=has_event))
    assert sorted(map(said, found), key=repr) == sorted(expected, key=repr)
    for each in found:
        assert (each.transaction_id, each.block, each.occurred_at) == (signature(case), 250_000_000, AT)
        assert (each.type, each.wallet_address) == ("swap_detected", WHALE)


def test_without_a_rate_what_was_paid_in_sol_has_no_price_and_what_was_paid_in_dollars_has() -> None:
    in_sol = swap(WHALE, [(SOL, "-2", 9), (TOKEN, "1000", 6)], at=AT, name="sol")
    in_dollars = swap(WHALE, [(USDC, "-50", 6), (TOKEN, "200", 6)], at=AT, name="usd")
    found = seen(in_sol, in_dollars, sol=None)
    assert [(each.base_amount, each.price) for each in found] == [(D(2), None), (D(50), D("0.25"))]


def test_one_token_for_another_is_worth_what_the_known_one_is() -> None:
    swapped = swap(WHALE, [(TOKEN, "-10", 6), (SECOND, "40", 6)], at=AT, name="exchange")
    several = swap(WHALE, [(TOKEN, "-10", 6), (SECOND, "40", 6), (OTHER, "1", 6)], at=AT, name="several")

    def priced(transaction: Any, known: dict[str, D]) -> dict[str, tuple[D | None, D | None]]:
        found = helius_parsing.read([transaction], watched=(WHALE,), sol_price=None, price_of=known.get)
        return {each.action + each.token_address: (each.price, each.value) for each in found.seen}

    sold, bought = f"sell{TOKEN}", f"buy{SECOND}"
    # 10 given at 2.00 are 20, for which 40 came: 0.50 each.
    expected = {sold: (D(2), D(20)), bought: (D("0.5"), D(20))}
    assert priced(swapped, {TOKEN: D(2), SECOND: D(9)}) == expected
    assert priced(swapped, {SECOND: D("0.5")}) == expected
    assert priced(swapped, {}) == {sold: (None, None), bought: (None, None)}
    assert set(priced(several, {TOKEN: D(2)}).values()) == {(None, None)}


def test_wrapped_sol_and_sol_are_netted() -> None:
    wrapped = {
        "account": address("wrapped"),
        "nativeBalanceChange": 0,
        "tokenBalanceChanges": [
            {
                "userAccount": WHALE,
                "tokenAccount": address("wrapped"),
                "mint": SOL,
                "rawTokenAmount": {"tokenAmount": "500000000", "decimals": 9},
            }
        ],
    }
    made = swap(WHALE, [(SOL, "-2.5", 9), (TOKEN, "1000", 6)], at=AT, name="wrapped", has_event=False)
    made["accountData"].append(wrapped)
    # 2.5 went out, half of one came back wrapped.
    assert [said(each) for each in seen(made)] == [("buy", TOKEN, D(1000), SOL, D(2), D("0.3"), D(300))]


def test_rent_beside_dollars_is_not_what_was_paid_and_the_fee_is_not_either() -> None:
    legs = [(USDC, "-50", 6), (SOL, "-0.00203928", 9), (TOKEN, "200", 6)]
    [found] = seen(swap(WHALE, legs, at=AT, name="rent", has_event=False))
    assert said(found) == ("buy", TOKEN, D(200), USDC, D(50), D("0.25"), D(50))


def test_two_watched_wallets_in_one_transaction_are_each_seen() -> None:
    made = swap(WHALE, [(USDC, "-50", 6), (TOKEN, "200", 6)], at=AT, name="two", has_event=False)
    made["accountData"] += balances(OTHER, [(USDC, "50", 6), (TOKEN, "-200", 6)])
    found = seen(made, watched=(WHALE, OTHER))
    assert {(each.wallet_address, each.action) for each in found} == {(WHALE, "buy"), (OTHER, "sell")}
    # By the event it is the same: an event of one of them says nothing of the other.
    made["events"] = swap(WHALE, [(USDC, "-50", 6), (TOKEN, "200", 6)], at=AT, name="two")["events"]
    assert {(e.wallet_address, e.action) for e in seen(made, watched=(WHALE, OTHER))} == {
        (WHALE, "buy"),
        (OTHER, "sell"),
    }


def test_arrays_hold_none_one_or_many_and_an_unwatched_one_is_seen_of_who_paid() -> None:
    assert seen() == []
    many = [swap(OTHER, [(SOL, "-1", 9), (TOKEN, "10", 6)], at=AT, name=f"{n}") for n in range(3)]
    found = seen(*many)
    assert [(each.wallet_address, each.transaction_id) for each in found] == [
        (OTHER, signature(f"{n}")) for n in range(3)
    ]
    alone = helius_parsing.transactions_of(json.dumps(many[0]).encode())
    assert len(alone) == 1


def test_failed_transactions_gifts_and_transfers_to_oneself_are_nothing() -> None:
    legs = [(SOL, "-2", 9), (TOKEN, "1000", 6)]
    failed = swap(WHALE, legs, at=AT, name="failed", transactionError={"InstructionError": [2, {"Custom": 6001}]})
    gift = swap(WHALE, [(TOKEN, "1000", 6)], at=AT, name="gift", has_event=False, type="TRANSFER")
    rent = swap(WHALE, [(TOKEN, "9", 6), (SOL, "-0.002", 9)], at=AT, name="rent", has_event=False, type="UNKNOWN")
    own = swap(WHALE, [], at=AT, name="own", has_event=False, type="TRANSFER")
    own["tokenTransfers"] = [{"fromUserAccount": WHALE, "toUserAccount": WHALE, "mint": TOKEN, "tokenAmount": 5}]
    reading = read(failed, gift, rent, own)
    assert (reading.seen, reading.problems, len(reading.ignored)) == ([], [], 4)
    assert reading.ignored[0] == f"{signature('failed')}: failed on the chain"


def test_what_somebody_else_swapped_and_sent_to_a_wallet_is_no_purchase_of_it() -> None:
    def sent(name: str, **other: Any) -> Any:
        """The other one pays half a dollar, and the quarter of a token that it buys goes to the whale."""
        made = swap(OTHER, [(USDC, "-0.5", 6)], at=AT, name=name, **other)
        given = balances(WHALE, [(TOKEN, "0.25", 6)])
        made["events"] and made["events"]["swap"]["tokenOutputs"].extend(given[1]["tokenBalanceChanges"])
        made["accountData"] += given
        return made

    by_transfers = swap(OTHER, [], at=AT, name="transfers", has_event=False, accountData=[])
    by_transfers["tokenTransfers"] = [
        {"fromUserAccount": OTHER, "toUserAccount": "pool", "mint": USDC, "tokenAmount": 0.5},
        {"fromUserAccount": "pool", "toUserAccount": WHALE, "mint": TOKEN, "tokenAmount": 0.25},
    ]
    reading = read(sent("event"), sent("balances", has_event=False), by_transfers)
    assert (reading.seen, reading.problems, len(reading.ignored)) == ([], [], 3)

    # Who pays for the transaction swapped, and so did who put something in: what was put in is not told of them.
    paid = {**sent("paid"), "feePayer": WHALE}
    put_in = sent("put in")
    put_in["events"]["swap"]["tokenInputs"][0]["userAccount"] = WHALE
    put_in["events"]["swap"]["tokenInputs"][0]["rawTokenAmount"]["tokenAmount"] = "0"
    sold = swap(WHALE, [(TOKEN, "-9", 6)], at=AT, name="sold", has_event=False, feePayer=OTHER)
    assert [(each.action, each.amount, each.price) for each in seen(paid, put_in, sold)] == [
        ("buy", D("0.25"), None), ("buy", D("0.25"), None), ("sell", D(9), None),
    ]  # fmt: skip


def test_a_swap_under_another_name_is_seen_by_its_balances_and_by_its_transfers() -> None:
    legs = [(SOL, "-2", 9), (TOKEN, "1000", 6)]
    unknown = swap(WHALE, legs, at=AT, name="pump", has_event=False, type="UNKNOWN")
    assert [said(each) for each in seen(unknown)] == [("buy", TOKEN, D(1000), SOL, D(2), D("0.3"), D(300))]

    bare = swap(WHALE, [], at=AT, name="bare", has_event=False, accountData=[])
    bare["nativeTransfers"] = [{"fromUserAccount": WHALE, "toUserAccount": OTHER, "amount": 2_000_000_000}]
    bare["tokenTransfers"] = [{"fromUserAccount": OTHER, "toUserAccount": WHALE, "mint": TOKEN, "tokenAmount": 0.5}]
    assert [said(each) for each in seen(bare)] == [("buy", TOKEN, D("0.5"), SOL, D(2), D(600), D(300))]


def test_amounts_of_transfers_may_be_plain_decimals_in_strings_and_no_other_strings() -> None:
    def bare(amount: Any) -> helius_parsing.Reading:
        made = swap(WHALE, [], at=AT, name="bare", has_event=False, accountData=[])
        made["tokenTransfers"] = [
            {"fromUserAccount": WHALE, "toUserAccount": OTHER, "mint": USDC, "tokenAmount": "50"},
            {"fromUserAccount": OTHER, "toUserAccount": WHALE, "mint": TOKEN, "tokenAmount": amount},
        ]
        return read(made)

    [found] = bare("0.000000003").seen
    assert said(found) == ("buy", TOKEN, D("0.000000003"), USDC, D(50), D(50) / D("0.000000003"), D(50))
    for amount in ("", "1e3", "-1", "+1", "1_000", " 1", "1,5", ".5", "5.", "٣", "NaN", "1" * 41, "0." + "1" * 37):
        reading = bare(amount)
        assert (reading.seen, reading.problems) == ([], ["transaction 1: no amount"]), amount


def test_liquidity_is_no_swap_and_the_pools_own_token_is_not_what_moved() -> None:
    legs = [(TOKEN, "-100", 6), (SOL, "-2", 9), (address("pool"), "7", 6)]
    added = swap(WHALE, legs, at=AT, name="add", has_event=False, type="ADD_LIQUIDITY")
    back = [(mint, amount.removeprefix("-") if amount.startswith("-") else f"-{amount}", n) for mint, amount, n in legs]
    removed = swap(WHALE, back, at=AT, name="remove", has_event=False, type="WITHDRAW_LIQUIDITY")
    found = [(each.type, each.action, each.token_address, each.amount, each.price) for each in seen(added, removed)]
    assert found == [
        ("liquidity_add", "", TOKEN, D(100), None),
        ("liquidity_remove", "", TOKEN, D(100), None),
    ]


def test_fields_that_nobody_knows_are_left_alone() -> None:
    made = swap(WHALE, [(SOL, "-2", 9), (TOKEN, "1000", 6)], at=AT, name="new", lighthouseData={"a": [1]}, version=7)
    assert len(seen(made)) == 1


@pytest.mark.parametrize(
    ("amount", "decimals"),
    [
        (10**21, 9),
        (1e21, 9),
        ("1e21", 9),
        ("", 9),
        ("٣", 9),
        ("1" * 80, 9),
        ("5", 255),
        ("5", -1),
        ("5", "18"),
        ("5", True),
        ("5", None),
    ],
)
def test_w16_raw_amounts_are_strings_of_digits_with_0_to_36_decimals(amount: Any, decimals: Any) -> None:
    made = swap(WHALE, [(SOL, "-2", 9), (TOKEN, "1000", 6)], at=AT, name="odd")
    made["events"]["swap"]["tokenOutputs"][0]["rawTokenAmount"] = {"tokenAmount": amount, "decimals": decimals}
    good = swap(WHALE, [(SOL, "-2", 9), (TOKEN, "1000", 6)], at=AT, name="good")
    reading = read(made, good)
    # One that nobody understands does not take the other with it.
    assert [each.transaction_id for each in reading.seen] == [signature("good")]
    assert len(reading.problems) == 1


def test_w16_amounts_are_exact_at_both_ends_of_the_decimals() -> None:
    assert helius_parsing.scaled("1000000000000000000001", 18) == D("1000.000000000000000001")
    assert helius_parsing.scaled("7", 0) == D(7)
    assert helius_parsing.scaled("7", 36) == D("0.000000000000000000000000000000000007")


@pytest.mark.parametrize(
    "body", [b"", b"[", b"null", b'"x"', b"[1]", b'[{"signature": NaN}]', b"[" * 5000, b'["x", {}]']
)
def test_what_is_no_list_of_transactions_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        helius_parsing.transactions_of(body)


@pytest.mark.parametrize(
    "change",
    [
        {"signature": ""},
        {"signature": "with blanks"},
        {"signature": 5},
        {"slot": "7"},
        {"slot": -1},
        {"timestamp": "yesterday"},
        {"timestamp": 10**20},
        {"accountData": {"a": 1}, "events": {}},
        {"tokenTransfers": [5], "events": {}},
        {"feePayer": None, "accountData": [], "events": {}},
    ],
)
def test_an_odd_transaction_is_a_problem_and_nothing_is_seen_in_it(change: dict[str, Any]) -> None:
    reading = read(swap(WHALE, [(SOL, "-2", 9), (TOKEN, "1000", 6)], at=AT, name="odd", **change))
    assert (reading.seen, len(reading.problems)) == ([], 1)
