"""The review inbox: closed trades that nobody has looked at yet, one after the other, by keyboard alone."""

import uuid
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import toasts, versions
from accounts.errors import DomainError, InvalidValue
from accounts.models import User
from accounts.permissions import may_write_required, person_of
from accounts.text import paragraphs
from journal import bulk_acts, drafts, filters, reviewing, trade_charts, trade_windows
from journal.bulk_acts import Act
from journal.context import Frame
from journal.filters import MetricsFilter
from journal.views.pages import scale_of
from journal.views.trade_page import held_of, mark_at_once, marks_of, sent_marks
from trading import trades
from trading.errors import WordsChanged
from trading.models import Trade
from trading.refusals import says_why

_ORDERS = ("oldest", "newest")
#: What the address holds besides the filters of every page.
_OWN = ("order", "trade", "after")
#: The buttons of the form that says everything at once, for who has no script.
_AT_ONCE = ("all", "all-done")


@login_required
@require_safe
@says_why
def trade_review(request: HttpRequest) -> HttpResponse:
    """The trade in hand with what is said of it, and those that wait behind it."""
    person = person_of(request)
    version = versions.current(person.pk)
    order = _order(request.GET.get("order"))
    asked, after = _trade(person, request.GET.get("trade")), _trade(person, request.GET.get("after"))
    if asked is not None and asked.is_open:
        asked = None
    return _answer(request, asked, version=version, order=order, after=after)


