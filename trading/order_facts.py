"""What the checks before trading have to know: one statement for all orders of a request, their accounts locked.

What the orders of one request set aside is counted as they are decided, so that each sees those before it.
"""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Sum

from accounts import ledger
from accounts.models import Account, AccountStatus, ClientStatus, Portfolio
from accounts.prepared import Prepared, document, one_of, rows
from trading import paper_book, risk, trades
from trading.bound_money import BOUND
from trading.models import Instrument, InstrumentKind, Order, Position, Quote
from trading.models.order import ENDS
from trading.order_rows import Request
from trading.order_rules import pretrade
from trading.order_rules.pretrade import Limits, RiskState, Terms
from trading.order_rules.reservations import Held, Hold
from trading.order_rules.ticket import Ticket
from trading.order_rules.vocabulary import OrderType, Side
from trading.order_tickets import FRESH, is_fresh

_ZERO = Decimal(0)
_MARGINED = frozenset({InstrumentKind.FUTURE, InstrumentKind.CFD})
_MAY_TRADE = frozenset({None, ClientStatus.PENDING, ClientStatus.ACTIVE})

_Pair = tuple[int, int]


# One row for each order, with all that is known of its account and instrument; the portfolios are locked in one order,
# so that two of these do not wait for each other. The ids are those of the order, should it come to be.
_FACTS = f"""
WITH held AS MATERIALIZED (
    SELECT id, account_id, currency, available_balance, reserved_balance, owed_balance, (
        {BOUND.format(account="f.account_id", currency="f.currency")}
    ) AS bound
    FROM accounts_portfolio f
    WHERE account_id = ANY(%(accounts)s::bigint[]) AND currency = ANY(%(currencies)s::text[])
    ORDER BY account_id, currency {{lock}}
)
SELECT held.id, held.available_balance, held.reserved_balance, held.owed_balance, held.bound,
    (SELECT status FROM accounts_client WHERE user_id = asked.owner_id),
    q.instrument_id, q.bid, q.ask, q.last, q.bid_size, q.ask_size, q.quoted_at, q.source, p.quantity,
    CASE WHEN p.id IS NOT NULL THEN (
        SELECT sum(o.reserved_units) FROM trading_order o
        WHERE o.account_id = asked.account_id AND o.instrument_id = asked.instrument_id AND o.held = 'holdings'
            AND o.reserved_units > 0 AND NOT o.status = ANY(%(ends)s::text[])
    ) END,
    {risk.ARE_LIMITED.format(owner="asked.owner_id")}, {risk.ARE_STOPPED.format(owner="asked.owner_id")},
    EXISTS (
        SELECT FROM trading_order o
        WHERE o.account_id = asked.account_id AND o.client_order_id = asked.client_order_id
    ),
    {paper_book.MEETS.format(order="asked")}, {{ids}}
FROM ROWS FROM (json_to_recordset(%(asked)s::json) AS (
    account_id bigint, owner_id bigint, instrument_id bigint, currency text, client_order_id text, side text,
    limit_price numeric
)) WITH ORDINALITY AS asked(account_id, owner_id, instrument_id, currency, client_order_id, side, limit_price, place)
LEFT JOIN held ON held.account_id = asked.account_id AND held.currency = asked.currency
LEFT JOIN trading_quote q ON q.instrument_id = asked.instrument_id
LEFT JOIN trading_position p ON p.account_id = asked.account_id AND p.instrument_id = asked.instrument_id
ORDER BY asked.place
"""  # noqa: S608 - SQL of our own
_LOCKED = _FACTS.format(
    lock="FOR NO KEY UPDATE", ids="nextval(pg_get_serial_sequence('trading_order', 'id')), uuidv7()"
)
_LOOKED_AT = _FACTS.format(lock="", ids="NULL, NULL")


# What calls have promised of an underlying: those that wait to be written, and those that are.
_COVERS = """
SELECT coalesce((
    SELECT sum(o.reserved_units) FROM trading_order o JOIN trading_instrument i ON i.id = o.instrument_id
    WHERE o.account_id = %(account)s AND o.held = 'underlying' AND o.reserved_units > 0
        AND NOT o.status = ANY(%(ends)s::text[]) AND i.underlying = %(symbol)s
), 0) + coalesce((
    SELECT sum(-p.quantity * i.multiplier) FROM trading_position p JOIN trading_instrument i ON i.id = p.instrument_id
    WHERE p.account_id = %(account)s AND p.quantity < 0 AND i.option_type = 'call' AND i.underlying = %(symbol)s
), 0)
"""

_accounts = Prepared(lambda ids: Account.objects.filter(pk__in=one_of(ids)), ids=[0])


