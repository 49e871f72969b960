"""The shapes of what the API takes and gives about trades, fills, tags and reference data."""

import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils import timezone
from rest_framework import serializers

from accounts.models import Account, User
from accounts.strict import (
    InstantField,
    LineField,
    MoneyField,
    PriceField,
    StrictBooleanField,
    StrictSerializer,
    TextField,
    WholeNumberField,
)
from trading.models import (
    ExecutionSource,
    FillRole,
    InstrumentKind,
    InstrumentStatus,
    Outcome,
    Side,
    Tag,
    TagGroup,
    TradeSide,
    TradeStatus,
)

MOST_FILLS = 200
MOST_TAGS = 20

_SMALLEST = Decimal("0.000000000001")
_EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
CURRENCY = r"^[A-Z][A-Z0-9]{1,11}\Z"


class OwnIdField(serializers.UUIDField):
    """The outside id of something of one's own. What is foreign is refused as what does not exist."""

    default_error_messages = {"does_not_exist": "There is nothing of yours with this id."}

    def __init__(self, *, queryset: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.queryset = queryset

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        value = super().to_internal_value(data)
        if str(value) != data:
            self.fail("invalid", value=data)
        found = self.found(value)
        if found is None:
            self.fail("does_not_exist")
        return found

    def found(self, value: UUID) -> Any:
        """What of the person's own has this id, None where nothing has."""
        return self.queryset.for_user(self.context["person"]).filter(public_id=value).first()


class FillTimeField(InstantField):
    """When a fill happened: not before 1970 and not in the future."""

    default_error_messages = {
        "too_early": "A time before 1970 is not taken.",
        "future": "This lies in the future.",
    }

    def to_internal_value(self, value: Any) -> datetime:
        at = super().to_internal_value(value)
        if at < _EARLIEST:
            self.fail("too_early")
        if at > timezone.now() + timedelta(days=2):
            self.fail("future")
        return at


class TagSerializer(StrictSerializer):
    id = serializers.UUIDField(source="public_id", read_only=True)
    name = LineField(max_length=50)
    color = serializers.RegexField(r"^#[0-9a-fA-F]{6}\Z", required=False)
    group = OwnIdField(queryset=TagGroup.objects, required=False, allow_null=True)


class TradeSerializer(StrictSerializer):
    id = serializers.UUIDField()
    account = serializers.UUIDField()
    symbol = serializers.CharField()
    side = serializers.ChoiceField(TradeSide.choices)
    status = serializers.ChoiceField(TradeStatus.choices)
    currency = serializers.CharField()
    quantity = PriceField(help_text="All that was entered.")
    open_quantity = PriceField()
    entry_price = PriceField()
    exit_price = PriceField(allow_null=True)
    opened_at = serializers.DateTimeField(allow_null=True, help_text="null where the source gave a date only.")
    closed_at = serializers.DateTimeField(allow_null=True)
    opened_on = serializers.DateField()
    closed_on = serializers.DateField(allow_null=True)
    activity_at = serializers.DateTimeField(help_text="Of the latest fill; lists are in this order.")
    gross_pnl = MoneyField()
    fees = MoneyField(help_text="Costs are positive.")
    net_pnl = MoneyField(help_text="Realized so far, after costs.")
    realized_pnl = MoneyField(help_text="Of net_pnl, what belongs to the days from `from` to `to`.")
    broker_pnl = MoneyField(allow_null=True)
    outcome = serializers.ChoiceField(Outcome.choices, allow_null=True)
    initial_stop = PriceField(allow_null=True)
    initial_target = PriceField(allow_null=True)
    planned_r = PriceField(allow_null=True)
    realized_r = PriceField(allow_null=True)
    tags = TagSerializer(many=True)
    note = serializers.CharField()
    reviewed_at = serializers.DateTimeField(allow_null=True)
    rating = serializers.IntegerField(allow_null=True, help_text="How well it was traded, 1 to 5.")
    mae = MoneyField(allow_null=True, help_text="Largest open loss before the close; null without bars.")
    mfe = MoneyField(allow_null=True, help_text="Largest open profit before the close; null without bars.")
    excursion_source = serializers.CharField(
        allow_null=True, help_text="The bars that both were measured on: how long one is, and who made them."
    )


class SourceLineSerializer(StrictSerializer):
    """A line of the file that a fill came from, as it stands there."""

    batch = serializers.UUIDField()
    filename = serializers.CharField()
    line = serializers.IntegerField()
    raw = serializers.CharField()


class TradeFillSerializer(StrictSerializer):
    """The part of a fill that belongs to the trade; a fill that turns a position round has a part in two."""

    execution = serializers.UUIDField()
    role = serializers.ChoiceField(FillRole.choices)
    side = serializers.ChoiceField(Side.choices)
    quantity = PriceField()
    price = PriceField()
    executed_at = serializers.DateTimeField(allow_null=True)
    day = serializers.DateField()
    fees = MoneyField()
    gross_pnl = MoneyField(allow_null=True)
    net_pnl = MoneyField(allow_null=True)
    broker_pnl = MoneyField(allow_null=True)
    source = serializers.ChoiceField(ExecutionSource.choices)  # type: ignore[assignment]
    broker_fill_id = serializers.CharField()
    order_id = serializers.CharField()
    line = SourceLineSerializer(allow_null=True)


class TradeDetailSerializer(TradeSerializer):
    fills = TradeFillSerializer(many=True)
    as_of = serializers.IntegerField()


class TradesWrittenSerializer(TradeDetailSerializer):
    """The trade that the last of the fills went to, and the ids of all trades that the fills are in."""

    made = serializers.ListField(child=serializers.UUIDField())


class EnteredFillSerializer(StrictSerializer):
    side = serializers.ChoiceField(Side.choices)
    quantity = PriceField(min_value=_SMALLEST)
    price = PriceField()
    executed_at = FillTimeField()
    commission = MoneyField(default=Decimal(0))
    fees = MoneyField(default=Decimal(0))


class TradeWordsSerializer(StrictSerializer):
    """What a person may change of a trade. `fills` replaces all of its fills."""

    fills = EnteredFillSerializer(many=True, required=False, min_length=1, max_length=MOST_FILLS)  # type: ignore[call-arg]
    initial_stop = PriceField(required=False, allow_null=True)
    initial_target = PriceField(required=False, allow_null=True)
    note = TextField(required=False, allow_blank=True, max_length=20_000)
    tags = serializers.ListField(
        child=OwnIdField(queryset=Tag.objects), required=False, max_length=MOST_TAGS, help_text="Ids of tags."
    )
    reviewed = StrictBooleanField(required=False)
    rating = WholeNumberField(required=False, allow_null=True, min_value=1, max_value=5)


class EnteredTradeSerializer(StrictSerializer):
    """A trade entered by hand."""

    account = OwnIdField(queryset=Account.objects)
    symbol = LineField(max_length=40, help_text="An instrument that exists, a futures contract, a stock, a pair …")
    kind = serializers.ChoiceField(InstrumentKind.choices, required=False)
    currency = serializers.RegexField(CURRENCY, required=False, help_text="Of a new instrument.")
    fills = EnteredFillSerializer(many=True, min_length=1, max_length=MOST_FILLS)  # type: ignore[call-arg]
    initial_stop = PriceField(required=False, allow_null=True)
    initial_target = PriceField(required=False, allow_null=True)
    note = TextField(required=False, allow_blank=True, max_length=20_000)
    tags = serializers.ListField(
        child=OwnIdField(queryset=Tag.objects), required=False, max_length=MOST_TAGS, help_text="Ids of tags."
    )


class UndoSerializer(StrictSerializer):
    fills = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=10_000, help_text="As DELETE answered them."
    )


