"""In which language and which time zone a page is written for the person who asks for it."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header

from accounts.models import User

#: A choice lives as long in a cookie, for pages without a person.
COOKIE_AGE = 365 * 24 * 3600
THEME_COOKIE = "theme"


def language_of(request: HttpRequest, user: User | None) -> str:
    """The person's own choice; for who is not signed in the one of their last visit; else what the browser asks for."""
    chosen = user.language if user else request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    if chosen in dict(settings.LANGUAGES):
        return chosen
    return of_browser(request.headers.get("Accept-Language", ""))


def of_browser(header: str) -> str:
    """The first language of an Accept-Language header that there is; English where there is none of them."""
    for asked, _ in parse_accept_lang_header(header):
        if asked == "*":
            break
        try:
            return translation.get_supported_language_variant(asked)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE


def zone_of(user: User | None) -> ZoneInfo:
    """The person's time zone; UTC where nobody is signed in or the zone is no longer known."""
    try:
        return ZoneInfo(user.time_zone if user else "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
