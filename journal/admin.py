"""Stored sums and what people wrote, for operators: shown, never edited. An action computes what is chosen again.

Of what people wrote it is shown that it is there, and whose it is; the words themselves are theirs.
"""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import answers
from accounts.admin.parts import ShownOnlyAdmin, link_to_list, linked, links
from journal import tasks
from journal.metrics import rollups
from journal.models import (
    AccountTotals,
    Archive,
    Attachment,
    DayRollup,
    DayVersion,
    Draft,
    FacetDay,
    FacetVersion,
    Note,
    NoteTemplate,
    OwnerDay,
    Playbook,
    PlaybookRule,
    PlaybookVersion,
    RemarkVersion,
    ResultDay,
    RuleCheck,
    RunDay,
    SavedView,
    TradePlaybook,
)
from journal.models.rollup import DayCounters
from trading.admin import LargeTableAdmin

_FIGURES = ("trade_count", "net_pnl", "fees", "win_count", "loss_count")


class StaleFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("stale", _("Stale")), ("computed", _("Computed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "stale":
            return queryset.filter(computed_version__lt=F("requested_version"))
        if self.value() == "computed":
            return queryset.filter(computed_version=F("requested_version"))
        return queryset


class SumsAdmin(LargeTableAdmin):
    """Stored sums per account: found by the account's or the person's whole name."""

    search_help_text = gettext_lazy("A person's e-mail, or an account's name or id; each in full.")
    instrument_lookup = None
    id_lookups = ("account__public_id",)


@admin.register(DayVersion)
class DayVersionAdmin(SumsAdmin):
    list_display = (linked("account"), "day", "requested_version", "computed_version", "is_stale")
    list_filter = (StaleFilter,)
    list_select_related = ("account",)
    actions = ("compute_again",)

    @admin.display(boolean=True)
    def is_stale(self, version: DayVersion) -> bool:
        return version.computed_version < version.requested_version

    @admin.action(description=gettext_lazy("Compute the chosen days again"), permissions=["view"])
    def compute_again(self, request: HttpRequest, queryset: QuerySet[DayVersion]) -> HttpResponseBase | None:
        title = _("Compute these days again? What is shown stays as it is until they are done.")
        return self.confirmed(request, queryset, action="compute_again", title=title, verb=_computed_again)

    def described(self, row: DayVersion) -> str:
        return f"{row.account}, {row.day}"


def _computed_again(version: DayVersion) -> str:
    rollups.request(version.owner_id, days=[(version.account_id, version.day)])
    tasks.recompute_owner(version.owner_id)
    return _("computed again.")


@admin.register(DayRollup)
class DayRollupAdmin(SumsAdmin):
    list_display = (linked("account"), "day", "currency", *_FIGURES)
    list_select_related = ("account",)


@admin.register(OwnerDay)
class OwnerDayAdmin(ShownOnlyAdmin):
    list_display = (linked("owner"), "day", "currency", *_FIGURES)
    list_filter = ("currency",)
    list_select_related = ("owner",)
    search_fields = ("owner__email",)
    ordering = ("-id",)


class DayCountersAdmin(ShownOnlyAdmin):
    """Two counters per person and day."""

    list_display = (linked("owner"), "day", "requested_version", "computed_version", "is_stale")
    list_filter = (StaleFilter,)
    list_select_related = ("owner",)
    search_fields = ("owner__email",)
    ordering = ("-id",)

    @admin.display(boolean=True)
    def is_stale(self, version: DayCounters) -> bool:
        return version.computed_version < version.requested_version


@admin.register(FacetVersion)
class FacetVersionAdmin(DayCountersAdmin):
    pass


@admin.register(RemarkVersion)
class RemarkVersionAdmin(DayCountersAdmin):
    pass


@admin.register(FacetDay)
class FacetDayAdmin(ShownOnlyAdmin):
    list_display = (linked("owner"), "day", "currency", "dimension", "key", *_FIGURES)
    list_filter = ("dimension",)
    list_select_related = ("owner",)
    search_fields = ("owner__email", "key")
    ordering = ("-id",)


@admin.register(ResultDay)
class ResultDayAdmin(ShownOnlyAdmin):
    list_display = (linked("owner"), "day", "currency", "net_count", "net_total", "r_count", "r_total")
    list_filter = ("currency",)
    list_select_related = ("owner",)
    search_fields = ("owner__email",)
    ordering = ("-id",)


@admin.register(RunDay)
class RunDayAdmin(ShownOnlyAdmin):
    list_display = (linked("owner"), "day", "first_at", "last_at")
    list_select_related = ("owner",)
    search_fields = ("owner__email",)
    ordering = ("-id",)


@admin.register(AccountTotals)
class AccountTotalsAdmin(ShownOnlyAdmin):
    list_display = (linked("account"), "currency", "first_day", "last_day", *_FIGURES)
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


class WrittenAdmin(ShownOnlyAdmin):
    """What somebody wrote or keeps."""

    list_select_related: ClassVar[Any] = ("owner",)
    search_fields: ClassVar[Any] = ("owner__email",)
    ordering = ("-id",)


@admin.register(Note)
class NoteAdmin(WrittenAdmin):
    list_display = (
        "created_at",
        linked("owner"),
        linked("account"),
        "day",
        "kind",
        "revision",
        "updated_at",
        "deleted_at",
    )
    list_filter = ("kind",)
    list_select_related = ("owner", "account")
    exclude = ("title", "text")


@admin.register(NoteTemplate)
class NoteTemplateAdmin(WrittenAdmin):
    list_display = ("name", linked("owner"), "kind")
    list_filter = ("kind",)
    exclude = ("text",)


@admin.register(Draft)
class DraftAdmin(WrittenAdmin):
    list_display = ("updated_at", linked("owner"), "place")
    exclude = ("fields",)


@admin.register(Attachment)
class AttachmentAdmin(WrittenAdmin):
    list_display = ("created_at", linked("owner"), "content_type", "size", "trade_key", "note_id", "deleted_at")
    list_filter = ("content_type",)
    search_fields = ("owner__email", "=sha256")
    exclude = ("file", "thumbnail", "filename", "caption")


@admin.register(Playbook)
class PlaybookAdmin(WrittenAdmin):
    list_display = ("name", linked("owner"), "created_at", "archived_at", "things")
    readonly_fields = ("things",)
    exclude = ("description",)

    @admin.display(description=gettext_lazy("what belongs to it"))
    def things(self, playbook: Playbook) -> SafeString:
        return links(
            link_to_list("journal_playbookversion", _("versions"), playbook__id__exact=playbook.pk),
            link_to_list("journal_tradeplaybook", _("trades"), playbook__id__exact=playbook.pk),
        )


@admin.register(PlaybookVersion)
class PlaybookVersionAdmin(ShownOnlyAdmin):
    list_display = (linked("playbook"), "number", "created_at", "rules_link")
    list_select_related = ("playbook",)
    search_fields = ("playbook__owner__email",)
    ordering = ("-id",)

    @admin.display(description=gettext_lazy("rules"))
    def rules_link(self, version: PlaybookVersion) -> SafeString:
        return link_to_list("journal_playbookrule", _("rules"), version__id__exact=version.pk)


@admin.register(PlaybookRule)
class PlaybookRuleAdmin(ShownOnlyAdmin):
    list_display = (linked("version"), "position", "group", "key")
    list_select_related = ("version",)
    search_fields = ("version__playbook__owner__email",)
    ordering = ("-id",)
    exclude = ("text",)


@admin.register(TradePlaybook)
class TradePlaybookAdmin(WrittenAdmin):
    list_display = ("trade_key", linked("owner"), linked("playbook"), linked("version"), "checks")
    list_select_related = ("owner", "playbook", "version")
    search_fields = ("owner__email", "=trade_key")

    @admin.display(description=gettext_lazy("rules"))
    def checks(self, taken: TradePlaybook) -> SafeString:
        return link_to_list("journal_rulecheck", _("rules"), trade_playbook__id__exact=taken.pk)


@admin.register(RuleCheck)
class RuleCheckAdmin(ShownOnlyAdmin):
    list_display = (linked("trade_playbook"), "rule_id", "is_kept")
    list_filter = ("is_kept",)
    list_select_related = ("trade_playbook",)
    search_fields = ("trade_playbook__owner__email",)
    ordering = ("-id",)


@admin.register(SavedView)
class SavedViewAdmin(WrittenAdmin):
    list_display = ("name", linked("owner"), "page", "created_at")


@admin.register(Archive)
class ArchiveAdmin(WrittenAdmin):
    list_display = ("created_at", linked("owner"), "kind", "status", "size", "error_code", "finished_at", "expires_at")
    list_filter = ("kind", "status")
    exclude = ("stored_as",)
