"""Pages of positions under an exit plan: where each stands, what a person changes, how it ends."""

import uuid
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import paging, toasts
from accounts.errors import DomainError
from accounts.permissions import may_write_required, person_of
from trading import exit_plans, exit_strategies, list_exports, plan_lists
from trading.errors import PlanChanged, PlanInvalid
from trading.forms import OwnAccountField
from trading.models import ManagedPosition, PlanRevision, Position
from trading.plan_forms import OpenPlanForm, OverrideForm, changes
from trading.refusals import says_why


def _own(request: HttpRequest, public_id: uuid.UUID) -> ManagedPosition:
    rows = ManagedPosition.objects.for_user(request.user).select_related(
        "account", "instrument", "strategy", "entry_order"
    )
    return get_object_or_404(rows, public_id=public_id)


@login_required
@require_safe
@says_why
def plan_list(request: HttpRequest) -> HttpResponseBase:
    """Open plans, or those that have ended, of all accounts or one, the newest first."""
    person, wanted = person_of(request), request.GET.get("account_name", "")[:100]
    is_ended = request.GET.get("ended") == "1"
    rows = ManagedPosition.objects.for_user(person).select_related("account", "instrument", "strategy")
    any_at_all = rows.exists()
    account = OwnAccountField.find(person, wanted)
    rows = rows.filter(closed_at__isnull=not is_ended)
    if wanted:
        rows = rows.filter(account=account)
    if request.GET.get("format") == "csv":
        return list_exports.plans(rows)
    page = paging.page_of(
        rows,
        listing=paging.Listing(person.pk, "plans", "-id", [wanted, is_ended]),
        limit=paging.DEFAULT_LIMIT,
        cursor=request.GET.get("cursor"),
    )
    context = {
        "page": page,
        "is_first": "cursor" not in request.GET,
        "plans": plan_lists.shown(list(page.results)),
        "account_name": wanted,
        "is_unknown": bool(wanted) and account is None,
        "is_ended": is_ended,
        "any_at_all": any_at_all,
    }
    return render(request, "trading/plan_list.html", context)


@login_required
@require_safe
def plan_detail(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """One plan: its lines, exits and revisions, and the form that changes it.

    A page that reads itself anew is led to itself once the plan has ended: its forms have nothing more to do.
    """
    managed = _own(request, id)
    answer = _detail(request, managed)
    if request.headers.get("HX-Request") and not managed.is_open:
        answer.headers["HX-Redirect"] = reverse("plan_detail", args=[managed.public_id])
    return answer


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
@says_why
def plan_open(request: HttpRequest) -> HttpResponseBase:
    """A position is put under a plan."""
    person = person_of(request)
    if request.method != "POST":
        default = exit_strategies.default_for(person)
        initial = {"strategy": default.public_id if default else None, "symbol": request.GET.get("symbol", "")[:40]}
        return _opening(request, OpenPlanForm(owner=person, initial=initial))
    form = OpenPlanForm(request.POST, owner=person)
    if not form.is_valid():
        return _opening(request, form, status=422)
    clean = form.cleaned_data
    held = Position.objects.for_user(person).filter(
        account=clean["account"], instrument__symbol=clean["symbol"].upper()
    )
    position = held.select_related("account", "instrument").first()
    if position is None:
        form.add_error("symbol", _("Nothing is held in %(symbol)s.") % {"symbol": clean["symbol"].upper()})
        return _opening(request, form, status=422)
    try:
        made = exit_plans.open_plan(
            position.account,
            position.instrument,
            strategy=clean["strategy"],
            overrides=form.overrides(),
            quantity=clean["quantity"],
        )
    except DomainError as error:
        name = error.pointer.strip("/")
        form.add_error(name if name in form.fields else None, error.message)
        return _opening(request, form, status=error.status)
    toasts.say(request, _("%(symbol)s is under an exit plan.") % {"symbol": position.instrument.symbol})
    return redirect("plan_detail", made.public_id)


@may_write_required
@require_POST
@says_why
def plan_override(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """The plan has what was filled in; what differs is kept as a revision."""
    managed = _own(request, id)
    form = OverrideForm(request.POST, plan=managed.plan)
    after = form.said() if form.is_valid() else None
    if after is None:
        return _detail(request, managed, form=form, status=422)
    try:
        exit_plans.override(
            managed,
            changes=changes(managed.plan, after),
            by=person_of(request),
            revision=form.cleaned_data["revision"],
        )
    except PlanInvalid as error:
        form.tell(error)
        return _detail(request, managed, form=form, status=error.status)
    except PlanChanged as error:
        toasts.say(request, error.message, level="error")
        return redirect("plan_detail", id)
    toasts.say(request, _("The plan was changed."))
    return redirect("plan_detail", id)


@may_write_required
@require_POST
@says_why
def plan_close(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """All that remains goes out at the market; the page has asked before."""
    made = exit_plans.close(_own(request, id))
    toasts.say(request, _("%(quantity)s units are on their way out.") % {"quantity": f"{made.quantity.normalize():f}"})
    return redirect("plan_detail", id)


@may_write_required
@require_POST
@says_why
def plan_let_go(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """The plan ends and the position stays."""
    exit_plans.let_go(_own(request, id))
    toasts.say(request, _("The position is no longer under a plan."))
    return redirect("plan_detail", id)


@may_write_required
@require_POST
@says_why
def plan_retry(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """What did not go through is tried at once."""
    exit_plans.retry(_own(request, id))
    toasts.say(request, _("It is tried again."))
    return redirect("plan_detail", id)


def _detail(
    request: HttpRequest, managed: ManagedPosition, *, form: OverrideForm | None = None, status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {
        "row": plan_lists.shown([managed])[0],
        "revisions": PlanRevision.objects.filter(managed_position=managed).order_by("-number"),
        "form": form or OverrideForm(plan=managed.plan, initial={"revision": managed.revision}),
        "was_refused": form is not None,
    }
    return render(request, "trading/plan_detail.html", context, status=status)


def _opening(request: HttpRequest, form: OpenPlanForm, *, status: int = 200) -> HttpResponse:
    return render(request, "trading/plan_open.html", {"form": form}, status=status)
