"""Copied wallets for tests: a person with play money, a wallet they follow, a token that is safe, and what happens."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal as D
from typing import Any

from django.utils import timezone

from accounts.models import Account, User
from intelligence import copy_settings, signal_processing, token_trading
from intelligence.models import CopiedPosition, Signal, SignalOutcome, Token, Wallet
from intelligence.sources.transactions import address
from tests.factories import make_user
from tests.intelligence import following
from tests.trading.desk import funded
from trading import exit_orders, exit_strategies
from trading.exits.plans import simple_plan
from trading.models import ExitStrategy, ManagedPosition, Order
from trading.venues import paper

MINT = address("a token")


def safe_token(mint: str = MINT, *, price: str | None = "1.00", at: datetime | None = None, **said: Any) -> Token:
    """A token that every check passes, looked up and priced a moment ago."""
    now = at or timezone.now()
    values: dict[str, Any] = {
        "symbol": "WIF", "decimals": 6, "liquidity": D(900_000), "liquidity_source": "dexscreener", "liquidity_at": now,
        "top_holders": D("0.3"), "top_holders_source": "rugcheck", "top_holders_at": now, "contract_score": D(1),
        "contract_source": "rugcheck", "contract_at": now, "born_at": now - timedelta(days=30),
        "born_source": "dexscreener", "born_read_at": now, "analyzed_at": now, "attempted_at": now,
        "price": None if price is None else D(price), "price_at": None if price is None else now,
    }  # fmt: skip
    token, _made = Token.objects.update_or_create(address=mint, defaults=values | said)
    return token


class Follower:
    """A person who copies a wallet with play money."""

    def __init__(self, *, money: str = "10000", person: User | None = None, name: str = "whale", **wallet: Any) -> None:
        self.person = person or make_user()
        self.account: Account = funded(self.person, money)
        if wallet.get("exit_strategy") is None and not ExitStrategy.objects.for_user(self.person).exists():
            # A test with real commits begins without what is shipped.
            wallet["exit_strategy"] = exit_strategies.create(
                owner=self.person, name="Stop", plan=replace(simple_plan(stop_loss=D("0.2")), mirrors=True)
            )
        self.wallet: Wallet = following.wallet(self.person, name, simulation_account=self.account, **wallet)

    def signal(self, action: str = "buy", mint: str = MINT, *, price: str | None = "1.00", **fields: Any) -> Signal:
        """The wallet traded the token a moment ago."""
        now = timezone.now()
        said = {"price": None if price is None else D(price), "value": D(500), "amount": D(500), "occurred_at": now}
        return following.signal(
            self.wallet, action=action, token_address=mint, **{**said, "received_at": now, **fields}
        )

    def buys(self, mint: str = MINT, **fields: Any) -> SignalOutcome:
        """The wallet bought, and what was made of it has met the market."""
        outcome = signal_processing.process(self.signal("buy", mint, **fields))
        copy = CopiedPosition.objects.filter(signal=outcome.signal).first()
        if copy is not None:
            paper.match(copy.order.instrument_id)
        return outcome

    def sells(self, mint: str = MINT, **fields: Any) -> SignalOutcome:
        """The wallet sold, and the exits of that have been filled."""
        outcome = signal_processing.process(self.signal("sell", mint, **fields))
        settled()
        return outcome

    def change(self, **settings: Any) -> None:
        """The person's settings of copying."""
        copy_settings.change(self.person, **settings)


def priced(price: str, mint: str = MINT) -> None:
    """The token costs that now, and every plan has looked at it; exits are filled at it."""
    at = timezone.now()
    Token.objects.filter(address=mint).update(price=D(price), price_at=at)
    token_trading.refresh_prices(at=at)
    settled()


def settled() -> None:
    """The monitor has looked, its orders have met the market, and plans know what was filled."""
    exit_orders.look()
    for instrument in ManagedPosition.objects.open().values_list("instrument", flat=True).distinct():
        paper.match(instrument)
    exit_orders.look()


def plan_of(outcome: SignalOutcome) -> ManagedPosition:
    """The plan of a copy, as it is now."""
    return ManagedPosition.objects.get(public_id=outcome.plan_id)


def verdicts(outcome: SignalOutcome) -> dict[str, str]:
    """What each check came to."""
    return dict(outcome.checks.order_by("position").values_list("name", "verdict"))


def nothing_was_bought() -> bool:
    """Whether no order, no copy and no plan came about."""
    return not any(model.objects.exists() for model in (Order, CopiedPosition, ManagedPosition))