class DeletedTradeSerializer(StrictSerializer):
    """Send `undo` to trades/restore/ and the trade is there again."""

    undo = UndoSerializer()


class RestoredSerializer(StrictSerializer):
    results = TradeSerializer(many=True)
    as_of = serializers.IntegerField()


class ExecutionSerializer(StrictSerializer):
    id = serializers.UUIDField()
    account = serializers.UUIDField()
    symbol = serializers.CharField()
    side = serializers.ChoiceField(Side.choices)
    quantity = PriceField()
    price = PriceField()
    multiplier = PriceField()
    currency = serializers.CharField()
    commission = MoneyField()
    fees = MoneyField()
    executed_at = serializers.DateTimeField(allow_null=True)
    executed_on = serializers.DateField()
    broker_pnl = MoneyField(allow_null=True)
    broker_fill_id = serializers.CharField()
    order_id = serializers.CharField()
    source = serializers.ChoiceField(ExecutionSource.choices)  # type: ignore[assignment]
    batch = serializers.UUIDField(allow_null=True)
    line = serializers.IntegerField(allow_null=True)


class PositionSerializer(StrictSerializer):
    account = serializers.UUIDField()
    symbol = serializers.CharField()
    quantity = PriceField(help_text="Negative for a short position.")
    average_price = PriceField()
    multiplier = PriceField()
    currency = serializers.CharField()
    opened_at = serializers.DateTimeField(allow_null=True)
    opened_on = serializers.DateField()
    trade = serializers.UUIDField()
    cost_basis = PriceField(help_text="What the quantity cost at the average price; never negative.")
    mark = PriceField(allow_null=True, help_text="What getting out would bring by a fresh quote; null without one.")
    marked_at = serializers.DateTimeField(allow_null=True, help_text="When that was quoted.")
    mark_source = serializers.CharField(allow_null=True, help_text="Who quoted it.")
    unrealized_pnl = PriceField(allow_null=True, help_text="In `currency`, before costs of getting out.")
    unrealized_ratio = PriceField(allow_null=True, help_text="Its part of `cost_basis`.")


