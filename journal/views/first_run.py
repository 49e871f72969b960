"""The way in: what to do first, and help on every page."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import select_template
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import toasts
from accounts.permissions import may_write_required, person_of
from journal import first_run, sample


@login_required
@require_safe
def welcome(request: HttpRequest) -> HttpResponse:
    """What to begin with; reachable also when one has long begun."""
    person = person_of(request)
    context = {
        "first_run": first_run.check_list(person),
        "has_sample": sample.is_loaded(person),
        "is_loading": "sample_asked" in request.session,
    }
    return render(request, "journal/welcome.html", context)


@may_write_required
@require_POST
def first_run_dismiss(request: HttpRequest) -> HttpResponse:
    """The list of first steps is put away, or brought back with `again`."""
    if request.POST.get("again"):
        first_run.show_again(person_of(request))
        return redirect("welcome")
    first_run.dismiss(person_of(request))
    toasts.say(request, _("The first steps are put away. Help leads back to them."))
    return redirect("dashboard")


@login_required
@require_safe
def help_page(request: HttpRequest, page: str) -> HttpResponse:
    """What a page is for, its keys, and where to go on: as a page, or as the part that the dialog shows."""
    template = select_template([f"help/{page}.html", "help/general.html"])
    shown = "help/_part.html" if request.headers.get("X-Part") else "help/page.html"
    return render(request, shown, {"help_template": template.template.name})
