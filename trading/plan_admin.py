"""Exit plans for operators: looked at, closed, let go and tried again; strategies archived and restored."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin.parts import ShownOnlyAdmin, link_to_list, linked, links
from trading import exit_plans, exit_strategies
from trading.models import ExitStrategy, ManagedPosition, PlanExit, PlanRevision


@admin.register(ExitStrategy)
class ExitStrategyAdmin(ShownOnlyAdmin):
    list_display = ("name", linked("owner"), "stop_loss", "is_trailing", "is_scaling", "is_default", "archived_at")
    list_filter = ("is_default", "is_trailing", "is_scaling")
    list_select_related = ("owner",)
    search_fields = ("name", "owner__email")
    ordering = ("-id",)
    actions = ("set_default", "archive", "restore")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("trading.change_exitstrategy")

    @admin.action(description=gettext_lazy("Make the chosen strategies the default"), permissions=["operate"])
    def set_default(self, request: HttpRequest, queryset: QuerySet[ExitStrategy]) -> HttpResponseBase | None:
        title = _("Make these the default of their owners? The shipped one is everybody's who has none.")
        return self.confirmed(request, queryset, action="set_default", title=title, verb=_made_default)

    @admin.action(description=gettext_lazy("Archive the chosen strategies"), permissions=["operate"])
    def archive(self, request: HttpRequest, queryset: QuerySet[ExitStrategy]) -> HttpResponseBase | None:
        title = _("Archive these strategies? Positions under them go on.")
        return self.confirmed(request, queryset, action="archive", title=title, verb=_archived)

    @admin.action(description=gettext_lazy("Offer the chosen strategies again"), permissions=["operate"])
    def restore(self, request: HttpRequest, queryset: QuerySet[ExitStrategy]) -> HttpResponseBase | None:
        title = _("Offer these strategies again?")
        return self.confirmed(request, queryset, action="restore", title=title, verb=_restored)


@admin.register(ManagedPosition)
class ManagedPositionAdmin(ShownOnlyAdmin):
    list_display = (
        "created_at", linked("owner"), linked("account"), linked("instrument"), "side", "status", "reason", "remaining",
        "entry_quantity", "entry_price", "best", "price_alert", "things",
    )  # fmt: skip
    list_filter = ("status", "side", "reason")
    list_select_related = ("owner", "account", "instrument", "strategy")
    search_fields = ("=public_id", "=owner__email", "=instrument__symbol")
    ordering = ("-id",)
    readonly_fields = ("things",)
    actions = ("get_out", "let_go", "retry")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("trading.change_managedposition")

    @admin.display(description=gettext_lazy("what came of it"))
    def things(self, managed: ManagedPosition) -> SafeString:
        return links(
            link_to_list("trading_planexit", _("exits"), managed_position__id__exact=managed.pk),
            link_to_list("trading_planrevision", _("revisions"), managed_position__id__exact=managed.pk),
        )

    @admin.action(description=gettext_lazy("Get out of the chosen positions now"), permissions=["operate"])
    def get_out(self, request: HttpRequest, queryset: QuerySet[ManagedPosition]) -> HttpResponseBase | None:
        title = _("Get out of all that remains of these, at the market? This cannot be taken back.")
        return self.confirmed(request, queryset, action="get_out", title=title, verb=_got_out)

    @admin.action(description=gettext_lazy("End the chosen plans and keep the positions"), permissions=["operate"])
    def let_go(self, request: HttpRequest, queryset: QuerySet[ManagedPosition]) -> HttpResponseBase | None:
        title = _("End these plans? The positions stay, with no stop.")
        return self.confirmed(request, queryset, action="let_go", title=title, verb=_let_go)

    @admin.action(description=gettext_lazy("Try what failed of the chosen plans again"), permissions=["operate"])
    def retry(self, request: HttpRequest, queryset: QuerySet[ManagedPosition]) -> HttpResponseBase | None:
        title = _("Try again at once what did not go through?")
        return self.confirmed(request, queryset, action="retry", title=title, verb=_retried)


@admin.register(PlanRevision)
class PlanRevisionAdmin(ShownOnlyAdmin):
    list_display = ("made_at", linked("managed_position"), "number", "actor_email", "changes")
    list_select_related = ("managed_position",)
    search_fields = ("=managed_position__public_id", "=actor_email")
    ordering = ("-id",)


@admin.register(PlanExit)
class PlanExitAdmin(ShownOnlyAdmin):
    list_display = (
        "decided_at", linked("managed_position"), "number", "reason", "level", "quantity", "decided_price",
        linked("order"), "filled_quantity", "filled_price", "ended_at", "problem",
    )  # fmt: skip
    list_filter = ("reason",)
    list_select_related = ("managed_position", "order")
    search_fields = ("=client_order_id", "=managed_position__public_id")
    ordering = ("-id",)


def _made_default(strategy: ExitStrategy) -> str:
    exit_strategies.set_default(strategy)
    return _("the default.")


def _archived(strategy: ExitStrategy) -> str:
    exit_strategies.archive(strategy)
    return _("archived.")


def _restored(strategy: ExitStrategy) -> str:
    exit_strategies.restore(strategy)
    return _("offered again.")


def _got_out(managed: ManagedPosition) -> str:
    return _("%(quantity)s units are on their way out.") % {"quantity": f"{exit_plans.close(managed).quantity:f}"}


def _let_go(managed: ManagedPosition) -> str:
    exit_plans.let_go(managed)
    return _("ended.")


def _retried(managed: ManagedPosition) -> str:
    exit_plans.retry(managed)
    return _("is tried again.")
