"""Pages of risk: how near each limit is, what is stopped, who stopped it, and the limits themselves."""

import uuid
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.template.defaultfilters import yesno
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import paging, toasts
from accounts.errors import DomainError
from accounts.forms import refuse
from accounts.models import User
from accounts.paging import Listing
from accounts.permissions import may_write_required, person_of
from trading import halting, risk, risk_lines
from trading.instruments import visible_to
from trading.models import BreakerEvent, BreakerScope, BreakerState, BreakerStatus, RiskConfigRevision, RiskLimit
from trading.refusals import says_why
from trading.risk_forms import FlattenForm, LimitForm, ResetForm, RiskConfigForm, StopForm

#: Breakers and revisions that a page shows; the API has all.
SHOWN = 50
#: Two forms of the page ask for an account.
LIMIT_IDS = "limit_%s"


@login_required
@require_safe
@says_why
def risk_page(request: HttpRequest) -> HttpResponseBase:
    """Breakers, events, limits and configuration."""
    return _page(request)


@may_write_required
@require_POST
@says_why
def risk_activate(request: HttpRequest) -> HttpResponseBase:
    """What the form names is stopped as far as it says."""
    person = person_of(request)
    form = StopForm(request.POST, owner=person)
    if not form.is_valid():
        return _page(request, stop=form)
    asked = form.cleaned_data
    try:
        done = halting.halt(person, form.target(), level=int(asked["level"]), note=asked["note"], at=timezone.now())
    except DomainError as error:
        refuse(form, error)
        return _page(request, stop=form)
    if done.canceled:
        words = ngettext(
            "It is stopped, and %(count)d order was canceled. Exits go on.",
            "It is stopped, and %(count)d orders were canceled. Exits go on.",
            done.canceled,
        )
        toasts.say(request, words % {"count": done.canceled})
    else:
        toasts.say(request, _("It is stopped. Exits go on."))
    return redirect("risk")


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
@says_why
def risk_flatten(request: HttpRequest) -> HttpResponseBase:
    """What flattening would close; sent with the confirmation, everything is on its way out."""
    person = person_of(request)
    form = FlattenForm(request.POST if request.method == "POST" else request.GET or None, owner=person)
    account = form.cleaned_data.get("account") if form.is_bound and form.is_valid() else None
    if request.method == "POST" and form.is_valid():
        try:
            done = halting.flatten(person, account, confirmed=form.cleaned_data["confirm"])
        except DomainError as error:
            refuse(form, error)
        else:
            count = len(done.placed) + done.waiting
            words = ngettext(
                "%(count)d order is on its way to close what is open.",
                "%(count)d orders are on their way to close what is open.",
                count,
            )
            said = words % {"count": count}
            if done.waiting:
                said += " " + _("Some wait until the broker has canceled what holds their units.")
            if done.refused:
                said += " " + _("Some positions could not be closed: see the feed. What protects them stays.")
            toasts.say(request, said, level="error" if done.refused else "success")
            return redirect("order_list")
    held = halting.held_under(person, account)
    return render(request, "trading/risk_flatten.html", {"form": form, "held": held, "account": account})


