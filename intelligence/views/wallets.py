"""Pages of wallets: the list, one of them, the form, and the acts on one."""

import uuid
from collections.abc import Callable
from datetime import timedelta

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import paging, toasts
from accounts.errors import DomainError, NeedsConfirmation
from accounts.models import User
from accounts.permissions import may_write_required, person_of
from intelligence import copy_settings, list_exports, signal_lists, syncing, wallet_lists, wallets
from intelligence.models import Signal, Wallet, WalletMode, WebhookRegistration
from intelligence.wallet_forms import WalletForm
from trading.refusals import says_why

_NEWEST = 20
_FILTERS = ("status", "mode", "sync_status", "search")


def _own(request: HttpRequest, public_id: uuid.UUID) -> Wallet:
    rows = Wallet.objects.for_user(request.user)
    rows = rows.select_related("exit_strategy", "simulation_account", "live_account")
    return get_object_or_404(rows, public_id=public_id)


@login_required
@require_safe
@says_why
def wallet_list(request: HttpRequest) -> HttpResponseBase:
    """The wallets that the person watches, with what is to be said of each."""
    person, now = person_of(request), timezone.now()
    asked = {name: request.GET.get(name, "")[:100] for name in _FILTERS}
    rows = wallet_lists.chosen(person, asked)
    if request.GET.get("format") == "csv":
        return list_exports.wallets(rows, at=now)
    page = paging.page_of(
        rows,
        listing=paging.Listing(person.pk, "wallets-page", "-id", asked),
        limit=paging.DEFAULT_LIMIT,
        cursor=request.GET.get("cursor"),
    )
    context = {
        "page": page,
        "is_first": "cursor" not in request.GET,
        "rows": wallet_lists.shown(page.results, at=now),
        "asked": asked,
        "is_filtered": any(asked.values()),
        "modes": WalletMode.choices,
        "troubled": wallet_lists.troubled(person, at=now),
        "is_webhook_silent": wallet_lists.is_webhook_silent(person, at=now),
        "silent_hours": wallet_lists.silent_after() // timedelta(hours=1),
        "registration": WebhookRegistration.objects.filter(pk=1).first(),
        "unset": syncing.unset(),
    }
    return render(request, "intelligence/wallet_list.html", context)


@login_required
@require_safe
def wallet_detail(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """One wallet: what it is, how it is heard, and its newest signals."""
    wallet, now = _own(request, id), timezone.now()
    newest = Signal.objects.filter(wallet=wallet).defer("payload").select_related("wallet")
    context = {
        "row": wallet_lists.shown([wallet], at=now)[0],
        "unset": syncing.unset(),
        "signals": signal_lists.shown(newest.order_by("-received_at", "-id")[:_NEWEST]),
    }
    return render(request, "intelligence/wallet_detail.html", context)


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
def wallet_create(request: HttpRequest) -> HttpResponse:
    """An address is watched from now on."""
    person = person_of(request)
    if request.method != "POST":
        return _editor(request, WalletForm(owner=person, initial=_beginning(person)))
    form = WalletForm(request.POST, owner=person)
    if not form.is_valid():
        return _editor(request, form, status=422)
    try:
        wallet = wallets.register(
            owner=person, at=timezone.now(), confirmed=_is_confirmed(request), **form.cleaned_data
        )
    except NeedsConfirmation:
        return _asked(request, form)
    except DomainError as error:
        return _refused(request, form, error)
    toasts.say(request, _("The wallet is registered. It is watched after the next push, within five minutes."))
    return redirect("wallet_detail", wallet.public_id)


def _beginning(person: User) -> dict[str, object]:
    try:
        return {"exit_strategy": wallets.default_strategy(person).public_id}
    except DomainError:
        return {}


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
def wallet_edit(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """The wallet is described otherwise; its address stays."""
    wallet = _own(request, id)
    if request.method != "POST":
        return _editor(request, WalletForm(owner=person_of(request), wallet=wallet), wallet=wallet)
    form = WalletForm(request.POST, owner=person_of(request), wallet=wallet)
    if not form.is_valid():
        return _editor(request, form, wallet=wallet, status=422)
    try:
        wallets.update(wallet, confirmed=_is_confirmed(request), **form.cleaned_data)
    except NeedsConfirmation:
        return _asked(request, form, wallet=wallet)
    except DomainError as error:
        return _refused(request, form, error, wallet=wallet)
    toasts.say(request, _("Saved. What is open stays as it was opened."))
    return redirect("wallet_detail", id)


def _is_confirmed(request: HttpRequest) -> bool:
    """Whether somebody was shown what real money will do, and said yes to it."""
    return request.POST.get("confirmed") == WalletMode.LIVE


def _asked(request: HttpRequest, form: WalletForm, *, wallet: Wallet | None = None) -> HttpResponse:
    """What real money will do is shown before it does; nothing is written yet."""
    found = copy_settings.current(person_of(request).pk)
    context = {"form": form, "wallet": wallet, "settings": found, "limits": copy_settings.counting(found).limits}
    return render(request, "intelligence/wallet_live.html", context)


def _editor(request: HttpRequest, form: WalletForm, *, wallet: Wallet | None = None, status: int = 200) -> HttpResponse:
    return render(request, "intelligence/wallet_form.html", {"form": form, "wallet": wallet}, status=status)


def _refused(
    request: HttpRequest, form: WalletForm, error: DomainError, *, wallet: Wallet | None = None
) -> HttpResponse:
    name = error.pointer.strip("/")
    form.add_error(name if name in form.fields else None, error.message)
    return _editor(request, form, wallet=wallet, status=error.status if error.status != 400 else 422)


def _act(request: HttpRequest, id: uuid.UUID, act: Callable[[Wallet], Wallet], words: str) -> HttpResponse:
    act(_own(request, id))
    toasts.say(request, words)
    return redirect("wallet_detail", id)


@may_write_required
@require_POST
@says_why
def wallet_pause(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """Nothing new is copied from it."""
    return _act(request, id, wallets.pause, _("The wallet is paused. What was copied follows its exit plan."))


@may_write_required
@require_POST
@says_why
def wallet_activate(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """It is followed again."""
    words = _("The wallet is followed again, after the next push.")
    return _act(request, id, lambda wallet: wallets.activate(wallet, at=timezone.now()), words)


@may_write_required
@require_POST
@says_why
def wallet_archive(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """It is out of the lists; its signals stay."""
    words = _("The wallet is archived. Its signals and positions stay.")
    return _act(request, id, lambda wallet: wallets.archive(wallet, at=timezone.now()), words)


@may_write_required
@require_POST
@says_why
def wallet_restore(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """It is in the lists again, paused."""
    return _act(request, id, wallets.restore, _("The wallet is back, and paused."))