class InstrumentSerializer(StrictSerializer):
    id = serializers.UUIDField()
    symbol = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(InstrumentKind.choices)
    status = serializers.ChoiceField(InstrumentStatus.choices)
    exchange = serializers.CharField()
    currency = serializers.CharField()
    multiplier = PriceField(help_text="Money per 1.00 of price and unit of quantity.")
    tick_size = PriceField(allow_null=True)
    lot_size = PriceField()
    min_price = PriceField(allow_null=True)
    max_price = PriceField(allow_null=True)
    root = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    underlying = serializers.CharField()
    expires_on = serializers.DateField(allow_null=True)
    strike = PriceField(allow_null=True)
    option_type = serializers.CharField()


class FxRateSerializer(StrictSerializer):
    date = serializers.DateField()
    base = serializers.CharField()
    quote = serializers.CharField()
    rate = PriceField(help_text="How much of quote one unit of base bought.")
    source = serializers.CharField()  # type: ignore[assignment]


def versioned_page_of(serializer: type[StrictSerializer]) -> type[StrictSerializer]:
    """The shape of a page of these with the version it is as of, for the schema."""
    name = serializer.__name__.removesuffix("Serializer")
    return type(
        f"{name}PageSerializer",
        (StrictSerializer,),
        {
            "results": serializer(many=True),
            "next": serializers.CharField(allow_null=True),
            "has_more": serializers.BooleanField(),
            "total": serializers.IntegerField(),
            "as_of": serializers.IntegerField(),
            "stale": serializers.BooleanField(),
            "__module__": serializer.__module__,
        },
    )


def read(
    serializer: type[StrictSerializer], data: Any, *, person: User, partial: bool = False, **known: Any
) -> dict[str, Any]:
    """The values of a body, all of them right; ids are the person's own things. Raises ValidationError.

    `known` is what fields need not look up, as they find it in their context.
    """
    fields = _fields_of(serializer)
    fields.partial, fields._context = partial, {"person": person, **known}
    try:
        values: dict[str, Any] = fields.run_validation(data)
    finally:
        fields._context = {}
    return values


class _Kept(threading.local):
    def __init__(self) -> None:
        self.serializers: dict[type[StrictSerializer], StrictSerializer] = {}


_kept = _Kept()


def _fields_of(serializer: type[StrictSerializer]) -> StrictSerializer:
    """A serializer of this thread's: to copy all fields anew took as long as to read them."""
    if serializer not in _kept.serializers:
        _kept.serializers[serializer] = serializer()
    return _kept.serializers[serializer]


def unique_tags(tags: Iterable[Tag]) -> list[Tag]:
    """Each tag once, in the order in which they came."""
    return list({tag.pk: tag for tag in tags}.values())


class BarSerializer(StrictSerializer):
    starts_at = serializers.DateTimeField()
    open = PriceField()
    high = PriceField()
    low = PriceField()
    close = PriceField()
    volume = PriceField(allow_null=True)
    vwap = PriceField(allow_null=True, help_text="Average price by volume; null where the source does not say.")
    trade_count = serializers.IntegerField(allow_null=True, help_text="Null where the source does not say.")


class BarChartSerializer(StrictSerializer):
    symbol = serializers.CharField()
    timeframe = serializers.CharField(help_text="Empty where there are no bars.")
    timeframes = serializers.ListField(child=serializers.CharField(), help_text="Those there are, the finest first.")
    together = serializers.IntegerField(help_text="How many neighbours each bar stands for.")
    bars = BarSerializer(many=True)
