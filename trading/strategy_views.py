"""Pages of exit strategies: the list, the form with levels, the default, what is archived."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import toasts
from accounts.permissions import may_write_required, person_of
from trading import exit_strategies
from trading.errors import PlanInvalid
from trading.exit_strategies import StrategyNameTaken
from trading.models import ExitStrategy
from trading.plan_forms import StrategyForm
from trading.refusals import says_why


def _own(request: HttpRequest, public_id: uuid.UUID) -> ExitStrategy:
    return get_object_or_404(ExitStrategy.objects.of_owner(request.user), public_id=public_id)


@login_required
@require_safe
def strategy_list(request: HttpRequest) -> HttpResponse:
    """The person's own strategies and the shipped ones; the archived below."""
    person = person_of(request)
    rows = list(ExitStrategy.objects.for_user(person).order_by("owner", "name"))
    default = exit_strategies.default_for(person)
    context = {
        "current": [row for row in rows if row.archived_at is None],
        "archived": [row for row in rows if row.archived_at is not None],
        "default_id": default.pk if default else None,
    }
    return render(request, "trading/strategy_list.html", context)


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
def strategy_create(request: HttpRequest) -> HttpResponse:
    """A strategy of the person's own is made."""
    if request.method != "POST":
        return _editor(request, StrategyForm())
    form = StrategyForm(request.POST)
    plan = form.said() if form.is_valid() else None
    if plan is None:
        return _editor(request, form, status=422)
    clean = form.cleaned_data
    try:
        exit_strategies.create(
            owner=person_of(request), name=clean["name"], description=clean["description"], plan=plan
        )
    except (PlanInvalid, StrategyNameTaken) as error:
        return _refused(request, form, error)
    toasts.say(request, _("The exit strategy was made."))
    return redirect("strategy_list")


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
def strategy_edit(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """A strategy of the person's own says something else from now on."""
    strategy = _own(request, id)
    if request.method != "POST":
        initial = {"name": strategy.name, "description": strategy.description}
        return _editor(request, StrategyForm(plan=strategy.plan, initial=initial), strategy=strategy)
    form = StrategyForm(request.POST)
    plan = form.said() if form.is_valid() else None
    if plan is None:
        return _editor(request, form, strategy=strategy, status=422)
    clean = form.cleaned_data
    try:
        exit_strategies.update(strategy, name=clean["name"], description=clean["description"], plan=plan)
    except (PlanInvalid, StrategyNameTaken) as error:
        return _refused(request, form, error, strategy=strategy)
    toasts.say(request, _("Saved. Open positions keep the plan they were entered with."))
    return redirect("strategy_list")


@may_write_required
@require_POST
@says_why
def strategy_default(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """New plans begin with this one."""
    strategy = exit_strategies.set_default(_own(request, id))
    toasts.say(request, _("New plans begin with “%(name)s”.") % {"name": strategy.name})
    return redirect("strategy_list")


@may_write_required
@require_POST
@says_why
def strategy_archive(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """It is offered no more."""
    strategy = exit_strategies.archive(_own(request, id))
    toasts.say(request, _("“%(name)s” was archived; positions under it go on.") % {"name": strategy.name})
    return redirect("strategy_list")


@may_write_required
@require_POST
@says_why
def strategy_restore(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """It is offered again."""
    strategy = exit_strategies.restore(_own(request, id))
    toasts.say(request, _("“%(name)s” is offered again.") % {"name": strategy.name})
    return redirect("strategy_list")


@may_write_required
@require_POST
@says_why
def strategy_copy(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """A shipped strategy is changed by changing a copy."""
    source = get_object_or_404(ExitStrategy.objects.for_user(request.user), public_id=id)
    made = exit_strategies.copy(source, owner=person_of(request))
    return redirect("strategy_edit", made.public_id)


def _refused(
    request: HttpRequest,
    form: StrategyForm,
    error: PlanInvalid | StrategyNameTaken,
    *,
    strategy: ExitStrategy | None = None,
) -> HttpResponse:
    if isinstance(error, PlanInvalid):
        form.tell(error)
    else:
        form.add_error("name", error.message)
    return _editor(request, form, strategy=strategy, status=error.status)


def _editor(
    request: HttpRequest, form: StrategyForm, *, strategy: ExitStrategy | None = None, status: int = 200
) -> HttpResponse:
    return render(request, "trading/strategy_form.html", {"form": form, "strategy": strategy}, status=status)
