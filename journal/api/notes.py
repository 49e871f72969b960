"""The API of notes, their templates, files, and the search over all that was written."""

import uuid
from typing import Any

from django.db import transaction
from django.db.models import Prefetch
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.errors import InvalidValue
from accounts.serializers import page_of
from accounts.strict import choice
from accounts.viewsets import CURSOR, LIMIT, OwnViewSet
from journal import attachments, notes, search
from journal.models import Attachment, Note, NoteKind, NoteTemplate
from journal.notes import Written
from journal.views.attachments import attachment_file
from journal.writing_serializers import (
    AttachmentEditSerializer,
    AttachmentSerializer,
    AttachmentUploadSerializer,
    HitsSerializer,
    NoteEditSerializer,
    NoteSerializer,
    NoteShownSerializer,
    NoteTemplateSerializer,
    attachment_json,
    hit_json,
    note_json,
    template_json,
)
from trading.api.lists import FROM, TO, days_asked, line_asked
from trading.models import Tag
from trading.serializers import read, unique_tags

MOST_HITS = 100


class NoteViewSet(OwnViewSet):
    """What one wrote about days and accounts. A trade's note is a field of the trade."""

    queryset = Note.objects.none()
    serializer_class = NoteShownSerializer
    query_parameters = {"list": ("limit", "cursor", "kind", "from", "to", "search")}

    def _own(self) -> Any:
        tags = Prefetch("tags", Tag.objects.select_related("group").order_by("name", "id"))
        return Note.objects.for_user(self.person).select_related("account").prefetch_related(tags)

    def _shown(self, note: Note, status: int = 200) -> Response:
        return Response(note_json(self._own().get(pk=note.pk)), status=status)

    @extend_schema(
        parameters=[
            LIMIT,
            CURSOR,
            OpenApiParameter("kind", str, enum=NoteKind.values),
            FROM,
            TO,
            OpenApiParameter("search", str, description="Words; the last one by its beginning."),
        ],
        responses=page_of(NoteShownSerializer),
    )
    def list(self, request: Request) -> Response:
        """Notes, the latest written first."""
        params = request.query_params
        kind = choice(params.get("kind"), parameter="kind", allowed=NoteKind.values)
        start, end = days_asked(params)
        words = line_asked(params, "search")
        rows = self._own()
        if kind is not None:
            rows = rows.filter(kind=kind)
        if start is not None:
            rows = rows.filter(day__gte=start)
        if end is not None:
            rows = rows.filter(day__lte=end)
        if words:
            rows = search.matching_notes(rows, words)
        return self.page(rows, name="notes", order="-id", shown=note_json, filters=[kind, start, end, words])

    @extend_schema(request=NoteSerializer, responses={201: NoteShownSerializer})
    def create(self, request: Request) -> Response:
        """Write a note on a day, an account, or both."""
        asked = read(NoteSerializer, request.data, person=self.person)
        words = Written(
            text=asked.get("text", ""),
            title=asked.get("title", ""),
            kind=asked["kind"],
            rating=asked.get("rating"),
        )
        tags = unique_tags(asked.get("tags", []))
        made = notes.write(
            owner=self.person, words=words, day=asked.get("day"), account=asked.get("account"), tags=tags
        )
        return self._shown(made, 201)

    def retrieve(self, request: Request, id: str) -> Response:
        return Response(note_json(get_object_or_404(self._own(), public_id=id)))

    @extend_schema(request=NoteEditSerializer, responses=NoteShownSerializer)
    def partial_update(self, request: Request, id: str) -> Response:
        """Change a note. With `revision` it is refused (409) where somebody has changed it since."""
        note = get_object_or_404(self._own(), public_id=id)
        asked = read(NoteEditSerializer, request.data, person=self.person, partial=True)
        words = Written(
            text=asked.get("text", note.text),
            title=asked.get("title", note.title),
            kind=asked.get("kind", note.kind),
            rating=asked.get("rating", note.rating),
        )
        with transaction.atomic():
            tags = unique_tags(asked["tags"]) if "tags" in asked else None
            notes.edit(note, words=words, revision=asked.get("revision", note.revision), tags=tags)
            if "day" in asked or "account" in asked:
                notes.move(
                    note,
                    day=asked.get("day", note.day),
                    account=asked.get("account", note.account),
                    revision=note.revision,
                )
        return self._shown(note)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, id: str) -> Response:
        """Delete a note with its files."""
        notes.delete(get_object_or_404(self._own(), public_id=id))
        return Response(status=204)


