"""The API of copying: how much is copied, and what came of each wallet."""

from typing import Any

from django.db.models import DecimalField, F, Value
from django.db.models.functions import Coalesce
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import paging
from accounts.decimals import plain
from accounts.fields import LARGEST_PRICE
from accounts.serializers import page_of
from accounts.strict import MoneyField, PriceField, StrictBooleanField, StrictSerializer, choice, public_id
from accounts.viewsets import PAGING, OwnViewSet
from intelligence import copy_settings
from intelligence.models import (
    CopySettings,
    PerformanceWindow,
    RepeatPolicy,
    WalletMode,
    WalletPerformance,
)
from intelligence.performance_lists import ORDERS
from intelligence.wallet_performance import SAMPLE
from trading.serializers import read

Json = dict[str, Any]
_WIDE: "DecimalField[Any, Any]" = DecimalField(max_digits=40, decimal_places=12)


class CopySettingsSerializer(StrictSerializer):
    """Shares are fractions of the capital; null for capital and risk is the installation's own."""

    is_on = StrictBooleanField()
    capital = MoneyField(allow_null=True)
    risk_per_trade = PriceField(allow_null=True)
    max_per_trade = PriceField()
    max_per_wallet = PriceField()
    max_per_token = PriceField()
    max_total = PriceField()
    max_price_drift = PriceField()
    max_signal_age_seconds = serializers.IntegerField()
    max_positions = serializers.IntegerField()
    min_source_value = MoneyField()
    repeat_policy = serializers.ChoiceField(RepeatPolicy.choices)
    revision = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)


class WalletPerformanceSerializer(StrictSerializer):
    wallet = serializers.UUIDField()
    wallet_address = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    mode = serializers.ChoiceField(WalletMode.choices)
    window = serializers.ChoiceField(PerformanceWindow.choices)
    currency = serializers.CharField()
    is_ranked = serializers.BooleanField(help_text=f"At least {SAMPLE} closed copies.")
    positions = serializers.IntegerField(help_text="Closed in the window.")
    wins = serializers.IntegerField()
    losses = serializers.IntegerField()
    win_rate = PriceField(allow_null=True, help_text="A fraction; null without a closed copy.")
    total_pnl = MoneyField()
    average_pnl_fraction = PriceField(allow_null=True)
    average_win = MoneyField(allow_null=True)
    average_loss = MoneyField(allow_null=True)
    profit_ratio = PriceField(allow_null=True, help_text="Null without a loss.")
    expectancy = MoneyField(allow_null=True)
    best_pnl = MoneyField(allow_null=True)
    best_pnl_fraction = PriceField(allow_null=True)
    worst_pnl = MoneyField(allow_null=True)
    worst_pnl_fraction = PriceField(allow_null=True)
    win_streak = serializers.IntegerField()
    loss_streak = serializers.IntegerField()
    longest_win_streak = serializers.IntegerField()
    longest_loss_streak = serializers.IntegerField()
    average_r = PriceField(allow_null=True, help_text="Mean of result ÷ what the plan's stop risked at the entry.")
    r_count = serializers.IntegerField(help_text="Copies that the mean R is of.")
    signals = serializers.IntegerField()
    opened = serializers.IntegerField()
    baseline_win_rate = PriceField(allow_null=True)
    baseline_average_pnl = PriceField(allow_null=True)
    flags = serializers.ListField(child=serializers.CharField())
    calculated_at = serializers.DateTimeField()


_COUNTS = (
    "positions", "wins", "losses", "win_streak", "loss_streak", "longest_win_streak", "longest_loss_streak", "signals",
    "opened", "r_count",
)  # fmt: skip
_NUMBERS = (
    "win_rate", "total_pnl", "average_pnl_fraction", "average_win", "average_loss", "profit_ratio", "expectancy",
    "best_pnl", "best_pnl_fraction", "worst_pnl", "worst_pnl_fraction", "average_r",
)  # fmt: skip


