"""Where webhooks arrive: authenticated, bounded, stored, answered. What they mean is found out by a worker.

Answers are constant, and nothing that was sent comes back in them. Source: docs/wallets.md#deliveries
"""

import json
import logging
import threading
import time
from collections import deque

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.http.request import UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from accounts import audit, publishing
from accounts import tokens as api_tokens
from accounts.errors import DomainError
from accounts.models import TokenScope, User
from accounts.permissions import may_write
from intelligence import event_parsing, inbox, wallet_tasks, webhook_auth
from intelligence.helius_parsing import Malformed
from intelligence.models import DeliveryStatus
from intelligence.webhook_auth import Verdict

logger = logging.getLogger(__name__)

LARGEST_BODY = 1024 * 1024
MOST_TRANSACTIONS = 1000
DEEPEST = 50
#: Of the name of a sender; the column holds no longer one.
LONGEST_SOURCE = 40
SIGNATURE_HEADER = "X-Webhook-Signature"

#: So many signatures whose only fault is the time, within so many seconds, and somebody's clock is off.
_SKEWED, _WITHIN = 10, 300.0
_PUBLISH_EVERY = 0.1


class Refused(Exception):
    """What is answered instead."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.said = said


class _Pulse:
    """When this process last sent a message, and which signatures came at the wrong time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.published_at = 0.0
        self.skewed: deque[float] = deque(maxlen=_SKEWED)

    def may_publish(self) -> bool:
        """One message wakes a worker for all that wait; the sweep finds what came right after it."""
        with self.lock:
            now = time.monotonic()
            if now - self.published_at < _PUBLISH_EVERY and not getattr(settings, "CELERY_TASK_ALWAYS_EAGER", False):
                return False
            self.published_at = now
            return True

    def is_skewed(self) -> bool:
        """Whether this one makes it many."""
        with self.lock:
            now = time.monotonic()
            self.skewed.append(now)
            is_many = len(self.skewed) == _SKEWED and now - self.skewed[0] < _WITHIN
            if is_many:
                self.skewed.clear()
            return is_many


_pulse = _Pulse()


@csrf_exempt
def helius(request: HttpRequest) -> HttpResponse:
    """The one webhook of Helius, which echoes the secret that it was given. Every delivery that is kept is a 200."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        _check_size(request)
        if not webhook_auth.is_one_of(
            _bytes(request.headers.get("Authorization", "")), settings.HELIUS_WEBHOOK_SECRETS
        ):
            raise Refused(401, "unauthorized")
        body = _body(request)
        wrong = _wrong_with(body)
        if wrong == "not JSON":
            # Cut off on its way, perhaps: it may come whole the next time, and until then this is there to look at.
            inbox.receive(source=inbox.HELIUS, body=body, at=timezone.now(), status=DeliveryStatus.DEAD, error=wrong)
        if wrong:
            inbox.refused(source=inbox.HELIUS, body=body, reason=wrong)
            raise Refused(400, "invalid")
        received = inbox.receive(source=inbox.HELIUS, body=body, at=timezone.now())
    except Refused as refusal:
        return _said(refusal)
    except DatabaseError:
        return _try_again()
    return _kept(received, 200)


@csrf_exempt
def other(request: HttpRequest, source: str) -> HttpResponse:
    """Another sender, who signs what it sends or has somebody's token. New is 202, known is 200."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        if len(source) > LONGEST_SOURCE:
            raise Refused(404, "not_found")
        _check_size(request)
        body = _body(request)
        owner = _sender(request, source, body)
        received = _event(source, body, owner)
    except Refused as refusal:
        return _said(refusal)
    except DatabaseError:
        return _try_again()
    return _kept(received, 202 if received.is_new else 200)


def _event(source: str, body: bytes, owner: User | None) -> inbox.Received:
    try:
        event = event_parsing.read(body)
    except Malformed as error:
        inbox.refused(source=source, body=body, reason=str(error))
        raise Refused(400, "invalid") from error
    status = DeliveryStatus.IGNORED if event.seen is None else DeliveryStatus.RECEIVED
    try:
        return inbox.receive(
            source=source,
            body=body,
            at=timezone.now(),
            event_id=event.id,
            owner_id=owner.pk if owner else None,
            status=status,
            error=event.why_not,
        )
    except DomainError as error:
        raise Refused(409, "conflict") from error


