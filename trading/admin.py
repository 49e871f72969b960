"""What was traded, for operators. What is derived, append-only or a person's own is only shown; verbs change it."""

import uuid
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin.parts import OperatorAdmin, ShownOnlyAdmin, link_to_list, linked, links, said
from accounts.models import Account, User
from trading import (  # noqa: F401 – their tables are registered by them
    connection_admin,
    order_words,
    orders,
    plan_admin,
    risk_admin,
    session_admin,
    tags,
)
from trading.imports import batches
from trading.imports.parsers.registry import PARSERS
from trading.models import (
    AccountNumber,
    Bar,
    BarProgress,
    ColumnMapping,
    Execution,
    FuturesRoot,
    FxRate,
    ImportBatch,
    ImportRow,
    Instrument,
    Order,
    OrderEvent,
    Position,
    Quote,
    Tag,
    TagGroup,
    Trade,
    TradeFill,
)


class LargeTableAdmin(ShownOnlyAdmin):
    """A table of millions: found by whole names and ids, which indexes answer, and never counted to the end."""

    ordering = ("-id",)
    search_fields = ("pk",)
    search_help_text: ClassVar[Any] = gettext_lazy(
        "A person's e-mail, an account's name, a symbol, or an id; each in full."
    )
    #: Lookups by what a search may name; None where the table has no such column.
    owner_lookup: str | None = "owner__in"
    instrument_lookup: str | None = "instrument__in"
    account_lookup = "account__in"
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
            named = list(Account.objects.filter(name=term).values_list("pk", flat=True)[:1000])
            found = Q(**{self.account_lookup: named})
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
class InstrumentAdmin(OperatorAdmin):
    list_display = ("symbol", "kind", "name", "exchange", "currency", "multiplier", "tick_size", "status")
    list_filter = ("kind", "status", "currency")
    list_select_related = True
    search_fields = ("symbol", "name")
    ordering = ("symbol", "id")
    list_per_page = 50
    show_full_result_count = False
    raw_id_fields = ("root",)
    readonly_fields = ("public_id", "created_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Instrument | None = None) -> Any:
        if obj is None:
            return self.readonly_fields
        # Lists of trades show it, and what they answered before would not know of the change.
        fields = (*self.readonly_fields, "symbol")
        # Money that orders have moved and still hold is worked out from these.
        is_used = any(model.objects.filter(instrument=obj).exists() for model in (Order, Execution))
        return (*fields, "kind", "currency", "multiplier", "root") if is_used else fields

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # What is no longer traded is delisted; its trades stay.
        return False


@admin.register(FuturesRoot)
class FuturesRootAdmin(OperatorAdmin):
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


@admin.register(Execution)
class ExecutionAdmin(LargeTableAdmin):
    list_display = (
        "sort_at",
        linked("owner"),
        linked("account"),
        linked("instrument"),
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
        linked("owner"),
        linked("account"),
        linked("instrument"),
        "side",
        "status",
        "quantity",
        "net_pnl",
        "currency",
        "broker_pnl",
        "outcome",
        "parts",
    )
    list_filter = ("side", "status", "outcome")
    list_select_related = ("owner", "account", "instrument")
    readonly_fields = ("parts",)
    # The person's own words are theirs.
    exclude = ("note",)

    @admin.display(description=gettext_lazy("made of"))
    def parts(self, trade: Trade) -> SafeString:
        return link_to_list("trading_tradefill", _("fills"), trade__id__exact=trade.pk)


@admin.register(TradeFill)
class TradeFillAdmin(LargeTableAdmin):
    list_display = (
        "day", linked("account"), linked("trade"), linked("execution"), "role", "quantity", "fees", "net_pnl",
        "broker_pnl",
    )  # fmt: skip
    list_filter = ("role",)
    list_select_related = ("account", "trade", "execution")
    search_help_text = gettext_lazy("An account's name, or the id of a trade, a fill or an account; each in full.")
    owner_lookup = None
    instrument_lookup = None
    id_lookups = ("trade__public_id", "execution__public_id", "account__public_id")


@admin.register(Position)
class PositionAdmin(LargeTableAdmin):
    list_display = (
        linked("owner"), linked("account"), linked("instrument"), linked("trade"), "quantity", "average_price",
        "opened_on",
    )  # fmt: skip
    list_select_related = ("owner", "account", "instrument", "trade")
    id_lookups = ("trade__public_id", "account__public_id")


@admin.register(Tag)
class TagAdmin(ShownOnlyAdmin):
    list_display = ("name", linked("group"), linked("owner"), "color", "created_at")
    list_select_related = ("owner", "group")
    search_fields = ("name", "owner__email")
    ordering = ("-id",)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("trading.delete_tag")

    def delete_model(self, request: HttpRequest, obj: Tag) -> None:
        tags.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Tag]) -> None:
        for tag in queryset:
            tags.delete(tag)


