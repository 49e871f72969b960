"""The shapes of what the API takes and gives of notes, templates, playbooks, files and what is found."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from accounts.decimals import plain
from accounts.models import Account
from accounts.strict import DayField, LineField, StrictBooleanField, StrictSerializer, TextField
from journal.models import (
    LONGEST_NOTE,
    Attachment,
    Note,
    NoteKind,
    NoteTemplate,
    Playbook,
    PlaybookRule,
    PlaybookVersion,
    TradePlaybook,
)
from journal.playbook_results import PlaybookResults, RuleResult
from journal.playbooks import MOST_RULES
from journal.rendering import figures_json
from journal.search import Hit
from trading.api.rows import tag_json
from trading.models import Tag, Trade
from trading.serializers import MOST_TAGS, OwnIdField, TagSerializer

Json = dict[str, Any]
COLOR = r"^#[0-9a-fA-F]{6}\Z"


class NoteSerializer(StrictSerializer):
    id = serializers.UUIDField(read_only=True)
    kind = serializers.ChoiceField(NoteKind.choices, default=NoteKind.NOTE)
    day = DayField(required=False, allow_null=True)
    account = OwnIdField(queryset=Account.objects, required=False, allow_null=True)
    title = LineField(max_length=200, required=False, allow_blank=True)
    text = TextField(max_length=LONGEST_NOTE, required=False, allow_blank=True, help_text="Markdown.")
    rating = serializers.IntegerField(min_value=1, max_value=5, required=False, allow_null=True)
    tags = serializers.ListField(child=OwnIdField(queryset=Tag.objects), required=False, max_length=MOST_TAGS)


class NoteEditSerializer(NoteSerializer):
    kind = serializers.ChoiceField(NoteKind.choices, required=False)
    revision = serializers.IntegerField(required=False, min_value=1, help_text="That was read; else the edit is blind.")


class NoteShownSerializer(StrictSerializer):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(NoteKind.choices)
    day = serializers.DateField(allow_null=True)
    account = serializers.UUIDField(allow_null=True)
    title = serializers.CharField()
    text = serializers.CharField()
    rating = serializers.IntegerField(allow_null=True)
    tags = TagSerializer(many=True)
    revision = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class NoteTemplateSerializer(StrictSerializer):
    id = serializers.UUIDField(read_only=True)
    name = LineField(max_length=100)
    kind = serializers.ChoiceField(NoteKind.choices)
    text = TextField(max_length=LONGEST_NOTE)


class RuleSerializer(StrictSerializer):
    """A rule. Its key is the same in all versions that have it, however it is worded."""

    key = serializers.UUIDField(required=False)
    group = LineField(max_length=100, required=False, allow_blank=True, default="")
    text = LineField(max_length=500)


class PlaybookSerializer(StrictSerializer):
    id = serializers.UUIDField(read_only=True)
    name = LineField(max_length=100)
    description = TextField(max_length=5000, required=False, allow_blank=True)
    color = serializers.RegexField(COLOR, required=False)
    rules = RuleSerializer(many=True, required=False, max_length=MOST_RULES)  # type: ignore[call-arg]
    version = serializers.IntegerField(read_only=True)
    archived_at = serializers.DateTimeField(read_only=True, allow_null=True)
    created_at = serializers.DateTimeField(read_only=True)


class PlaybookVersionSerializer(StrictSerializer):
    number = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    trades = serializers.IntegerField(help_text="Held against it.")
    rules = RuleSerializer(many=True)


class PlaybookVersionsSerializer(StrictSerializer):
    results = PlaybookVersionSerializer(many=True)


class TradePlaybookSerializer(StrictSerializer):
    """That a trade was taken by a playbook, with the rules that it kept (true), broke (false) or were not looked at."""

    trade = OwnIdField(queryset=Trade.objects)
    rules = serializers.DictField(child=StrictBooleanField(allow_null=True), required=False, help_text="By key.")


class TradePlaybookShownSerializer(StrictSerializer):
    trade = serializers.UUIDField()
    playbook = serializers.UUIDField()
    version = serializers.IntegerField()
    rules = serializers.DictField(child=serializers.BooleanField(allow_null=True))


class AttachmentSerializer(StrictSerializer):
    id = serializers.UUIDField()
    trade = serializers.UUIDField(allow_null=True)
    note = serializers.UUIDField(allow_null=True)
    filename = serializers.CharField()
    content_type = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes, its thumbnail included.")
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    caption = serializers.CharField()
    created_at = serializers.DateTimeField()


class AttachmentUploadSerializer(StrictSerializer):
    """A file with a trade or a note, as multipart/form-data."""

    file = serializers.FileField(max_length=1000, allow_empty_file=True)
    trade = OwnIdField(queryset=Trade.objects, required=False)
    note = OwnIdField(queryset=Note.objects, required=False)
    caption = LineField(max_length=300, required=False, allow_blank=True)


class AttachmentEditSerializer(StrictSerializer):
    caption = LineField(max_length=300, allow_blank=True)


class HitSerializer(StrictSerializer):
    kind = serializers.ChoiceField(["note", "trade", "tag", "playbook", "rule", "file", "account", "symbol"])
    title = serializers.CharField()
    headline = serializers.CharField(help_text="Escaped HTML, with <mark> around what was found.")
    url = serializers.CharField()
    day = serializers.DateField(allow_null=True)


class HitsSerializer(StrictSerializer):
    results = HitSerializer(many=True)


def _instant(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def note_json(note: Note) -> Json:
    """A note as `NoteShownSerializer` describes it; its account and tags are loaded."""
    return {
        "id": str(note.public_id),
        "kind": note.kind,
        "day": note.day.isoformat() if note.day else None,
        "account": str(note.account.public_id) if note.account else None,
        "title": note.title,
        "text": note.text,
        "rating": note.rating,
        "tags": [tag_json(tag) for tag in note.tags.all()],
        "revision": note.revision,
        "created_at": _instant(note.created_at),
        "updated_at": _instant(note.updated_at),
    }


def template_json(template: NoteTemplate) -> Json:
    """A template as `NoteTemplateSerializer` describes it."""
    return {"id": str(template.public_id), "name": template.name, "kind": template.kind, "text": template.text}


def _rule_json(rule: PlaybookRule) -> Json:
    return {"key": str(rule.key), "group": rule.group, "text": rule.text}


def playbook_json(playbook: Playbook, version: PlaybookVersion) -> Json:
    """A playbook as `PlaybookSerializer` describes it; the rules of its version are loaded."""
    return {
        "id": str(playbook.public_id),
        "name": playbook.name,
        "description": playbook.description,
        "color": playbook.color,
        "rules": [_rule_json(rule) for rule in sorted(version.rules.all(), key=lambda rule: rule.position)],
        "version": version.number,
        "archived_at": _instant(playbook.archived_at),
        "created_at": _instant(playbook.created_at),
    }


def version_json(version: PlaybookVersion, *, trades: int) -> Json:
    """A version as `PlaybookVersionSerializer` describes it; its rules are loaded."""
    rules = sorted(version.rules.all(), key=lambda rule: rule.position)
    return {
        "number": version.number,
        "created_at": _instant(version.created_at),
        "trades": trades,
        "rules": [_rule_json(rule) for rule in rules],
    }


def taken_json(taken: TradePlaybook) -> Json:
    """A trade's playbook as `TradePlaybookShownSerializer` describes it."""
    checks = {check.rule_id: check.is_kept for check in taken.checks.all()}
    rules = sorted(taken.version.rules.all(), key=lambda rule: rule.position)
    return {
        "trade": str(taken.trade_key),
        "playbook": str(taken.playbook.public_id),
        "version": taken.version.number,
        "rules": {str(rule.key): checks.get(rule.pk) for rule in rules},
    }


