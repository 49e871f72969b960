"""Pages of deliveries for operators: what came, what nobody understood, and another reading of it."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import paging, publishing, toasts
from accounts.errors import InvalidValue
from accounts.models import AuditEvent
from accounts.permissions import may_write_required, person_of
from intelligence import inbox, signal_lists, wallet_tasks
from intelligence.models import DeliveryStatus, WebhookDelivery, WebhookRegistration
from trading.refusals import says_why

_SHOWN = 20_000
_ALERTS = ("webhook.clock_skew", "webhook.event_id_reused", "webhook.refused")


@login_required
@require_safe
@says_why
def delivery_list(request: HttpRequest) -> HttpResponseBase:
    """What webhooks brought, the newest first; what nobody understood first of all where it is asked for."""
    person = person_of(request)
    _check(request)
    status = request.GET.get("status", "")
    if status and status not in DeliveryStatus.values:
        raise InvalidValue(_("There is no such status."), pointer="?status")
    rows = WebhookDelivery.objects.for_user(person).defer("body")
    page = paging.page_of(
        rows.filter(status=status) if status else rows,
        listing=paging.Listing(person.pk, "deliveries", "-id", status),
        limit=paging.DEFAULT_LIMIT,
        cursor=request.GET.get("cursor"),
    )
    context = {
        "page": page,
        "is_first": "cursor" not in request.GET,
        "status": status,
        "statuses": DeliveryStatus.choices,
        "dead": rows.dead().count(),
        "waiting": rows.waiting().count(),
        "registration": WebhookRegistration.objects.filter(pk=1).first(),
        "alerts": AuditEvent.objects.filter(event__in=_ALERTS).order_by("-id")[:5],
    }
    return render(request, "intelligence/delivery_list.html", context)


@login_required
@require_safe
def delivery_detail(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """One delivery as it came, and what was read in it."""
    delivery = _one(request, id)
    body = bytes(delivery.body)
    context = {
        "delivery": delivery,
        "body": body[:_SHOWN].decode(errors="backslashreplace"),
        "size": len(body),
        "is_cut": len(body) > _SHOWN,
        "signals": signal_lists.shown(delivery.signals.select_related("wallet").defer("payload").order_by("id")[:50]),
        "may_replay": request.user.has_perm("intelligence.change_webhookdelivery"),
    }
    return render(request, "intelligence/delivery_detail.html", context)


@may_write_required
@require_POST
@says_why
def delivery_replay(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """It is read once more; what was made of it before is left alone."""
    if not request.user.has_perm("intelligence.change_webhookdelivery"):
        raise Http404
    inbox.replay(_one(request, id))
    publishing.after_commit(wallet_tasks.read_deliveries)
    toasts.say(request, _("It is read once more."))
    return redirect("delivery_detail", id)


def _check(request: HttpRequest) -> None:
    """To who may not see them, there are none: a delivery is of everybody's wallets."""
    if not request.user.has_perm("intelligence.view_webhookdelivery"):
        raise Http404


def _one(request: HttpRequest, id: uuid.UUID) -> WebhookDelivery:
    return get_object_or_404(WebhookDelivery.objects.for_user(request.user), public_id=id)
