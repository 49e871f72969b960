"""The shapes of what the API takes and gives about exit strategies and positions under a plan."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from accounts.decimals import plain
from accounts.errors import InvalidValue
from accounts.models import Account
from accounts.strict import (
    InstantField,
    LineField,
    MoneyField,
    PriceField,
    StrictBooleanField,
    StrictSerializer,
    WholeNumberField,
)
from trading.exits.plans import ExitPlan, PlanRefused
from trading.exits.snapshots import SnapshotRefused, overridden, restored, snapshot
from trading.models import ExitStrategy, PlanExitReason, PlanStatus, TradeSide
from trading.models.exit_strategy import MOST_LEVELS
from trading.plan_words import below, refusal
from trading.serializers import OwnIdField


class LevelSerializer(StrictSerializer):
    share = PriceField(allow_null=True, help_text="Of the quantity at entry.")
    gain = PriceField(allow_null=True, help_text="Of the entry price; null rides, the last level only.")


class PlanSerializer(StrictSerializer):
    """Fractions: 0.2 is 20 %. In an override what is absent stays as it is, and null clears it."""

    stop_loss = PriceField(required=False)
    is_trailing = StrictBooleanField(required=False)
    trail = PriceField(required=False, allow_null=True)
    trail_activation = PriceField(required=False, allow_null=True)
    is_scaling = StrictBooleanField(required=False)
    levels = serializers.ListField(child=LevelSerializer(), required=False, max_length=MOST_LEVELS)
    breaks_even = StrictBooleanField(required=False)
    mirrors = StrictBooleanField(required=False)
    hold_at_most = PriceField(required=False, allow_null=True, help_text="Seconds after the entry.")
    exit_at = InstantField(required=False, allow_null=True)


class ExitStrategySerializer(StrictSerializer):
    id = serializers.UUIDField(read_only=True)
    name = LineField(max_length=100)
    description = LineField(max_length=500, required=False, allow_blank=True)
    plan = PlanSerializer()
    is_default = serializers.BooleanField(read_only=True)
    is_shipped = serializers.BooleanField(read_only=True, help_text="Everybody's, and nobody's to change.")
    archived_at = serializers.DateTimeField(read_only=True, allow_null=True)


class OpenPlanSerializer(StrictSerializer):
    """A position, or a part of it, is put under a plan: a strategy's or one of its own."""

    account = OwnIdField(queryset=Account.objects)
    symbol = LineField(max_length=40)
    strategy = OwnIdField(queryset=ExitStrategy.objects, required=False, allow_null=True)
    plan = PlanSerializer(required=False)
    overrides = PlanSerializer(required=False)
    quantity = PriceField(required=False, min_value=Decimal("0.000000000001"), help_text="All that is free without it.")


class WantedPlanSerializer(StrictSerializer):
    """The exit plan that an order carries: a strategy's or one of its own, with keys that win over it."""

    strategy = OwnIdField(queryset=ExitStrategy.objects, required=False, allow_null=True)
    plan = PlanSerializer(required=False)
    overrides = PlanSerializer(required=False)


class OverrideSerializer(StrictSerializer):
    changes = PlanSerializer()
    revision = WholeNumberField(min_value=0, max_value=2**31 - 1, help_text="The one that was read.")


class PlanExitSerializer(StrictSerializer):
    number = serializers.IntegerField()
    reason = serializers.ChoiceField(PlanExitReason.choices)
    level = serializers.IntegerField(allow_null=True)
    quantity = PriceField()
    decided_price = PriceField(allow_null=True)
    decided_at = serializers.DateTimeField()
    client_order_id = serializers.CharField()
    order = serializers.UUIDField(allow_null=True)
    filled_quantity = PriceField()
    filled_price = PriceField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    problem = serializers.CharField()


class RevisionSerializer(StrictSerializer):
    number = serializers.IntegerField()
    by = serializers.CharField(help_text="E-mail; empty for the system itself.")
    at = serializers.DateTimeField()
    changes = PlanSerializer()
    before = PlanSerializer()
    after = PlanSerializer()


class StopSerializer(StrictSerializer):
    price = PriceField()
    reason = serializers.CharField()
    distance = PriceField(allow_null=True)
    distance_fraction = PriceField(allow_null=True)


class NextLevelSerializer(StrictSerializer):
    number = serializers.IntegerField()
    price = PriceField()
    quantity = PriceField()
    distance = PriceField(allow_null=True)
    distance_fraction = PriceField(allow_null=True)


class ManagedPositionSerializer(StrictSerializer):
    id = serializers.UUIDField()
    account = serializers.UUIDField()
    symbol = serializers.CharField()
    side = serializers.ChoiceField(TradeSide.choices)
    strategy = serializers.UUIDField(allow_null=True)
    status = serializers.ChoiceField(PlanStatus.choices)
    reason = serializers.CharField(help_text="Of the latest exit or the end; empty before.")
    problem = serializers.CharField()
    price_alert = serializers.CharField(help_text="Why its price triggers nothing; empty if it may.")
    entry_order = serializers.UUIDField(allow_null=True, help_text="The order that carried the plan.")
    is_entered = serializers.BooleanField(help_text="False while its entry order may still fill.")
    entry_price = PriceField()
    entry_quantity = PriceField()
    entered_at = serializers.DateTimeField()
    currency = serializers.CharField()
    plan = PlanSerializer(help_text="What counts now.")
    plan_at_entry = PlanSerializer()
    revision = serializers.IntegerField()
    remaining = PriceField(help_text="Units that no exit has claimed.")
    under_way = PriceField(help_text="Units that exits claimed and have not filled.")
    gone = PriceField(help_text="Units that left otherwise.")
    best = PriceField()
    price = PriceField(allow_null=True, help_text="Of getting out now.")
    priced_at = serializers.DateTimeField(allow_null=True)
    stop = StopSerializer(allow_null=True)
    next_level = NextLevelSerializer(allow_null=True)
    is_trail_armed = serializers.BooleanField()
    arms_at = PriceField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
    realized = MoneyField(help_text="Before costs.")
    unrealized = MoneyField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    exits = PlanExitSerializer(many=True)


def plan_of(values: dict[str, Any], *, of: ExitPlan | None = None, place: str = "/plan") -> ExitPlan:
    """The plan with what `PlanSerializer` read. Raises PlanInvalid, with pointers below `place`."""
    if of is None and values.get("stop_loss") is None:
        raise InvalidValue("A plan needs a stop loss.", pointer=f"{place}/stop_loss")
    try:
        # What is absent is as in the plain plan that has a stop alone.
        base = ExitPlan(stop_loss=values["stop_loss"]) if of is None else of
        return overridden(base, written_keys(values)) if of is not None else restored(
            {**snapshot(base), **written_keys(values)}
        )  # fmt: skip
    except (PlanRefused, SnapshotRefused) as error:
        raise below(refusal(error), place) from error


def written_keys(values: Mapping[str, Any]) -> dict[str, Any]:
    """What `PlanSerializer` read, in the words of a snapshot: only the keys that came."""
    return {name: _written(value) for name, value in values.items()}


def _written(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        return [written_keys(each) for each in value]
    return value