class _Row(NamedTuple):
    """What is known of one order's account and instrument."""

    portfolio_id: int | None
    available: Decimal
    reserved: Decimal
    owed: Decimal
    bound: Decimal | None
    client_status: str | None
    quoted_id: int | None
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None
    bid_size: Decimal | None
    ask_size: Decimal | None
    quoted_at: datetime
    quote_source: str
    position: Decimal | None
    promised: Decimal | None
    are_limited: bool
    are_stopped: bool
    is_known: bool
    is_met: bool
    order_id: int
    public_id: uuid.UUID


class Facts:
    """Accounts, portfolios, positions and quotes as they stand for these orders.

    Where they are `locked`, so are the accounts, and the portfolios, which are opened where there were none. Otherwise
    nobody waits and nothing is opened.
    """

    def __init__(self, requests: Sequence[Request], *, now: datetime, locked: bool = True) -> None:
        self.now = now
        self.known: list[Request] = []
        self._places: dict[tuple[int, str], tuple[int, uuid.UUID, bool]] = {}
        self._limited: set[int] = set()
        self._stopped: set[int] = set()
        self._clients: dict[int, str | None] = {}
        self._quotes: dict[int, Quote | None] = {}
        self._portfolios: dict[tuple[int, str], Portfolio] = {}
        self._positions: dict[_Pair, Decimal] = {}
        self._promised: dict[_Pair, Decimal] = defaultdict(Decimal)
        self._bound: dict[tuple[int, str], Decimal] = {}
        # Units by account and symbol, of the orders at hand alone: what they sell, what their calls promise of an
        # underlying, and what calls that they buy back at the market no longer do.
        self._sold: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
        self._written: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
        self._freed: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
        ids = {request.account.pk for request in requests}
        accounts = trades.locked_accounts(ids) if locked else _accounts.all(ids=list(ids))
        self.accounts = {account.pk: account for account in accounts}
        # What it reads it reads once the accounts are locked: each statement sees what was there when it began.
        found = rows(_LOCKED if locked else _LOOKED_AT, self._parameters(requests))
        for request, row in zip(requests, found, strict=True):
            self._take(request, self.accounts[request.account.pk], _Row._make(row), locked=locked)

    def _parameters(self, requests: Sequence[Request]) -> dict[str, Any]:
        return {
            "accounts": list(self.accounts),
            "currencies": list({request.instrument.currency for request in requests}),
            "asked": document(
                {
                    "account_id": request.account.pk,
                    "owner_id": request.account.owner_id,
                    "instrument_id": request.instrument.pk,
                    "currency": request.instrument.currency,
                    "client_order_id": request.intent.client_order_id,
                    "side": request.ticket.side.value,
                    "limit_price": request.ticket.limit_price,
                }
                for request in requests
            ),
            "since": self.now - FRESH,
            "until": self.now + FRESH,
            "ends": ENDS,
        }

    def _take(self, request: Request, account: Account, row: _Row, *, locked: bool) -> None:
        instrument = request.instrument
        if row.is_known:
            self.known.append(request)
        self._places[request.key] = (row.order_id, row.public_id, row.is_met)
        if row.are_limited:
            self._limited.add(account.owner_id)
        if row.are_stopped:
            self._stopped.add(account.owner_id)
        self._clients[account.owner_id] = row.client_status
        if instrument.pk not in self._quotes:
            self._quotes[instrument.pk] = _quote_of(row)
        if row.position is not None:
            self._positions[account.pk, instrument.pk] = row.position
            self._promised[account.pk, instrument.pk] = row.promised or _ZERO
            self._freed[account.pk, instrument.underlying] += _bought_back(request, row.position)
        key = (account.pk, instrument.currency)
        if key not in self._portfolios:
            self._bound[key] = row.bound or _ZERO
            self._portfolios[key] = _portfolio_of(row, account, instrument.currency, locked=locked)

    def place_of(self, request: Request) -> tuple[int, uuid.UUID, bool]:
        """The ids of the order, and whether something meets it in the book at once."""
        return self._places[request.key]

    def are_limited(self, owner_id: int) -> bool:
        """Whether there is any limit for orders of this person."""
        return owner_id in self._limited

    def are_stopped(self, owner_id: int) -> bool:
        """Whether any breaker is on over something of this person's."""
        return owner_id in self._stopped

    def quote(self, instrument: Instrument) -> Quote | None:
        """The latest quote that still says what the market is."""
        quote = self._quotes.get(instrument.pk)
        return quote if is_fresh(quote, now=self.now) else None

    def portfolio(self, account: Account, currency: str) -> Portfolio:
        """The account's cash in this currency, locked or read before."""
        return self._portfolios[account.pk, currency]

    def available(self, account: Account, currency: str) -> Decimal:
        """The money that may be used: not what is owed, nor what open positions tie up."""
        portfolio = self.portfolio(account, currency)
        return portfolio.available_balance - portfolio.owed_balance - self._bound[account.pk, currency]

    def account(self, account: Account, instrument: Instrument, state: RiskState, limits: Limits) -> pretrade.Account:
        """The account as it stands after the orders that were decided before."""
        pair = (account.pk, instrument.pk)
        position = self._positions.get(pair, _ZERO)
        return pretrade.Account(
            available=self.available(account, instrument.currency),
            position=position,
            closable=max(_ZERO, abs(position) - self._promised[pair] - self._covering(account, instrument, position)),
            underlying=self._underlying(account, instrument),
            client_is_active=self._clients.get(account.owner_id) in _MAY_TRADE,
            account_is_active=account.status == AccountStatus.ACTIVE and account.archived_at is None,
            allows_short=account.allows_short,
            risk=state,
            limits=limits,
        )

    def position(self, account: Account, instrument: Instrument) -> Decimal:
        """Signed units that the account held of the instrument when this was read."""
        return self._positions.get((account.pk, instrument.pk), _ZERO)

    def set_aside(self, account: Account, instrument: Instrument, hold: Hold) -> None:
        """The units of an order that was let through are promised; its money is counted where it is booked."""
        if hold.held is Held.HOLDINGS:
            self._promised[account.pk, instrument.pk] += hold.units
            self._sold[account.pk, instrument.symbol] += hold.units
        elif hold.held is Held.UNDERLYING:
            self._written[account.pk, instrument.underlying] += hold.units

    def _covering(self, account: Account, instrument: Instrument, position: Decimal) -> Decimal:
        """The units of a position that calls written on it have promised."""
        if position <= 0 or instrument.kind == InstrumentKind.OPTION:
            return _ZERO
        found = rows(_COVERS, {"account": account.pk, "symbol": instrument.symbol, "ends": ENDS})
        units: Decimal = found[0][0]
        key = (account.pk, instrument.symbol)
        return max(_ZERO, units - self._freed[key]) + self._written[key]

    def _underlying(self, account: Account, instrument: Instrument) -> Decimal:
        """The free units of what an option is on."""
        if instrument.kind != InstrumentKind.OPTION or not instrument.underlying:
            return _ZERO
        under = Instrument.objects.filter(symbol=instrument.underlying, status="active").first()
        if under is None:
            return _ZERO
        held = Position.objects.filter(account=account, instrument=under).values_list("quantity", flat=True).first()
        if held is None or held <= 0:
            return _ZERO
        selling = Order.objects.live().filter(account=account, instrument=under, held=Held.HOLDINGS)
        promised = selling.aggregate(units=Sum("reserved_units"))["units"] or _ZERO
        sold = self._sold[account.pk, under.symbol]
        return max(_ZERO, held - promised - sold - self._covering(account, under, held))

    def terms(self, ticket: Ticket, instrument: Instrument, *, fees: Decimal) -> Terms:
        """What the order would cost here."""
        quote = self.quote(instrument)
        ask = (quote.ask or quote.last) if quote is not None else None
        return Terms(
            ask=ask,
            multiplier=instrument.multiplier,
            fees=fees,
            margin=_margin(ticket, instrument, ask),
            strike=instrument.strike,
            is_call=instrument.option_type == "call",
        )