class NoteTemplateViewSet(OwnViewSet):
    """What new notes begin from."""

    queryset = NoteTemplate.objects.none()
    serializer_class = NoteTemplateSerializer
    query_parameters = {"list": ("limit", "cursor")}

    def _one(self, id: str) -> NoteTemplate:
        return get_object_or_404(NoteTemplate.objects.for_user(self.person), public_id=id)

    @extend_schema(parameters=[LIMIT, CURSOR], responses=page_of(NoteTemplateSerializer))
    def list(self, request: Request) -> Response:
        rows = NoteTemplate.objects.for_user(self.person)
        return self.page(rows, name="note-templates", order="name", shown=template_json)

    @extend_schema(responses={201: NoteTemplateSerializer})
    def create(self, request: Request) -> Response:
        asked = read(NoteTemplateSerializer, request.data, person=self.person)
        return Response(template_json(notes.make_template(owner=self.person, **asked)), status=201)

    def retrieve(self, request: Request, id: str) -> Response:
        return Response(template_json(self._one(id)))

    def partial_update(self, request: Request, id: str) -> Response:
        asked = read(NoteTemplateSerializer, request.data, person=self.person, partial=True)
        return Response(template_json(notes.edit_template(self._one(id), **asked)))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, id: str) -> Response:
        notes.delete_template(self._one(id))
        return Response(status=204)


class AttachmentViewSet(OwnViewSet):
    """Pictures and files of trades and notes. What they are is told by their content, not by their name."""

    queryset = Attachment.objects.none()
    serializer_class = AttachmentSerializer
    query_parameters = {"list": ("limit", "cursor")}

    def get_parsers(self) -> list[Any]:
        # Asked before the action is known, and by the schema without a request.
        method = str(getattr(self.request, "method", "")).lower()
        is_upload = (self.action_map or {}).get(method) == "create"
        return [MultiPartParser()] if is_upload else super().get_parsers()

    def _own(self) -> Any:
        return Attachment.objects.for_user(self.person).select_related("note")

    @extend_schema(parameters=[LIMIT, CURSOR], responses=page_of(AttachmentSerializer))
    def list(self, request: Request) -> Response:
        """All files, the latest first."""
        return self.page(self._own(), name="attachments", order="-id", shown=attachment_json)

    @extend_schema(request=AttachmentUploadSerializer, responses={201: AttachmentSerializer})
    def create(self, request: Request) -> Response:
        """Keep a file with a trade or a note: PNG, JPEG, WebP, GIF, PDF or plain text, within the quota."""
        data = {name: value for name, value in request.data.items() if value != ""}
        asked = read(AttachmentUploadSerializer, data, person=self.person)
        trade, note = asked.get("trade"), asked.get("note")
        if (trade is None) == (note is None):
            raise InvalidValue("Name a trade or a note.", pointer="/trade")
        made = attachments.add_upload(
            owner=self.person, file=asked["file"], trade=trade, note=note, caption=asked.get("caption", "")
        )
        return Response(attachment_json(self._own().get(pk=made.pk)), status=201)

    def retrieve(self, request: Request, id: str) -> Response:
        return Response(attachment_json(get_object_or_404(self._own(), public_id=id)))

    @extend_schema(request=AttachmentEditSerializer, responses=AttachmentSerializer)
    def partial_update(self, request: Request, id: str) -> Response:
        """Give a file another caption."""
        attachment = get_object_or_404(self._own(), public_id=id)
        asked = read(AttachmentEditSerializer, request.data, person=self.person, partial=True)
        if "caption" in asked:
            attachments.describe(attachment, caption=asked["caption"])
        return Response(attachment_json(attachment))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, id: str) -> Response:
        attachments.delete(get_object_or_404(self._own(), public_id=id))
        return Response(status=204)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    @action(detail=True, url_path="file")
    def file(self, request: Request, id: str) -> HttpResponseBase:
        """The file itself."""
        get_object_or_404(self._own(), public_id=id)
        # Who asks is known by the API's own means, such as a token.
        request._request.user = self.person
        return attachment_file(request._request, uuid.UUID(str(id)))


class SearchViewSet(OwnViewSet):
    """Full-text search over notes, trades' notes, tags, playbooks, rules, files, accounts and symbols."""

    queryset = Note.objects.none()
    serializer_class = HitsSerializer
    query_parameters = {"list": ("q", "limit")}

    @extend_schema(
        parameters=[OpenApiParameter("q", str, required=True), OpenApiParameter("limit", int, default=50)],
        responses=HitsSerializer,
    )
    def list(self, request: Request) -> Response:
        """What holds all the words, the best first; the last word by its beginning."""
        words = line_asked(request.query_params, "q", longest=search.LONGEST) or ""
        text = request.query_params.get("limit", "50")
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= MOST_HITS):
            raise InvalidValue(f"limit is from 1 to {MOST_HITS}.", pointer="?limit")
        found = search.find(self.person, words, limit=int(text))
        return Response({"results": [hit_json(hit) for hit in found]})
