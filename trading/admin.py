"""What was traded, for operators. What is derived, append-only or a person's own is only shown; verbs change it."""

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.functional import cached_property

from accounts.admin import ShownOnlyAdmin
from accounts.errors import DomainError
from accounts.models import Account, User
from trading import tags
from trading.imports import batches
from trading.models import (
    AccountNumber,
    ColumnMapping,
    Execution,
    FuturesRoot,
    FxRate,
    ImportBatch,
    ImportRow,
    Instrument,
    Position,
    Tag,
    Trade,
    TradeFill,
)

if TYPE_CHECKING:
    _OfInstruments = admin.ModelAdmin[Instrument]
    _OfRoots = admin.ModelAdmin[FuturesRoot]
else:
    _OfInstruments = _OfRoots = admin.ModelAdmin

#: Rows that are counted and can be paged to; a search narrows further. Counting a million is what makes lists slow.
COUNTED = 5_000
#: Imports that one action takes on.
MOST_AT_ONCE = 20


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Pages over the first rows only."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        return rows[:COUNTED].count() if isinstance(rows, QuerySet) else len(rows)


class LargeTableAdmin(ShownOnlyAdmin):
    """A table of millions: found by whole names and ids, which indexes answer, and never counted to the end."""

    paginator = CappedPaginator
    ordering = ("-id",)
    search_fields = ("pk",)
    search_help_text = "A person's e-mail, an account's name, a symbol, or an id; each in full."
    #: Lookups by what a search may name; None where the table has no such column.
    owner_lookup: str | None = "owner__in"
    instrument_lookup: str | None = "instrument__in"
    id_lookups: tuple[str, ...] = ("public_id", "account__public_id")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The rows of whom or what the term names."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            public_id = uuid.UUID(term)
        except ValueError:
            # Resolved first: a condition over three joined tables would read the whole of the largest.
            found = Q(account__in=list(Account.objects.filter(name=term).values_list("pk", flat=True)[:1000]))
            if self.owner_lookup:
                found |= Q(**{self.owner_lookup: list(User.objects.filter(email__iexact=term)[:1])})
            if self.instrument_lookup:
                found |= Q(**{self.instrument_lookup: list(Instrument.objects.filter(symbol=term.upper())[:10])})
        else:
            found = Q()
            for lookup in self.id_lookups:
                found |= Q(**{lookup: public_id})
        return queryset.filter(found), False


@admin.register(Instrument)
class InstrumentAdmin(_OfInstruments):
    list_display = ("symbol", "kind", "name", "exchange", "currency", "multiplier", "tick_size", "status")
    list_filter = ("kind", "status", "currency")
    list_select_related = True
    search_fields = ("symbol", "name")
    ordering = ("symbol", "id")
    list_per_page = 50
    show_full_result_count = False
    paginator = CappedPaginator
    autocomplete_fields = ("root",)
    readonly_fields = ("public_id", "created_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Instrument | None = None) -> Any:
        # Lists of trades show it, and what they answered before would not know of the change.
        return (*self.readonly_fields, "symbol") if obj else self.readonly_fields

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # What is no longer traded is delisted; its trades stay.
        return False


@admin.register(FuturesRoot)
class FuturesRootAdmin(_OfRoots):
    list_display = ("root", "name", "exchange", "currency", "tick_size", "point_value", "months")
    list_filter = ("exchange", "currency", "asset_class")
    search_fields = ("root", "name")
    ordering = ("root",)
    list_per_page = 100
    show_full_result_count = False

    def get_readonly_fields(self, request: HttpRequest, obj: FuturesRoot | None = None) -> Any:
        return ("root",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(FxRate)
class FxRateAdmin(ShownOnlyAdmin):
    list_display = ("date", "base", "quote", "rate", "source")
    list_filter = ("source",)
    search_fields = ("=base", "=quote")
    ordering = ("-id",)
    paginator = CappedPaginator


@admin.register(Execution)
class ExecutionAdmin(LargeTableAdmin):
    list_display = (
        "sort_at",
        "owner",
        "account",
        "instrument",
        "side",
        "quantity",
        "price",
        "commission",
        "fees",
        "source",
        "voided_at",
    )
    list_filter = ("side", "source")
    list_select_related = ("owner", "account", "instrument")


@admin.register(Trade)
class TradeAdmin(LargeTableAdmin):
    list_display = (
        "activity_at",
        "owner",
        "account",
        "instrument",
        "side",
        "status",
        "quantity",
        "net_pnl",
        "currency",
        "broker_pnl",
        "outcome",
    )
    list_filter = ("side", "status", "outcome")
    list_select_related = ("owner", "account", "instrument")


@admin.register(TradeFill)
class TradeFillAdmin(LargeTableAdmin):
    list_display = ("day", "account", "trade_id", "execution_id", "role", "quantity", "fees", "net_pnl", "broker_pnl")
    list_filter = ("role",)
    list_select_related = ("account",)
    search_help_text = "An account's name, or the id of a trade, a fill or an account; each in full."
    owner_lookup = None
    instrument_lookup = None
    id_lookups = ("trade__public_id", "execution__public_id", "account__public_id")


@admin.register(Position)
class PositionAdmin(LargeTableAdmin):
    list_display = ("owner", "account", "instrument", "quantity", "average_price", "opened_on")
    list_select_related = ("owner", "account", "instrument")
    id_lookups = ("trade__public_id", "account__public_id")


@admin.register(Tag)
class TagAdmin(ShownOnlyAdmin):
    list_display = ("name", "owner", "color", "created_at")
    list_select_related = ("owner",)
    search_fields = ("name", "owner__email")
    ordering = ("-id",)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("trading.delete_tag")

    def delete_model(self, request: HttpRequest, obj: Tag) -> None:
        tags.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Tag]) -> None:
        for tag in queryset:
            tags.delete(tag)