def _sender(request: HttpRequest, source: str, body: bytes) -> User | None:
    """Whose token it was, if one was sent. Raises Refused unless everything that was sent to prove it is right."""
    secrets = _secrets().get(source, [])
    signature = request.headers.get(SIGNATURE_HEADER)
    authorization = request.headers.get("Authorization")
    owner = None
    if authorization is not None:
        owner = _token_owner(authorization)
    if signature is not None or authorization is None:
        verdict = webhook_auth.judge(signature or "", body, secrets=secrets, now=time.time())
        if verdict is Verdict.OFF_TIME:
            _skewed(source)
        if verdict is not Verdict.RIGHT:
            raise Refused(401, "unauthorized")
    return owner


def _token_owner(authorization: str) -> User:
    scheme, _, secret = authorization.partition(" ")
    token = api_tokens.find(secret.strip(), at=timezone.now()) if scheme.lower() == "bearer" else None
    if token is None:
        raise Refused(401, "unauthorized")
    if token.scope != TokenScope.WRITE or not may_write(token.owner):
        raise Refused(403, "forbidden")
    return token.owner


def _secrets() -> dict[str, list[str]]:
    """By source, its active secrets: settings.WEBHOOK_SECRETS has "name=first|second" for each."""
    pairs = (each.partition("=") for each in settings.WEBHOOK_SECRETS)
    return {name.strip(): [secret for secret in value.split("|") if secret] for name, _, value in pairs if value}


def _skewed(source: str) -> None:
    """Right secrets at the wrong time: one is a replay, many are a clock that is off, ours or theirs."""
    if _pulse.is_skewed():
        logger.error("signatures of %s come at the wrong time: compare its clock and ours", source)
        audit.written("webhook.clock_skew", subject="delivery", after={"source": source, "count": _SKEWED})


def _check_size(request: HttpRequest) -> None:
    """Before anything is read."""
    if _length(request) > LARGEST_BODY:
        raise Refused(413, "too_large")


def _length(request: HttpRequest) -> int:
    """How long its sender says that the body is."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError as error:
        raise Refused(400, "invalid") from error


def _body(request: HttpRequest) -> bytes:
    try:
        body = request.body
    except RequestDataTooBig as error:
        raise Refused(413, "too_large") from error
    except (UnreadablePostError, OSError) as error:
        raise Refused(400, "invalid") from error
    if len(body) > LARGEST_BODY:
        raise Refused(413, "too_large")
    if len(body) < _length(request):
        # The connection ended before it: what came may read like a whole.
        raise Refused(400, "invalid")
    return body


def _wrong_with(body: bytes) -> str:
    """Why a delivery is not taken; empty where it is. What it says is not looked into: a worker does."""
    try:
        found = orjson.loads(body)
    except ValueError:
        try:
            # Numbers of more digits than orjson takes are JSON all the same.
            found = json.loads(body)
        except (ValueError, RecursionError):
            return "not JSON"
    if isinstance(found, list) and len(found) > MOST_TRANSACTIONS:
        return "too many transactions"
    if isinstance(found, list | dict) and event_parsing.depth_of(found) > DEEPEST:
        return "nested too deeply"
    return ""


def _bytes(header: str) -> bytes:
    """The header as it was on the wire: WSGI reads bytes as Latin-1."""
    try:
        return header.encode("latin-1")
    except UnicodeEncodeError:
        return header.encode(errors="replace")


def _kept(received: inbox.Received, status: int) -> HttpResponse:
    if received.is_new and _pulse.may_publish():
        publishing.after_commit(wallet_tasks.read_deliveries)
    return JsonResponse({"status": "received", "id": str(received.id)}, status=status)


def _said(refusal: Refused) -> HttpResponse:
    return JsonResponse({"status": refusal.said}, status=refusal.status)


def _try_again() -> HttpResponse:
    logger.exception("a delivery could not be kept")
    return JsonResponse({"status": "try_again"}, status=503, headers={"Retry-After": "1"})
