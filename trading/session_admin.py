"""Trading sessions for operators: looked at, and ended."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin.parts import ShownOnlyAdmin, linked
from trading import sessions
from trading.models import TradingSession


@admin.register(TradingSession)
class TradingSessionAdmin(ShownOnlyAdmin):
    list_display = (
        "started_at", "ended_at", linked("owner"), linked("account"), "name", "strategy", "starting_equity",
        "ending_equity", "currency",
    )  # fmt: skip
    list_filter = (("ended_at", admin.EmptyFieldListFilter),)
    list_select_related = ("owner", "account")
    search_fields = ("=public_id", "=owner__email", "=account__name")
    ordering = ("-id",)
    actions = ("end",)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("trading.change_tradingsession")

    @admin.action(description=gettext_lazy("End the chosen sessions"), permissions=["operate"])
    def end(self, request: HttpRequest, queryset: QuerySet[TradingSession]) -> HttpResponseBase | None:
        return self.confirmed(request, queryset, action="end", title=_("End these sessions now?"), verb=_ended)


def _ended(session: TradingSession) -> str:
    sessions.end(session, at=timezone.now())
    return _("ended.")
