"""What people write, in templates: Markdown, and the parts of pages that belong to a trade or a note."""

from datetime import datetime
from typing import Any

from django import template
from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.models import User
from accounts.permissions import may_write
from journal import attachments, drafts
from journal import markdown as written
from journal.models import Attachment, Draft, Note, Playbook, TradePlaybook
from trading.models import Trade

register = template.Library()


@register.filter
def markdown(text: str) -> SafeString:
    """The text as harmless HTML: `<div class="words">{{ note.text|markdown }}</div>`."""
    return written.to_html(text or "")


@register.simple_tag
def dot(color: str) -> SafeString:
    """A dot of this colour beside a name, which says what it is; drawn, as a style would break the page's policy."""
    return format_html(
        '<svg class="dot" viewBox="0 0 8 8" width="8" height="8" aria-hidden="true">'
        '<circle cx="4" cy="4" r="4" fill="{}"/></svg>',
        color,
    )


def playbooks_of_trade(user: User, trade: Trade) -> dict[str, Any]:
    """What `journal/_trade_playbooks.html` shows: the trade's playbooks with their rules, and those it could have."""
    taken = (
        TradePlaybook.objects.for_user(user)
        .filter(trade_key=trade.public_id)
        .select_related("playbook", "version")
        .prefetch_related("version__rules", "checks")
        .order_by("playbook__name", "id")
    )
    held: list[dict[str, Any]] = []
    for each in taken:
        checks = {check.rule_id: check.is_kept for check in each.checks.all()}
        rules = [
            {"rule": rule, "kept": checks.get(rule.pk)}
            for rule in sorted(each.version.rules.all(), key=lambda rule: rule.position)
        ]
        held.append(
            {
                "playbook": each.playbook,
                "version": each.version,
                "rules": rules,
                "kept": sum(kept for kept in checks.values()),
                "broken": sum(not kept for kept in checks.values()),
            }
        )
    offered = Playbook.objects.for_user(user).filter(archived_at__isnull=True).order_by("name", "id")
    return {
        "trade": trade,
        "held": held,
        "offered": offered.exclude(pk__in=[each["playbook"].pk for each in held]),
        "may_write": may_write(user),
    }


@register.inclusion_tag("journal/_trade_playbooks.html", takes_context=True)
def trade_playbooks(context: template.Context, trade: Trade) -> dict[str, Any]:
    """The trade's playbooks with a choice of kept, broken and not looked at for each rule."""
    request = context["request"]
    return {**playbooks_of_trade(request.user, trade), "request": request, "csrf_token": context.get("csrf_token")}


def files_of(user: User, *, trade: Trade | None = None, note: Note | None = None) -> dict[str, Any]:
    """What `journal/_files.html` shows: the files of one trade or note, and how much room is left."""
    rows = Attachment.objects.for_user(user)
    rows = rows.filter(trade_key=trade.public_id) if trade is not None else rows.filter(note=note)
    return {
        "files": list(rows.order_by("id")),
        "trade": trade,
        "note": note,
        "place": f"files-{trade.public_id if trade is not None else note.public_id if note is not None else ''}",
        "used": attachments.used_by(user),
        "quota": settings.ATTACHMENT_QUOTA_BYTES,
        "may_write": may_write(user),
    }


@register.inclusion_tag("journal/_files.html", takes_context=True)
def files(context: template.Context, *, trade: Trade | None = None, note: Note | None = None) -> dict[str, Any]:
    """The files of a trade or a note, with a place to drop and paste more: `{% files trade=trade %}`."""
    request = context["request"]
    found = files_of(request.user, trade=trade, note=note)
    return {**found, "request": request, "csrf_token": context.get("csrf_token")}


@register.inclusion_tag("journal/_draft_notice.html", takes_context=True)
def draft_notice(context: template.Context, place: str, saved_at: datetime | None = None) -> dict[str, Any]:
    """A notice where something was typed at this place since `saved_at` and not saved.

    The script puts it into the form with `data-draft="{place}"`, which keeps what is typed there.
    """
    request = context["request"]
    draft: Draft | None = drafts.find(request.user, place, since=saved_at)
    return {
        "draft": draft,
        "fields": drafts.typed_here(draft) if draft else {},
        "place": place,
        "fills": True,
        "request": request,
        "csrf_token": context.get("csrf_token"),
    }
