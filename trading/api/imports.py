"""The API of imports: from a file to trades and back."""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import answers, paging, publishing, versions
from accounts.errors import InvalidValue
from accounts.paging import Listing
from accounts.serializers import page_of
from accounts.strict import choice
from accounts.viewsets import CURSOR, LIMIT, OwnViewSet, page_json
from trading import tasks
from trading.api.rows import batch_json, batch_summary_json, row_json
from trading.errors import ImportRefused
from trading.import_serializers import (
    ImportChoicesSerializer,
    ImportPreviewSerializer,
    ImportRowSerializer,
    ImportSerializer,
    ImportSummarySerializer,
    ReplaySerializer,
    UploadSerializer,
)
from trading.imports import batches
from trading.imports.pipeline import path_of
from trading.models import BatchStatus, ImportBatch, ImportRow, RowOutcome
from trading.serializers import read

#: What a form adds to its file: names, boundaries, options.
_FORM_BYTES = 2 * 1024 * 1024

_DRY_RUN = OpenApiParameter(
    "dry_run", str, enum=["true", "false"], default="false", description="Say what would happen and keep nothing."
)


class ImportViewSet(OwnViewSet):
    """Files on their way into accounts: received, looked into, applied whole or not at all, undone, read anew."""

    queryset = ImportBatch.objects.none()
    serializer_class = ImportSerializer
    # The progress of an import does not move the person's version on.
    unversioned_actions = frozenset({"list", "retrieve", "rows"})
    query_parameters = {
        "list": ("limit", "cursor", "status"),
        "create": ("dry_run",),
        "rows": ("limit", "cursor", "outcome"),
        "replay": ("dry_run",),
    }

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """A file that says that it is too large is refused before a byte of it is read."""
        if self.action == "create" and _length(request) > settings.IMPORT_MAX_BYTES + _FORM_BYTES:
            raise ImportRefused(
                f"A file has at most {settings.IMPORT_MAX_BYTES // 1_048_576} MiB. Split it by date and import the "
                "parts one after the other.",
                code="file_too_large",
                status=413,
            )
        super().initial(request, *args, **kwargs)

    def get_parsers(self) -> list[Any]:
        """Forms with a file for an upload, JSON for everything else."""
        # Asked before the action is known, and by the schema without a request.
        method = str(getattr(self.request, "method", "")).lower()
        is_upload = (self.action_map or {}).get(method) == "create"
        return [MultiPartParser()] if is_upload else super().get_parsers()

    @extend_schema(
        parameters=[LIMIT, CURSOR, OpenApiParameter("status", str, enum=BatchStatus.values)],
        responses=page_of(ImportSummarySerializer),
    )
    def list(self, request: Request) -> Response:
        """Imports, the latest first."""
        status = choice(request.query_params.get("status"), parameter="status", allowed=BatchStatus.values)
        rows = self._own().defer("options", "preview", "result")
        if status is not None:
            rows = rows.filter(status=status)
        return self.page(rows, name="imports", order="-id", shown=batch_summary_json, filters=[status])

    @extend_schema(
        parameters=[_DRY_RUN],
        request={"multipart/form-data": UploadSerializer},
        responses={202: ImportSerializer, 200: ImportPreviewSerializer},
    )
    def create(self, request: Request) -> Response:
        """Send a file. It is stored and looked into, and waits to be committed; nothing is imported yet."""
        is_dry_run = self._is_dry_run()
        asked = read(UploadSerializer, request.data, person=self.person)
        if is_dry_run:
            return Response(self._preview(asked))
        batch = self._looked_into(self._received(asked))
        return Response(batch_json(batch), status=202)

    @extend_schema(responses=ImportSerializer)
    def retrieve(self, request: Request, id: str) -> Response:
        """One import: what it would do or did, how far it is, why it was refused."""
        return Response(batch_json(self._one()))

    @extend_schema(request=ImportChoicesSerializer, responses=ImportSerializer)
    def partial_update(self, request: Request, id: str) -> Response:
        """Choose account, format and options, and answer its questions; the file is then looked into again."""
        batch = self._one()
        asked = read(ImportChoicesSerializer, request.data, person=self.person)
        if not asked:
            return Response(batch_json(batch))
        options = asked.get("options")
        if options is not None:
            for name in ("accounts", "decisions"):
                if name in options:
                    options[name] = {**batch.options.get(name, {}), **options[name]}
        batch = batches.choose(
            batch, account=asked.get("account"), selected_format=asked.get("format"), options=options
        )
        return Response(batch_json(self._looked_into(batch)))

    @extend_schema(
        parameters=[LIMIT, CURSOR, OpenApiParameter("outcome", str, enum=RowOutcome.values)],
        responses=page_of(ImportRowSerializer),
    )
    @action(detail=True, methods=["get"], serializer_class=ImportRowSerializer)
    def rows(self, request: Request, id: str) -> Response:
        """The lines of an applied file as they stand in it, and what became of each."""
        params = request.query_params
        outcome = choice(params.get("outcome"), parameter="outcome", allowed=RowOutcome.values)
        version = versions.current(self.person.pk)
        batch = self._one()
        found = ImportRow.objects.filter(batch=batch)
        if outcome is not None:
            found = found.filter(outcome=outcome)
        # An import's lines are written once, at the time it finished.
        written = [batch.pk, batch.status, batch.finished_at, outcome]
        total = answers.get("stats", self.person.pk, version=version, parts=["import rows", written], build=found.count)
        page = paging.page_of(
            found,
            listing=Listing(self.person.pk, "import-rows", "line", [str(id), outcome]),
            limit=paging.limit_of(params.get("limit")),
            cursor=params.get("cursor"),
            total=total,
        )
        return Response(page_json(page, map(row_json, page.results)))

    @extend_schema(request=None, responses={202: ImportSerializer})
    @action(detail=True, methods=["post"])
    def commit(self, request: Request, id: str) -> Response:
        """Import the file: it waits for a worker, and is applied whole or not at all."""
        with transaction.atomic():
            batch = batches.queue(self._one())
            publishing.after_commit(tasks.run_import, batch.pk)
        return Response(batch_json(batch), status=202)

    @extend_schema(request=None, responses=ImportSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, id: str) -> Response:
        """Stop an import: at once while it waits, within seconds while it runs."""
        return Response(batch_json(batches.cancel(self._one())))

    @extend_schema(request=None, responses=ImportSerializer)
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, id: str) -> Response:
        """Take an import back: its fills go, and what they closed is open again."""
        return Response(batch_json(batches.undo(self._one())))

    @extend_schema(parameters=[_DRY_RUN], request=None, responses=ReplaySerializer)
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, id: str) -> Response:
        """Read the stored file anew and say what differs; with `dry_run` nothing is changed."""
        is_dry_run = self._is_dry_run()
        difference = batches.replay(self._one(), dry_run=is_dry_run)
        return Response({**difference, "dry_run": is_dry_run})

    def _own(self) -> QuerySet[ImportBatch]:
        return ImportBatch.objects.for_user(self.person).select_related("account")

    def _one(self) -> ImportBatch:
        return get_object_or_404(self._own(), public_id=self.kwargs["id"])

    def _is_dry_run(self) -> bool:
        text = self.request.query_params.get("dry_run")
        return choice(text, parameter="dry_run", allowed=["true", "false"]) == "true"

    def _received(self, asked: dict[str, Any]) -> ImportBatch:
        return batches.receive(
            owner=self.person,
            chunks=asked["file"].chunks(),
            filename=asked["file"].name,
            account=asked.get("account"),
            selected_format=asked.get("format", ""),
            options=asked.get("options"),
        )

    def _looked_into(self, batch: ImportBatch) -> ImportBatch:
        """The batch with its preview, or, when it is large, as it stands before a worker has made one."""
        if batch.size <= settings.IMPORT_INLINE_BYTES:
            return batches.look(batch)
        publishing.after_commit(tasks.look_into, batch.pk)
        return batch

    def _preview(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What the file would do. The batch lives in a transaction that is rolled back, so that nobody ever sees it."""
        batch = ImportBatch()
        try:
            with transaction.atomic():
                batch = self._received(asked)
                answer = batch_json(batches.look(batch))
                transaction.set_rollback(True)
        finally:
            if batch.stored_as:
                path_of(batch).unlink(missing_ok=True)
        del answer["id"]
        return answer


def _length(request: Request) -> int:
    text = str(request.META.get("CONTENT_LENGTH") or "0")
    if not (text.isascii() and text.isdigit()):
        raise InvalidValue("Content-Length is a whole number.")
    return int(text)
