"""The page of one trade: what happened, what was planned and said, and the trades before and after it in the list."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts import toasts, versions
from accounts.addresses import written
from accounts.errors import DomainError, InvalidValue
from accounts.models import User
from accounts.permissions import may_write_required, person_of
from journal import bulk_acts, drafts, trade_charts, trade_windows
from journal.bulk_acts import Act
from journal.trade_windows import TradeList
from trading import trades
from trading.errors import WordsChanged
from trading.forms import WordsForm
from trading.models import FillRole, ImportRow, Tag, TagRole, Trade, TradeFill
from trading.refusals import says_why
from trading.views import say_if_without_risk

#: Trades of other accounts that were opened and ended within so long of this one are taken for its copies.
_SAME_TIME = timedelta(seconds=10)
_MOST_COPIES = 50
#: What a form on the page may do to the trade besides its words, in the order in which one form says it all at once.
_MARKS = (Act.RATE, Act.UNTAG, Act.TAG, Act.SETUP, Act.MISTAKE, Act.REVIEW, Act.UNREVIEW)


@dataclass(frozen=True, slots=True)
class Fill:
    """One line of the table of fills."""

    part: TradeFill
    running: Decimal | None
    line: ImportRow | None


@may_write_required
@says_why
def trade_detail(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    version = versions.current(person_of(request).pk)
    return _page(request, _own_trade(request, id), version=version)


@may_write_required
@require_POST
@says_why
def trade_annotate(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """What the form has of plan, note and marks is kept, or nothing is; what it has no field for stays as it is."""
    trade = _own_trade(request, id)
    form = WordsForm(request.POST)
    if not form.is_valid():
        return _page(request, trade, words=form)
    sent = request.POST
    try:
        with transaction.atomic():
            trades.annotate(
                trade,
                plan=form.plan() if "initial_stop" in sent or "initial_target" in sent else None,
                note=form.cleaned_data["note"] if "note" in sent else None,
                tags=form.own_tags(person_of(request)) if "tags" in sent else None,
                read=form.cleaned_data["read"],
            )
            mark_at_once(request, trade)
            drafts.discard(person_of(request), place=drafts.place_of(trade))
    except WordsChanged as error:
        trade = _own_trade(request, id)
        # What stands beside it counts as read from here on.
        again = WordsForm({**sent.dict(), "read": trades.words_digest(trade)})
        return _page(request, trade, words=again, status=error.status)
    except DomainError as error:
        toasts.say(request, error.message, level="error")
        return _page(request, _own_trade(request, id), words=form)
    toasts.say(request, _("Saved."))
    say_if_without_risk(request, trade)
    return redirect(reverse("trade_detail", args=[id]) + _query(request))


def mark_at_once(request: HttpRequest, trade: Trade) -> None:
    """All that a form says of the trade beside the note, for who has no script to say it bit by bit, is kept.

    Raises InvalidValue; what went before it is then for the caller's transaction to take back.
    """
    for act in _MARKS:
        for value in filter(None, map(str.strip, request.POST.getlist(act.value))):
            bulk_acts.perform(person_of(request), act=act, value=value, keys=[trade.pk], at=timezone.now())


def sent_marks(request: HttpRequest) -> dict[str, list[str]]:
    """What a form chose of the trade's marks, for the form that comes back refused."""
    return {act.value: request.POST.getlist(act.value) for act in _MARKS}


