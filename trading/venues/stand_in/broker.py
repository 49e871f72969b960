"""What a broker keeps: orders, fills, positions, cash and activities, in Alpaca's shapes. No Django, no network.

It does by itself what a broker does at once: takes an order, or refuses it, and fills what its prices allow. All else
is done when a test, or whoever tries things out, says so.
"""

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

_ZERO = Decimal(0)
Json = dict[str, Any]
_OPEN = frozenset({"new", "accepted", "pending_new", "held", "partially_filled", "pending_cancel", "pending_replace"})
_TYPES = frozenset({"market", "limit", "stop", "stop_limit", "trailing_stop"})
_TIMES = frozenset({"day", "gtc", "ioc", "fok", "opg", "cls"})


@dataclass
class Refusal(Exception):
    """What the broker answers in place of an order."""

    status: int
    code: int
    message: str
    details: Mapping[str, str] = field(default_factory=dict)


class Broker:
    """One account at a broker. Every method may be called from any thread."""

    def __init__(self, *, cash: str = "100000", number: str = "PA3STANDIN") -> None:
        self.lock = threading.RLock()
        self.number, self.cash = number, Decimal(cash)
        self.orders: dict[str, Json] = {}
        self.positions: dict[str, Decimal] = {}
        self.activities: list[Json] = []
        #: Offers by symbol: bid and ask. What they allow is filled at once.
        self.quotes: dict[str, tuple[Decimal, Decimal]] = {}
        #: Messages of the stream that nobody was told, because they are held back.
        self.held: list[Json] = []
        self.is_holding = self.is_mute = self.keeps_requests = False
        self.listeners: list[Callable[[Json], None]] = []
        self._clock = datetime.now(UTC)

    # --- requests ------------------------------------------------------------------------------------

    def place(self, body: Mapping[str, Any]) -> Json:
        """The order as it was taken. Raises Refusal."""
        with self.lock:
            self._check(body)
            order = self._order(body)
            self._refuse_unpayable(order)
            self.orders[order["id"]] = order
            legs = self._legs(order, body)
            answer = {**order, "legs": [dict(leg) for leg in legs] or None}
            self._tell("new" if order["status"] != "held" else "held", self._now_is(order, "new"))
            self._meet_quote(order)
            return answer

    def cancel(self, broker_id: str) -> None:
        """The order, and the exits that it brought, are asked to be canceled. Raises Refusal."""
        with self.lock:
            order = self.found(broker_id)
            if order["status"] not in _OPEN:
                raise Refusal(422, 42210000, f'order is already in "{order["status"]}" state')
            if self.keeps_requests:
                self._tell("pending_cancel", self._now_is(order, "pending_cancel"))
                return
            self.end(broker_id, "canceled")

    def replace(self, broker_id: str, body: Mapping[str, Any]) -> Json:
        """The order that takes its place. Raises Refusal."""
        with self.lock:
            old = self.found(broker_id)
            if old["status"] not in ("new", "accepted", "partially_filled"):
                raise Refusal(422, 42210000, f'order is not open; it is "{old["status"]}"')
            name = str(body.get("client_order_id") or uuid.uuid4())
            self._refuse_taken(name)
            changed = {key: str(body[key]) for key in ("qty", "limit_price", "stop_price") if body.get(key)}
            new = {**old, **changed, "id": str(uuid.uuid4()), "client_order_id": name, "filled_qty": "0",
                   "filled_avg_price": None, "replaces": old["id"], "status": "new", "legs": None}  # fmt: skip
            new["created_at"] = new["submitted_at"] = new["updated_at"] = self.tick()
            self.orders[new["id"]] = new
            old["replaced_by"] = new["id"]
            old["replaced_at"] = self.tick()
            self._tell("replaced", self._now_is(old, "replaced"))
            self._tell("new", new)
            self._meet_quote(new)
            return dict(new)

    def found(self, broker_id: str) -> Json:
        """The order of this id, as it is kept. Raises Refusal."""
        if broker_id not in self.orders:
            raise Refusal(404, 40410000, f"order not found for {broker_id}")
        return self.orders[broker_id]

    def of_client(self, client_order_id: str) -> Json:
        """The order of this client id. Raises Refusal."""
        for order in self.orders.values():
            if order["client_order_id"] == client_order_id:
                return order
        raise Refusal(404, 40410000, "order not found")

    def nested(self, order: Json) -> Json:
        """The order with the exits that it brought."""
        legs = [dict(leg) for leg in self.orders.values() if leg.get("parent") == order["id"]]
        return {**order, "legs": legs or None}

    def open(self) -> list[Json]:
        """Every order that is open, the oldest first, with its exits."""
        with self.lock:
            rows = [order for order in self.orders.values() if order["status"] in _OPEN and not order.get("parent")]
            return [self.nested(order) for order in sorted(rows, key=lambda order: str(order["submitted_at"]))]

    def account(self) -> Json:
        """The account."""
        with self.lock:
            return {"account_number": self.number, "status": "ACTIVE", "currency": "USD", "cash": str(self.cash)}

    def holdings(self) -> list[Json]:
        """What is held."""
        with self.lock:
            return [
                {"symbol": symbol.replace("/", ""), "qty": str(quantity), "side": "long" if quantity > 0 else "short"}
                for symbol, quantity in sorted(self.positions.items())
                if quantity
            ]

    # --- the market ------------------------------------------------------------------------------------

    def quote(self, symbol: str, bid: str, ask: str) -> None:
        """The market bids and asks that from now on, and orders have met it."""
        with self.lock:
            self.quotes[symbol] = (Decimal(bid), Decimal(ask))
            for order in list(self.orders.values()):
                if order["symbol"] == symbol and order["status"] in ("new", "partially_filled"):
                    self._meet_quote(order)

    def fill(self, broker_id: str, quantity: str, price: str) -> str:
        """So much of the order is executed; the id of the execution. An order at its end may fill late."""
        with self.lock:
            order = self.orders[broker_id]
            many, at = Decimal(quantity), Decimal(price)
            before = Decimal(order["filled_qty"])
            after = before + many
            spent = before * Decimal(order["filled_avg_price"] or "0") + many * at
            order["filled_qty"], order["filled_avg_price"] = str(after), str((spent / after).quantize(Decimal("1e-9")))
            is_full = after >= Decimal(order["qty"] or after)
            if order["status"] in _OPEN and (is_full or order["status"] not in ("pending_cancel", "pending_replace")):
                order["status"] = "filled" if is_full else "partially_filled"
            sign = 1 if order["side"] == "buy" else -1
            held = self.positions.get(order["symbol"], _ZERO) + sign * many
            self.positions[order["symbol"]] = held
            self.cash -= sign * many * at
            when = self.tick()
            order["updated_at"] = when
            if is_full:
                order["filled_at"] = when
            execution = str(uuid.uuid4())
            name = "fill" if is_full else "partial_fill"
            self.activities.append({
                "id": _activity_id(when),
                "activity_type": "FILL", "transaction_time": when, "type": name, "price": str(at), "qty": str(many),
                "side": order["side"], "symbol": order["symbol"],
                "leaves_qty": str(Decimal(order["qty"] or after) - after),
                "cum_qty": str(after), "order_id": order["id"], "order_status": order["status"],
            })  # fmt: skip
            self._tell(name, order, timestamp=when, price=str(at), qty=str(many), execution_id=execution,
                       position_qty=str(held))  # fmt: skip
            if is_full:
                self._after_fill(order)
            return execution

    def end(self, broker_id: str, how: str = "canceled") -> None:
        """The order has ended as canceled, expired or rejected, and its exits with it."""
        with self.lock:
            order = self.orders[broker_id]
            order[{"canceled": "canceled_at", "expired": "expired_at", "rejected": "failed_at"}[how]] = self.tick()
            self._tell(how, self._now_is(order, how))
            for leg in self.orders.values():
                if leg.get("parent") == broker_id and leg["status"] in _OPEN:
                    leg["canceled_at"] = self.tick()
                    self._tell("canceled", self._now_is(leg, "canceled"))

    def pay(self, kind: str, amount: str) -> None:
        """Money has come or gone otherwise than by a fill."""
        with self.lock:
            self.cash += Decimal(amount)
            when = self.tick()
            self.activities.append({
                "id": _activity_id(when), "activity_type": kind,
                "date": when[:10], "created_at": when, "net_amount": amount, "description": "",
            })  # fmt: skip

    # --- the stream --------------------------------------------------------------------------------------

    def _tell(self, event: str, order: Json, **more: str) -> None:
        data: Json = {
            "event": event,
            "event_id": uuid.uuid4().hex,
            "timestamp": more.pop("timestamp", order["updated_at"]),
            "order": {name: value for name, value in order.items() if name != "parent"},
            **more,
        }
        message = {"stream": "trade_updates", "data": data}
        if self.is_mute:
            return
        if self.is_holding:
            self.held.append(message)
            return
        self.say(message)

    def say(self, message: Json) -> None:
        """Everybody who listens is told."""
        for listener in list(self.listeners):
            listener(message)

    # --- how it is done ----------------------------------------------------------------------------------

    def tick(self) -> str:
        """The time, later by at least a millisecond than when it was last asked for."""
        self._clock = max(datetime.now(UTC), self._clock + timedelta(milliseconds=1))
        return self._clock.isoformat(timespec="microseconds").replace("+00:00", "Z")

    def _now_is(self, order: Json, status: str) -> Json:
        if status != "new" or order["status"] != "held":
            order["status"] = status
        order["updated_at"] = self.tick()
        return order

    def _check(self, body: Mapping[str, Any]) -> None:
        self._refuse_taken(str(body.get("client_order_id") or ""))
        if body.get("type") not in _TYPES or body.get("time_in_force") not in _TIMES:
            raise Refusal(422, 42210000, "invalid order type or time_in_force")
        if body.get("side") not in ("buy", "sell") or not body.get("symbol"):
            raise Refusal(422, 42210000, "invalid side or symbol")
        try:
            numbers = [Decimal(str(body[name])) for name in ("qty", "notional", "limit_price") if body.get(name)]
        except InvalidOperation:
            raise Refusal(422, 42210000, "a number is not one") from None
        if any(number <= 0 for number in numbers) or bool(body.get("qty")) is bool(body.get("notional")):
            raise Refusal(422, 42210000, "qty or notional must be > 0")

    def _refuse_taken(self, client_order_id: str) -> None:
        if any(order["client_order_id"] == client_order_id for order in self.orders.values()):
            raise Refusal(422, 40010001, "client_order_id must be unique")

    def _refuse_unpayable(self, order: Json) -> None:
        quantity = Decimal(order["qty"] or "0")
        if order["side"] == "buy":
            needs = quantity * Decimal(order["limit_price"] or "0") + Decimal(order["notional"] or "0")
            if needs > self.cash:
                details = {"buying_power": str(self.cash), "cost_basis": str(needs)}
                raise Refusal(403, 40310000, "insufficient buying power", details)

    def _order(self, body: Mapping[str, Any]) -> Json:
        now = self.tick()
        numbers = ("qty", "notional", "limit_price", "stop_price", "trail_price", "trail_percent")
        return {
            "id": str(uuid.uuid4()), "client_order_id": str(body.get("client_order_id") or uuid.uuid4()),
            "created_at": now, "updated_at": now, "submitted_at": now, "filled_at": None, "expired_at": None,
            "canceled_at": None, "failed_at": None, "replaced_at": None, "replaced_by": None, "replaces": None,
            "symbol": str(body["symbol"]), "asset_class": "crypto" if "/" in str(body["symbol"]) else "us_equity",
            **{name: str(body[name]) if body.get(name) else None for name in numbers},
            "filled_qty": "0", "filled_avg_price": None, "order_class": str(body.get("order_class") or ""),
            "type": str(body["type"]), "side": str(body["side"]), "time_in_force": str(body["time_in_force"]),
            "position_intent": body.get("position_intent"), "extended_hours": bool(body.get("extended_hours")),
            "status": "pending_new", "legs": None,
        }  # fmt: skip

    def _legs(self, order: Json, body: Mapping[str, Any]) -> list[Json]:
        legs = []
        other = "sell" if order["side"] == "buy" else "buy"
        for name, kind in (("take_profit", "limit"), ("stop_loss", "stop")):
            asked = body.get(name)
            if not isinstance(asked, Mapping):
                continue
            if order["order_class"] == "oco" and name == "take_profit":
                order["limit_price"] = str(asked["limit_price"])
                continue
            leg = self._order({
                "symbol": order["symbol"], "side": order["side"] if order["order_class"] == "oco" else other,
                "type": "stop_limit" if kind == "stop" and asked.get("limit_price") else kind, "qty": order["qty"],
                "time_in_force": order["time_in_force"], "order_class": order["order_class"], **asked,
            })  # fmt: skip
            leg["status"], leg["parent"] = "held", order["id"]
            self.orders[leg["id"]] = leg
            legs.append(leg)
        return legs

    def _after_fill(self, order: Json) -> None:
        """The exits of an entry work; of two exits the other goes."""
        for leg in self.orders.values():
            if leg.get("parent") == order["id"] and leg["status"] == "held" and leg["type"] == "limit":
                leg["status"] = "new"
                self._tell("new", self._now_is(leg, "new"))
        parent = order.get("parent")
        for leg in self.orders.values():
            if parent and leg.get("parent") == parent and leg["id"] != order["id"] and leg["status"] in _OPEN:
                leg["canceled_at"] = self.tick()
                self._tell("canceled", self._now_is(leg, "canceled"))

    def _meet_quote(self, order: Json) -> None:
        quote = self.quotes.get(order["symbol"])
        if quote is None or order["status"] not in ("new", "partially_filled") or not order["qty"]:
            return
        bid, ask = quote
        is_buy, limit = order["side"] == "buy", Decimal(order["limit_price"] or "0")
        price = ask if is_buy else bid
        is_met = order["type"] == "market" or (
            order["type"] == "limit" and (price <= limit if is_buy else price >= limit)
        )
        if is_met:
            self.fill(order["id"], str(Decimal(order["qty"]) - Decimal(order["filled_qty"])), str(price))


def _activity_id(when: str) -> str:
    """Its time in digits, and an id that is not the execution's."""
    return f"{''.join(each for each in when if each.isdigit())[:17]}::{uuid.uuid4()}"
