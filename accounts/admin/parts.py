"""What the admin's tables have in common: shown only, counted so far, joined by links, asked before they act."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import FieldDoesNotExist
from django.core.paginator import Paginator
from django.db.models import DecimalField, Field, Model, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts.decimals import plain
from accounts.errors import DomainError

if TYPE_CHECKING:
    _AnyAdmin = admin.ModelAdmin[Any]
else:
    _AnyAdmin = admin.ModelAdmin

#: Rows that are counted and can be paged to; a search narrows further. Counting a million is what makes lists slow.
COUNTED = 5_000
#: Rows that one action takes on.
MOST_AT_ONCE = 20
NOTHING = "–"


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Pages over the first rows only."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        return rows[:COUNTED].count() if isinstance(rows, QuerySet) else len(rows)

    @property
    def is_capped(self) -> bool:
        """Whether there may be more rows than were counted."""
        return self.count >= COUNTED


class PlainDecimalField(forms.DecimalField):
    """A number that stands in its form as 0.01, however many decimals its column keeps."""

    def prepare_value(self, value: Any) -> Any:
        return plain(value) if isinstance(value, Decimal) else value


class OperatorAdmin(_AnyAdmin):
    """A table that operators look through: pages of fifty, never counted to the end, and actions that ask first.

    Numbers stand without the zeros that their columns keep; `reads` says how the values of other fields are said.
    """

    reads: ClassVar[Mapping[str, Callable[[Any], object]]] = {}
    formfield_overrides: ClassVar[Any] = {DecimalField: {"form_class": PlainDecimalField}}

    list_per_page = 50
    show_full_result_count = False
    paginator = CappedPaginator

    def get_list_display(self, request: HttpRequest) -> Any:
        return [self.readable(name) for name in super().get_list_display(request)]

    @cached_property
    def _readable(self) -> dict[str, Any]:
        """Columns that were made before: what can be sorted by is found among them by being the same."""
        return {}

    def readable(self, name: Any) -> Any:
        """The column of this name, or what stands in its place where its bare value is hard to read."""
        if not isinstance(name, str):
            return name
        if name not in self._readable:
            self._readable[name] = self._column(name)
        return self._readable[name]

    def _column(self, name: str) -> Any:
        try:
            field = self.opts.get_field(name)
        except FieldDoesNotExist:
            return name
        if not isinstance(field, Field):
            return name
        kept = getattr(field, "output_field", field)
        say = self.reads.get(name) or (plain if isinstance(kept, DecimalField) else None)
        if say is None:
            return name

        @admin.display(description=field.verbose_name, ordering=name)
        def column(row: Any) -> object:
            value = getattr(row, name)
            return self.get_empty_value_display() if value in (None, "", []) else say(value)

        column.__name__ = name
        return column

    def get_list_display_links(self, request: HttpRequest, list_display: Any) -> Any:
        """The first column that is no link of its own leads to the row: a link inside another has no name."""
        return [next((name for name in list_display if isinstance(name, str)), list_display[0])]

    def confirmed(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        *,
        action: str,
        title: str,
        verb: Callable[[Any], str],
    ) -> HttpResponseBase | None:
        """The page that asks; once it was answered, the verb on each row with what came of it."""
        chosen = list(queryset.order_by("-pk")[: MOST_AT_ONCE + 1])
        if len(chosen) > MOST_AT_ONCE:
            self.message_user(
                request, _("Choose at most %(count)s rows at once.") % {"count": MOST_AT_ONCE}, messages.WARNING
            )
            return None
        if "confirm" not in request.POST:
            context = {
                **self.admin_site.each_context(request),
                "title": title,
                "action": action,
                "chosen": [(row.pk, self.described(row)) for row in chosen],
                "checkbox": ACTION_CHECKBOX_NAME,
                "opts": self.opts,
                "back": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"),
            }
            return TemplateResponse(request, "admin/confirm_action.html", context)
        for row in chosen:
            try:
                self.message_user(request, f"{row}: {verb(row)}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{row}: {error.message}", messages.WARNING)
        return None

    def described(self, row: Any) -> str:
        """The row in the words of the page that asks."""
        return str(row)


class ShownOnlyAdmin(OperatorAdmin):
    """Rows that are looked at and never touched."""

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        found = super().get_fieldsets(request, obj)
        return [
            (title, {**those, "fields": [self.readable(each) for each in those["fields"]]}) for title, those in found
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def said(words: Mapping[str, Any]) -> Callable[[Any], object]:
    """Says a value in these words; one that they do not know as it is."""
    return lambda value: words.get(value, value)


def link_to(row: Model | None) -> str | SafeString:
    """The row's name, leading to its own page in the admin."""
    if row is None:
        return NOTHING
    try:
        path = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    except NoReverseMatch:
        return str(row)
    return format_html('<a href="{}">{}</a>', path, str(row) or row.pk)


def link_to_list(table: str, words: str, **lookups: Any) -> SafeString:
    """Words that lead to the rows of a table, named "app_model", that the lookups choose."""
    return format_html('<a href="{}?{}">{}</a>', reverse(f"admin:{table}_changelist"), urlencode(lookups), words)


def links(*each: SafeString) -> SafeString:
    """Links one after the other."""
    return format_html_join(" · ", "{}", ((one,) for one in each))


def linked(name: str, *, words: str = "") -> Any:
    """A column of the row that this foreign key names, as a link. Name it in `list_select_related` as well."""

    @admin.display(description=words or name, ordering=name)
    def column(row: Any) -> str | SafeString:
        return link_to(getattr(row, name))

    column.__name__ = f"{name}_link"
    return column
