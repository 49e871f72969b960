"""The one webhook at Helius and the addresses that it is about (ADR-001).

Helius cannot have a webhook for each wallet, and every edit of the one costs a hundred credits: so the whole set is
pushed, only when it has changed, and only what was sent is said to be watched.

Source: docs/wallets.md#sync
"""

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from accounts import audit
from intelligence import locks
from intelligence.models import SyncStatus, Wallet, WebhookRegistration
from intelligence.sources import configured
from intelligence.sources.helius import Helius, RemoteWebhook
from intelligence.sources.protocol import SourceFailed
from intelligence.webhook_auth import ACTIVE_SECRETS

logger = logging.getLogger(__name__)

#: After the first, the second and every further failure in a row.
BACK_OFF = (timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=5))
#: How often the list there is compared with ours though nothing has changed here.
CHECK_EVERY = timedelta(hours=1)
LOCK = "helius webhook"
#: What an operator says before anything is listened to.
NEEDED = ("HELIUS_API_KEY", "HELIUS_WEBHOOK_URL", "HELIUS_WEBHOOK_SECRETS")


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync did: "created", "pushed", "repaired", "unchanged", "waits", "failed", "busy" or "off"."""

    did: str
    addresses: int = 0
    error: str = ""


def sync(*, at: datetime, helius: Helius | None = None, is_forced: bool = False) -> Synced:
    """The webhook is about exactly the wallets that are to be watched. Two at once do it once.

    `is_forced` does not wait for the back-off and compares the list there with ours.
    """
    helius = helius or configured.helius()
    if helius is None or not settings.HELIUS_WEBHOOK_URL or not settings.HELIUS_WEBHOOK_SECRETS:
        return Synced("off")
    with locks.held(LOCK) as is_mine:
        if not is_mine:
            return Synced("busy")
        WebhookRegistration.objects.get_or_create(pk=1)
        registration = WebhookRegistration.objects.get(pk=1)
        if registration.next_try_at is not None and at < registration.next_try_at and not is_forced:
            return Synced("waits", error=registration.error)
        # Who is added from here on is not among what is sent, and stays pending.
        wanted = frozenset(addresses())
        try:
            did, webhook_id = _push(registration, helius, wanted, at=at, is_forced=is_forced)
        except SourceFailed as error:
            return _failed(registration, wanted, str(error), at=at)
        _settle(registration, wanted, did=did, webhook_id=webhook_id, at=at)
        return Synced(did, len(wanted))


def unset() -> list[str]:
    """The settings without which Helius is told nothing, as far as they are empty."""
    return [name for name in NEEDED if not getattr(settings, name)]


def addresses() -> list[str]:
    """What the webhook is to be about, each once, sorted."""
    return sorted(set(Wallet.objects.subscribed().values_list("address", flat=True)))


def _push(
    registration: WebhookRegistration, helius: Helius, addresses: frozenset[str], *, at: datetime, is_forced: bool
) -> tuple[str, str]:
    """What was done there, and the id of the webhook. Raises SourceFailed."""
    url, secret = settings.HELIUS_WEBHOOK_URL, _secret()
    if not registration.webhook_id:
        if not addresses:
            return "unchanged", ""
        # One that was created while the answer got lost is found by its address and not created again.
        existing = next((each for each in helius.webhooks() if each.url == url), None)
        if existing is None:
            return "created", helius.create_webhook(url=url, secret=secret, addresses=addresses).id
        helius.edit_webhook(existing.id, url=url, secret=secret, addresses=addresses)
        return "pushed", existing.id
    if registration.pushed_digest != _digest(addresses, url, secret):
        if _remote(helius, registration.webhook_id, is_wanted=registration.failures > 0) is _GONE:
            return "created", helius.create_webhook(url=url, secret=secret, addresses=addresses).id
        helius.edit_webhook(registration.webhook_id, url=url, secret=secret, addresses=addresses)
        return "pushed", registration.webhook_id
    is_due = registration.checked_at is None or at - registration.checked_at >= CHECK_EVERY
    if not is_due and not is_forced:
        return "unchanged", registration.webhook_id
    return _repaired(registration, helius, addresses, url=url, secret=secret)


#: A webhook that somebody deleted there.
_GONE = RemoteWebhook("", "", frozenset())


def _remote(helius: Helius, id: str, *, is_wanted: bool) -> RemoteWebhook | None:
    """The webhook as it is there, or that it is gone; None where nobody wants to know."""
    return (helius.webhook(id) or _GONE) if is_wanted else None


def _repaired(
    registration: WebhookRegistration, helius: Helius, addresses: frozenset[str], *, url: str, secret: str
) -> tuple[str, str]:
    there = _remote(helius, registration.webhook_id, is_wanted=True)
    if there is _GONE:
        made = helius.create_webhook(url=url, secret=secret, addresses=addresses)
        logger.warning("the webhook was gone at Helius, and is there again")
        return "created", made.id
    if there is not None and there.addresses == addresses and there.url == url:
        return "checked", registration.webhook_id
    logger.warning("the addresses at Helius were not ours, and are again")
    helius.edit_webhook(registration.webhook_id, url=url, secret=secret, addresses=addresses)
    return "repaired", registration.webhook_id


@transaction.atomic
def _settle(
    registration: WebhookRegistration, addresses: frozenset[str], *, did: str, webhook_id: str, at: datetime
) -> None:
    """Only what was sent is said to be watched: a wallet that was added meanwhile waits for the next push."""
    changes: dict[str, object] = {"error": "", "failures": 0, "next_try_at": None, "updated_at": at}
    was_sent = did in ("created", "pushed", "repaired")
    if was_sent:
        url, secret = settings.HELIUS_WEBHOOK_URL, _secret()
        changes |= {
            "webhook_id": webhook_id,
            "pushed_digest": _digest(addresses, url, secret),
            "pushed_count": len(addresses),
            "pushed_at": at,
        }
    if was_sent or did == "checked":
        changes["checked_at"] = at
    WebhookRegistration.objects.filter(pk=1).update(**changes)
    sent = Wallet.objects.filter(address__in=addresses)
    if was_sent:
        sent.update(sync_status=SyncStatus.SYNCED, sync_error="", synced_at=at)
        # Nor is what was sent before and is no longer: paused without an open copy, or archived.
        Wallet.objects.filter(sync_status=SyncStatus.SYNCED).exclude(address__in=addresses).update(
            sync_status=SyncStatus.PENDING
        )
        audit.written(
            "webhook.sync", subject="webhook", subject_id=webhook_id, after={"did": did, "addresses": len(addresses)}
        )
    else:
        # Registered by a second person, or taken up again between two pushes: it has been among them all along.
        sent.exclude(sync_status=SyncStatus.SYNCED).update(
            sync_status=SyncStatus.SYNCED, sync_error="", synced_at=registration.pushed_at or at
        )


@transaction.atomic
def _failed(registration: WebhookRegistration, addresses: frozenset[str], error: str, *, at: datetime) -> Synced:
    """What could not be sent says so; what was sent before is still watched. The next try waits longer each time."""
    failures = registration.failures + 1
    wait = BACK_OFF[min(failures, len(BACK_OFF)) - 1]
    WebhookRegistration.objects.filter(pk=1).update(
        error=error[:500], failures=failures, next_try_at=at + wait, updated_at=at
    )
    Wallet.objects.filter(address__in=addresses).exclude(sync_status=SyncStatus.SYNCED).update(
        sync_status=SyncStatus.ERROR, sync_error=error[:500]
    )
    logger.warning("the addresses could not be pushed to Helius: %s", error)
    return Synced("failed", len(addresses), error)


def _digest(addresses: frozenset[str], url: str, secret: str) -> str:
    """Of all that is pushed: another address to deliver to, or another secret, is a change as well."""
    parts = "\n".join([*sorted(addresses), url, hashlib.sha256(secret.encode()).hexdigest()])
    return hashlib.sha256(parts.encode()).hexdigest()


def _secret() -> str:
    """What Helius is to send from now on: the newest of those that are taken."""
    active: list[str] = settings.HELIUS_WEBHOOK_SECRETS[:ACTIVE_SECRETS]
    return active[-1]
