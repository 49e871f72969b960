"""Wallets, tokens, deliveries and signals for operators: looked at; verbs change what may change."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin.parts import ShownOnlyAdmin, linked
from intelligence import inbox, wallets
from intelligence.models import (
    Signal,
    SignalCheck,
    SignalOutcome,
    SignalRetry,
    Token,
    TokenListing,
    Wallet,
    WebhookDelivery,
    WebhookRegistration,
)
from intelligence.templatetags.following_words import check_words_of, outcome_words, source_words
from journal.templatetags.journal_format import percent


@admin.register(Wallet)
class WalletAdmin(ShownOnlyAdmin):
    list_display = (
        "address", linked("owner"), "label", "mode", "is_active", "sync_status", "synced_at", "last_signal_at",
    )  # fmt: skip
    list_filter = ("mode", "is_active", "sync_status", ("archived_at", admin.EmptyFieldListFilter))
    list_select_related = ("owner",)
    search_fields = ("=address", "=public_id", "=owner__email")
    # What a person wrote is theirs.
    exclude = ("notes", "discovery_notes")
    ordering = ("-id",)
    actions = ("pause", "activate")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("intelligence.change_wallet")

    @admin.action(description=gettext_lazy("Pause the chosen wallets"), permissions=["operate"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Wallet]) -> HttpResponseBase | None:
        return self.confirmed(request, queryset, action="pause", title=_("Pause these wallets now?"), verb=_paused)

    @admin.action(description=gettext_lazy("Follow the chosen wallets again"), permissions=["operate"])
    def activate(self, request: HttpRequest, queryset: QuerySet[Wallet]) -> HttpResponseBase | None:
        title = _("Follow these wallets again?")
        return self.confirmed(request, queryset, action="activate", title=title, verb=_activated)


def _paused(wallet: Wallet) -> str:
    wallets.pause(wallet)
    return _("paused.")


def _activated(wallet: Wallet) -> str:
    wallets.activate(wallet, at=timezone.now())
    return _("followed again.")


@admin.register(Token)
class TokenAdmin(ShownOnlyAdmin):
    list_display = (
        "address", "symbol", "price", "liquidity", "top_holders", "contract_score", "analyzed_at", "analysis_source",
        "is_blacklisted",
    )  # fmt: skip
    list_filter = ("is_blacklisted",)
    reads: ClassVar[Any] = {
        "top_holders": percent, "contract_score": percent, "analysis_source": source_words,
        "liquidity_source": source_words, "top_holders_source": source_words, "contract_source": source_words,
        "born_source": source_words, "analysis_error": source_words,
    }  # fmt: skip
    search_fields = ("=address", "=symbol", "=public_id")
    ordering = ("-id",)


@admin.register(TokenListing)
class TokenListingAdmin(ShownOnlyAdmin):
    list_display = ("occurred_at", linked("token"), "kind", "reason", "actor_email")
    list_filter = ("kind",)
    list_select_related = ("token",)
    search_fields = ("=token__address",)
    ordering = ("-id",)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ShownOnlyAdmin):
    list_display = (
        "received_at", "source", "status", "attempts", "signals_made", "duplicates", "repeats", "error",
    )  # fmt: skip
    list_filter = ("status", "source")
    reads: ClassVar[Any] = {"source": source_words}
    search_fields = ("=public_id", "=event_id", "=digest")
    exclude = ("body",)
    ordering = ("-id",)
    actions = ("replay",)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("intelligence.change_webhookdelivery")

    @admin.action(description=gettext_lazy("Read the chosen deliveries once more"), permissions=["operate"])
    def replay(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> HttpResponseBase | None:
        title = _("Read these deliveries once more?")
        return self.confirmed(request, queryset, action="replay", title=title, verb=_replayed)


def _replayed(delivery: WebhookDelivery) -> str:
    inbox.replay(delivery)
    return _("waits to be read.")


@admin.register(WebhookRegistration)
class WebhookRegistrationAdmin(ShownOnlyAdmin):
    list_display = ("webhook_id", "pushed_count", "pushed_at", "checked_at", "error", "failures", "next_try_at")


@admin.register(Signal)
class SignalAdmin(ShownOnlyAdmin):
    list_display = (
        "received_at", "owner_id", "wallet_address", "action", "type", "token_address", "amount", "value", "revision",
    )  # fmt: skip
    reads: ClassVar[Any] = {"source": source_words}
    list_filter = ("type", "action", ("wallet", admin.EmptyFieldListFilter))
    search_fields = ("=public_id", "=transaction_id", "=wallet_address", "=token_address")
    raw_id_fields = ("wallet", "delivery", "replaces")
    ordering = ("-id",)


@admin.register(SignalOutcome)
class SignalOutcomeAdmin(ShownOnlyAdmin):
    list_display = ("decided_at", linked("signal"), "owner_id", "attempt", "verdict", "action_taken", "reason")
    list_filter = ("verdict",)
    reads: ClassVar[Any] = {"action_taken": outcome_words}
    list_select_related = ("signal",)
    search_fields = ("=public_id", "=signal__public_id", "=signal__transaction_id")
    ordering = ("-id",)


@admin.register(SignalRetry)
class SignalRetryAdmin(ShownOnlyAdmin):
    list_display = (linked("signal"), "attempts", "problem", "failed_at", "next_attempt_at")
    list_select_related = ("signal",)
    search_fields = ("=signal__public_id", "=signal__transaction_id")
    ordering = ("-signal",)


@admin.register(SignalCheck)
class SignalCheckAdmin(ShownOnlyAdmin):
    list_display = (linked("outcome"), "position", "name", "seen", "limit", "source", "age", "verdict")
    list_filter = ("verdict",)
    reads: ClassVar[Any] = {"name": check_words_of, "source": source_words}
    list_select_related = ("outcome",)
    search_fields = ("=outcome__public_id", "=outcome__signal__public_id")
    ordering = ("-id",)