@may_write_required
@require_POST
@says_why
def risk_reset(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """The breaker is off, and judges what comes from now on."""
    person = person_of(request)
    row = get_object_or_404(_switchable(person), public_id=id)
    form = ResetForm(request.POST)
    try:
        risk.reset(person, row, note=form.data.get("note", ""), at=timezone.now())
    except DomainError as error:
        toasts.say(request, error.message, level="error")
    else:
        toasts.say(request, _("Reset: trading goes on, judged from now on."))
    return redirect("risk")


@may_write_required
@require_POST
@says_why
def risk_limit_create(request: HttpRequest) -> HttpResponseBase:
    """The limits that the form gives hold."""
    person = person_of(request)
    form = LimitForm(request.POST, owner=person, instruments=visible_to(person), auto_id=LIMIT_IDS)
    if not form.is_valid():
        return _page(request, limit=form)
    try:
        account, instrument = form.cleaned_data["account"], form.cleaned_data["symbol"]
        risk.set_limit(person, account=account, instrument=instrument, **form.values())
    except DomainError as error:
        refuse(form, error)
        return _page(request, limit=form)
    toasts.say(request, _("The limit holds."))
    return redirect("risk")


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
@says_why
def risk_limit_edit(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """One row of limits, to be changed."""
    person = person_of(request)
    limit = get_object_or_404(_limits(person), public_id=id)
    sent = request.POST if request.method == "POST" else None
    form = LimitForm(sent, owner=person, instruments=visible_to(person), limit=limit)
    if form.is_bound and form.is_valid():
        try:
            risk.change_limit(limit, **form.values())
        except DomainError as error:
            refuse(form, error)
        else:
            toasts.say(request, _("The limit was changed."))
            return redirect("risk")
    context = {"form": form, "limit": limit}
    return render(request, "trading/risk_limit.html", context, status=422 if form.errors else 200)


@may_write_required
@require_POST
def risk_limit_delete(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """The row of limits is gone."""
    risk.remove_limit(get_object_or_404(_limits(person_of(request)), public_id=id))
    toasts.say(request, _("The limit was removed."))
    return redirect("risk")


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
@says_why
def risk_config(request: HttpRequest) -> HttpResponseBase:
    """The configuration and its changes; operators change it."""
    person, config = person_of(request), risk.current()
    if request.method == "POST" and not person.is_staff:
        raise PermissionDenied(_("Only operators change the configuration."))
    form = RiskConfigForm(request.POST if request.method == "POST" else None, instance=config)
    if form.is_bound and form.is_valid():
        revision = request.POST.get("revision", "")
        try:
            risk.configure(
                person,
                note=form.cleaned_data["note"],
                revision=int(revision) if revision.isascii() and revision.isdigit() and len(revision) < 10 else None,
                **form.changes,
            )
        except DomainError as error:
            refuse(form, error)
        else:
            toasts.say(request, _("The configuration was changed."))
            return redirect("risk_config")
    changes = [_change(each) for each in RiskConfigRevision.objects.order_by("-number")[:SHOWN]]
    context = {"form": form, "config": risk.current(), "revisions": changes, "may_change": person.is_staff}
    context["settings"] = risk_lines.setting_lines(config)
    return render(request, "trading/risk_config.html", context, status=422 if form.errors else 200)


def _page(request: HttpRequest, *, stop: StopForm | None = None, limit: LimitForm | None = None) -> HttpResponse:
    person = person_of(request)
    rows = BreakerState.objects.filter(Q(owner=person) | Q(owner__isnull=True)).select_related("account")
    nearest = (F("nearest").desc(nulls_last=True), "id")
    over_all = rows.filter(scope=BreakerScope.GLOBAL).order_by("mode")
    on = rows.exclude(state=BreakerStatus.ACTIVE).order_by("-activated_at", "id")
    others = rows.filter(owner=person, state=BreakerStatus.ACTIVE).exclude(scope=BreakerScope.GLOBAL)
    cursor = request.GET.get("cursor") if request.method in ("GET", "HEAD") else None
    events = paging.page_of(
        BreakerEvent.objects.for_user(person),
        listing=Listing(person.pk, "breaker-events", "-id"),
        limit=paging.DEFAULT_LIMIT,
        cursor=cursor,
    )
    stopped = list(on[:SHOWN])
    ends = risk.ends(stopped)
    context: dict[str, Any] = {
        "now": timezone.now(),
        "over_all": [risk_lines.breaker_line(row) for row in over_all],
        "on": [risk_lines.breaker_line(row, ends_at=ends.get(row.pk)) for row in stopped],
        "others": [risk_lines.breaker_line(row) for row in others.order_by(*nearest)[:SHOWN]],
        "others_total": others.count(),
        "events": [risk_lines.event_line(row) for row in events.results],
        "page": events,
        "is_first": not cursor,
        "limits": _limits(person).order_by("account__name", "instrument__symbol", "id")[:500],
        "stop": stop or StopForm(owner=person),
        "form": limit or LimitForm(owner=person, instruments=visible_to(person), auto_id=LIMIT_IDS),
        "config": risk.current(),
        "may_reset_everybody": person.is_staff,
    }
    is_wrong = bool((stop and stop.errors) or (limit and limit.errors))
    return render(request, "trading/risk.html", context, status=422 if is_wrong else 200)


def _limits(person: User) -> Any:
    return RiskLimit.objects.for_user(person).select_related("account", "instrument")


def _switchable(person: User) -> Any:
    everybodys = Q(owner__isnull=True) if person.is_staff else Q(pk__in=[])
    return BreakerState.objects.filter(Q(owner=person) | everybodys)


def _change(revision: RiskConfigRevision) -> dict[str, Any]:
    """A revision with the fields that it changed, by their names in the table, yes or no in words."""
    before, after = revision.before, revision.after
    names = [name for name, value in after.items() if before.get(name) != value]
    changed = [(name, *(_in_words(values.get(name)) for values in (before, after))) for name in names]
    return {"row": revision, "changed": changed}


def _in_words(value: Any) -> Any:
    return yesno(value) if isinstance(value, bool) else value
