"""Pages of signals and tokens: the feed, why one signal was or was not traded, what is known of a token."""

import json
import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import paging, toasts
from accounts.permissions import may_write_required, person_of
from intelligence import list_exports, signal_lists, signal_results, tokens
from intelligence.models import OutcomeVerdict, Signal, SignalAction, Token, Wallet
from trading.refusals import says_why

_NEWEST = 20
PRICE_SOURCE = "dexscreener"


@login_required
@require_safe
@says_why
def signal_list(request: HttpRequest) -> HttpResponseBase:
    """What watched wallets did, the newest first, with what was made of each."""
    person = person_of(request)
    asked = {name: request.GET.get(name, "")[:128] for name in signal_lists.FILTERS}
    rows = signal_lists.chosen(person, asked)
    if request.GET.get("format") == "csv":
        return list_exports.signals(rows)
    page = paging.page_of(
        rows,
        listing=paging.Listing(person.pk, "signals-page", "-id", asked),
        limit=paging.DEFAULT_LIMIT,
        cursor=request.GET.get("cursor"),
    )
    context = {
        "page": page,
        "is_first": "cursor" not in request.GET,
        "rows": signal_lists.shown(page.results),
        "asked": asked,
        "is_filtered": any(asked.values()),
        "wallets": Wallet.objects.for_user(person).current().order_by("label", "id")[:200],
        "has_wallets": Wallet.objects.for_user(person).exists(),
        "actions": SignalAction.choices,
        "verdicts": [*OutcomeVerdict.choices, (signal_lists.WAITING, _("Waits"))],
    }
    return render(request, "intelligence/signal_list.html", context)


@login_required
@require_safe
def signal_detail(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """Why a signal was or was not traded: every check, what it saw, the limit, who said it and how old that was."""
    rows = Signal.objects.for_user(request.user).select_related("wallet", "delivery", "replaces")
    signal = get_object_or_404(rows, public_id=id)
    row = signal_lists.shown([signal])[0]
    context = {
        "row": row,
        "came": signal_results.of(person_of(request), row.outcome),
        "outcomes": signal_lists.outcomes_of(signal),
        "later": signal.replaced_by.order_by("revision"),
        "payload": json.dumps(signal.payload, indent=2, ensure_ascii=False)[:20_000],
    }
    return render(request, "intelligence/signal_detail.html", context)


@login_required
@require_safe
@says_why
def mint_list(request: HttpRequest) -> HttpResponseBase:
    """The tokens that the person's wallets traded, with what is known of each."""
    person = person_of(request)
    search = request.GET.get("search", "").replace("\0", "").strip()[:64]
    rows = Token.objects.for_user(person)
    if search:
        rows = rows.filter(symbol__iexact=search) | rows.filter(address=search)
    if request.GET.get("format") == "csv":
        return list_exports.tokens(rows)
    page = paging.page_of(
        rows,
        listing=paging.Listing(person.pk, "tokens-page", "-id", search),
        limit=paging.DEFAULT_LIMIT,
        cursor=request.GET.get("cursor"),
    )
    context = {"page": page, "is_first": "cursor" not in request.GET, "search": search, "now": timezone.now()}
    return render(request, "intelligence/mint_list.html", context)


@login_required
@require_safe
def mint_detail(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """What is known of a token, who said it and when, and what one's wallets did with it."""
    token, now = _token(request, id), timezone.now()
    newest = Signal.objects.for_user(request.user).filter(token_address=token.address).select_related("wallet")
    context = {
        "token": token,
        "age": token.age(at=now),
        "price_source": PRICE_SOURCE if token.price is not None else "",
        "is_fresh": token.is_fresh(at=now),
        "listings": token.listings.order_by("-id"),
        "signals": signal_lists.shown(newest.defer("payload").order_by("-received_at", "-id")[:_NEWEST]),
        "may_ban": request.user.has_perm("intelligence.change_token"),
    }
    return render(request, "intelligence/mint_detail.html", context)


def _token(request: HttpRequest, id: uuid.UUID) -> Token:
    return get_object_or_404(Token.objects.for_user(request.user), public_id=id)


def _bannable(request: HttpRequest, id: uuid.UUID) -> Token:
    """A token that this person may ban: to everybody else there is nothing here."""
    rows = Token.objects.all() if request.user.has_perm("intelligence.change_token") else Token.objects.none()
    return get_object_or_404(rows, public_id=id)


@may_write_required
@require_POST
@says_why
def mint_ban(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """Nobody here trades it any more."""
    token = _bannable(request, id)
    tokens.blacklist(token.address, reason=request.POST.get("reason", ""), at=timezone.now(), by=person_of(request))
    toasts.say(request, _("The token is blacklisted."))
    return redirect("mint_detail", id)


@may_write_required
@require_POST
@says_why
def mint_lift(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """The ban was a mistake, and why is kept."""
    token = _bannable(request, id)
    tokens.lift(token, reason=request.POST.get("reason", ""), at=timezone.now(), by=person_of(request))
    toasts.say(request, _("The token is not blacklisted any more."))
    return redirect("mint_detail", id)
