"""People, accounts and cash for operators. What is derived, hashed or append-only is only shown."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit, tokens, trading_accounts, versions
from accounts.errors import DomainError
from accounts.forms import AdminLoginForm
from accounts.models import (
    Account,
    ActivityEntry,
    ApiToken,
    AuditEvent,
    Client,
    IdempotencyKey,
    LedgerEntry,
    LoginAttempt,
    OwnerVersion,
    Portfolio,
    User,
)

if TYPE_CHECKING:
    _AnyAdmin = admin.ModelAdmin[Any]
    _OfAccounts = admin.ModelAdmin[Account]
    _UserAdmin = UserAdmin[Any]
    _ClientInline = admin.StackedInline[Client, User]
else:
    _AnyAdmin = _OfAccounts = admin.ModelAdmin
    _UserAdmin = UserAdmin
    _ClientInline = admin.StackedInline

admin.site.login_form = AdminLoginForm


class ShownOnlyAdmin(_AnyAdmin):
    """Rows that are looked at and never touched."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ClientInline(_ClientInline):
    model = Client
    extra = 0
    can_delete = False


@admin.register(User)
class PersonAdmin(_UserAdmin):
    add_form = AdminUserCreationForm
    list_display = ("email", "status", "is_active", "is_staff", "date_joined")
    list_filter = ("is_active", "is_staff", "client__status")
    list_select_related = ("client",)
    search_fields = ("email", "client__last_name")
    ordering = ("email", "id")
    inlines = (ClientInline,)
    readonly_fields = ("public_id", "last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "password", "public_id")}),
        ("Preferences", {"fields": ("reporting_currency", "time_zone", "theme")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "usable_password", "password1", "password2")}),)

    @admin.display(ordering="client__status")
    def status(self, user: User) -> str:
        return user.client.get_status_display() if hasattr(user, "client") else "–"

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001 – Django's own
        super().save_related(request, form, formsets, change)
        changed = [
            *form.changed_data,
            *(name for formset in formsets for each in formset.forms for name in each.changed_data),
        ]
        person = form.instance
        versions.bump(person.pk)
        audit.written(
            "person.update" if change else "person.create",
            subject="person",
            subject_id=person.public_id,
            owner_id=person.pk,
            after={"changed": sorted(set(changed) - {"password1", "password2"})},
        )


@admin.register(Account)
class AccountAdmin(_OfAccounts):
    list_display = ("name", "owner", "broker", "number", "kind", "status", "currency", "archived_at")
    list_filter = ("kind", "status", "is_sample")
    list_select_related = ("owner",)
    search_fields = ("name", "number", "owner__email")
    ordering = ("-id",)
    list_per_page = 50
    show_full_result_count = False
    autocomplete_fields = ("owner",)
    readonly_fields = ("public_id", "archived_at", "created_at", "updated_at")
    actions = ("archive", "restore")

    def get_readonly_fields(self, request: HttpRequest, obj: Account | None = None) -> Any:
        # An account that changed hands would leave its fills behind.
        return (*self.readonly_fields, "owner") if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:  # noqa: FBT001
        fields = {name: form.cleaned_data[name] for name in trading_accounts.EDITABLE if name in form.cleaned_data}
        if change:
            trading_accounts.update(obj, **fields)
            return
        made = trading_accounts.create(owner=obj.owner, **fields)
        obj.pk, obj.public_id = made.pk, made.public_id
        obj._state.adding = False

    def delete_model(self, request: HttpRequest, obj: Account) -> None:
        # The admin's own page has listed what goes with it, and was confirmed.
        trading_accounts.delete(obj, confirmed=True)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> None:
        for account in queryset:
            trading_accounts.delete(account, confirmed=True)

    @admin.action(description="Archive the chosen accounts", permissions=["change"])
    def archive(self, request: HttpRequest, queryset: QuerySet[Account]) -> None:
        self._each(request, queryset, trading_accounts.archive)

    @admin.action(description="Restore the chosen accounts", permissions=["change"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Account]) -> None:
        self._each(request, queryset, trading_accounts.restore)

    def _each(self, request: HttpRequest, queryset: QuerySet[Account], verb: Any) -> None:
        for account in queryset:
            try:
                verb(account, at=timezone.now())
            except DomainError as error:
                self.message_user(request, f"{account}: {error.message}", messages.WARNING)


@admin.register(Portfolio)
class PortfolioAdmin(ShownOnlyAdmin):
    list_display = ("account", "currency", "available_balance", "reserved_balance", "updated_at")
    list_select_related = ("account",)
    search_fields = ("account__name", "account__owner__email")
    ordering = ("-id",)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ShownOnlyAdmin):
    list_display = ("occurred_at", "portfolio", "kind", "available_change", "available_after", "note")
    list_filter = ("kind",)
    list_select_related = ("portfolio__account",)
    search_fields = ("portfolio__account__name", "idempotency_key")
    ordering = ("-id",)


@admin.register(ApiToken)
class ApiTokenAdmin(ShownOnlyAdmin):
    list_display = ("name", "owner", "prefix", "scope", "expires_at", "revoked_at", "last_used_at")
    list_select_related = ("owner",)
    search_fields = ("name", "owner__email", "prefix")
    ordering = ("-id",)
    exclude = ("digest",)
    actions = ("revoke",)

    @admin.action(description="Revoke the chosen tokens", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset:
            tokens.revoke(token, at=timezone.now())

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_apitoken")


@admin.register(AuditEvent)
class AuditEventAdmin(ShownOnlyAdmin):
    list_display = ("occurred_at", "actor_email", "event", "subject", "subject_id", "address")
    search_fields = ("actor_email", "subject_id", "request_id")
    date_hierarchy = "occurred_at"
    ordering = ("-id",)


@admin.register(ActivityEntry)
class ActivityEntryAdmin(ShownOnlyAdmin):
    list_display = ("occurred_at", "owner", "kind", "text")
    list_filter = ("kind",)
    list_select_related = ("owner",)
    search_fields = ("owner__email", "text")
    ordering = ("-id",)


@admin.register(OwnerVersion)
class OwnerVersionAdmin(ShownOnlyAdmin):
    list_display = ("owner", "version")
    list_select_related = ("owner",)
    search_fields = ("owner__email",)
    ordering = ("-owner_id",)


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ShownOnlyAdmin):
    list_display = ("created_at", "owner", "key", "status_code")
    list_select_related = ("owner",)
    search_fields = ("owner__email", "key")
    ordering = ("-id",)
    exclude = ("body",)


@admin.register(LoginAttempt)
class LoginAttemptAdmin(ShownOnlyAdmin):
    list_display = ("attempted_at", "purpose", "email", "address")
    list_filter = ("purpose",)
    search_fields = ("email", "address")
    ordering = ("-id",)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # To let somebody in again who shares an address with a guesser.
        return request.user.has_perm("accounts.delete_loginattempt")
