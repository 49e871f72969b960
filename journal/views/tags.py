"""Tags and their groups: made, renamed, coloured, moved, merged and deleted; and offered while one types."""

import uuid
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import table_export, toasts, undo, versions
from accounts.errors import InvalidValue
from accounts.models import User
from accounts.permissions import may_write_required, person_of
from journal.models import Note
from journal.note_forms import cleaned
from trading import tag_groups, tags
from trading.models import Tag, TagGroup, TagRole, Trade
from trading.refusals import says_why

_OFFERED = 12


class _NameForm(forms.Form):
    """The name and the colour of a tag or of a group."""

    name = forms.CharField(max_length=50, label=gettext_lazy("Name"))
    color = forms.RegexField(r"\A#[0-9a-fA-F]{6}\Z", required=False, label=gettext_lazy("Colour"))
    role = forms.ChoiceField(choices=TagRole.choices, required=False, label=gettext_lazy("What they are"))

    def clean_name(self) -> str:
        return cleaned(self.cleaned_data["name"]).replace(",", " ").strip()


def _values(request: HttpRequest) -> dict[str, str]:
    form = _NameForm(request.POST)
    if not form.is_valid() or not form.cleaned_data["name"]:
        messages = next(iter(form.errors.values()), [_("A name is needed.")])
        raise InvalidValue(str(messages[0]), pointer="/name")
    return {name: value for name, value in form.cleaned_data.items() if value}


def _group(request: HttpRequest) -> TagGroup | None:
    text = request.POST.get("group", "")
    if not text:
        return None
    return get_object_or_404(TagGroup.objects.for_user(request.user), public_id=_uuid(text))


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.UUID(int=0)


def _tag(request: HttpRequest, public_id: uuid.UUID) -> Tag:
    return get_object_or_404(Tag.objects.for_user(request.user), public_id=public_id)


