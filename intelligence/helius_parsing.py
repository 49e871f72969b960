"""Transactions as Helius delivers them -> what wallets did in them. Pure: no Django, no clock, no database.

Helius names neither the watched wallet nor a price. Whom a transaction is about is told by its accounts, the side by
what each of them gained and lost, the price by the leg in SOL or dollars.

Source: docs/wallets.md#reading
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeGuard

SOL = "So11111111111111111111111111111111111111112"
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
USDT = "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"
STABLE = frozenset({USDC, USDT})
BASE = STABLE | {SOL}

LARGEST_DECIMALS = 36
MOST_DIGITS = 40
#: What opening one account for a token costs; so little SOL beside another leg is no leg.
RENT = Decimal("0.00203928")
_LAMPORTS = Decimal(10) ** 9
_LIQUIDITY_ADDED = frozenset({"ADD_LIQUIDITY", "ADD_TO_POOL", "CREATE_POOL", "DEPOSIT_LIQUIDITY"})
_LIQUIDITY_REMOVED = frozenset({"REMOVE_LIQUIDITY", "WITHDRAW_LIQUIDITY", "REMOVE_FROM_POOL"})

#: What an account and a transaction are called: base58, as the database has it of wallets; letters and digits.
ADDRESS = re.compile(r"[1-9A-HJ-NP-Za-km-z]{32,44}", re.ASCII)
SIGNATURE = re.compile(r"[0-9A-Za-z]{1,128}", re.ASCII)
_PLAIN = re.compile(r"[0-9]{1,40}(\.[0-9]{1,36})?", re.ASCII)

Json = Mapping[str, Any]
#: What one wallet gained (positive) and lost (negative) in a transaction, by token; SOL and wrapped SOL are one.
Changes = dict[str, Decimal]
#: What one token costs in USD, as far as that is known.
PriceOf = Callable[[str], Decimal | None]


class Malformed(ValueError):
    """What was delivered has a shape that is not known; no second delivery of it mends that."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that a wallet did with one token in one transaction."""

    wallet_address: str
    token_address: str
    type: str
    action: str
    transaction_id: str
    block: int | None
    occurred_at: datetime | None
    amount: Decimal | None
    payload: Json
    base_token: str = ""
    base_amount: Decimal | None = None
    price: Decimal | None = None
    value: Decimal | None = None
    is_removed: bool = False


@dataclass(slots=True)
class Reading:
    """What a delivery says: what was seen, what of it is nothing to us and why, and what nobody understands.

    `unread` has the places, from 0, of the transactions that nobody understands, with what is wrong with each.
    """

    seen: list[Seen] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unread: dict[int, str] = field(default_factory=dict)


