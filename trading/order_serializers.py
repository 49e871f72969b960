"""The shapes of the API's orders: what is asked for, and what is answered."""

import dataclasses
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.decimals import plain
from accounts.errors import InvalidValue
from accounts.models import Account, User
from accounts.prepared import Prepared
from accounts.strict import (
    LineField,
    MoneyField,
    PriceField,
    StrictBooleanField,
    StrictSerializer,
    WholeNumberField,
    is_public_id,
)
from trading import instruments
from trading.models import Instrument, Order, OrderEvent, OrderSource
from trading.models.breaker import LONGEST_STRATEGY
from trading.open_positions import slippage
from trading.order_rows import Intent, Request, WantedPlan
from trading.order_rules.ticket import Ticket
from trading.order_rules.vocabulary import (
    Direction,
    OrderClass,
    OrderType,
    PositionIntent,
    Purpose,
    TimeInForce,
    UnknownWord,
    read,
    read_class,
    read_direction,
)
from trading.order_tickets import ticket_of
from trading.plan_serializers import WantedPlanSerializer, plan_of, written_keys
from trading.serializers import OwnIdField

MOST_AT_ONCE = 500
LONGEST_SYMBOL = 40


@extend_schema_field(OpenApiTypes.STR)
class WordField(serializers.Field):  # type: ignore[type-arg]
    """One word of a vocabulary; other spellings that are known are understood."""

    default_error_messages = {"unknown_word": "{message}"}

    def __init__(self, words: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.read = words

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("unknown_word", message="Send a word.")
        try:
            return self.read(data)
        except UnknownWord as error:
            self.fail("unknown_word", message=str(error))

    def to_representation(self, value: Any) -> str:
        return str(value)


def _word(vocabulary: type[StrEnum], **kwargs: Any) -> WordField:
    return WordField(lambda text: read(vocabulary, text), help_text=f"One of {', '.join(vocabulary)}.", **kwargs)


class NameField(serializers.CharField):
    """A client order id: text as it is, of which the verbs say what it may be. A number is none."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field(OpenApiTypes.STR)
class SymbolField(serializers.Field):  # type: ignore[type-arg]
    """The symbol of an instrument that can be ordered; looked up once for all orders of a request."""

    default_error_messages = {"unknown_symbol": "No instrument of this symbol can be ordered here."}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or not 1 <= len(data) <= LONGEST_SYMBOL or not data.isprintable():
            self.fail("unknown_symbol")
        symbol = data.strip().upper()
        known: dict[str, Instrument | None] = self.context.setdefault("instruments", {})
        if symbol not in known:
            known[symbol] = instruments.active(symbol, person=self.context["person"])
        found = known[symbol]
        if found is None:
            self.fail("unknown_symbol")
        return found

    def to_representation(self, value: Any) -> str:
        return str(value)


class OwnAccountField(OwnIdField):
    """One's own account; looked up once for all orders of a request."""

    def found(self, value: UUID) -> Account | None:
        known: dict[UUID, Account | None] = self.context.setdefault("accounts", {})
        if value not in known:
            known[value] = _own_account.first(owner=self.context["person"].pk, public_id=value)
        return known[value]


_own_account = Prepared(
    lambda owner, public_id: Account.objects.for_user(User(pk=owner)).filter(public_id=public_id),
    owner=-1,
    public_id=UUID(int=0),
)


def accounts_named(data: Any, *, person: User) -> dict[UUID, Account | None]:
    """One's own accounts that orders of a request name, read together; what is no id is left to the fields."""
    given = data.get("orders") if isinstance(data, dict) else None
    named = (
        [each.get("account") for each in given[:MOST_AT_ONCE] if isinstance(each, dict)]
        if isinstance(given, list)
        else []
    )
    ids = {UUID(text) for text in named if is_public_id(text)}
    found: dict[UUID, Account | None] = dict.fromkeys(ids)
    found.update((each.public_id, each) for each in Account.objects.for_user(person).filter(public_id__in=ids))
    return found


class PlacedOrderSerializer(StrictSerializer):
    account = OwnAccountField(queryset=Account.objects.all())
    symbol = SymbolField()
    side = WordField(read_direction, help_text="buy, sell, or one of buy_to_open, buy_to_close, sell_to_open, …")
    type = _word(OrderType)
    time_in_force = _word(TimeInForce)
    quantity = PriceField(required=False, allow_null=True)
    notional = MoneyField(required=False, allow_null=True, help_text="An amount of money in place of a quantity.")
    limit_price = PriceField(required=False, allow_null=True)
    stop_price = PriceField(required=False, allow_null=True)
    trail_price = PriceField(required=False, allow_null=True)
    trail_ratio = PriceField(required=False, allow_null=True, help_text="A fraction: 0.05 is 5%.")
    position_intent = _word(PositionIntent, required=False, allow_null=True)
    extended_hours = StrictBooleanField(required=False, default=False)
    order_class = WordField(
        read_class,
        required=False,
        default=OrderClass.SIMPLE,
        help_text="One of simple, bracket, oco, oto; mleg, an order of several legs, is refused.",
    )
    take_profit_limit = PriceField(required=False, allow_null=True)
    stop_loss_stop = PriceField(required=False, allow_null=True)
    stop_loss_limit = PriceField(required=False, allow_null=True)
    client_order_id = NameField(required=False, allow_blank=True, max_length=128, default="")
    purpose = _word(Purpose, required=False, default=Purpose.ENTRY)
    strategy = LineField(required=False, allow_blank=True, max_length=LONGEST_STRATEGY, default="")
    exit_plan = WantedPlanSerializer(
        required=False, allow_null=True, help_text="What it fills is under this plan from the first fill on."
    )


class BulkOrderSerializer(StrictSerializer):
    orders = serializers.ListField(child=PlacedOrderSerializer(), min_length=1, max_length=MOST_AT_ONCE)


class CancelSerializer(StrictSerializer):
    version = WholeNumberField(required=False, min_value=1)


class ReplaceSerializer(StrictSerializer):
    version = WholeNumberField(required=False, min_value=1)
    client_order_id = NameField(required=False, allow_blank=True, max_length=128)
    quantity = PriceField(
        required=False,
        help_text="What this order is for in all: what it has filled counts, its successor does the rest.",
    )
    limit_price = PriceField(required=False)
    stop_price = PriceField(required=False)
    trail_price = PriceField(required=False)
    trail_ratio = PriceField(required=False)
    time_in_force = _word(TimeInForce, required=False)


class ReasonSerializer(StrictSerializer):
    pointer = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class OrderSerializer(StrictSerializer):
    id = serializers.UUIDField()
    client_order_id = serializers.CharField()
    broker_order_id = serializers.CharField(allow_null=True)
    account = serializers.UUIDField()
    symbol = serializers.CharField()
    venue = serializers.CharField()
    side = serializers.CharField()
    position_intent = serializers.CharField(allow_null=True)
    purpose = serializers.CharField()
    type = serializers.CharField()
    order_class = serializers.CharField()
    time_in_force = serializers.CharField()
    extended_hours = serializers.BooleanField()
    quantity = PriceField(allow_null=True)
    notional = MoneyField(allow_null=True)
    limit_price = PriceField(allow_null=True)
    stop_price = PriceField(allow_null=True)
    trail_price = PriceField(allow_null=True)
    trail_ratio = PriceField(allow_null=True)
    take_profit_limit = PriceField(allow_null=True)
    stop_loss_stop = PriceField(allow_null=True)
    stop_loss_limit = PriceField(allow_null=True)
    status = serializers.CharField()
    is_working = serializers.BooleanField()
    filled_quantity = PriceField()
    remaining_quantity = PriceField(allow_null=True)
    overfill_quantity = PriceField()
    filled_average_price = PriceField(allow_null=True)
    has_late_fill = serializers.BooleanField()
    reject_source = serializers.CharField(allow_null=True)
    reserved_amount = MoneyField()
    reserved_units = PriceField()
    parent = serializers.UUIDField(allow_null=True)  # type: ignore[assignment]
    replaces = serializers.UUIDField(allow_null=True)
    chain = serializers.UUIDField()
    has_exit_plan = serializers.BooleanField(help_text="Managed positions name it as their `entry_order`.")
    strategy = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    version = serializers.IntegerField()
    attempts = serializers.IntegerField()
    reference_price = PriceField(allow_null=True)
    slippage = PriceField(
        allow_null=True, help_text="By how much a unit was filled worse than at `reference_price`; below zero: better."
    )
    duration_ms = serializers.IntegerField(allow_null=True, help_text="From its submission to its last fill.")
    submitted_at = serializers.DateTimeField(allow_null=True)
    accepted_at = serializers.DateTimeField(allow_null=True)
    filled_at = serializers.DateTimeField(allow_null=True)
    canceled_at = serializers.DateTimeField(allow_null=True)
    expired_at = serializers.DateTimeField(allow_null=True)
    rejected_at = serializers.DateTimeField(allow_null=True)
    replaced_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class BulkOrderResultSerializer(StrictSerializer):
    order = OrderSerializer(allow_null=True)
    is_new = serializers.BooleanField()
    errors = ReasonSerializer(many=True)  # type: ignore[assignment]


class BulkOrderAnswerSerializer(StrictSerializer):
    results = BulkOrderResultSerializer(many=True)


class OrderEventSerializer(StrictSerializer):
    id = serializers.UUIDField()
    kind = serializers.CharField()
    event = serializers.CharField()
    outcome = serializers.CharField()
    status_before = serializers.CharField(allow_null=True)
    status_after = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    occurred_at = serializers.DateTimeField()
    quantity = PriceField(allow_null=True)
    price = PriceField(allow_null=True)
    fees = MoneyField(allow_null=True)
    match = serializers.UUIDField(allow_null=True)
    details = serializers.JSONField()
    created_at = serializers.DateTimeField()


def request_of(asked: dict[str, Any]) -> Request:
    """What was asked for, as the verbs take it."""
    direction: Direction = asked["side"]
    ticket = Ticket(
        side=direction.side,
        type=asked["type"],
        time_in_force=asked["time_in_force"],
        quantity=asked.get("quantity"),
        notional=asked.get("notional"),
        limit_price=asked.get("limit_price"),
        stop_price=asked.get("stop_price"),
        trail_price=asked.get("trail_price"),
        trail_ratio=asked.get("trail_ratio"),
        position_intent=asked.get("position_intent") or direction.intent,
        extended_hours=asked["extended_hours"],
        order_class=asked["order_class"],
        take_profit_limit=asked.get("take_profit_limit"),
        stop_loss_stop=asked.get("stop_loss_stop"),
        stop_loss_limit=asked.get("stop_loss_limit"),
    )
    intent = Intent(asked["client_order_id"], asked["purpose"], OrderSource.API, asked["strategy"])
    return Request(asked["account"], asked["symbol"], ticket, intent, exit_plan=_wanted(asked.get("exit_plan")))


def _wanted(asked: dict[str, Any] | None) -> WantedPlan | None:
    if asked is None:
        return None
    if ("plan" in asked) is (asked.get("strategy") is not None):
        raise InvalidValue("Name either a strategy or a plan.", pointer="/exit_plan/strategy")
    plan = plan_of(asked["plan"], place="/exit_plan/plan") if "plan" in asked else None
    return WantedPlan(asked.get("strategy"), plan, written_keys(asked.get("overrides", {})))


_CHANGEABLE = ("quantity", "limit_price", "stop_price", "trail_price", "trail_ratio", "time_in_force")


def ticket_of_change(order: Order, asked: dict[str, Any]) -> Ticket:
    """The order's ticket with what was given in place of its own."""
    return dataclasses.replace(ticket_of(order), **{name: asked[name] for name in _CHANGEABLE if name in asked})


def _number(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


_NUMBERS = (
    "quantity", "notional", "limit_price", "stop_price", "trail_price", "trail_ratio", "take_profit_limit",
    "stop_loss_stop", "stop_loss_limit", "filled_quantity", "overfill_quantity",
    "filled_average_price", "reserved_amount", "reserved_units", "reference_price",
)  # fmt: skip
_AS_THEY_ARE = (
    "client_order_id", "broker_order_id", "venue", "side", "purpose", "type", "order_class", "time_in_force",
    "extended_hours", "status", "is_working", "has_late_fill", "has_exit_plan",
    "strategy", "source", "version", "attempts",
    "submitted_at", "accepted_at", "filled_at", "canceled_at", "expired_at", "rejected_at", "replaced_at", "expires_at",
    "created_at", "updated_at",
)  # fmt: skip


def order_json(order: Order) -> dict[str, Any]:
    """An order as `OrderSerializer` describes it."""
    return {
        "id": str(order.public_id),
        "account": str(order.account.public_id),
        "symbol": order.instrument.symbol,
        "position_intent": order.position_intent or None,
        "reject_source": order.reject_source or None,
        "parent": str(order.parent.public_id) if order.parent else None,
        "replaces": str(order.replaces.public_id) if order.replaces else None,
        "chain": str(order.chain_id),
        "remaining_quantity": _number(order.leaves),
        "slippage": _number(_slippage(order)),
        "duration_ms": _duration(order),
        **{name: getattr(order, name) for name in _AS_THEY_ARE},
        **{name: _number(getattr(order, name)) for name in _NUMBERS},
    }


def _slippage(order: Order) -> Decimal | None:
    is_buy = order.side == "buy"
    return slippage(is_buy=is_buy, filled=order.filled_average_price, reference=order.reference_price)


def _duration(order: Order) -> int | None:
    if order.filled_at is None or order.submitted_at is None:
        return None
    return round((order.filled_at - order.submitted_at) / timedelta(milliseconds=1))


def event_json(event: OrderEvent) -> dict[str, Any]:
    """An event as `OrderEventSerializer` describes it."""
    return {
        "id": str(event.public_id),
        "kind": event.kind,
        "event": event.event,
        "outcome": event.outcome,
        "status_before": event.status_before or None,
        "status_after": event.status_after,
        "source": event.source,
        "occurred_at": event.occurred_at,
        "quantity": _number(event.quantity),
        "price": _number(event.price),
        "fees": _number(event.fees),
        "match": str(event.match_id) if event.match_id else None,
        "details": event.details,
        "created_at": event.created_at,
    }
