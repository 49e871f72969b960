"""The audit log: who changed what, written in the transaction of the change."""

import ipaddress
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from accounts.decimals import plain
from accounts.models import AuditEvent, User
from accounts.prepared import insert_numbered, made


@dataclass(slots=True)
class Actor:
    """Who acts in this thread of work, and from where. Nobody, when the system itself acts."""

    user: User | AnonymousUser | None = None
    address: str | None = None
    user_agent: str = ""
    request_id: str = ""


_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)


def begin(actor: Actor) -> Token[Actor | None]:
    """From now on in this context `actor` is who acts, until `end`."""
    return _actor.set(actor)


def end(token: Token[Actor | None]) -> None:
    """Who acted before `begin` acts again."""
    _actor.reset(token)


def identify(user: User) -> None:
    """The request in hand is this person's: a token named them after the request had begun."""
    actor = _actor.get()
    if actor is not None:
        actor.user = user


@contextmanager
def acting(user: User) -> Iterator[None]:
    """What happens inside is done by this person: commands and tasks that act for somebody."""
    token = begin(Actor(user=user))
    try:
        yield
    finally:
        end(token)


def address_of(request: HttpRequest) -> str | None:
    """The client's address; None where it cannot be told, such as over a Unix socket.

    What a client writes in X-Forwarded-For is believed only as far as our own proxies appended to it:
    `settings.PROXY_COUNT` of them, none unless set.
    """
    proxies: int = getattr(settings, "PROXY_COUNT", 0)
    text = request.META.get("REMOTE_ADDR", "")
    if proxies:
        hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
        text = hops[-proxies] if len(hops) >= proxies else text
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def written(
    event: str,
    *,
    subject: str,
    subject_id: object = "",
    owner_id: int | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> int:
    """The change is in the audit log, in the caller's transaction, with who made it and from where; its number."""
    made = line(event, subject=subject, subject_id=subject_id, owner_id=owner_id, before=before, after=after)
    made.save(force_insert=True)
    return made.pk


def written_many(
    event: str,
    *,
    subject: str,
    owner_id: int | None,
    after: Mapping[str, Mapping[str, Any]] | None = None,
    before: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[int]:
    """As `written`, for many things at once: `before` and `after` map each one's id to what it was and what it is.

    Returns the numbers of the lines.
    """
    was, now = before or {}, after or {}
    return insert_numbered(
        [
            line(
                event,
                subject=subject,
                subject_id=subject_id,
                owner_id=owner_id,
                before=was.get(subject_id),
                after=now.get(subject_id),
            )
            for subject_id in dict.fromkeys([*now, *was])
        ]
    )


def line(
    event: str,
    *,
    subject: str,
    subject_id: object = "",
    owner_id: int | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    by: Actor | None = None,
) -> AuditEvent:
    """A line of the audit log that is not written yet, of whoever acts in this thread of work where nobody is named."""
    return made(
        AuditEvent,
        **who(by),
        event=event,
        subject=subject,
        subject_id=str(subject_id),
        owner_id=owner_id,
        before=_plain(before),
        after=_plain(after),
    )


def actor() -> Actor | None:
    """Who acts in this thread of work; None for the system."""
    return _actor.get()


def who(actor: Actor | None = None) -> dict[str, Any]:
    """Who acts and from where, by the names of the audit log's columns; empty for the system.

    In this thread of work, where nobody else is named.
    """
    actor = actor or _actor.get()
    if actor is None:
        return {}
    user = actor.user if actor.user is not None and actor.user.pk else None
    return {
        "actor_id": user.pk if user else None,
        "actor_email": user.email if isinstance(user, User) else "",
        "address": actor.address,
        "user_agent": actor.user_agent,
        "request_id": actor.request_id,
    }


def _plain(values: Mapping[str, Any] | None) -> Any:
    if values is None:
        return None
    return orjson.loads(orjson.dumps(dict(values), default=_as_text))


def _as_text(value: object) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value)