class CopySettingsViewSet(OwnViewSet):
    """How much of what watched wallets do is copied; one's own."""

    queryset = CopySettings.objects.none()
    serializer_class = CopySettingsSerializer
    unversioned_actions = frozenset({"retrieve"})

    @extend_schema(responses=CopySettingsSerializer)
    def retrieve(self, request: Request) -> Response:
        """All of it; shares are fractions."""
        return Response(_settings_json(copy_settings.current(self.person.pk)))

    @extend_schema(request=CopySettingsSerializer, responses=CopySettingsSerializer)
    def partial_update(self, request: Request) -> Response:
        """Change some of it, for signals to come. `revision`, where it is sent, is the one that was looked at."""
        asked = read(CopySettingsSerializer, request.data, person=self.person, partial=True)
        return Response(_settings_json(copy_settings.change(self.person, **asked)))


class WalletPerformanceViewSet(OwnViewSet):
    """What copying each wallet came to, precomputed: daily, and after each close."""

    queryset = WalletPerformance.objects.none()
    serializer_class = WalletPerformanceSerializer
    query_parameters = {"list": (*PAGING, "wallet", "mode", "window")}

    @extend_schema(
        parameters=[
            OpenApiParameter("limit", int, description="Rows per page, 1 to 100.", default=50),
            OpenApiParameter("cursor", str, description="`next` of the page before."),
            OpenApiParameter("order", str, enum=[*ORDERS, *(f"-{name}" for name in ORDERS)], default="-total_pnl"),
            OpenApiParameter("wallet", str, description="Id of a wallet."),
            OpenApiParameter("mode", str, enum=WalletMode.values),
            OpenApiParameter("window", str, enum=PerformanceWindow.values),
        ],
        responses=page_of(WalletPerformanceSerializer),
    )
    def list(self, request: Request) -> Response:
        """Figures by wallet, mode and window."""
        params = request.query_params
        rows = WalletPerformance.objects.for_user(self.person).select_related("wallet")
        wallet = params.get("wallet")
        if wallet is not None:
            rows = rows.filter(wallet__public_id=public_id(wallet, parameter="wallet"))
        mode = choice(params.get("mode"), parameter="mode", allowed=WalletMode.values)
        window = choice(params.get("window"), parameter="window", allowed=PerformanceWindow.values)
        if mode is not None:
            rows = rows.filter(mode=mode)
        if window is not None:
            rows = rows.filter(window=window)
        order = paging.order_of(params.get("order"), allowed=list(ORDERS), default="-total_pnl")
        # What is undefined stands below everything.
        column = F(ORDERS[order.removeprefix("-")])
        rows = rows.annotate(rank_by=Coalesce(column, Value(-LARGEST_PRICE), output_field=_WIDE))
        sign = "-" if order.startswith("-") else ""
        return self.page(
            rows,
            name="wallet-performance",
            order=f"{sign}rank_by",
            shown=_performance_json,
            filters=[wallet, mode, window, order],
        )


def _settings_json(found: CopySettings) -> Json:
    return {**copy_settings.as_written(found), "revision": found.revision}


def _performance_json(row: WalletPerformance) -> Json:
    wallet = row.wallet
    return {
        "wallet": str(wallet.public_id),
        "wallet_address": wallet.address,
        "label": wallet.label,
        "mode": row.mode,
        "window": row.window,
        "currency": "USD",
        "is_ranked": row.positions >= SAMPLE,
        "baseline_win_rate": _number(wallet.baseline_win_rate),
        "baseline_average_pnl": _number(wallet.baseline_average_pnl),
        "flags": row.flags,
        "calculated_at": row.calculated_at,
        **{name: getattr(row, name) for name in _COUNTS},
        **{name: _number(getattr(row, name)) for name in _NUMBERS},
    }


def _number(value: Any) -> str | None:
    return None if value is None else plain(value)
