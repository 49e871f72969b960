"""Pages of copying: how much is copied, and what came of each wallet."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts import toasts
from accounts.errors import DomainError, InvalidValue
from accounts.forms import refuse
from accounts.permissions import may_write_required, person_of
from intelligence import copy_settings, list_exports, performance_lists
from intelligence.copy_forms import CopySettingsForm
from intelligence.models import PerformanceWindow, Wallet, WalletMode, WalletPerformance
from intelligence.performance_lists import ORDERS
from intelligence.wallet_performance import SAMPLE
from trading.refusals import says_why

#: Wallets on one page of the ranking.
MOST = 200


def _one_of(request: HttpRequest, name: str, allowed: Sequence[str], default: str) -> str:
    found = request.GET.get(name) or default
    if found not in allowed:
        words = _("Takes one of %(words)s.") % {"words": ", ".join(allowed)}
        raise InvalidValue(words, pointer=f"?{name}")
    return found


@login_required
@require_safe
@says_why
def wallet_performance(request: HttpRequest) -> HttpResponseBase:
    """The wallets that are copied, ranked by what came of it, in one mode and window."""
    person = person_of(request)
    mode = _one_of(request, "mode", WalletMode.values, "simulation")
    window = _one_of(request, "window", PerformanceWindow.values, "all")
    order = _one_of(request, "order", list(ORDERS), "total_pnl")
    rows = performance_lists.rows_of(person, mode=mode, window=window, order=order)
    if request.GET.get("format") == "csv":
        return list_exports.performance(performance_lists.ranked(list(rows)))
    context: dict[str, Any] = {
        "rows": performance_lists.ranked(list(rows[:MOST])),
        "freshness": performance_lists.freshness(person),
        "any_wallet": Wallet.objects.for_user(person).exists(),
        "mode": mode,
        "window": window,
        "order": order,
        "modes": WalletMode.choices,
        "windows": PerformanceWindow.choices,
        "sample": SAMPLE,
    }
    return render(request, "intelligence/wallet_performance.html", context)


@login_required
@require_safe
def wallet_figures(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """The figures of one wallet in every window, for its page to show."""
    wallet = get_object_or_404(Wallet.objects.for_user(request.user), public_id=id)
    rows = WalletPerformance.objects.for_user(request.user).filter(wallet=wallet).select_related("wallet")
    place = {window: number for number, window in enumerate(PerformanceWindow.values)}
    found = sorted(rows, key=lambda row: (row.mode != wallet.mode, row.mode, place[row.window]))
    shown = [each for each in performance_lists.ranked(found) if each.row.positions or each.row.mode == wallet.mode]
    context = {"wallet": wallet, "rows": shown, "calculated_at": found[0].calculated_at if found else None}
    return render(request, "intelligence/_wallet_figures.html", context)


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
@says_why
def copying(request: HttpRequest) -> HttpResponseBase:
    """How much of what watched wallets do is copied."""
    person = person_of(request)
    found = copy_settings.current(person.pk)
    form = CopySettingsForm(request.POST if request.method == "POST" else None, settings=found)
    if form.is_bound and form.is_valid():
        revision = request.POST.get("revision", "")
        try:
            copy_settings.change(
                person,
                revision=int(revision) if revision.isascii() and revision.isdigit() and len(revision) < 10 else None,
                **form.changes,
            )
        except DomainError as error:
            refuse(form, error)
        else:
            toasts.say(request, _("The settings were changed."))
            return redirect("copying")
    counts = copy_settings.counting(found)
    context = {"form": form, "settings": found, "limits": counts.limits}
    return render(request, "intelligence/copying.html", context, status=422 if form.errors else 200)
