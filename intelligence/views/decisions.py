"""Pages of decisions: what was decided, one of it with its neighbours, the form, and the panel of what happened."""

import uuid
from dataclasses import fields, replace
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import paging, toasts, undo
from accounts.errors import DomainError
from accounts.models import User
from accounts.permissions import may_write_required, person_of
from intelligence import (
    decision_changes,
    decision_lists,
    decision_stats,
    decisions,
    last_time,
    list_exports,
    neighbours,
    sample_decisions,
    search,
)
from intelligence.decisions import Links, Said
from intelligence.forms import DecisionForm, MemoryForm
from intelligence.links import links_of, said_of
from intelligence.models import Decision, DecisionAction, DecisionRevision, NewsArticle, StockAnalysis
from intelligence.neighbours import symbols_of
from intelligence.search_filters import Filters
from intelligence.symbols import instruments_of
from trading.models import Order, Trade
from trading.refusals import says_why

#: Neighbours on a page of results, on a decision's page and in a panel.
_MANY, _SOME, _FEW = 20, 8, 5
_GROUPS = 12


def _own(request: HttpRequest, public_id: uuid.UUID) -> Decision:
    rows = decision_lists.shown(Decision.objects.for_user(request.user))
    return get_object_or_404(rows, public_id=public_id)


@login_required
@require_safe
@says_why
def memory(request: HttpRequest) -> HttpResponseBase:
    """What is like a situation and how it ended; without one what was decided, the latest first."""
    person = person_of(request)
    form = MemoryForm(request.GET)
    filters = form.asked()
    context: dict[str, Any] = {"form": form, "is_filtered": filters != Filters(), "kind": form.chosen_kind}
    if form.text:
        found = search.find(person, form.text, kind=form.chosen_kind, filters=filters, limit=_MANY)
        shown = neighbours.shown(found)
        if request.GET.get("format") == "csv":
            return list_exports.found(shown.with_added)
        return render(request, "intelligence/memory.html", {**context, "found": found, "shown": shown})
    rows = decision_lists.filtered(Decision.objects.for_user(person), filters)
    if request.GET.get("format") == "csv":
        return list_exports.decisions(decision_lists.shown(rows))
    page = paging.page_of(
        decision_lists.shown(rows),
        listing=paging.Listing(person.pk, "memory", "-decided_at", [str(filters)]),
        limit=paging.DEFAULT_LIMIT,
        cursor=request.GET.get("cursor"),
    )
    groups = [group for group in decision_stats.of(rows, by=form.chosen_by) if group.resolved]
    context |= {
        "page": page,
        "is_first": "cursor" not in request.GET,
        "rows": [(row, symbols_of(row), getattr(row, "outcome", None)) for row in page.results],
        "by": form.chosen_by,
        "groups": groups[:_GROUPS],
        "groups_left": max(0, len(groups) - _GROUPS),
        "overall": decision_stats.overall(rows),
    }
    return render(request, "intelligence/memory.html", context)