@may_write_required
@require_POST
@says_why
def trade_review_act(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """What is said of the trade in hand is kept; once it is reviewed the next one is in hand."""
    person = person_of(request)
    trade = get_object_or_404(trade_windows.shown(Trade.objects.for_user(person)), public_id=id)
    order = _order(request.POST.get("order"))
    is_done = False
    try:
        is_done = _act(request, person, trade)
    except WordsChanged:
        # Nothing that was typed is lost: it stands in the form again, beside what stands there now.
        return _answer(request, _trade(person, str(id)), order=order, typed=_note(request), is_conflict=True)
    except DomainError as error:
        toasts.say(request, error.message, level="error")
        if request.POST.get("act") in _AT_ONCE:
            return _answer(request, _trade(person, str(id)), order=order, typed=_note(request))
    if not request.htmx:  # type: ignore[attr-defined]
        query = [("order", order), ("after" if is_done else "trade", trade.public_id), *Frame(request).pairs]
        return redirect(f"{reverse('trade_review')}?{urlencode(query)}")
    if is_done:
        return _answer(request, None, order=order, after=trade)
    return _answer(request, _trade(person, str(id)), order=order)


def _act(request: HttpRequest, person: User, trade: Trade) -> bool:
    """Whether the trade is done with. Raises a DomainError where something is refused."""
    name, value = request.POST.get("act", ""), request.POST.get("value", "").strip()
    if name == "words":
        _keep_words(request, person, trade)
        toasts.say(request, _("Saved."))
        return False
    if name in _AT_ONCE:
        return _act_at_once(request, person, trade, is_done=name == "all-done")
    act = bulk_acts.act_of(name)
    if act is Act.DELETE or (act is Act.TAG and not value):
        raise InvalidValue(_("Choose what to do with the trades."), pointer="/act")
    told = bulk_acts.perform(person, act=act, value=value, keys=[trade.pk], at=timezone.now())
    if act is Act.REVIEW:
        toasts.say(request, _("%(symbol)s is reviewed.") % {"symbol": trade.instrument.symbol}, undo=told.undo)
    return act is Act.REVIEW


@transaction.atomic
def _keep_words(request: HttpRequest, person: User, trade: Trade) -> None:
    try:
        trades.annotate(trade, note=_note(request), read=request.POST.get("read", ""))
    except ValueError as error:
        raise InvalidValue(f"{error}.".capitalize(), pointer="/value") from error
    drafts.discard(person, place=drafts.place_of(trade))


@transaction.atomic
def _act_at_once(request: HttpRequest, person: User, trade: Trade, *, is_done: bool) -> bool:
    """The note and all that was chosen beside it are kept, or nothing is."""
    _keep_words(request, person, trade)
    mark_at_once(request, trade)
    if not is_done:
        toasts.say(request, _("Saved."))
        return False
    told = bulk_acts.perform(person, act=Act.REVIEW, value="", keys=[trade.pk], at=timezone.now())
    toasts.say(request, _("%(symbol)s is reviewed.") % {"symbol": trade.instrument.symbol}, undo=told.undo)
    return True


def _note(request: HttpRequest) -> str:
    sent = request.POST
    return paragraphs(sent.get("note", sent.get("value", "")))


def _answer(
    request: HttpRequest,
    trade: Trade | None,
    *,
    order: str,
    version: int | None = None,
    after: Trade | None = None,
    typed: str | None = None,
    is_conflict: bool = False,
) -> HttpResponse:
    """The page, or its part. `typed` is a note that was not kept, on a conflict as another stood there by then.

    What is kept of it is of this version, which was read before the trades were.
    """
    person = person_of(request)
    wanted = filters.parse(request.GET, user=person, also=_OWN)
    pairs = Frame(request).pairs
    hand: Any = SimpleLazyObject(lambda: _hand(person, trade, wanted, order=order, after=after))
    if drafts.is_any_at(person, drafts.TRADE):
        # What was typed and not saved stands in the page, whose version does not tell of it.
        version = None
    context = {
        "version": version,
        "hand": hand,
        "order": order,
        "orders": _ORDERS,
        "typed": typed,
        "is_conflict": is_conflict,
        "sent": sent_marks(request),
        "scale": scale_of(request, wanted),
        "carried": f"&{urlencode(pairs)}" if pairs else "",
    }
    template = "journal/_review.html" if request.htmx else "journal/trade_review.html"  # type: ignore[attr-defined]
    answer = render(request, template, context)
    if request.htmx and hand["trade"] is not None:  # type: ignore[attr-defined]
        query = urlencode([("order", order), ("trade", hand["trade"].public_id), *pairs])
        answer.headers["HX-Replace-Url"] = f"{reverse('trade_review')}?{query}"
    return answer


def _hand(
    person: User, trade: Trade | None, wanted: MetricsFilter, *, order: str, after: Trade | None
) -> dict[str, Any]:
    """The trade in hand, the first that waits where none is given; what is said of it; and what comes next."""
    newest_first = order == "newest"
    ahead = reviewing.queue(person, newest_first=newest_first, after=after or trade, wanted=wanted)
    if trade is None:
        if not ahead and after is not None:
            # Past the last one: what was skipped comes again.
            ahead = reviewing.queue(person, newest_first=newest_first, wanted=wanted)
        trade = ahead.pop(0) if ahead else None
    today, zone = reviewing.today(person)
    left = reviewing.left(person, wanted)
    hand: dict[str, Any] = {
        "trade": trade,
        "ahead": ahead,
        "left": left,
        "is_more": left > reviewing.MOST_COUNTED,
        "most": reviewing.MOST_COUNTED,
        "done": reviewing.done_on(person, today, zone),
        "before": [],
    }
    if trade is None:
        return hand
    return hand | {
        "before": reviewing.queue(person, newest_first=not newest_first, after=trade, limit=1, wanted=wanted),
        "marks": marks_of(person, trade),
        "chart": trade_charts.fills_chart(trade, trade_charts.parts_of(trade)),
        "held": held_of(trade),
        "read": trades.words_digest(trade),
        "draft_place": drafts.place_of(trade),
    }


def _order(text: str | None) -> str:
    if text not in (None, "", *_ORDERS):
        raise InvalidValue(_("order is oldest or newest."), pointer="?order")
    return text or _ORDERS[0]


def _trade(person: User, text: str | None) -> Trade | None:
    try:
        return reviewing.trade_of(person, uuid.UUID(text or ""))
    except ValueError:
        return None
