"""The page of groups and labels of accounts, and the forms on it."""

import uuid
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import account_groups as labels
from accounts import toasts, undo
from accounts.errors import DomainError
from accounts.models import Account, AccountGroup, AccountTag
from accounts.permissions import may_write_required, person_of
from journal.account_forms import LabelForm


@login_required
@require_safe
def account_groups(request: HttpRequest) -> HttpResponse:
    return _page(request)


@may_write_required
@require_POST
def group_create(request: HttpRequest) -> HttpResponse:
    return _create(request, labels.create_group, "group_form")


@may_write_required
@require_POST
def tag_create(request: HttpRequest) -> HttpResponse:
    return _create(request, labels.create_tag, "tag_form")


@may_write_required
@require_POST
def group_change(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    return _change(request, _own(request, AccountGroup, id))


@may_write_required
@require_POST
def tag_change(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    return _change(request, _own(request, AccountTag, id))


@may_write_required
@require_POST
def group_move(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """The group stands one place further up or down."""
    group = _own(request, AccountGroup, id)
    labels.move_group(group, step=-1 if request.POST.get("to") == "up" else 1)
    return redirect("account_groups")


@may_write_required
@require_POST
def group_delete(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    group = _own(request, AccountGroup, id)
    payload = labels.delete_group(group, at=timezone.now())
    token = undo.token(person_of(request), labels.UNDO_GROUP, payload)
    toasts.say(request, _("Group %(name)s was deleted; its accounts stay.") % {"name": group.name}, undo=token)
    return redirect("account_groups")


@may_write_required
@require_POST
def tag_delete(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    tag = _own(request, AccountTag, id)
    payload = labels.delete_tag(tag, at=timezone.now())
    token = undo.token(person_of(request), labels.UNDO_TAG, payload)
    toasts.say(request, _("Label %(name)s was deleted.") % {"name": tag.name}, undo=token)
    return redirect("account_groups")


def _own(request: HttpRequest, model: Any, public_id: uuid.UUID) -> Any:
    return get_object_or_404(model.objects.for_user(person_of(request)), public_id=public_id)


def _create(request: HttpRequest, verb: Any, place: str) -> HttpResponse:
    form = LabelForm(request.POST)
    if form.is_valid():
        try:
            made = verb(owner=person_of(request), **form.cleaned_data)
        except DomainError as error:
            form.refuse(error)
        else:
            toasts.say(request, _("%(name)s was added.") % {"name": made.name})
            return redirect("account_groups")
    return _page(request, **{place: form})


def _change(request: HttpRequest, labelled: Any) -> HttpResponse:
    form = LabelForm(request.POST)
    before = labelled.name
    if form.is_valid():
        try:
            labels.change(labelled, **form.cleaned_data)
        except DomainError as error:
            form.refuse(error)
        else:
            toasts.say(request, _("Saved."))
            return redirect("account_groups")
    return _page(request, refused=form, refused_id=labelled.public_id, refused_name=before)


def _page(request: HttpRequest, **forms: Any) -> HttpResponse:
    """The page with whatever form was just refused."""
    person = person_of(request)
    context = {
        "groups": AccountGroup.objects.for_user(person).annotate(Count("accounts")).order_by("position", "id"),
        "tags": AccountTag.objects.for_user(person).annotate(Count("accounts")).order_by("name", "id"),
        "ungrouped": Account.objects.for_user(person).current().filter(group=None).count(),
        "group_form": LabelForm(),
        "tag_form": LabelForm(),
        **forms,
    }
    return render(request, "journal/account_groups.html", context, status=422 if forms else 200)
