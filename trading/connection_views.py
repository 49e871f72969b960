"""The page of an account's connection to its broker: its state, its keys taken in, and its end."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts import encryption, toasts
from accounts.errors import DomainError
from accounts.models import Account, BrokerConnection, PaperFills
from accounts.permissions import may_write_required
from trading import connections
from trading.connection_forms import ConnectionForm
from trading.models import Order, OrderCommand, Venue
from trading.refusals import says_why
from trading.venues import trying_keys

#: Requests to the broker that the page shows; an order's page has all of its own.
_MOST = 20


@method_decorator([login_required, sensitive_post_parameters(), says_why], name="dispatch")
class Connection(View):
    """What the connection is like; a POST keeps other keys."""

    http_method_names = ["get", "head", "post", "options"]

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        return _page(request, _own(request, id), ConnectionForm())

    @method_decorator(may_write_required)
    def post(self, request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
        account, form = _own(request, id), ConnectionForm(request.POST)
        if not form.is_valid():
            return _page(request, account, form, status=422)
        try:
            kept = trying_keys.keep(account, environment=form.cleaned_data["environment"], keys=form.keys())
        except DomainError as error:
            name = error.pointer.strip("/")
            form.add_error(name if name in form.fields else None, error.message)
            return _page(request, account, form, status=error.status)
        words = _("Alpaca took the keys, and they are kept. Orders of this account go there from now on.")
        toasts.say(request, kept.warning or words, level="warning" if kept.warning else "success")
        return redirect("account_connection", account.public_id)


@may_write_required
@require_POST
@says_why
def connection_remove(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """The account's keys are forgotten."""
    account = _own(request, id)
    try:
        connections.disconnect(account)
    except DomainError as error:
        toasts.say(request, error.message, level="error")
    else:
        toasts.say(request, _("The keys are forgotten. Orders of this account are paper again."))
    return redirect("account_connection", account.public_id)


@may_write_required
@require_POST
@says_why
def paper_fills(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """The account's paper orders are filled from what was chosen."""
    account = _own(request, id)
    try:
        connections.fill_from(account, source=request.POST.get("source", ""))
    except DomainError as error:
        toasts.say(request, error.message, level="error")
    else:
        toasts.say(request, _("Saved."))
    return redirect("account_connection", account.public_id)


def _own(request: HttpRequest, public_id: uuid.UUID) -> Account:
    return get_object_or_404(Account.objects.for_user(request.user), public_id=public_id)


def _page(request: HttpRequest, account: Account, form: ConnectionForm, *, status: int = 200) -> HttpResponse:
    row = BrokerConnection.objects.filter(account=account).first()
    commands = OrderCommand.objects.filter(account=account).select_related("order", "order__instrument")
    context = {
        "account": account,
        "connection": row,
        "form": form,
        "was_refused": status != 200,
        "problem": encryption.problem(),
        "commands": commands.order_by("-id")[:_MOST],
        "sources": PaperFills.choices,
        "waiting": Order.objects.live().filter(account=account, venue=Venue.ALPACA).count(),
    }
    return render(request, "trading/connection.html", context, status=status)
