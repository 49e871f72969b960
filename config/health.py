"""Whether this process lives, and whether it can serve."""

import logging

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts import answers

logger = logging.getLogger(__name__)


@never_cache
@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers at all; asks nothing of any other server."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when PostgreSQL answers, else 503. Without Redis the site is only slower, so that is told and no more."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        database = True
    except DatabaseError:
        logger.exception("not ready")
        database = False
    parts = {"database": database, "cache": answers.is_reachable()}
    return JsonResponse({"status": "ok" if database else "unavailable", **parts}, status=200 if database else 503)
