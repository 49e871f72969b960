"""People, accounts and cash for operators. What is derived, hashed or append-only is only shown."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.contrib.auth.models import Group
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import audit, tokens, trading_accounts, versions
from accounts.admin.parts import OperatorAdmin, ShownOnlyAdmin, link_to_list, linked, links
from accounts.errors import DomainError
from accounts.forms import AdminLoginForm
from accounts.models import (
    Account,
    AccountGroup,
    AccountTag,
    ActivityEntry,
    ApiToken,
    AuditEvent,
    Client,
    IdempotencyKey,
    LedgerEntry,
    LoginAttempt,
    OwnerVersion,
    Portfolio,
    Preference,
    User,
)

if TYPE_CHECKING:
    _UserAdmin = UserAdmin[Any]
    _ClientInline = admin.StackedInline[Client, User]
else:
    _UserAdmin = UserAdmin
    _ClientInline = admin.StackedInline

admin.site.login_form = AdminLoginForm


class ClientInline(_ClientInline):
    model = Client
    extra = 0
    can_delete = False
    readonly_fields = ("verified_at",)


@admin.register(User)
class PersonAdmin(_UserAdmin):
    add_form = AdminUserCreationForm
    # A plain list of choices, which the keyboard and a screen reader know; the two boxes with arrows are neither.
    filter_horizontal = ()
    list_display = ("email", "status", "is_active", "is_staff", "date_joined", "things")
    list_filter = ("is_active", "is_staff", "client__status")
    list_select_related = ("client",)
    search_fields = ("email", "client__last_name")
    ordering = ("email", "id")
    inlines = (ClientInline,)
    list_per_page = 50
    show_full_result_count = False
    readonly_fields = ("public_id", "last_login", "date_joined", "things")
    fieldsets = (
        (None, {"fields": ("email", "password", "public_id", "things")}),
        ("Preferences", {"fields": ("reporting_currency", "time_zone", "language", "theme")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "usable_password", "password1", "password2")}),)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        # With accounts goes history, which is kept: such a person is made inactive instead. The page that asks would
        # also list every single one of a million trades.
        is_empty = obj is None or not Account.objects.filter(owner=obj).exists()
        return is_empty and super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        # One by one, each looked at.
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    @admin.display(ordering="client__status")
    def status(self, user: User) -> str:
        return user.client.get_status_display() if hasattr(user, "client") else "–"

    @admin.display(description=gettext_lazy("what they have"))
    def things(self, user: User) -> SafeString:
        return links(
            link_to_list("accounts_account", _("accounts"), owner__id__exact=user.pk),
            link_to_list("trading_trade", _("trades"), owner__id__exact=user.pk),
            link_to_list("trading_importbatch", _("imports"), owner__id__exact=user.pk),
            link_to_list("journal_note", _("notes"), owner__id__exact=user.pk),
            link_to_list("accounts_auditevent", _("history"), owner_id__exact=user.pk),
        )

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


admin.site.unregister(Group)


@admin.register(Group)
class PeopleGroupAdmin(GroupAdmin):
    filter_horizontal = ()


@admin.register(Account)
class AccountAdmin(OperatorAdmin):
    list_display = ("name", linked("owner"), "broker", "number", "kind", "status", "currency", "archived_at", "things")
    list_filter = ("kind", "status", "is_sample")
    list_select_related = ("owner",)
    search_fields = ("name", "number", "owner__email")
    ordering = ("-id",)
    raw_id_fields = ("owner",)
    readonly_fields = ("public_id", "things", "archived_at", "created_at", "updated_at")
    # Groups and labels are the person's own; a list of everybody's would be offered here.
    exclude = ("group", "tags")
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

    def has_delete_permission(self, request: HttpRequest, obj: Account | None = None) -> bool:
        # As with people: history is kept, and archived with its account. Its owner alone may take it all away.
        is_empty = obj is None or not (
            trading_accounts.has_fills(obj) or Portfolio.objects.filter(account=obj).exists()
        )
        return is_empty and super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except DomainError as error:
            self.message_user(request, error.message, messages.WARNING)
            return redirect("admin:accounts_account_change", object_id)

    def delete_model(self, request: HttpRequest, obj: Account) -> None:
        trading_accounts.delete(obj)

    @admin.display(description=gettext_lazy("what is in it"))
    def things(self, account: Account) -> SafeString | str:
        if account.pk is None:
            return ""
        return links(
            link_to_list("trading_trade", _("trades"), account__id__exact=account.pk),
            link_to_list("trading_execution", _("fills"), account__id__exact=account.pk),
            link_to_list("trading_position", _("positions"), account__id__exact=account.pk),
            link_to_list("accounts_portfolio", _("cash"), account__id__exact=account.pk),
            link_to_list("journal_dayrollup", _("days"), account__id__exact=account.pk),
        )

    @admin.action(description=gettext_lazy("Archive the chosen accounts"), permissions=["change"])
    def archive(self, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponseBase | None:
        title = _("Archive these accounts? They leave the lists; their trades stay.")
        return self.confirmed(request, queryset, action="archive", title=title, verb=_archived)

    @admin.action(description=gettext_lazy("Restore the chosen accounts"), permissions=["change"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponseBase | None:
        title = _("Bring these accounts back into the lists?")
        return self.confirmed(request, queryset, action="restore", title=title, verb=_restored)


def _archived(account: Account) -> str:
    trading_accounts.archive(account, at=timezone.now())
    return _("archived.")


def _restored(account: Account) -> str:
    trading_accounts.restore(account, at=timezone.now())
    return _("restored.")


@admin.register(AccountGroup, AccountTag)
class AccountSortingAdmin(ShownOnlyAdmin):
    list_display = ("name", linked("owner"), "color")
    list_select_related = ("owner",)
    search_fields = ("name", "owner__email")
    ordering = ("-id",)


@admin.register(Preference)
class PreferenceAdmin(ShownOnlyAdmin):
    list_display = (linked("owner"), "name", "value")
    list_select_related = ("owner",)
    search_fields = ("owner__email", "name")
    ordering = ("-id",)


@admin.register(Portfolio)
class PortfolioAdmin(ShownOnlyAdmin):
    list_display = (linked("account"), "currency", "available_balance", "reserved_balance", "updated_at", "entries")
    list_select_related = ("account",)
    search_fields = ("account__name", "account__owner__email")
    ordering = ("-id",)

    @admin.display(description=gettext_lazy("ledger"))
    def entries(self, portfolio: Portfolio) -> SafeString:
        return link_to_list("accounts_ledgerentry", _("entries"), portfolio__id__exact=portfolio.pk)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ShownOnlyAdmin):
    list_display = ("occurred_at", linked("portfolio"), "kind", "available_change", "available_after", "note")
    list_filter = ("kind",)
    list_select_related = ("portfolio__account",)
    search_fields = ("portfolio__account__name", "idempotency_key")
    ordering = ("-id",)


@admin.register(ApiToken)
class ApiTokenAdmin(ShownOnlyAdmin):
    list_display = ("name", linked("owner"), "prefix", "scope", "expires_at", "revoked_at", "last_used_at")
    list_select_related = ("owner",)
    search_fields = ("name", "owner__email", "prefix")
    ordering = ("-id",)
    exclude = ("digest",)
    actions = ("revoke",)

    @admin.action(description=gettext_lazy("Revoke the chosen tokens"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> HttpResponseBase | None:
        title = _("Revoke these tokens? Programs that use them are refused from now on.")
        return self.confirmed(request, queryset, action="revoke", title=title, verb=_revoked)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_apitoken")


def _revoked(token: ApiToken) -> str:
    tokens.revoke(token, at=timezone.now())
    return _("revoked.")


@admin.register(AuditEvent)
class AuditEventAdmin(ShownOnlyAdmin):
    list_display = ("occurred_at", "actor_email", "event", "subject", "subject_id", "address")
    search_fields = ("actor_email", "subject_id", "request_id")
    ordering = ("-id",)


@admin.register(ActivityEntry)
class ActivityEntryAdmin(ShownOnlyAdmin):
    list_display = ("occurred_at", linked("owner"), linked("account"), "kind", "text")
    list_filter = ("kind",)
    list_select_related = ("owner", "account")
    search_fields = ("owner__email", "text")
    ordering = ("-id",)


@admin.register(OwnerVersion)
class OwnerVersionAdmin(ShownOnlyAdmin):
    list_display = (linked("owner"), "version")
    list_select_related = ("owner",)
    search_fields = ("owner__email",)
    ordering = ("-owner_id",)


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ShownOnlyAdmin):
    list_display = ("created_at", linked("owner"), "key", "status_code")
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
