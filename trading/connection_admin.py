"""Connections to brokers and what is said over them, for operators: looked at. Keys are not shown."""

from django.contrib import admin

from accounts.admin.parts import ShownOnlyAdmin, linked
from accounts.models import BrokerConnection
from trading.models import OrderAttempt, OrderCommand


@admin.register(BrokerConnection)
class BrokerConnectionAdmin(ShownOnlyAdmin):
    list_display = (
        "public_id", linked("owner"), linked("account"), "venue", "environment", "key_hint", "stream_state",
        "stream_at", "reconciled_at", "differences",
    )  # fmt: skip
    list_filter = ("environment", "stream_state")
    list_select_related = ("owner", "account")
    search_fields = ("=public_id", "=owner__email", "=account__name")
    ordering = ("-id",)
    exclude = ("sealed_key_id", "sealed_secret")


@admin.register(OrderCommand)
class OrderCommandAdmin(ShownOnlyAdmin):
    list_display = (
        "created_at", linked("owner"), linked("account"), linked("order"), "kind", "status", "sends", "lookups",
        "next_at", "ended_at",
    )  # fmt: skip
    list_filter = ("kind", "status")
    list_select_related = ("owner", "account", "order")
    search_fields = ("=public_id", "=owner__email", "=account__name", "=order__public_id")
    ordering = ("-id",)


@admin.register(OrderAttempt)
class OrderAttemptAdmin(ShownOnlyAdmin):
    list_display = (
        "started_at", linked("owner"), linked("order"), "number", "is_lookup", "result", "http_status", "error_code",
        "requested_price", "executed_price", "slippage_bps", "duration",
    )  # fmt: skip
    list_filter = ("result", "is_lookup")
    list_select_related = ("owner", "order")
    search_fields = ("=owner__email", "=order__public_id", "=error_code")
    ordering = ("-id",)
