"""Copies and their figures for operators: looked at, never written."""

from typing import Any, ClassVar

from django.contrib import admin

from accounts.admin.parts import ShownOnlyAdmin, linked
from intelligence.models import CopiedPosition, CopySettings, PerformanceRefresh, TokenInstrument, WalletPerformance
from intelligence.performance_lists import FLAGS
from journal.templatetags.journal_format import percent, r_multiple, ratio


@admin.register(CopySettings)
class CopySettingsAdmin(ShownOnlyAdmin):
    list_display = (
        linked("owner"), "is_on", "capital", "risk_per_trade", "max_per_trade", "max_total", "repeat_policy",
        "updated_at",
    )  # fmt: skip
    list_filter = ("is_on", "repeat_policy")
    reads: ClassVar[Any] = dict.fromkeys(
        ("risk_per_trade", "max_per_trade", "max_per_wallet", "max_per_token", "max_total", "max_price_drift"), percent
    )
    list_select_related = ("owner",)
    search_fields = ("=owner__email",)
    ordering = ("owner",)


@admin.register(CopiedPosition)
class CopiedPositionAdmin(ShownOnlyAdmin):
    list_display = (
        "created_at", linked("owner"), linked("wallet"), linked("token"), "mode", linked("order"),
        linked("managed_position"), "intended_price", "intended_value",
    )  # fmt: skip
    list_filter = ("mode",)
    list_select_related = ("owner", "wallet", "token", "order", "managed_position")
    search_fields = ("=public_id", "=owner__email", "=token__address", "=wallet__address")
    raw_id_fields = ("signal", "strategy")
    ordering = ("-id",)


@admin.register(TokenInstrument)
class TokenInstrumentAdmin(ShownOnlyAdmin):
    list_display = (linked("token"), linked("instrument"), "created_at")
    list_select_related = ("token", "instrument")
    search_fields = ("=token__address", "=instrument__symbol")
    ordering = ("-token",)


@admin.register(WalletPerformance)
class WalletPerformanceAdmin(ShownOnlyAdmin):
    list_display = (
        linked("wallet"), linked("owner"), "mode", "window", "positions", "win_rate", "total_pnl", "profit_ratio",
        "flags", "calculated_at",
    )  # fmt: skip
    list_filter = ("mode", "window")
    reads: ClassVar[Any] = {
        "win_rate": percent, "average_pnl_fraction": percent, "best_pnl_fraction": percent,
        "worst_pnl_fraction": percent, "average_r": r_multiple, "profit_ratio": ratio,
        "flags": lambda flags: ", ".join(str(FLAGS.get(each, each)) for each in flags),
    }  # fmt: skip
    list_select_related = ("wallet", "owner")
    search_fields = ("=owner__email", "=wallet__address")
    ordering = ("-id",)


@admin.register(PerformanceRefresh)
class PerformanceRefreshAdmin(ShownOnlyAdmin):
    list_display = (
        linked("wallet"), "requested_version", "computed_version", "refreshed_at", "failed_at", "error",
    )  # fmt: skip
    list_select_related = ("wallet",)
    search_fields = ("=wallet__address",)
    ordering = ("wallet",)
