"""The API of archives: everything a person has as one file, and back."""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import FileResponse, Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import publishing
from accounts.serializers import page_of
from accounts.strict import StrictSerializer
from accounts.viewsets import CURSOR, LIMIT, OwnViewSet
from journal import tasks
from journal.archive import jobs
from journal.archive.opening import ArchiveRefused
from journal.models import Archive, ArchiveKind, ArchiveStatus

#: What a form adds to its file: names and boundaries.
_FORM_BYTES = 64 * 1024


class ArchiveSerializer(StrictSerializer):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(ArchiveKind.choices)
    status = serializers.ChoiceField(ArchiveStatus.choices)
    filename = serializers.CharField()
    size = serializers.IntegerField()
    progress = serializers.IntegerField(help_text="Rows done so far.")
    total = serializers.IntegerField(help_text="Rows in all; 0 while nobody knows.")
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="Rows per table: written, or added.")
    remarks = serializers.ListField(child=serializers.CharField())
    error_code = serializers.CharField()
    error = serializers.CharField()
    has_file = serializers.BooleanField(help_text="Whether there is something to download.")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)


class ArchiveUploadSerializer(StrictSerializer):
    """A file as multipart/form-data."""

    file = serializers.FileField(max_length=1000)


class ArchiveViewSet(OwnViewSet):
    """Exports and imports of everything a person has."""

    queryset = Archive.objects.none()
    serializer_class = ArchiveSerializer
    # Progress does not move the person's version on.
    unversioned_actions = frozenset({"list", "retrieve", "download"})
    query_parameters = {"list": ("limit", "cursor")}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """A file that says that it is too large is refused before a byte of it is read."""
        length = str(request.META.get("CONTENT_LENGTH") or "0")
        if self.action == "take_in" and length.isascii() and length.isdigit():
            largest = settings.ARCHIVE_MAX_BYTES
            if int(length) > largest + _FORM_BYTES:
                raise ArchiveRefused(f"An archive has at most {largest >> 20} MB.", code="file_too_large", status=413)
        super().initial(request, *args, **kwargs)

    def get_parsers(self) -> list[Any]:
        """Forms with a file for an upload, JSON for everything else."""
        # Asked before the action is known, and by the schema without a request.
        method = str(getattr(self.request, "method", "")).lower()
        is_upload = (self.action_map or {}).get(method) == "take_in"
        return [MultiPartParser()] if is_upload else super().get_parsers()

    @extend_schema(parameters=[LIMIT, CURSOR], responses=page_of(ArchiveSerializer))
    def list(self, request: Request) -> Response:
        """Exports and imports, the latest first."""
        return self.page(self._own(), name="archives", order="-id", shown=archive_json)

    @extend_schema(request=None, responses={202: ArchiveSerializer})
    def create(self, request: Request) -> Response:
        """Begin an export; one that is at work already is answered again."""
        with transaction.atomic():
            archive = jobs.request(self.person, at=timezone.now())
            publishing.after_commit(tasks.run_archive, archive.pk)
        archive.refresh_from_db()
        return Response(archive_json(archive), status=202)

    @extend_schema(responses=ArchiveSerializer)
    def retrieve(self, request: Request, id: str) -> Response:
        """How far it is, what came of it, why it was refused."""
        return Response(archive_json(self._one()))

    @extend_schema(request={"multipart/form-data": ArchiveUploadSerializer}, responses={202: ArchiveSerializer})
    @action(detail=False, methods=["post"], url_path="import", url_name="import")
    def take_in(self, request: Request) -> Response:
        """Send the file of an export: it is checked, and taken in whole or not at all."""
        asked = ArchiveUploadSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        file = asked.validated_data["file"]
        with transaction.atomic():
            archive = jobs.receive(self.person, chunks=file.chunks(), filename=file.name)
            publishing.after_commit(tasks.run_archive, archive.pk)
        archive.refresh_from_db()
        return Response(archive_json(archive), status=202)

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"])
    def download(self, request: Request, id: str) -> FileResponse:
        """The file of an export, for a week."""
        archive = self._one()
        if not archive.has_file(at=timezone.now()):
            raise Http404
        answer = FileResponse(
            jobs.path_of(archive).open("rb"),
            as_attachment=True,
            filename=archive.filename,
            content_type="application/zip",
        )
        answer.headers["Cache-Control"] = "private, no-store"
        return answer

    @extend_schema(request=None, responses=ArchiveSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, id: str) -> Response:
        """Stop: at once while it waits, within seconds while it runs."""
        return Response(archive_json(jobs.cancel(self._one())))

    def _own(self) -> Any:
        return Archive.objects.for_user(self.person)

    def _one(self) -> Archive:
        found: Archive = get_object_or_404(self._own(), public_id=self.kwargs["id"])
        return found


def archive_json(archive: Archive) -> dict[str, Any]:
    """An archive as the API shows it."""
    return {
        "id": archive.public_id,
        "kind": archive.kind,
        "status": archive.status,
        "filename": archive.filename,
        "size": archive.size,
        "progress": archive.progress,
        "total": archive.total,
        "counts": archive.counts,
        "remarks": archive.remarks,
        "error_code": archive.error_code,
        "error": archive.error,
        "has_file": archive.has_file(at=timezone.now()),
        "created_at": archive.created_at,
        "finished_at": archive.finished_at,
        "expires_at": archive.expires_at,
    }
