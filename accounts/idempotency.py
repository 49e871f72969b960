"""Requests that take effect once, however often they are sent: the `Idempotency-Key` header.

The claim of the key and the effect are in one transaction, so a retry either finds both or neither: with a look
first and an insert after it, a thousand equal requests at once took effect ten times. What was refused is not kept,
and may be sent again corrected under the same key; an order that was
refused stands with the reasons against it all the same. Keys are kept for 72 hours.
"""

import hashlib
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
from django.core.files.uploadedfile import UploadedFile
from django.db import connection, transaction
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import exact_json
from accounts.errors import IdempotencyConflict, IdempotencyKeyRequired, InvalidValue
from accounts.models import IdempotencyKey, User

logger = logging.getLogger(__name__)

HEADER = "Idempotency-Key"
LONGEST_KEY = 255
KEPT = timedelta(hours=72)

_CLAIM = """
INSERT INTO accounts_idempotencykey (owner_id, key, request_hash, created_at) VALUES (%s, %s, %s, now())
ON CONFLICT (owner_id, key) DO NOTHING RETURNING id
"""


def claim_form(owner: User, *, name: str, sent: QueryDict) -> tuple[int, Any]:
    """The claim of a form sent for the first time, for `remember`; once it was sent before, 0 and what is known.

    A form is the same where all its fields are, among them the token against forgery, which is written differently into
    each page: sent twice by a double click, or again after going back. To be called in the transaction of what it does.
    """
    digest = hashlib.sha256()
    for field, values in sorted(sent.lists()):
        digest.update(repr((field, values)).encode())
    key, request_hash = f"{name}:{digest.hexdigest()}", digest.hexdigest()
    claim = _claim(owner.pk, key, request_hash)
    return claim, None if claim else IdempotencyKey.objects.get(owner_id=owner.pk, key=key).body


def remember(claim: int, body: Any) -> None:
    """Who sends the form of this claim again is told this."""
    IdempotencyKey.objects.filter(pk=claim).update(status_code=303, body=body)


def _claim(owner_id: int | None, key: str, request_hash: str) -> int:
    with connection.cursor() as cursor:
        # Waits for a transaction that holds the same key, and then sees what it left.
        cursor.execute(_CLAIM, [owner_id, key, request_hash])
        claimed = cursor.fetchone()
    return int(claimed[0]) if claimed else 0


class _Replay(Exception):
    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class IdempotentPostMixin(APIView):
    """A view whose POSTs take the header `Idempotency-Key`.

    `key_required` names the actions (or is True for all) that are refused without one, because they move money.
    `keeps_answers` is False where the answer holds a secret: a retry is then told 409 instead.
    """

    key_required: bool | frozenset[str] = False
    keeps_answers = True
    #: Whether all that this request does is one transaction, as a key makes it.
    is_one_transaction = False
    #: What an action leaves to be done once that is committed. Where it fails, whoever looks next has to find it. The
    #: answer stays what it was: who sends the same again meanwhile is told the same.
    afterwards: Callable[[], object] | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "POST" or HEADER not in request.headers:
            return super().dispatch(request, *args, **kwargs)
        self._claim_id, self._is_kept, self.is_one_transaction = 0, False, True
        with transaction.atomic():
            response = super().dispatch(request, *args, **kwargs)
            if self._is_kept:
                # The refusal stays on file; the key is free again, as after any other.
                IdempotencyKey.objects.filter(pk=self._claim_id).delete()
            elif response.status_code >= 400:
                transaction.set_rollback(True)
            elif self._claim_id and isinstance(response, Response):
                self._keep(response)
        if self.afterwards is not None and response.status_code < 400:
            try:
                self.afterwards()
            except Exception:
                logger.exception("what follows a request that is committed has failed")
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method != "POST":
            return
        key = request.headers.get(HEADER)
        if key is None:
            if self._is_key_required():
                raise IdempotencyKeyRequired(f"Send the header {HEADER}: money moves here.")
            return
        if not (1 <= len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
            raise InvalidValue(f"{HEADER} is 1 to {LONGEST_KEY} printable ASCII characters.")
        self._claim(request, key)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, _Replay):
            return exc.response
        self._is_kept = getattr(exc, "is_kept", False)
        return super().handle_exception(exc)

    def _is_key_required(self) -> bool:
        if isinstance(self.key_required, bool):
            return self.key_required
        return getattr(self, "action", None) in self.key_required

    def _claim(self, request: Request, key: str) -> None:
        request_hash = hash_of(request)
        self._claim_id = _claim(request.user.pk, key, request_hash)
        if self._claim_id:
            return
        first = IdempotencyKey.objects.get(owner_id=request.user.pk, key=key)
        if first.request_hash != request_hash:
            raise IdempotencyConflict("This idempotency key came before with another request.")
        if not self.keeps_answers:
            raise IdempotencyConflict("This request took effect before; its answer is not kept.")
        raise _Replay(Response(first.body, status=first.status_code, headers={"Idempotent-Replayed": "true"}))

    def _keep(self, response: Response) -> None:
        body = exact_json.loads(exact_json.dumps(response.data, default=str)) if self.keeps_answers else None
        IdempotencyKey.objects.filter(pk=self._claim_id).update(status_code=response.status_code, body=body)


def hash_of(request: Request) -> str:
    """SHA-256 of method, path with query, and body; of a form, of its fields and the contents of its files."""
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    if isinstance(request.data, QueryDict):
        for name, values in sorted(request.data.lists()):
            digest.update(f"\n{name}:".encode())
            for value in values:
                _add(digest, value)
    else:
        digest.update(exact_json.dumps(request.data, default=str, option=orjson.OPT_SORT_KEYS))
    return digest.hexdigest()


def _add(digest: Any, value: object) -> None:
    if not isinstance(value, UploadedFile):
        digest.update(str(value).encode())
        return
    digest.update(str(value.name).encode())
    for chunk in value.chunks():
        digest.update(chunk)
    value.seek(0)
