"""Transactions as Helius would deliver them, made up: for tests, the demo and the benchmark. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from intelligence.helius_parsing import SOL

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

#: What a wallet gained (positive) or lost of one token: mint, amount in whole tokens, decimals.
Leg = tuple[str, str, int]


def address(name: str) -> str:
    """An address of 44 characters that this name always has."""
    number = int.from_bytes(hashlib.sha512(name.encode()).digest(), "big")
    digits = []
    for _ in range(44):
        number, digit = divmod(number, 58)
        digits.append(_ALPHABET[digit])
    return "".join(digits)


def signature(name: str) -> str:
    """A transaction's signature of 88 characters that this name always has."""
    return address(name) + address(f"{name} again")


def swap(
    wallet: str,
    legs: Sequence[Leg],
    *,
    at: datetime,
    name: str,
    slot: int = 250_000_000,
    has_event: bool = True,
    **other: Any,
) -> dict[str, Any]:
    """A swap by this wallet. Without `has_event` its `events` are empty, and balances alone say what happened."""
    fee = 5000
    made: dict[str, Any] = {
        "signature": signature(name),
        "slot": slot,
        "timestamp": int(at.timestamp()),
        "type": "SWAP",
        "source": "JUPITER",
        "description": f"{wallet} swapped",
        "fee": fee,
        "feePayer": wallet,
        "nativeTransfers": [],
        "tokenTransfers": [],
        "accountData": balances(wallet, legs, fee=fee),
        "transactionError": None,
        "instructions": [],
        "events": {"swap": _event(wallet, legs)} if has_event else {},
    }
    return {**made, **other}


def balances(wallet: str, legs: Sequence[Leg], *, fee: int = 0) -> list[dict[str, Any]]:
    """The balance changes of the wallet, in SOL after the fee, as `accountData` says them."""
    sol = sum((Decimal(amount) for mint, amount, _ in legs if mint == SOL), Decimal(0))
    native = {"account": wallet, "nativeBalanceChange": int(sol * 10**9) - fee, "tokenBalanceChanges": []}
    changes = [
        {
            "account": address(f"{wallet} {mint}"),
            "nativeBalanceChange": 0,
            "tokenBalanceChanges": [_change(wallet, mint, amount, decimals)],
        }
        for mint, amount, decimals in legs
        if mint != SOL
    ]
    return [native, *changes]


def _change(wallet: str, mint: str, amount: str, decimals: int) -> dict[str, Any]:
    return {
        "userAccount": wallet,
        "tokenAccount": address(f"{wallet} {mint}"),
        "mint": mint,
        "rawTokenAmount": {"tokenAmount": str(int(Decimal(amount) * 10**decimals)), "decimals": decimals},
    }


def _event(wallet: str, legs: Sequence[Leg]) -> Mapping[str, Any]:
    event: dict[str, Any] = {
        "nativeInput": None,
        "nativeOutput": None,
        "tokenInputs": [],
        "tokenOutputs": [],
        "nativeFees": [],
        "tokenFees": [],
        "innerSwaps": [],
    }
    for mint, amount, decimals in legs:
        is_input = amount.startswith("-")
        if mint == SOL:
            lamports = str(int(abs(Decimal(amount)) * 10**9))
            event["nativeInput" if is_input else "nativeOutput"] = {"account": wallet, "amount": lamports}
        else:
            change = _change(wallet, mint, amount.lstrip("-"), decimals)
            event["tokenInputs" if is_input else "tokenOutputs"].append(change)
    return event
