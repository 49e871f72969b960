"""Pages of what happened: the feed, in words, and the audit log, in values."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import orjson
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts import paging
from accounts.errors import InvalidValue
from accounts.models import ActivityEntry, ActivityKind, AuditEvent
from accounts.permissions import person_of
from trading import list_exports
from trading.forms import OwnAccountField
from trading.refusals import says_why

_LONGEST = 100


@login_required
@require_safe
@says_why
def activity_list(request: HttpRequest) -> HttpResponseBase:
    """The person's feed, the latest first: all of it, or of one kind or account, or with some words."""
    person, asked = person_of(request), request.GET
    kind, search = asked.get("kind", ""), asked.get("search", "").strip()[:_LONGEST]
    name = asked.get("account_name", "")[:_LONGEST]
    if kind and kind not in ActivityKind.values:
        raise InvalidValue(_("There is no such kind."), pointer="?kind")
    rows = ActivityEntry.objects.for_user(person).select_related("account")
    account = OwnAccountField.find(person, name)
    if kind:
        rows = rows.filter(kind=kind)
    if name:
        rows = rows.filter(account=account) if account else rows.none()
    if search:
        rows = rows.filter(text__icontains=search)
    if asked.get("format") == "csv":
        return list_exports.activity(rows)
    page = paging.page_of(
        rows,
        listing=paging.Listing(person.pk, "feed", "-id", [kind, name, search]),
        limit=paging.DEFAULT_LIMIT,
        cursor=asked.get("cursor"),
    )
    context = {
        "page": page,
        "is_first": "cursor" not in asked,
        "kinds": ActivityKind.choices,
        "kind": kind,
        "account_name": name,
        "search": search,
        "is_unknown": bool(name) and account is None,
        "is_filtered": bool(kind or name or search),
    }
    return render(request, "trading/activity_list.html", context)


@dataclass(frozen=True, slots=True)
class AuditLine:
    """An event of the audit log, and what it changed: each value's name, what it was and what it is, as JSON."""

    event: AuditEvent
    changes: list[tuple[str, str, str]]


@login_required
@require_safe
@says_why
def audit_list(request: HttpRequest) -> HttpResponseBase:
    """Who changed the person's things, the latest first: all of it, of one noun or verb, or of some days."""
    person, asked = person_of(request), request.GET
    event = asked.get("event", "").strip()[:_LONGEST]
    since, until = _day(asked.get("since", ""), "since"), _day(asked.get("until", ""), "until")
    rows = AuditEvent.objects.for_user(person)
    if event:
        rows = rows.filter(event__startswith=event)
    if since:
        rows = rows.filter(occurred_at__gte=_begin(since))
    if until:
        rows = rows.filter(occurred_at__lt=_begin(until + timedelta(days=1)))
    if asked.get("format") == "csv":
        return list_exports.audit(rows)
    page = paging.page_of(
        rows,
        listing=paging.Listing(person.pk, "audit-page", "-id", [event, since, until]),
        limit=paging.DEFAULT_LIMIT,
        cursor=asked.get("cursor"),
    )
    context = {
        "page": page,
        "lines": [AuditLine(each, _changes(each)) for each in page.results],
        "is_first": "cursor" not in asked,
        "event": event,
        "since": since,
        "until": until,
        "is_filtered": bool(event or since or until),
    }
    return render(request, "trading/audit_list.html", context)


def _day(text: str, name: str) -> date | None:
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    # The day after the last one of the calendar is none.
    if found is None or not 1970 <= found.year <= 9998:
        raise InvalidValue(_("A day is written YYYY-MM-DD."), pointer=f"?{name}")
    return found


def _begin(day: date) -> datetime:
    """When the day begins where the person is."""
    return timezone.make_aware(datetime.combine(day, time.min))


def _changes(event: AuditEvent) -> list[tuple[str, str, str]]:
    before, after = event.before or {}, event.after or {}
    names = dict.fromkeys([*before, *after])
    return [(name, _written(before, name), _written(after, name)) for name in names]


def _written(values: dict[str, object], name: str) -> str:
    value = values.get(name)
    if value is None or isinstance(value, str):
        return value or ""
    return orjson.dumps(value).decode()
