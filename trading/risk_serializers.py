"""The shapes of what the API takes and gives about risk."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import models
from rest_framework import serializers

from accounts.decimals import plain
from accounts.models import Account
from accounts.strict import (
    LineField,
    MoneyField,
    PriceField,
    StrictBooleanField,
    StrictSerializer,
    WholeNumberField,
)
from trading.models import (
    BreakerEvent,
    BreakerEventKind,
    BreakerMode,
    BreakerScope,
    BreakerState,
    BreakerStatus,
    RiskConfig,
    RiskLimit,
    SizingMode,
)
from trading.models.breaker import LONGEST_STRATEGY
from trading.models.risk import RANGES
from trading.risk import configuration
from trading.risk.breakers import LONGEST_NOTE
from trading.serializers import OwnIdField

_MONEY = ("capital", "daily_loss_limit", "min_liquidity_usd")
_OFF = ("max_capital_per_trade", "max_total_capital", "daily_loss_limit", "max_daily_loss")


class _Stated:
    """A number that is stated: only null switches a limit off, and an empty text is none."""

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        # Before it is asked whether null is allowed, which the framework takes an empty text for.
        if isinstance(data, str) and not data.strip():
            self.fail("not_plain_decimal")  # type: ignore[attr-defined]
        answer: tuple[bool, Any] = super().validate_empty_values(data)  # type: ignore[misc]
        return answer


class _MoneyField(_Stated, MoneyField):
    pass


class _PriceField(_Stated, PriceField):
    pass


def _number(name: str) -> serializers.Field[Any, Any, Any, Any]:
    least, most = RANGES[name]
    words = f"From {least} to {most}." if most < 10**9 else f"From {least}."
    if isinstance(RiskConfig._meta.get_field(name), models.PositiveSmallIntegerField):
        return WholeNumberField(required=False, help_text=words)
    kind = _MoneyField if name in _MONEY else _PriceField
    return kind(required=False, allow_null=name in _OFF, help_text=words)


#: Every field in a range; the rest is spelled out below.
_Ranged: type[StrictSerializer] = type(
    "_Ranged", (StrictSerializer,), {**{name: _number(name) for name in RANGES}, "__module__": __name__}
)


class RiskConfigSerializer(_Ranged):  # type: ignore[misc, valid-type]
    currency = serializers.RegexField(r"^[A-Z0-9]{2,12}\Z", required=False)
    position_sizing_mode = serializers.ChoiceField(
        SizingMode.choices,
        required=False,
        help_text="Copied trades are sized by fixed_percent, whatever stands here.",
    )
    resets_daily = StrictBooleanField(
        required=False, help_text="Breakers that are on only for the loss of a day are reset when it is over."
    )
    revision = WholeNumberField(required=False, min_value=0, help_text="Number of changes so far.")
    note = LineField(required=False, write_only=True, max_length=LONGEST_NOTE, allow_blank=True)
    updated_at = serializers.DateTimeField(read_only=True)


class RiskLimitSerializer(StrictSerializer):
    id = serializers.UUIDField(read_only=True)
    account = OwnIdField(queryset=Account.objects, required=False, allow_null=True)
    symbol = LineField(max_length=40, required=False, allow_null=True)
    max_quantity = _PriceField(required=False, allow_null=True)
    max_notional = _MoneyField(required=False, allow_null=True, help_text="In the instrument's currency.")
    price_band = _PriceField(required=False, allow_null=True, help_text="Fraction of the last price, 0.05 for 5%.")
    max_open_positions = WholeNumberField(required=False, allow_null=True, min_value=0, max_value=1_000_000)
    max_trades_per_day = WholeNumberField(required=False, allow_null=True, min_value=0, max_value=1_000_000)


class BreakerSerializer(StrictSerializer):
    id = serializers.UUIDField()
    scope = serializers.ChoiceField(BreakerScope.choices)
    account = serializers.UUIDField(allow_null=True)
    strategy = serializers.CharField()
    mode = serializers.ChoiceField(BreakerMode.choices)
    state = serializers.ChoiceField(BreakerStatus.choices)
    reasons = serializers.ListField(child=serializers.CharField())
    activated_at = serializers.DateTimeField(allow_null=True)
    resets_at = serializers.DateTimeField(
        allow_null=True, help_text="End of the day with which it is reset by itself, if no limit holds then."
    )
    baseline_at = serializers.DateTimeField(help_text="What closed after it is judged.")
    nearest = PriceField(allow_null=True, help_text="How much of the next limit is used; 1 trips.")
    metrics = serializers.JSONField(help_text="Measures and gauges of the last evaluation.")
    evaluated_at = serializers.DateTimeField(allow_null=True)


class BreakerEventSerializer(StrictSerializer):
    id = serializers.UUIDField()
    occurred_at = serializers.DateTimeField()
    kind = serializers.ChoiceField(BreakerEventKind.choices)
    scope = serializers.ChoiceField(BreakerScope.choices)
    account_name = serializers.CharField()
    strategy = serializers.CharField()
    mode = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()
    reasons = serializers.ListField(child=serializers.CharField())
    metrics = serializers.JSONField()
    thresholds = serializers.JSONField()
    open_positions = serializers.IntegerField(allow_null=True)
    order = serializers.CharField()
    note = serializers.CharField()
    is_automatic = serializers.BooleanField()


class _OwnBreakerField(OwnIdField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queryset=BreakerState.objects, **kwargs)


class BreakerStopSerializer(StrictSerializer):
    account = OwnIdField(queryset=Account.objects, required=False, allow_null=True)
    strategy = LineField(max_length=LONGEST_STRATEGY, required=False, allow_blank=True)
    mode = serializers.ChoiceField(BreakerMode.choices, required=False, help_text="Of an account it is known.")
    level = WholeNumberField(min_value=1, max_value=3)
    note = LineField(max_length=LONGEST_NOTE)


class HaltedSerializer(BreakerSerializer):
    canceled = serializers.IntegerField(help_text="Orders that were canceled, at level 3.")


class FlattenSerializer(StrictSerializer):
    account = OwnIdField(queryset=Account.objects, required=False, allow_null=True)
    confirm = StrictBooleanField()


class FlattenedSerializer(StrictSerializer):
    orders = serializers.ListField(child=serializers.UUIDField())
    waiting = serializers.IntegerField(
        help_text="Positions that are closed once their broker has canceled what holds their units."
    )
    refused = serializers.IntegerField(help_text="Positions that could not be closed; what protects them stays.")


class ResetSerializer(StrictSerializer):
    breaker = _OwnBreakerField()
    note = LineField(max_length=LONGEST_NOTE)


def config_json(config: RiskConfig) -> dict[str, Any]:
    """The configuration as `RiskConfigSerializer` describes it."""
    return {**configuration.as_written(config), "revision": config.revision, "updated_at": _instant(config.updated_at)}


def limit_json(limit: RiskLimit) -> dict[str, Any]:
    """A row of limits as `RiskLimitSerializer` describes it; its account and instrument are loaded."""
    return {
        "id": str(limit.public_id),
        "account": str(limit.account.public_id) if limit.account else None,
        "symbol": limit.instrument.symbol if limit.instrument else None,
        "max_quantity": _text(limit.max_quantity),
        "max_notional": _text(limit.max_notional),
        "price_band": _text(limit.price_band),
        "max_open_positions": limit.max_open_positions,
        "max_trades_per_day": limit.max_trades_per_day,
    }


def breaker_json(state: BreakerState, *, resets_at: datetime | None = None) -> dict[str, Any]:
    """A breaker as `BreakerSerializer` describes it; its account is loaded."""
    return {
        "id": str(state.public_id),
        "scope": state.scope,
        "account": str(state.account.public_id) if state.account else None,
        "strategy": state.strategy,
        "mode": state.mode,
        "state": state.state,
        "reasons": [str(each) for each in state.reasons],
        "activated_at": _instant(state.activated_at),
        "resets_at": _instant(resets_at),
        "baseline_at": _instant(state.baseline_at),
        "nearest": _text(state.nearest),
        "metrics": state.metrics,
        "evaluated_at": _instant(state.evaluated_at),
    }


def event_json(event: BreakerEvent) -> dict[str, Any]:
    """An event as `BreakerEventSerializer` describes it."""
    return {
        "id": str(event.public_id),
        "occurred_at": _instant(event.occurred_at),
        "kind": event.kind,
        "scope": event.scope,
        "account_name": event.account_name,
        "strategy": event.strategy,
        "mode": event.mode,
        "before": event.before,
        "after": event.after,
        "reasons": event.reasons,
        "metrics": event.metrics,
        "thresholds": event.thresholds,
        "open_positions": event.open_positions,
        "order": event.order_id,
        "note": event.note,
        "is_automatic": event.actor_id is None,
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _instant(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")