@admin.register(AccountNumber)
class AccountNumberAdmin(ShownOnlyAdmin):
    list_display = ("number", "broker", "owner", "account", "created_at")
    list_select_related = ("owner", "account")
    search_fields = ("number", "owner__email")
    ordering = ("-id",)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # Forgotten, it is asked for again in the next file.
        return request.user.has_perm("trading.delete_accountnumber")


@admin.register(ColumnMapping)
class ColumnMappingAdmin(ShownOnlyAdmin):
    list_display = ("name", "owner", "broker", "created_at")
    list_select_related = ("owner",)
    search_fields = ("name", "owner__email")
    ordering = ("-id",)


@admin.register(ImportBatch)
class ImportBatchAdmin(ShownOnlyAdmin):
    list_display = (
        "created_at",
        "owner",
        "filename",
        "status",
        "format",
        "total_rows",
        "size",
        "error_code",
        "finished_at",
    )
    list_filter = ("status", "format")
    list_select_related = ("owner",)
    search_fields = ("filename", "owner__email", "sha256")
    ordering = ("-id",)
    paginator = CappedPaginator
    actions = ("undo", "replay_dry_run", "cancel")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("trading.change_importbatch")

    @admin.action(description="Undo the chosen imports", permissions=["operate"])
    def undo(self, request: HttpRequest, queryset: QuerySet[ImportBatch]) -> HttpResponseBase | None:
        return self._confirmed(
            request, queryset, action="undo", title="Undo these imports? Their fills and trades go.", verb=_undone
        )

    @admin.action(description="Show what reading the chosen files anew would change", permissions=["operate"])
    def replay_dry_run(self, request: HttpRequest, queryset: QuerySet[ImportBatch]) -> HttpResponseBase | None:
        return self._confirmed(
            request,
            queryset,
            action="replay_dry_run",
            title="Read these files anew and show what would change? Nothing is kept.",
            verb=_replayed,
        )

    @admin.action(description="Cancel the chosen imports", permissions=["operate"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[ImportBatch]) -> HttpResponseBase | None:
        return self._confirmed(request, queryset, action="cancel", title="Cancel these imports?", verb=_canceled)

    def _confirmed(
        self,
        request: HttpRequest,
        queryset: QuerySet[ImportBatch],
        *,
        action: str,
        title: str,
        verb: Callable[[ImportBatch], str],
    ) -> HttpResponseBase | None:
        """The page that asks; once it was answered, the verb on each import with what came of it."""
        chosen = list(queryset.order_by("-id")[: MOST_AT_ONCE + 1])
        if len(chosen) > MOST_AT_ONCE:
            self.message_user(request, f"Choose at most {MOST_AT_ONCE} imports at once.", messages.WARNING)
            return None
        if "confirm" not in request.POST:
            context = {
                **self.admin_site.each_context(request),
                "title": title,
                "action": action,
                "chosen": chosen,
                "checkbox": ACTION_CHECKBOX_NAME,
                "opts": self.opts,
            }
            return TemplateResponse(request, "admin/trading/importbatch/confirm.html", context)
        for batch in chosen:
            try:
                self.message_user(request, f"{batch.filename}: {verb(batch)}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{batch.filename}: {error.message}", messages.WARNING)
        return None


def _undone(batch: ImportBatch) -> str:
    batches.undo(batch)
    return "undone."


def _canceled(batch: ImportBatch) -> str:
    return f"{batches.cancel(batch).get_status_display().lower()}."


def _replayed(batch: ImportBatch) -> str:
    found = batches.replay(batch, dry_run=True)
    return f"{found['added']} fills would be added, {found['removed']} removed, {found['changed']} changed."


@admin.register(ImportRow)
class ImportRowAdmin(LargeTableAdmin):
    list_display = ("batch", "line", "outcome", "code", "message")
    list_filter = ("outcome",)
    list_select_related = ("batch",)
    search_help_text = "The id of an import."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(batch__public_id=uuid.UUID(term)), False
        except ValueError:
            return queryset.none(), False
