"""Wallets and signals for tests, by plain functions."""

import itertools
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from accounts.models import User
from intelligence import wallets
from intelligence.models import Signal, Wallet
from intelligence.sources.transactions import address, signature
from trading import exit_strategies
from trading.exits.plans import simple_plan
from trading.models import ExitStrategy

AT = datetime(2026, 3, 2, 14, tzinfo=UTC)
_numbers = itertools.count(1)


def strategy(owner: User | None = None, name: str = "") -> ExitStrategy:
    """An exit strategy; without an owner one that was shipped."""
    return exit_strategies.create(
        owner=owner, name=name or f"Strategy {next(_numbers)}", plan=simple_plan(stop_loss=Decimal("0.2"))
    )


def wallet(owner: User, name: str = "whale", **fields: Any) -> Wallet:
    """A wallet of this person at the address that the name always has."""
    fields.setdefault("exit_strategy", None)
    if fields["exit_strategy"] is None:
        fields["exit_strategy"] = ExitStrategy.objects.for_user(owner).order_by("id").first() or strategy(owner)
    return wallets.register(owner=owner, address=address(name), at=fields.pop("at", AT), **fields)


def signal(of: Wallet | None = None, **fields: Any) -> Signal:
    """A signal of this wallet, written straight into its table."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "owner_id": of.owner_id if of else None,
        "wallet": of,
        "source": "helius",
        "wallet_address": of.address if of else address("nobody's"),
        "token_address": address("token"),
        "type": "swap_detected",
        "action": "buy",
        "transaction_id": signature(f"signal {number}"),
        "received_at": AT,
        "payload": {},
    }
    made = Signal.objects.create(**{**values, **fields})
    made.refresh_from_db()
    return made