def _counted(rows: QuerySet[Tag]) -> QuerySet[Tag]:
    """The tags with `trade_count` and `note_count`."""
    trades: Any = Trade.tags.through.objects.filter(tag=OuterRef("pk")).order_by().values("tag").annotate(n=Count("pk"))
    noted: Any = Note.objects.filter(tags=OuterRef("pk"), deleted_at__isnull=True).order_by().values("tags")
    return rows.annotate(
        trade_count=Coalesce(Subquery(trades.values("n")), 0),
        note_count=Coalesce(Subquery(noted.annotate(n=Count("pk")).values("n")), 0),
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@says_why
def tag_list(request: HttpRequest) -> HttpResponseBase:
    """All tags in their groups, with how much carries each; a POST makes one."""
    if request.method == "POST":
        return _tag_made(request)
    person = person_of(request)
    version = versions.current(person.pk)
    if request.GET.get("format") == "csv":
        return table_export.answer("tags.csv", *_table(*_all(person)))
    context = {"version": version, "shown": SimpleLazyObject(lambda: _shown(*_all(person))), "roles": TagRole.choices}
    return render(request, "journal/tag_list.html", context)


def _all(person: User) -> tuple[list[TagGroup], list[Any]]:
    """The person's groups in their order and tags by name."""
    groups = list(TagGroup.objects.for_user(person).order_by("position", "id"))
    return groups, list(_counted(Tag.objects.for_user(person)).order_by("name", "id"))


def _shown(groups: list[TagGroup], found: list[Any]) -> dict[str, Any]:
    return {
        "groups": [(group, [tag for tag in found if tag.group_id == group.pk]) for group in groups],
        "others": [tag for tag in found if tag.group_id is None],
        "all_groups": groups,
        "all_tags": found,
    }


def _table(groups: list[TagGroup], found: list[Any]) -> tuple[list[str], list[list[object]]]:
    """The headings and the rows of the tags, group by group as on the page."""
    headings = [_("Group"), _("What they are"), _("Tag"), _("Trades"), _("Notes")]
    rows: list[list[object]] = []
    for group in [*groups, None]:
        words = ["", ""] if group is None else [group.name, group.get_role_display()]
        members = [tag for tag in found if tag.group_id == (group and group.pk)]
        rows += [[*words, tag.name, tag.trade_count, tag.note_count] for tag in members]
    return headings, rows


@may_write_required
def _tag_made(request: HttpRequest) -> HttpResponse:
    values, group = _values(request), _group(request)
    tags.create(owner=person_of(request), name=values["name"], color=values.get("color"), group=group)
    toasts.say(request, _("“%(name)s” was made.") % {"name": values["name"]})
    return redirect("tag_list")


@may_write_required
@require_POST
@says_why
def tag_edit(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    tag, values = _tag(request, id), _values(request)
    tags.update(tag, name=values["name"], color=values.get("color"), group=_group(request))
    toasts.say(request, _("Saved."))
    return redirect("tag_list")


@may_write_required
@require_POST
@says_why
def tag_merge(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    tag = _tag(request, id)
    into = get_object_or_404(Tag.objects.for_user(request.user), public_id=_uuid(request.POST.get("into", "")))
    name = tag.name
    payload = tags.merge(tag, into=into)
    token = undo.token(person_of(request), tags.MERGED, payload) if payload else ""
    toasts.say(request, _("“%(name)s” is “%(into)s” now.") % {"name": name, "into": into.name}, undo=token)
    return redirect("tag_list")


@may_write_required
@require_POST
@says_why
def tag_delete(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    tag = _tag(request, id)
    name = tag.name
    payload = tags.delete(tag)
    token = undo.token(person_of(request), tags.DELETED, payload) if payload else ""
    toasts.say(request, _("“%(name)s” was deleted.") % {"name": name}, undo=token)
    return redirect("tag_list")


@login_required
@require_safe
def tag_options(request: HttpRequest) -> HttpResponse:
    """What a tag picker offers: tags whose name holds what was typed, those that begin with it first."""
    text = request.GET.get("q", "").strip()[:50].replace("\0", "")
    rows = Tag.objects.for_user(request.user).select_related("group")
    if text:
        starting = list(rows.filter(name__istartswith=text).order_by("name", "id")[:_OFFERED])
        holding = rows.filter(name__icontains=text).exclude(pk__in=[tag.pk for tag in starting]).order_by("name", "id")
        found = [*starting, *holding[: _OFFERED - len(starting)]]
    else:
        found = list(rows.order_by(F("group__position").asc(nulls_last=True), "name", "id")[:_OFFERED])
    context = {"tags": found, "typed": text, "is_new": bool(text) and not any(_same(tag.name, text) for tag in found)}
    return render(request, "journal/_tag_options.html", context)


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


# ---------------------------------------------------------------- groups
@may_write_required
@require_POST
@says_why
def tag_group_create(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    if "begin" in request.POST:
        tag_groups.begin(person)
        toasts.say(request, _("Groups for setups and mistakes were made."))
        return redirect("tag_list")
    group = tag_groups.create(owner=person, **_values(request))
    toasts.say(request, _("“%(name)s” was made.") % {"name": group.name})
    return redirect("tag_list")


@may_write_required
@require_POST
@says_why
def tag_group_edit(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """The group's name, colour and role; or with `move` its place among the others."""
    person = person_of(request)
    group = get_object_or_404(TagGroup.objects.for_user(person), public_id=id)
    move = request.POST.get("move", "")
    if move in ("up", "down"):
        groups = list(TagGroup.objects.for_user(person).order_by("position", "id"))
        place = groups.index(group)
        groups.insert(max(0, place + (-1 if move == "up" else 1)), groups.pop(place))
        tag_groups.order(person, groups)
    else:
        tag_groups.update(group, **_values(request))
        toasts.say(request, _("Saved."))
    return redirect("tag_list")


@may_write_required
@require_POST
@says_why
def tag_group_delete(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    group = get_object_or_404(TagGroup.objects.for_user(request.user), public_id=id)
    name = group.name
    token = undo.token(person_of(request), "tag_group.delete", tag_groups.delete(group))
    toasts.say(request, _("“%(name)s” was deleted; its tags stay.") % {"name": name}, undo=token)
    return redirect("tag_list")
