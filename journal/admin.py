"""Stored sums for operators: shown, never edited. An action computes what is chosen again."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts import answers
from accounts.admin import ShownOnlyAdmin
from journal import tasks
from journal.metrics import rollups
from journal.models import AccountTotals, DayRollup, DayVersion, OwnerDay

_FIGURES = ("trade_count", "net_pnl", "fees", "win_count", "loss_count")


class StaleFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("stale", "Stale"), ("computed", "Computed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "stale":
            return queryset.filter(computed_version__lt=F("requested_version"))
        if self.value() == "computed":
            return queryset.filter(computed_version=F("requested_version"))
        return queryset


@admin.register(DayVersion)
class DayVersionAdmin(ShownOnlyAdmin):
    list_display = ("account", "day", "requested_version", "computed_version", "is_stale")
    list_filter = (StaleFilter,)
    list_select_related = ("account",)
    search_fields = ("account__name", "owner__email")
    ordering = ("-id",)
    actions = ("compute_again",)

    @admin.display(boolean=True)
    def is_stale(self, version: DayVersion) -> bool:
        return version.computed_version < version.requested_version

    @admin.action(description="Compute the chosen days again", permissions=["view"])
    def compute_again(self, request: HttpRequest, queryset: QuerySet[DayVersion]) -> None:
        days: dict[int, list[Any]] = {}
        for owner_id, account_id, day in queryset.values_list("owner_id", "account_id", "day"):
            days.setdefault(owner_id, []).append((account_id, day))
        for owner_id, chosen in days.items():
            rollups.request(owner_id, days=chosen)
            tasks.recompute_owner(owner_id)
        self.message_user(request, "The chosen days were computed again.", messages.SUCCESS)


@admin.register(DayRollup)
class DayRollupAdmin(ShownOnlyAdmin):
    list_display = ("account", "day", "currency", *_FIGURES)
    list_filter = ("currency",)
    list_select_related = ("account",)
    search_fields = ("account__name", "owner__email")
    ordering = ("-id",)


@admin.register(OwnerDay)
class OwnerDayAdmin(ShownOnlyAdmin):
    list_display = ("owner", "day", "currency", *_FIGURES)
    list_filter = ("currency",)
    list_select_related = ("owner",)
    search_fields = ("owner__email",)
    ordering = ("-id",)


@admin.register(AccountTotals)
class AccountTotalsAdmin(ShownOnlyAdmin):
    list_display = ("account", "currency", "first_day", "last_day", *_FIGURES)
    list_filter = ("currency",)
    list_select_related = ("account",)
    search_fields = ("account__name", "owner__email")
    ordering = ("-id",)
    change_list_template = "admin/journal/accounttotals/change_list.html"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse | TemplateResponse:
        """The list, with how often answers came from the cache above it."""
        return super().changelist_view(request, {**(extra_context or {}), "cache": answers.statistics()})