@login_required
@require_safe
def decision_detail(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """One decision: what was said, how it ended, how it read before, and what was like it."""
    person, decision = person_of(request), _own(request, id)
    found = search.like(
        person, decision.pk, decision.reasoning, filters=Filters(besides=decision.public_id), limit=_SOME
    )
    trade = None
    if decision.trade_key is not None:
        trade = Trade.objects.for_user(person).filter(public_id=decision.trade_key).select_related("instrument").first()
    context = {
        "decision": decision,
        "is_sample": sample_decisions.is_sample(decision),
        "symbols": symbols_of(decision),
        "outcome": getattr(decision, "outcome", None),
        "trade": trade,
        "instruments": [each.instrument for each in decision.named.all()],
        "articles": NewsArticle.objects.for_user(person)
        .filter(decisions=decision)
        .order_by("-published_at", "-id")[:_SOME],
        "analyses": StockAnalysis.objects.for_user(person)
        .filter(decisions=decision)
        .select_related("instrument")
        .order_by("-analyzed_at", "-id")[:_SOME],
        "edits": decision_changes.of(
            decision, DecisionRevision.objects.for_user(person).filter(decision_id=decision.pk).order_by("-number")
        ),
        "found": found,
        "shown": neighbours.shown(found),
    }
    return render(request, "intelligence/decision_detail.html", context)


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
@says_why
def decision_create(request: HttpRequest) -> HttpResponseBase:
    """A decision is written down, of an order or a trade where the address names one."""
    person = person_of(request)
    order, trade = _linked(request, Order), _linked(request, Trade)
    if request.method != "POST":
        return _form(request, DecisionForm(owner=person, is_new=True, initial=_initial(request, order, trade)))
    form = DecisionForm(request.POST, owner=person, is_new=True)
    if not form.is_valid():
        return _form(request, form, status=422)
    try:
        links = _links(form, person, Links(order=order, trade=trade))
        made = decisions.record(
            owner=person, said=form.said(), at=form.cleaned_data["decided_at"] or timezone.now(), links=links
        )
    except DomainError as error:
        return _refused(request, form, error)
    toasts.say(request, _("The decision was written down."))
    return redirect("decision_detail", made.public_id)


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
@says_why
def decision_edit(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """A decision is revised, in the revision that was read."""
    person, decision = person_of(request), _own(request, id)
    if request.method != "POST":
        said = said_of(decision)
        initial = {each.name: getattr(said, each.name) for each in fields(Said)}
        initial |= {
            "symbols": ", ".join(symbols_of(decision)),
            "account": decision.account.name if decision.account else "",
        }
        return _form(request, DecisionForm(owner=person, is_new=False, initial=initial), decision=decision)
    form = DecisionForm(request.POST, owner=person, is_new=False)
    if not form.is_valid():
        return _form(request, form, decision=decision, status=422)
    text = request.POST.get("revision", "")
    revision = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else decision.revision
    try:
        links = _links(form, person, links_of(decision))
        decisions.revise(decision, said=form.said(), links=links, revision=revision, at=timezone.now())
    except DomainError as error:
        return _refused(request, form, error, decision=decision)
    toasts.say(request, _("Saved."))
    return redirect("decision_detail", id)


@may_write_required
@require_POST
@says_why
def decision_delete(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """The decision is gone, and can be had back for a while."""
    person = person_of(request)
    payload = decisions.delete(_own(request, id))
    toasts.say(request, _("The decision was deleted."), undo=undo.token(person, decisions.DELETED, payload))
    return redirect("memory")


@login_required
@require_safe
def memory_panel(request: HttpRequest) -> HttpResponse:
    """What happened in situations like this one: of a trade, of an order, or of what a ticket says so far."""
    person = person_of(request)
    order, trade = _linked(request, Order), _linked(request, Trade)
    text, symbol = _situation(request, order, trade)
    own = decision_lists.shown(Decision.objects.for_user(person))
    if trade is not None:
        found = own.filter(trade_key=trade.public_id)
    else:
        found = own.filter(order=order) if order is not None else own.none()
    written = list(found[:_FEW])
    last = None
    if text:
        last = last_time.of(person, text, symbol=symbol, limit=_FEW, besides={row.public_id for row in written})
    context = {
        "last": last,
        "written": [(row, symbols_of(row)) for row in written],
        "order": order,
        "trade": trade,
        "symbol": symbol,
        "text": text,
    }
    return render(request, "intelligence/_panel.html", context)


def _situation(request: HttpRequest, order: Order | None, trade: Trade | None) -> tuple[str, str]:
    """The words of the situation and the symbol that it is about."""
    if trade is not None:
        action = DecisionAction.BUY if trade.side == "long" else DecisionAction.SELL
        return f"{trade.instrument.symbol} {action} {trade.note}"[:1000], trade.instrument.symbol
    if order is not None:
        return f"{order.instrument.symbol} {order.side.upper()} {order.strategy}", order.instrument.symbol
    symbol = request.GET.get("symbol", "").replace("\0", "").strip().upper()[:40]
    side = request.GET.get("side", "").upper()
    strategy = request.GET.get("strategy", "").replace("\0", "").strip()[:60]
    if not symbol and not strategy:
        return "", ""
    return " ".join(part for part in (symbol, side if side in ("BUY", "SELL") else "", strategy) if part), symbol


def _linked(request: HttpRequest, model: Any) -> Any:
    """The order or trade of this person that the address names; None without."""
    name = model._meta.model_name
    text = request.GET.get(name, "") or request.POST.get(name, "")
    try:
        key = uuid.UUID(text)
    except ValueError:
        return None
    return model.objects.for_user(request.user).filter(public_id=key).select_related("instrument", "account").first()


def _initial(request: HttpRequest, order: Order | None, trade: Trade | None) -> dict[str, Any]:
    if trade is not None:
        action = DecisionAction.BUY if trade.side == "long" else DecisionAction.SELL
        return {
            "action": action, "symbols": trade.instrument.symbol, "account": trade.account.name,
            "entry_price": trade.entry_price, "quantity": trade.quantity,
            "stop_loss": trade.initial_stop, "take_profit": trade.initial_target, "decided_at": trade.opened_at,
        }  # fmt: skip
    if order is not None:
        return {
            "action": order.side.upper(), "symbols": order.instrument.symbol, "account": order.account.name,
            "strategy": order.strategy, "entry_price": order.limit_price, "quantity": order.quantity,
            "stop_loss": order.stop_loss_stop, "take_profit": order.take_profit_limit, "decided_at": order.created_at,
        }  # fmt: skip
    return {"symbols": request.GET.get("symbol", "")[:40], "action": DecisionAction.BUY}


def _links(form: DecisionForm, person: User, before: Links) -> Links:
    """What was filled in over what is linked already."""
    values = form.cleaned_data
    is_bound = before.order or before.trade or before.gone
    account = values["account"] or (before.account if is_bound else None)
    found = instruments_of(values["symbols"], owner=person, account=account, on=timezone.now().date())
    return replace(before, account=account, instruments=found)


def _refused(
    request: HttpRequest, form: DecisionForm, error: DomainError, *, decision: Decision | None = None
) -> HttpResponse:
    name = error.pointer.strip("/")
    form.add_error(name if name in form.fields else None, error.message)
    return _form(request, form, decision=decision, status=error.status)


def _form(
    request: HttpRequest, form: DecisionForm, *, decision: Decision | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "decision": decision,
        "order": _linked(request, Order),
        "trade": _linked(request, Trade),
        # After a refusal for somebody else's change, what is on the page is sent on purpose, over that change.
        "revision": (decision.revision if status == 409 else request.POST.get("revision", "") or decision.revision)
        if decision
        else "",
    }
    return render(request, "intelligence/decision_form.html", context, status=status)
