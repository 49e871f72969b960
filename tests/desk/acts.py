"""What people do at a desk, at random and over its API: everything that moves orders, money, plans and risk.

Every act has a name of its own, as which it is known to the server however often it is sent.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.desk.sending import ORDERS, Sender

API = "/api/v1/"
#: What orders are for; the future is margined.
SYMBOLS = ("ACME", "BOLT", "ES")
#: What is traded by hand alone.
BY_HAND = "HAND"
STRATEGY = "swing"
_TYPES = ("market", "market", "limit", "limit", "limit", "stop", "stop_limit", "trailing_stop")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with accounts, by their outside ids. In the last of them some trades are entered by hand, too."""

    secret: str
    accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """An act and its answer. What was asked is `body`, to be found at `path`, under this name."""

    kind: str
    name: str
    path: str
    body: Any
    status: int
    told: Any


class Trader:
    """Acts for all of these people in turn, over one connection; what it did is appended to `done`."""

    def __init__(self, sender: Sender, number: int, people: list[Person], done: list[Done]) -> None:
        self.sender, self.number, self.people, self.done = sender, number, people, done
        self.chance = random.Random(number)
        self.count = 0
        self.deleted: list[tuple[Person, Any]] = []
        moves: dict[Callable[[], None], int] = {
            self.place: 30, self.place_many: 8, self.place_group: 9, self.place_with_plan: 6, self.cancel: 8,
            self.replace: 8, self.move_cash: 9, self.open_plan: 9, self.override_plan: 6, self.end_plan: 5,
            self.enter_trade: 4, self.delete_trade: 3, self.restore_trade: 2, self.limit: 3, self.stop: 1,
            self.reset: 5, self.flatten: 1, self.session: 2,
        }  # fmt: skip
        self._moves, self._weights = list(moves), list(moves.values())

    def act(self) -> None:
        """One more thing is done, or refused, and answered either way."""
        self.count += 1
        self.name = f"{self.number}-{self.count}"
        self.person = self.chance.choice(self.people)
        self.account = self.chance.choice(self.person.accounts)
        self.chance.choices(self._moves, self._weights)[0]()

    # ------------------------------------------------------------------ orders

    def place(self) -> None:
        self._ask("order", ORDERS, self._order(self.name), is_keyed=self.chance.random() < 0.5)

    def place_many(self) -> None:
        orders = [self._order(f"{self.name}-{number}") for number in range(self.chance.randint(2, 6))]
        self._ask("bulk", f"{ORDERS}bulk/", {"orders": orders}, is_keyed=self.chance.random() < 0.5)

    def place_group(self) -> None:
        """A bracket, an order that triggers another, or two of which one cancels the other where something is held."""
        side = self.chance.choice(["buy", "sell"])
        symbol, quantity = self._symbol(), self._units()
        kind, limit = self.chance.choice(["bracket", "oto", "oco"]), self._price()
        if kind == "oco" and (held := self._one(f"positions/?account={self.account}")):
            symbol, quantity = held["symbol"], held["quantity"].removeprefix("-")
            side = "buy" if held["quantity"].startswith("-") else "sell"
        gain, loss = ("10.40", "9.60") if (side == "buy") is not (kind == "oco") else ("9.60", "10.40")
        body = {
            **self._about(self.name), "symbol": symbol, "side": side, "quantity": quantity, "order_class": kind,
            "type": "limit", "time_in_force": "gtc", "limit_price": gain if kind == "oco" else limit,
            "stop_loss_stop": loss,
        }  # fmt: skip
        if kind != "oto":
            body["take_profit_limit"] = gain
        self._ask("order", ORDERS, body)

    def place_with_plan(self) -> None:
        body = {**self._order(self.name), "purpose": "entry", "exit_plan": {"plan": self._plan()}}
        self._ask("order", ORDERS, body)

    def cancel(self) -> None:
        if order := self._one(f"orders/?live=true&account={self.account}"):
            body = {"version": order["version"]} if self.chance.random() < 0.3 else {}
            self._ask("cancel", f"{ORDERS}{order['id']}/cancel/", body)

    def replace(self) -> None:
        if order := self._one(f"orders/?live=true&account={self.account}"):
            body = {"client_order_id": self.name, "quantity": self._units()}
            if order["limit_price"] is not None:
                body["limit_price"] = self._price()
            self._ask("replace", f"{ORDERS}{order['id']}/replace/", body)

    def _order(self, name: str) -> dict[str, Any]:
        kind = self.chance.choice(_TYPES)
        may_be_at_once = kind in ("market", "limit")
        body = {
            **self._about(name), "symbol": self._symbol(), "side": self.chance.choice(["buy", "sell"]), "type": kind,
            "quantity": self._units(),
            "time_in_force": self.chance.choice(["gtc", "gtc", "day", *(["ioc", "fok"] if may_be_at_once else [])]),
        }  # fmt: skip
        if kind in ("limit", "stop_limit"):
            body["limit_price"] = self._price()
        if kind in ("stop", "stop_limit"):
            body["stop_price"] = self._price()
        if kind == "trailing_stop":
            body |= self.chance.choice([{"trail_price": "0.05"}, {"trail_ratio": "0.01"}])
        return body

    def _about(self, name: str) -> dict[str, Any]:
        return {"account": self.account, "client_order_id": name, "strategy": self.chance.choice([STRATEGY, ""])}

    # ------------------------------------------------------------------ money

    def move_cash(self) -> None:
        kind = self.chance.choice(["deposits", "withdrawals", "withdrawals", "adjustments"])
        amount = f"{self.chance.randint(1, 5000) / 100:.2f}"
        if kind == "adjustments" and self.chance.random() < 0.5:
            amount = f"-{amount}"
        self._ask("cash", f"{API}accounts/{self.account}/{kind}/", {"amount": amount, "currency": "USD"})

    # ------------------------------------------------------------------ exit plans

    def open_plan(self) -> None:
        if held := self._one(f"positions/?account={self.account}"):
            body = {"account": self.account, "symbol": held["symbol"], "plan": self._plan()}
            if self.chance.random() < 0.5:
                body["quantity"] = str(self.chance.randint(1, 5))
            self._ask("plan", f"{API}managed-positions/", body)

    def override_plan(self) -> None:
        if plan := self._one(f"managed-positions/?is_open=true&account={self.account}"):
            # No two are the same: each that is taken changes something.
            loss = f"0.{self.chance.randrange(5, 50):03d}{self.count:06d}{self.number}"
            body = {"revision": plan["revision"], "changes": {"stop_loss": loss}}
            self._ask("override", f"{API}managed-positions/{plan['id']}/override/", body)

    def end_plan(self) -> None:
        if plan := self._one(f"managed-positions/?is_open=true&account={self.account}"):
            kind = self.chance.choice(["close", "close", "let-go"])
            self._ask(kind, f"{API}managed-positions/{plan['id']}/{kind}/")

    def _plan(self) -> dict[str, Any]:
        plan: dict[str, Any] = {"stop_loss": f"0.{self.chance.randrange(5, 40):03d}"}
        match self.chance.randrange(3):
            case 0:
                plan |= {"is_trailing": True, "trail": "0.01", "trail_activation": "0.005"}
            case 1:
                levels = [{"share": "0.5", "gain": "0.005"}, {"share": "0.5", "gain": "0.02"}]
                plan |= {"is_scaling": True, "levels": levels, "breaks_even": True}
            case _:
                plan["hold_at_most"] = str(self.chance.randint(5, 60))
        return plan

    # ------------------------------------------------------------------ trades by hand

    def enter_trade(self) -> None:
        """In what is traded by hand alone; or amid what orders fill, in the account that is for it."""
        is_amid = self.account == self.person.accounts[-1] and self.chance.random() < 0.5
        # No two fills of all have the same time.
        first = datetime(2026, 1, 5, 15, tzinfo=UTC) + timedelta(seconds=self.count, milliseconds=self.number)
        fills = [
            {
                "side": self.chance.choice(["buy", "sell"]), "quantity": self._units(), "price": self._price(),
                "executed_at": (first + timedelta(microseconds=number)).isoformat(), "commission": "0.35",
            }
            for number in range(self.chance.randint(1, 2))
        ]  # fmt: skip
        symbol = self._symbol() if is_amid else BY_HAND
        self._ask("trade", f"{API}trades/", {"account": self.account, "symbol": symbol, "fills": fills})

    def delete_trade(self) -> None:
        if trade := self._one(f"trades/?account={self.account}&symbol={BY_HAND}"):
            answer = self._ask("delete", f"{API}trades/{trade['id']}/", method="DELETE")
            if answer.status == 200:
                self.deleted.append((self.person, answer.told["undo"]))

    def restore_trade(self) -> None:
        if self.deleted:
            self.person, undo = self.deleted.pop(self.chance.randrange(len(self.deleted)))
            self._ask("restore", f"{API}trades/restore/", undo)

    # ------------------------------------------------------------------ risk

    def limit(self) -> None:
        limit = self._one("risk-limits/")
        if limit and self.chance.random() < 0.5:
            self._ask("unlimit", f"{API}risk-limits/{limit['id']}/", method="DELETE")
        elif limit and self.chance.random() < 0.5:
            body = {"max_quantity": str(self.chance.randint(10, 40))}
            self._ask("relimit", f"{API}risk-limits/{limit['id']}/", body, method="PATCH")
        else:
            body = {"account": self.account, "symbol": self.chance.choice([None, *SYMBOLS])}
            body |= self.chance.choice([{"max_quantity": "25"}, {"max_notional": "250"}, {"max_open_positions": 4}])
            self._ask("limit", f"{API}risk-limits/", body)

    def stop(self) -> None:
        whose = self.chance.choice([{"account": self.account}, {"strategy": STRATEGY, "mode": "simulation"}])
        body = {**whose, "level": self.chance.randint(1, 3), "note": self.name}
        self._ask("stop", f"{API}breaker/activate/", body)

    def reset(self) -> None:
        on = [each for each in self._rows("breaker/") if each["state"] != "active"]
        if on:
            body = {"breaker": self.chance.choice(on)["id"], "note": self.name}
            self._ask("reset", f"{API}breaker/reset/", body)

    def flatten(self) -> None:
        self._ask("flatten", f"{API}breaker/flatten/", {"account": self.account, "confirm": True})

    def session(self) -> None:
        if going := self._one(f"sessions/?is_open=true&account={self.account}"):
            self._ask("end", f"{API}sessions/{going['id']}/end/")
        else:
            self._ask("session", f"{API}sessions/", {"account": self.account, "name": self.name})

    # ------------------------------------------------------------------ asking

    def _ask(self, kind: str, path: str, body: Any = None, *, method: str = "POST", is_keyed: bool = True) -> Done:
        key = self.name if is_keyed and method == "POST" else ""
        status, told = self.sender.send(method, path, body, secret=self.person.secret, key=key)
        self.done.append(Done(kind, self.name, path, body, status, told))
        return self.done[-1]

    def _rows(self, path: str) -> list[Any]:
        status, told = self.sender.send("GET", f"{API}{path}", secret=self.person.secret)
        assert status == 200, told
        rows: list[Any] = told["results"]
        return rows

    def _one(self, path: str) -> Any:
        rows = self._rows(path)
        return self.chance.choice(rows) if rows else None

    def _symbol(self) -> str:
        return self.chance.choice(SYMBOLS)

    def _units(self) -> str:
        return str(self.chance.randint(1, 30))

    def _price(self) -> str:
        return f"{self.chance.randint(980, 1020) / 100:.2f}"