@admin.register(TagGroup)
class TagGroupAdmin(ShownOnlyAdmin):
    list_display = ("name", "role", linked("owner"), "color", "labels")
    list_filter = ("role",)
    list_select_related = ("owner",)
    search_fields = ("name", "owner__email")
    ordering = ("-id",)

    @admin.display(description=gettext_lazy("tags"))
    def labels(self, group: TagGroup) -> SafeString:
        return link_to_list("trading_tag", _("tags"), group__id__exact=group.pk)


@admin.register(Bar)
class BarAdmin(ShownOnlyAdmin):
    list_display = (linked("instrument"), "timeframe", "starts_at", "open", "high", "low", "close", "volume", "source")
    list_filter = ("timeframe",)
    list_select_related = ("instrument",)
    search_fields = ("=instrument__symbol",)
    ordering = ("-id",)


@admin.register(AccountNumber)
class AccountNumberAdmin(ShownOnlyAdmin):
    list_display = ("number", "broker", linked("owner"), linked("account"), "created_at")
    list_select_related = ("owner", "account")
    search_fields = ("number", "owner__email")
    ordering = ("-id",)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # Forgotten, it is asked for again in the next file.
        return request.user.has_perm("trading.delete_accountnumber")


@admin.register(ColumnMapping)
class ColumnMappingAdmin(ShownOnlyAdmin):
    list_display = ("name", linked("owner"), "broker", "created_at")
    list_select_related = ("owner",)
    search_fields = ("name", "owner__email")
    ordering = ("-id",)


