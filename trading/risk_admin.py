"""Risk, for operators: the configuration and settings are changed by their verbs, the rest is shown."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin.parts import OperatorAdmin, ShownOnlyAdmin, linked
from accounts.errors import DomainError
from accounts.models import User
from trading import risk
from trading.models import BreakerEvent, BreakerState, RiskConfig, RiskConfigRevision, RiskLimit, SystemSetting
from trading.risk import system_settings
from trading.risk_forms import RiskConfigForm

if TYPE_CHECKING:
    _SettingModelForm = forms.ModelForm[SystemSetting]
else:
    _SettingModelForm = forms.ModelForm


def _operator(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


@admin.register(RiskConfig)
class RiskConfigAdmin(OperatorAdmin):
    form = RiskConfigForm
    list_display = ("__str__", "capital", "currency", "max_drawdown", "min_win_rate", "revision", "updated_at")
    readonly_fields = ("revision", "created_at", "updated_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: RiskConfig, form: Any, change: Any) -> None:
        risk.configure(_operator(request), note=form.cleaned_data["note"], **form.changes)


@admin.register(RiskConfigRevision)
class RiskConfigRevisionAdmin(ShownOnlyAdmin):
    list_display = ("number", "occurred_at", "actor_email", "note")
    search_fields = ("actor_email", "note")
    ordering = ("-number",)


class SystemSettingForm(_SettingModelForm):
    def clean(self) -> Any:
        cleaned = super().clean() or self.cleaned_data
        key = cleaned.get("key") or self.instance.key
        schema = system_settings.SCHEMAS.get(key)
        if schema is None:
            self.add_error(None, _("There is no such setting."))
            return cleaned
        try:
            schema(cleaned.get("value"))
        except ValueError as error:
            self.add_error("value", str(error))
        return cleaned


@admin.register(SystemSetting)
class SystemSettingAdmin(OperatorAdmin):
    form = SystemSettingForm
    list_display = ("key", "value", "updated_at")
    search_fields = ("key",)
    ordering = ("key",)

    def get_readonly_fields(self, request: HttpRequest, obj: SystemSetting | None = None) -> Any:
        return ("key", "updated_at") if obj else ("updated_at",)

    def save_model(self, request: HttpRequest, obj: SystemSetting, form: Any, change: Any) -> None:
        system_settings.put(_operator(request), key=obj.key, value=form.cleaned_data["value"])

    def delete_model(self, request: HttpRequest, obj: SystemSetting) -> None:
        system_settings.put(_operator(request), key=obj.key, value=None)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[SystemSetting]) -> None:
        for each in queryset:
            self.delete_model(request, each)


@admin.register(RiskLimit)
class RiskLimitAdmin(ShownOnlyAdmin):
    list_display = (
        linked("owner"), linked("account"), linked("instrument"), "max_quantity", "max_notional", "price_band",
        "max_open_positions", "max_trades_per_day",
    )  # fmt: skip
    list_select_related = ("owner", "account", "instrument")
    search_fields = ("owner__email",)
    ordering = ("-id",)


@admin.register(BreakerState)
class BreakerStateAdmin(ShownOnlyAdmin):
    list_display = (
        "scope", "mode", "state", "reasons", linked("owner"), linked("account"), "strategy", "activated_at", "nearest",
        "evaluated_at",
    )  # fmt: skip
    list_filter = ("state", "mode", "scope")
    list_select_related = ("owner", "account")
    search_fields = ("owner__email", "strategy")
    ordering = ("-id",)
    actions = ("reset",)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("trading.change_breakerstate")

    @admin.action(description=gettext_lazy("Reset what stops everybody"), permissions=["operate"])
    def reset(self, request: HttpRequest, queryset: QuerySet[BreakerState]) -> HttpResponseBase | None:
        def verb(row: BreakerState) -> str:
            if row.owner_id is not None:
                raise DomainError(_("This is of one person, who resets it."))
            risk.reset(_operator(request), row, note=_("By an operator"), at=timezone.now())
            return _("reset.")

        title = _("Reset these breakers? What they stopped goes on.")
        return self.confirmed(request, queryset, action="reset", title=title, verb=verb)


@admin.register(BreakerEvent)
class BreakerEventAdmin(ShownOnlyAdmin):
    list_display = (
        "occurred_at", "kind", "scope", "mode", "account_name", "strategy", "before", "after", "reasons", "note",
        "actor_email",
    )  # fmt: skip
    list_filter = ("kind", "scope")
    search_fields = ("account_name", "strategy", "actor_email")
    ordering = ("-id",)