def results_json(results: PlaybookResults) -> Json:
    """What a playbook came to, whole and by rule."""
    return {
        "as_of": results.as_of,
        "stale": results.stale,
        "missing_days": results.missing_days,
        "currency": results.currency,
        "whole": figures_json(results.whole),
        "rules": [_result_json(rule) for rule in results.rules],
    }


def _result_json(rule: RuleResult) -> Json:
    return {
        "key": str(rule.key),
        "group": rule.group,
        "text": rule.text,
        "is_current": rule.is_current,
        "kept": figures_json(rule.kept),
        "broken": figures_json(rule.broken),
        "expectancy_difference": _number(rule.expectancy_difference),
        "r_difference": _number(rule.r_difference),
    }


def _number(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def attachment_json(attachment: Attachment) -> Json:
    """A file as `AttachmentSerializer` describes it; its note is loaded."""
    return {
        "id": str(attachment.public_id),
        "trade": str(attachment.trade_key) if attachment.trade_key else None,
        "note": str(attachment.note.public_id) if attachment.note else None,
        "filename": attachment.filename,
        "content_type": attachment.content_type,
        "size": attachment.size,
        "width": attachment.width,
        "height": attachment.height,
        "caption": attachment.caption,
        "created_at": _instant(attachment.created_at),
    }


def hit_json(hit: Hit) -> Json:
    """Something found as `HitSerializer` describes it."""
    return {
        "kind": hit.kind,
        "title": hit.title,
        "headline": str(hit.headline),
        "url": hit.url,
        "day": hit.day.isoformat() if hit.day else None,
    }
