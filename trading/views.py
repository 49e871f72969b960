"""Pages of one trade: what happened, what was said of it, the editor of its fills."""

import uuid
from collections.abc import Iterable
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import toasts, undo
from accounts.models import Account
from accounts.permissions import may_write_required, person_of
from accounts.views import back_of
from trading import taking_back, trades
from trading.errors import NothingLeft, TradeRefused
from trading.forms import MOST_FILLS, TradeForm, corrected_fills, fills_formset, initial_fills
from trading.models import Execution, Trade
from trading.refusals import says_why
from trading.trades import CHANGED_MEANWHILE


def _own_trade(request: HttpRequest, public_id: uuid.UUID) -> Trade:
    rows = Trade.objects.for_user(request.user).select_related("account", "instrument")
    return get_object_or_404(rows, public_id=public_id)


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
@says_why
def trade_create(request: HttpRequest) -> HttpResponseBase:
    owner = person_of(request)
    if request.method != "POST":
        wanted = _account_id(request)
        account = Account.objects.for_user(owner).filter(public_id=wanted).first() if wanted else None
        form = TradeForm(owner=owner, initial={"account": account.name if account else ""})
        return _editor(request, form=form, fills=fills_formset(4)(prefix="fills"))
    form = TradeForm(request.POST, owner=owner)
    fills = fills_formset(0)(request.POST, prefix="fills")
    if "more" in request.POST:
        return _editor(request, form=form, fills=_with_more_rows(request))
    if form.is_valid() and fills.is_valid():
        account = form.cleaned_data["account"]
        zone = ZoneInfo(account.time_zone)
        if not fills.settle(zone):
            return _editor(request, form=form, fills=fills, status=422)
        entered = sorted((row.entered(zone) for row in fills.filled), key=lambda fill: fill.executed_at)
        with transaction.atomic():
            instrument = form.instrument(entered)
            if instrument is not None:
                made = trades.enter(
                    account,
                    instrument=instrument,
                    fills=entered,
                    plan=form.plan(),
                    note=form.cleaned_data["note"],
                    tags=form.own_tags(owner),
                )
                toasts.say(request, _("The trade was added."))
                say_if_without_risk(request, made[-1])
                return redirect("trade_detail", made[-1].public_id)
    return _editor(request, form=form, fills=fills, status=422)


def say_if_without_risk(request: HttpRequest, trade: Trade) -> None:
    """The person reads that the stop they gave makes no R, and what stop would."""
    if trades.is_without_risk(trade):
        words = (
            _("The stop is not below the entry price, so nothing was at risk and there is no R.")
            if trade.side == "long"
            else _("The stop is not above the entry price, so nothing was at risk and there is no R.")
        )
        toasts.say(request, words, level="warning")


def _account_id(request: HttpRequest) -> uuid.UUID | None:
    try:
        return uuid.UUID(request.GET.get("account", ""))
    except ValueError:
        return None


def _with_more_rows(request: HttpRequest) -> Any:
    """The rows as they were typed with four empty ones below: how rows are added without JavaScript."""
    posted = request.POST.copy()
    try:
        total = int(posted.get("fills-TOTAL_FORMS", "0"))
    except ValueError:
        total = 0
    posted["fills-TOTAL_FORMS"] = str(min(max(total, 0) + 4, MOST_FILLS))
    return fills_formset(0)(posted, prefix="fills")


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
def trade_edit(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    trade = _own_trade(request, id)
    zone = ZoneInfo(trade.account.time_zone)
    executions = list(Execution.objects.for_user(request.user).filter(parts__trade=trade).distinct().in_order())
    initial = initial_fills(executions, zone)
    anew = partial(_editor, request, trade=trade, fills=fills_formset(1)(prefix="fills", initial=initial))
    stand = _ids(executions)
    if request.method != "POST":
        return anew(instead_of=stand)
    fills = fills_formset(0)(request.POST, prefix="fills", initial=initial)
    again = partial(_editor, request, trade=trade, instead_of=request.POST.get("fills-instead_of", ""))
    if "more" in request.POST:
        return again(fills=_with_more_rows(request))
    if request.POST.get("fills-instead_of") != stand:
        return anew(instead_of=stand, problem=str(CHANGED_MEANWHILE), status=409)
    if not fills.is_valid() or not fills.settle(zone, changed_only=True):
        return again(fills=fills, status=422)
    if not fills.has_changed():
        return redirect("trade_detail", id)
    try:
        made = trades.correct(
            trade, fills=corrected_fills(fills, executions, zone), instead_of=[fill.pk for fill in executions]
        )
    except TradeRefused as error:
        if error.code == "trade_changed":
            toasts.say(request, error.message, level="error")
            return redirect("trade_edit", id)
        return again(fills=fills, problem=error.message, status=error.status)
    toasts.say(request, _("The fills were changed; every figure follows."))
    kept = next((each for each in made if each.pk == trade.pk), made[0] if made else None)
    return redirect("trade_detail", kept.public_id) if kept else redirect("trade_list")


def _ids(executions: Iterable[Execution]) -> str:
    """The fills that a form is made from, as its hidden field has them."""
    return ",".join(fill.public_id.hex for fill in executions)


def _editor(
    request: HttpRequest,
    *,
    fills: Any,
    form: TradeForm | None = None,
    trade: Trade | None = None,
    instead_of: str = "",
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {"form": form, "fills": fills, "trade": trade, "instead_of": instead_of, "problem": problem}
    return render(request, "trading/trade_form.html", context, status=status)


@may_write_required
@require_POST
@says_why
def trade_delete(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """The trade goes at once; the message carries the way back."""
    trade = _own_trade(request, id)
    deleted = trades.delete(trade)
    ids = Execution.objects.for_user(request.user).filter(pk__in=deleted).values_list("public_id", flat=True)
    token = undo.token(person_of(request), taking_back.ONE, {"fills": [each.hex for each in ids]})
    words = _("The trade in %(symbol)s was deleted.") % {"symbol": trade.instrument.symbol}
    toasts.say(request, words, undo=token)
    # The page that it was sent from is gone with its trade.
    return redirect(back_of(request) if request.POST.get("next") else "trade_list")


@may_write_required
@require_POST
@says_why
def trade_restore(request: HttpRequest) -> HttpResponse:
    """Pages that were open before `undo` took such tokens still send theirs here."""
    try:
        undone = undo.perform(person_of(request), request.POST.get("fills", ""))
    except NothingLeft as error:
        toasts.say(request, error.message, level="error")
        return redirect("trade_list")
    toasts.say(request, undone.words)
    return redirect(undone.address)
