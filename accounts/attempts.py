"""How often somebody may try to get in."""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.errors import TooManyAttempts
from accounts.models import AttemptPurpose, LoginAttempt

WINDOW = timedelta(minutes=15)
#: Failures from one address: for one e-mail address, and for all of them. Never for one e-mail address from anywhere,
#: or a stranger could lock a person out.
LIMIT = 10
ADDRESS_LIMIT = 100
KEPT = timedelta(hours=1)


@transaction.atomic
def begin(email: str, *, address: str | None, at: datetime, purpose: str = AttemptPurpose.LOGIN) -> None:
    """The attempt is counted as failed until `succeeded`, so a thousand at once get no more tries than one by one.

    Raises TooManyAttempts with the seconds to wait.
    """
    email, address = email.strip().lower()[:254], address or ""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", [f"{purpose} {address}"])
    recent = LoginAttempt.objects.filter(purpose=purpose, address=address, attempted_at__gt=at - WINDOW)
    for attempts, limit in ((recent.filter(email=email), LIMIT), (recent, ADDRESS_LIMIT)):
        times = list(attempts.order_by("-attempted_at", "-id").values_list("attempted_at", flat=True)[:limit])
        if len(times) == limit:
            wait = int((times[-1] + WINDOW - at).total_seconds()) + 1
            raise TooManyAttempts(_("Too many attempts. Try again in %(wait)s.") % {"wait": _words(wait)}, wait=wait)
    LoginAttempt.objects.create(purpose=purpose, email=email, address=address, attempted_at=at)


def succeeded(email: str, *, address: str | None) -> None:
    """The failures from this address for this e-mail address are forgotten."""
    LoginAttempt.objects.filter(
        purpose=AttemptPurpose.LOGIN, email=email.strip().lower()[:254], address=address or ""
    ).delete()


def _words(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return ngettext("a minute", "%(count)s minutes", minutes) % {"count": minutes}