@admin.register(ImportBatch)
class ImportBatchAdmin(ShownOnlyAdmin):
    list_display = (
        "created_at",
        linked("owner"),
        "filename",
        "status",
        "format",
        "total_rows",
        "size",
        "error_code",
        "finished_at",
        "things",
    )
    list_filter = ("status", "format")
    reads: ClassVar[Any] = {"format": said({parser.name: parser.label for parser in PARSERS})}
    list_select_related = ("owner",)
    search_fields = ("filename", "owner__email", "sha256")
    ordering = ("-id",)
    readonly_fields = ("things",)
    actions = ("undo", "replay_dry_run", "cancel")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("trading.change_importbatch")

    @admin.display(description=gettext_lazy("what came of it"))
    def things(self, batch: ImportBatch) -> SafeString:
        return links(
            link_to_list("trading_importrow", _("lines"), batch__id__exact=batch.pk),
            link_to_list("trading_execution", _("fills"), batch__id__exact=batch.pk),
        )

    def described(self, row: ImportBatch) -> str:
        return _("%(file)s of %(person)s: %(status)s, %(count)s rows") % {
            "file": row.filename, "person": row.owner, "status": row.get_status_display(), "count": row.total_rows
        }  # fmt: skip

    @admin.action(description=gettext_lazy("Undo the chosen imports"), permissions=["operate"])
    def undo(self, request: HttpRequest, queryset: QuerySet[ImportBatch]) -> HttpResponseBase | None:
        title = _("Undo these imports? Their fills and trades go.")
        return self.confirmed(request, queryset, action="undo", title=title, verb=_undone)

    @admin.action(
        description=gettext_lazy("Show what reading the chosen files anew would change"), permissions=["operate"]
    )
    def replay_dry_run(self, request: HttpRequest, queryset: QuerySet[ImportBatch]) -> HttpResponseBase | None:
        title = _("Read these files anew and show what would change? Nothing is kept.")
        return self.confirmed(request, queryset, action="replay_dry_run", title=title, verb=_replayed)

    @admin.action(description=gettext_lazy("Cancel the chosen imports"), permissions=["operate"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[ImportBatch]) -> HttpResponseBase | None:
        return self.confirmed(request, queryset, action="cancel", title=_("Cancel these imports?"), verb=_canceled)


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
    list_display = (linked("batch"), "line", "outcome", "code", "message")
    list_filter = ("outcome",)
    list_select_related = ("batch",)
    search_help_text = gettext_lazy("The id of an import.")

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


@admin.register(Order)
class OrderAdmin(LargeTableAdmin):
    list_display = (
        "created_at", linked("owner"), linked("account"), linked("instrument"), "side", "type", "quantity", "status",
        "filled_quantity", "filled_average_price", "reserved_amount", "venue", "happened",
    )  # fmt: skip
    list_filter = ("status", "side", "type", "purpose", "venue")
    reads: ClassVar[Any] = {
        "side": said(order_words.SIDES), "position_intent": said(order_words.SIDES), "type": said(order_words.TYPES),
        "status": said(order_words.STATUSES), "purpose": said(order_words.PURPOSES),
        "previous_status": said(order_words.STATUSES),
        "order_class": said(order_words.CLASSES), "time_in_force": said(order_words.TIMES),
    }  # fmt: skip
    list_select_related = ("owner", "account", "instrument")
    readonly_fields = ("happened",)
    actions = ("cancel",)

    @admin.display(description=gettext_lazy("what happened"))
    def happened(self, order: Order) -> SafeString:
        return link_to_list("trading_orderevent", _("events"), order__id__exact=order.pk)

    @admin.action(description=gettext_lazy("Cancel what is left"), permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponseBase | None:
        return self.confirmed(
            request,
            queryset,
            action="cancel",
            title=_("Cancel what is left of these orders?"),
            verb=lambda order: orders.cancel(order).status,
        )

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("trading.change_order")


@admin.register(OrderEvent)
class OrderEventAdmin(LargeTableAdmin):
    list_display = (
        "created_at", linked("order"), "event", "outcome", "status_before", "status_after", "source", "quantity",
        "price", "occurred_at",
    )  # fmt: skip
    list_filter = ("outcome", "event", "source")
    reads: ClassVar[Any] = {
        "event": said(order_words.EVENTS), "outcome": said(order_words.OUTCOMES),
        "status_before": said(order_words.STATUSES), "status_after": said(order_words.STATUSES),
    }  # fmt: skip
    list_select_related = ("order",)
    search_help_text = gettext_lazy("The id of an order or an account, or an account's name; each in full.")
    owner_lookup = None
    instrument_lookup = None
    account_lookup = "order__account__in"
    id_lookups = ("public_id", "order__public_id")


@admin.register(Quote)
class QuoteAdmin(ShownOnlyAdmin):
    list_display = (linked("instrument"), "bid", "ask", "last", "bid_size", "ask_size", "quoted_at", "source")
    list_select_related = ("instrument",)
    search_fields = ("=instrument__symbol",)
    ordering = ("instrument",)


@admin.register(BarProgress)
class BarProgressAdmin(ShownOnlyAdmin):
    list_display = (linked("instrument"), "met_until")
    list_select_related = ("instrument",)
    search_fields = ("=instrument__symbol",)
    ordering = ("instrument",)