def transactions_of(body: bytes) -> list[Json]:
    """The transactions in a delivery: an array of them, or one that stands alone. Raises Malformed."""
    try:
        # Amounts that Helius writes as numbers keep their digits.
        found = json.loads(body, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON: {error}"[:200]) from error
    if isinstance(found, dict):
        found = [found]
    if not isinstance(found, list):
        raise Malformed("neither a transaction nor an array of them")
    for number, each in enumerate(found, start=1):
        if not isinstance(each, dict):
            raise Malformed(f"transaction {number} is no object")
    return found


def parties(transactions: Iterable[Json]) -> set[str]:
    """Every account that the transactions name as somebody's: those among them that are watched are meant.

    What is no address is nobody's: it would find no wallet, and no column holds it.
    """
    return {each for transaction in transactions for each in _named(transaction) if _is_address(each)}


def read(
    transactions: Iterable[Json],
    *,
    watched: Collection[str],
    sol_price: Decimal | None,
    price_of: PriceOf = lambda mint: None,
) -> Reading:
    """What watched wallets did; of a transaction of none of them, what the one who paid for it did.

    `sol_price` is that of one SOL in USD; without it nothing that was paid in SOL has a price. `price_of` is asked for
    that of a token, in USD, only where two tokens were swapped for each other.
    """
    reading = Reading()
    prices = _Prices(sol_price, price_of)
    for number, transaction in enumerate(transactions, start=1):
        try:
            _read_one(transaction, reading, watched=watched, prices=prices)
        except Malformed as error:
            reading.problems.append(f"transaction {number}: {error}")
            reading.unread[number - 1] = str(error)
    return reading


@dataclass(frozen=True, slots=True)
class _Prices:
    """What is known of what things cost: one SOL, and any token."""

    sol: Decimal | None
    of: PriceOf


def _read_one(transaction: Json, reading: Reading, *, watched: Collection[str], prices: _Prices) -> None:
    signature = transaction.get("signature")
    if not isinstance(signature, str) or not SIGNATURE.fullmatch(signature):
        raise Malformed("no signature")
    if transaction.get("transactionError") is not None:
        reading.ignored.append(f"{signature}: failed on the chain")
        return
    about = sorted(parties([transaction]) & set(watched))
    payer = transaction.get("feePayer")
    if not about and _is_address(payer):
        about = [payer]
    if not about:
        raise Malformed("names nobody")
    found = [seen for wallet in about for seen in _done_by(wallet, transaction, signature, prices=prices)]
    if not found:
        reading.ignored.append(f"{signature}: no swap of a token")
    reading.seen.extend(found)


def _done_by(wallet: str, transaction: Json, signature: str, *, prices: _Prices) -> Iterator[Seen]:
    kind = str(transaction.get("type") or "")
    changes = _changes(wallet, transaction)
    common: dict[str, Any] = {
        "wallet_address": wallet,
        "transaction_id": signature,
        "block": _block(transaction.get("slot")),
        "occurred_at": _instant(transaction.get("timestamp")),
        "payload": transaction,
    }
    if kind in _LIQUIDITY_ADDED or kind in _LIQUIDITY_REMOVED:
        yield from _liquidity(changes, is_added=kind in _LIQUIDITY_ADDED, common=common)
        return
    tokens = {token: change for token, change in changes.items() if token not in BASE}
    is_swap = kind == "SWAP"
    is_party = wallet in _swappers(transaction)
    for token, change in tokens.items():
        leg = _leg(changes, tokens, is_bought=change > 0, is_swap=is_swap)
        is_exchanged = any(
            other * change < 0 and (token != SOL or abs(other) > RENT) for token, other in changes.items()
        )
        # Nobody but its owner gives away what a wallet has; what it is given, anybody may have bought for it.
        if not is_exchanged and not (is_swap and (change < 0 or is_party)):
            # Somebody sent it, or it was sent to somebody.
            continue
        value = _value(leg, prices.sol)
        if value is None and leg is None:
            value = _worth(tokens, prices.of)
        yield Seen(
            token_address=token,
            type="swap_detected",
            action="buy" if change > 0 else "sell",
            amount=abs(change),
            base_token=leg[0] if leg else "",
            base_amount=leg[1] if leg else None,
            price=value / abs(change) if value is not None else None,
            value=value,
            **common,
        )


def _swappers(transaction: Json) -> set[Any]:
    """Who had to sign for a swap: its payer, and whoever put something in by the swap's own account of it."""
    events = transaction.get("events")
    swap = events.get("swap") if isinstance(events, dict) else None
    if not isinstance(swap, dict):
        swap = {}
    native = swap.get("nativeInput")
    legs = [leg.get("userAccount") for leg in _objects(swap.get("tokenInputs"))]
    named = [transaction.get("feePayer"), native.get("account") if isinstance(native, dict) else None, *legs]
    return {each for each in named if isinstance(each, str)}


def _liquidity(changes: Changes, *, is_added: bool, common: dict[str, Any]) -> Iterator[Seen]:
    """What went into a pool or came out of it; the pool's own token goes the other way."""
    moved = {token: abs(change) for token, change in changes.items() if (change < 0) == is_added}
    tokens = {token: change for token, change in moved.items() if token not in BASE} or moved
    for token, amount in tokens.items():
        yield Seen(
            token_address=token,
            type="liquidity_add" if is_added else "liquidity_remove",
            action="",
            amount=amount,
            **common,
        )


def _leg(changes: Changes, tokens: Changes, *, is_bought: bool, is_swap: bool) -> tuple[str, Decimal] | None:
    """What was paid or got for the one token that was swapped: dollars before SOL, whose rent stands beside them.

    None where two tokens were swapped for each other, or several at once: whose price it would be cannot be told.
    """
    if len(tokens) != 1:
        return None
    opposite = {token: abs(change) for token, change in changes.items() if token in BASE and (change < 0) == is_bought}
    stable = [(token, amount) for token, amount in opposite.items() if token in STABLE]
    if stable:
        return max(stable, key=lambda each: each[1])
    sol = opposite.get(SOL)
    if sol is None or (sol <= RENT and not is_swap):
        return None
    return SOL, sol


def _worth(tokens: Changes, price_of: PriceOf) -> Decimal | None:
    """What changed hands where one token was swapped for one other: by the price of what was given, else of what came.

    None where neither has a price, or where more than two were swapped at once.
    """
    given = [(token, -change) for token, change in tokens.items() if change < 0]
    came = [(token, change) for token, change in tokens.items() if change > 0]
    if len(given) != 1 or len(came) != 1:
        return None
    for token, amount in (*given, *came):
        price = price_of(token)
        if price is not None:
            return amount * price
    return None


def _value(leg: tuple[str, Decimal] | None, sol_price: Decimal | None) -> Decimal | None:
    if leg is None:
        return None
    token, amount = leg
    if token in STABLE:
        return amount
    return amount * sol_price if sol_price is not None else None


# ---------------------------------------------------------------- what each gained and lost


def _changes(wallet: str, transaction: Json) -> Changes:
    """By the swap's own account of it, else by balances, else by transfers; what nets to nothing is left out."""
    for source in (_by_swap, _by_balances, _by_transfers):
        changes: Changes = {}
        for token, change in source(wallet, transaction):
            changes[token] = changes.get(token, Decimal(0)) + change
        changes = {token: change for token, change in changes.items() if change}
        if any(token not in BASE for token in changes):
            return changes
    return {}


def _by_swap(wallet: str, transaction: Json) -> Iterator[tuple[str, Decimal]]:
    events = transaction.get("events")
    swap = events.get("swap") if isinstance(events, dict) else None
    if not isinstance(swap, dict):
        return
    for name, sign in (("nativeInput", -1), ("nativeOutput", 1)):
        leg = swap.get(name)
        if isinstance(leg, dict) and leg.get("account") == wallet:
            yield SOL, sign * _lamports(leg.get("amount"))
    for name, sign in (("tokenInputs", -1), ("tokenOutputs", 1)):
        for leg in _objects(swap.get(name)):
            if leg.get("userAccount") == wallet:
                # A sign is not expected here: input and output say it.
                yield _mint(leg.get("mint")), sign * abs(_raw(leg.get("rawTokenAmount")))


def _by_balances(wallet: str, transaction: Json) -> Iterator[tuple[str, Decimal]]:
    for account in _objects(transaction.get("accountData")):
        if account.get("account") == wallet:
            change = _lamports(account.get("nativeBalanceChange", 0))
            # The fee is not part of the price.
            fee = _lamports(transaction.get("fee", 0)) if transaction.get("feePayer") == wallet else 0
            if change:
                yield SOL, change + fee
        for token in _objects(account.get("tokenBalanceChanges")):
            if token.get("userAccount") == wallet:
                yield _mint(token.get("mint")), _raw(token.get("rawTokenAmount"))


def _by_transfers(wallet: str, transaction: Json) -> Iterator[tuple[str, Decimal]]:
    for transfer in _objects(transaction.get("nativeTransfers")):
        yield from ((SOL, sign * _lamports(transfer.get("amount"))) for sign in _signs(wallet, transfer))
    for transfer in _objects(transaction.get("tokenTransfers")):
        for sign in _signs(wallet, transfer):
            yield _mint(transfer.get("mint")), sign * _plain(transfer.get("tokenAmount"))


def _signs(wallet: str, transfer: Json) -> list[int]:
    signs = []
    if transfer.get("fromUserAccount") == wallet:
        signs.append(-1)
    if transfer.get("toUserAccount") == wallet:
        signs.append(1)
    return signs


def _named(transaction: Json) -> Iterator[Any]:
    yield transaction.get("feePayer")
    for transfer in (*_objects(transaction.get("nativeTransfers")), *_objects(transaction.get("tokenTransfers"))):
        yield transfer.get("fromUserAccount")
        yield transfer.get("toUserAccount")
    for account in _objects(transaction.get("accountData")):
        if account.get("nativeBalanceChange"):
            yield account.get("account")
        for change in _objects(account.get("tokenBalanceChanges")):
            yield change.get("userAccount")
    events = transaction.get("events")
    swap = events.get("swap") if isinstance(events, dict) else None
    if isinstance(swap, dict):
        for name in ("nativeInput", "nativeOutput"):
            leg = swap.get(name)
            yield leg.get("account") if isinstance(leg, dict) else None
        for leg in (*_objects(swap.get("tokenInputs")), *_objects(swap.get("tokenOutputs"))):
            yield leg.get("userAccount")


# ---------------------------------------------------------------- values


def _is_address(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and ADDRESS.fullmatch(value) is not None


def _objects(value: Any) -> list[Json]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise Malformed("a list of objects was expected")
    return value


def _mint(value: Any) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 64 or not value.isascii() or not value.isalnum():
        raise Malformed("no mint")
    return value


def scaled(amount: Any, decimals: Any) -> Decimal:
    """Whole units, written as a string, as tokens: exact. Raises Malformed for numbers and decimals outside 0..36.

    A number of 10^21 has been a float somewhere on its way, and is not what was meant.
    """
    if not isinstance(amount, str) or not amount.removeprefix("-").isdigit() or not amount.isascii():
        raise Malformed("an amount is a string of digits")
    if isinstance(decimals, bool) or not isinstance(decimals, int) or not 0 <= decimals <= LARGEST_DECIMALS:
        raise Malformed("decimals are a number from 0 to 36")
    if len(amount.lstrip("-").lstrip("0")) - decimals > MOST_DIGITS:
        raise Malformed("an amount is too large")
    sign, digits = (1, amount[1:]) if amount.startswith("-") else (0, amount)
    return Decimal((sign, tuple(int(digit) for digit in digits), -decimals))


def _raw(value: Any) -> Decimal:
    if not isinstance(value, dict):
        raise Malformed("no raw amount")
    return scaled(value.get("tokenAmount"), value.get("decimals"))


def _lamports(value: Any) -> Decimal:
    """Lamports as SOL; Helius writes them as a number or as a string."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20:
        return Decimal(value) / _LAMPORTS
    return scaled(value, 9)


def _plain(value: Any) -> Decimal:
    """A number, or the same written as a plain decimal in a string."""
    is_written = isinstance(value, str) and _PLAIN.fullmatch(value) is not None
    if isinstance(value, bool) or not (is_written or isinstance(value, int | Decimal)):
        raise Malformed("no amount")
    number = Decimal(value)
    if not number.is_finite() or number < 0 or number >= Decimal(10) ** MOST_DIGITS:
        raise Malformed("an amount is too large")
    if -int(number.as_tuple().exponent) > LARGEST_DECIMALS:
        raise Malformed("an amount has too many decimals")
    return number


def _block(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise Malformed("no slot")
    found: int = value
    return found


def _instant(value: Any) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**33:
        raise Malformed("no timestamp")
    return datetime.fromtimestamp(value, tz=UTC)


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON")