@may_write_required
@require_POST
@says_why
def trade_mark(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """A tag, a rating or the review of the trade is as the form says."""
    person, trade = person_of(request), _own_trade(request, id)
    try:
        act = bulk_acts.act_of(request.POST.get("act", ""))
        value = request.POST.get("value", "").strip()
        if act not in _MARKS or (act is Act.TAG and not value):
            raise InvalidValue(_("Choose what to do with the trade."), pointer="/act")
        told = bulk_acts.perform(person, act=act, value=value, keys=[trade.pk], at=timezone.now())
    except DomainError as error:
        toasts.say(request, error.message, level="error")
    else:
        if told.undo and act in (Act.UNTAG, Act.REVIEW, Act.UNREVIEW):
            toasts.say(request, _("Saved."), undo=told.undo)
    if request.htmx:  # type: ignore[attr-defined]
        trade = _own_trade(request, id)
        return render(request, "journal/_trade_marks.html", {"trade": trade, **marks_of(person, trade)})
    return redirect(reverse("trade_detail", args=[id]) + _query(request))


def marks_of(person: User, trade: Trade) -> dict[str, Any]:
    """What the forms of tags, setup, mistakes and rating show."""
    mine = list(Tag.objects.for_user(person).select_related("group").order_by("name", "id")[:300])
    tags = list(trade.tags.select_related("group").order_by("group__position", "name", "id"))
    has = {tag.pk for tag in tags}

    def of(role: TagRole) -> list[Tag]:
        return [tag for tag in mine if tag.group is not None and tag.group.role == role]

    return {
        "tags": tags,
        "all_tags": [tag for tag in mine if tag.pk not in has],
        "setups": of(TagRole.SETUP),
        "mistakes": [tag for tag in of(TagRole.MISTAKE) if tag.pk not in has],
        "own": has,
        "ratings": range(1, trades.HIGHEST_RATING + 1),
    }


def held_of(trade: Trade) -> timedelta | None:
    """How long the trade was held; None while it is open, and where its source gave no times."""
    if trade.opened_at is None or trade.closed_at is None:
        return None
    return trade.closed_at - trade.opened_at


def _page(
    request: HttpRequest,
    trade: Trade,
    *,
    version: int | None = None,
    words: WordsForm | None = None,
    status: int | None = None,
) -> HttpResponse:
    """The page; what is kept of it is of this version, which was read before the trade was."""
    person = person_of(request)
    listed = trade_windows.of(person, request.GET)
    parts: Any = SimpleLazyObject(lambda: trade_charts.parts_of(trade))
    context = {
        "version": version,
        "trade": trade,
        "draft_place": drafts.place_of(trade),
        "fills": SimpleLazyObject(lambda: _fills(parts)),
        "words": words or WordsForm.of(trade),
        "is_conflict": status == WordsChanged.status,
        "has_moved_on": words is None and _has_moved_on(person, trade),
        "around": SimpleLazyObject(lambda: _around(listed, trade)),
        "link_query": _query(request),
        "difference": None if trade.broker_pnl is None else trade.net_pnl - trade.broker_pnl,
        "held": held_of(trade),
        "chart": SimpleLazyObject(lambda: trade_charts.fills_chart(trade, parts)),
        "plan": SimpleLazyObject(lambda: trade_charts.plan_chart(trade)),
        "mae_r": _in_r(trade, trade.mae),
        "mfe_r": _in_r(trade, trade.mfe),
        "captured": _captured(trade),
        "copies": SimpleLazyObject(lambda: _copies(trade)),
        "marks": SimpleLazyObject(lambda: marks_of(person, trade)),
        "sent": sent_marks(request),
    }
    return render(request, "trading/trade_detail.html", context, status=status or (422 if words else 200))


def _around(listed: TradeList, trade: Trade) -> dict[str, Trade | None]:
    """The trades before and after it in the list."""
    before, after = trade_windows.neighbours(listed, trade)
    if listed.order == trade_windows.USUAL_ORDER:
        # The latest trade stands on top, and what came before it in time is still the trade before it.
        before, after = after, before
    return {"before": before, "after": after}


def _has_moved_on(person: User, trade: Trade) -> bool:
    """Whether note and plan were changed since the draft that the script puts into the form was begun."""
    draft = drafts.find(person, drafts.place_of(trade), since=trade.updated_at)
    read = draft.fields.get(drafts.READ, "") if draft else ""
    return bool(read) and read != trades.words_digest(trade)


def _own_trade(request: HttpRequest, public_id: uuid.UUID) -> Trade:
    rows = Trade.objects.for_user(request.user).select_related("account", "instrument")
    return get_object_or_404(rows, public_id=public_id)


def _query(request: HttpRequest) -> str:
    text = written(request).urlencode()
    return f"?{text}" if text else ""


def _fills(parts: Sequence[TradeFill]) -> list[Fill]:
    """The fills with what the trade had made after each exit, and the lines of the files that they came from."""
    lines = _lines(parts)
    made = Decimal(0)
    found = []
    for part in parts:
        made += part.net_pnl or 0
        line = lines.get((part.execution.batch_id or 0, part.execution.line or 0))
        found.append(Fill(part, made if part.role == FillRole.EXIT else None, line))
    return found


def _lines(parts: Sequence[TradeFill]) -> dict[tuple[int, int], ImportRow]:
    wanted = Q()
    for part in parts:
        if part.execution.batch_id is not None and part.execution.line is not None:
            wanted |= Q(batch=part.execution.batch_id, line=part.execution.line)
    if not wanted:
        return {}
    return {(row.batch_id, row.line): row for row in ImportRow.objects.filter(wanted)}


def _risk(trade: Trade) -> Decimal | None:
    """What was risked, in money; None without a stop on the losing side."""
    if trade.initial_stop is None:
        return None
    distance = trade.entry_price - trade.initial_stop
    risk = (distance if trade.side == "long" else -distance) * trade.quantity * trade.multiplier
    return risk if risk > 0 else None


def _in_r(trade: Trade, amount: Decimal | None) -> Decimal | None:
    risk = _risk(trade)
    return None if amount is None or risk is None else amount / risk


def _captured(trade: Trade) -> Decimal | None:
    """Of the largest open profit, what the trade ended with; None without one, or while it is open."""
    if trade.is_open or not trade.mfe:
        return None
    return trade.net_pnl / trade.mfe


def _copies(trade: Trade) -> list[Trade]:
    """The same trade in other accounts: instrument and side alike, opened and ended within seconds."""
    if trade.opened_at is None:
        return []
    rows = Trade.objects.filter(
        owner_id=trade.owner_id,
        instrument_id=trade.instrument_id,
        side=trade.side,
        activity_at__range=(trade.activity_at - _SAME_TIME, trade.activity_at + _SAME_TIME),
        opened_at__range=(trade.opened_at - _SAME_TIME, trade.opened_at + _SAME_TIME),
    ).exclude(account_id=trade.account_id)
    return list(rows.select_related("account").order_by("account__name", "id")[:_MOST_COPIES])
