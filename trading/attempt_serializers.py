"""Requests to brokers about orders, as the API shows them."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from accounts.decimals import plain
from accounts.strict import MoneyField, PriceField, StrictSerializer
from trading.models import OrderAttempt


class AttemptSerializer(StrictSerializer):
    number = serializers.IntegerField()
    kind = serializers.CharField()
    is_lookup = serializers.BooleanField()
    result = serializers.CharField(allow_null=True, help_text="Null while it is under way.")
    requested_price = PriceField(allow_null=True)
    requested_quantity = PriceField(allow_null=True)
    requested_amount = MoneyField(allow_null=True)
    executed_price = PriceField(allow_null=True)
    executed_quantity = PriceField(allow_null=True)
    slippage_bps = PriceField(allow_null=True)
    http_status = serializers.IntegerField(allow_null=True)
    error_code = serializers.CharField()
    error = serializers.CharField()
    duration_ms = serializers.IntegerField(allow_null=True)
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


def attempt_json(attempt: OrderAttempt) -> dict[str, Any]:
    """A request to a broker as `AttemptSerializer` describes it."""
    numbers = ("requested_price", "requested_quantity", "requested_amount", "executed_price", "executed_quantity")
    return {
        "number": attempt.number,
        "kind": attempt.command.kind,
        "is_lookup": attempt.is_lookup,
        "result": attempt.result or None,
        **{name: _number(getattr(attempt, name)) for name in (*numbers, "slippage_bps")},
        "http_status": attempt.http_status,
        "error_code": attempt.error_code,
        "error": attempt.error,
        "duration_ms": attempt.milliseconds,
        "started_at": attempt.started_at,
        "ended_at": attempt.ended_at,
    }


def _number(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)
