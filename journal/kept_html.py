"""What takes longer to write than to compute, kept as it was written until something of the person changes."""

from collections.abc import Callable, Sequence
from functools import cache

from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from accounts import answers
from accounts.models import User


def get(person: User, *, version: int, parts: Sequence[object], write: Callable[[], tuple[str, bool]]) -> SafeString:
    """What `write` returns for these parts in the person's language, zone, currency and on their day.

    `write` returns HTML, and whether what it shows is still behind: that is not kept. `version` is the person's, read
    before anything that is shown. A form that changes something stands in it only with `token_place` for its token.
    """
    look = [get_language(), timezone.get_current_timezone_name(), timezone.localdate(), person.reporting_currency]

    def build() -> dict[str, object]:
        html, is_behind = write()
        return {"html": str(html), "stale": is_behind}

    kept = answers.get("aggregate", person.pk, version=version, parts=["html", *parts, *look], build=build)
    return SafeString(kept["html"])


@cache
def token_place() -> str:
    """What stands in kept forms where the token of a session belongs.

    Nobody outside knows it: in what people write or import it would be taken for the token's place.
    """
    return salted_hmac("journal.kept_html", "token").hexdigest()
