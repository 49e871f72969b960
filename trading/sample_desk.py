"""A desk to look at: a paper account with money, positions under exit plans, and orders in every kind of state."""

from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from accounts import ledger
from accounts.models import Account, AccountKind, User
from trading import exit_plans, orders
from trading.models import ExitStrategy, Instrument, Order, Quote
from trading.order_rows import Intent
from trading.order_rules.ticket import Ticket
from trading.order_rules.vocabulary import OrderClass, OrderType, Side, TimeInForce
from trading.venues import paper

NAME = "Paper desk"
MONEY = Decimal(100_000)
#: Bid and ask of what is traded there. They are made up, and say so by their source.
QUOTES = {
    "AAPL": ("228.40", "228.46"),
    "MSFT": ("431.10", "431.22"),
    "NVDA": ("142.05", "142.09"),
    "SPY": ("598.70", "598.73"),
}
SOURCE = "sample"


@transaction.atomic
def open_for(person: User) -> bool:
    """The person has the desk; whether it was made by this call."""
    if Account.objects.for_user(person).filter(name=NAME).exists():
        return False
    account = Account.objects.create(
        owner=person, name=NAME, broker="Paper", kind=AccountKind.PAPER, initial_balance=MONEY
    )
    ledger.deposit(account, currency="USD", amount=MONEY, idempotency_key="opening", at=timezone.now())
    for symbol in QUOTES:
        _quote(symbol)
    _trade(account)
    return True


def _quote(symbol: str) -> None:
    bid, ask = QUOTES[symbol]
    now = timezone.now()
    quote = Quote(instrument=_share(symbol), bid=Decimal(bid), ask=Decimal(ask), quoted_at=now, source=SOURCE)
    paper.take_quote(quote)


def _share(symbol: str) -> Instrument:
    return Instrument.objects.get(symbol=symbol, status="active")


def _trade(account: Account) -> None:
    apple = _order(account, "AAPL", "buy", "60")
    _order(account, "AAPL", "sell", "20")
    _order(account, "SPY", "buy", "25")
    _order(account, "MSFT", "buy", "20", OrderType.LIMIT, limit_price="425.00")
    _order(account, "SPY", "sell", "10", OrderType.TRAILING_STOP, trail_ratio="0.05")
    _order(
        account,
        "NVDA",
        "buy",
        "100",
        OrderType.LIMIT,
        limit_price="142.10",
        order_class=OrderClass.BRACKET,
        take_profit_limit="156.00",
        stop_loss_stop="135.00",
    )
    orders.cancel(_order(account, "MSFT", "buy", "5", OrderType.LIMIT, limit_price="400.00"))
    # More than there is money for: it shows what a refusal looks like.
    _order(account, "MSFT", "buy", "500")
    strategy = ExitStrategy.objects.filter(owner=None, name="Aggressive").first()
    if strategy is not None:
        exit_plans.open_plan(account, apple.instrument, strategy=strategy)


def _order(
    account: Account, symbol: str, side: str, quantity: str, kind: OrderType = OrderType.MARKET, **fields: object
) -> Order:
    numbers = {
        name: Decimal(value) if isinstance(value, str) and not isinstance(value, OrderClass) else value
        for name, value in fields.items()
    }
    ticket = Ticket(Side(side), kind, TimeInForce.GTC, quantity=Decimal(quantity), **numbers)  # type: ignore[arg-type]
    made = orders.place(account, instrument=_share(symbol), ticket=ticket, intent=Intent(strategy="Sample"))
    paper.match(made.order.instrument_id)
    return Order.objects.get(pk=made.order.pk)