def _quote_of(row: _Row) -> Quote | None:
    if row.quoted_id is None:
        return None
    return Quote(
        instrument_id=row.quoted_id,
        bid=row.bid,
        ask=row.ask,
        last=row.last,
        bid_size=row.bid_size,
        ask_size=row.ask_size,
        quoted_at=row.quoted_at,
        source=row.quote_source,
    )


def _portfolio_of(row: _Row, account: Account, currency: str, *, locked: bool) -> Portfolio:
    if row.portfolio_id is None:
        return ledger.locked(account, currency=currency) if locked else Portfolio(account=account, currency=currency)
    return Portfolio(
        id=row.portfolio_id,
        account=account,
        currency=currency,
        available_balance=row.available,
        reserved_balance=row.reserved,
        owed_balance=row.owed,
    )


def _margin(ticket: Ticket, instrument: Instrument, ask: Decimal | None) -> Decimal | None:
    """The money for a unit of what is margined: what the catalogue says, else all that a unit is worth."""
    if instrument.kind not in _MARGINED:
        return None
    if instrument.margin is not None:
        return instrument.margin
    price = ticket.limit_price or ticket.stop_price or ask
    return None if price is None else price * instrument.multiplier


def _bought_back(request: Request, position: Decimal | None) -> Decimal:
    """The units that a call which is bought back at the market promises no longer."""
    instrument, ticket = request.instrument, request.ticket
    if instrument.option_type != "call" or position is None or position >= 0 or ticket.side is not Side.BUY:
        return _ZERO
    quantity = ticket.quantity if ticket.type is OrderType.MARKET else None
    return _ZERO if quantity is None else min(quantity, -position) * instrument.multiplier
