"""Lists of what trades are made of: pages with a total that is counted once per version, and filters they share."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from accounts import answers, paging, versions
from accounts.errors import InvalidValue
from accounts.paging import Listing
from accounts.strict import DayField, public_id
from accounts.text import one_line
from accounts.viewsets import CURSOR, LIMIT, PAGING, OwnViewSet, page_json
from trading.filters import LARGEST_CHOICE

LONGEST = 100

FROM = OpenApiParameter("from", OpenApiTypes.DATE, description="First trading day, included.")
TO = OpenApiParameter("to", OpenApiTypes.DATE, description="Last trading day, included.")
ACCOUNT = OpenApiParameter("account", OpenApiTypes.UUID, many=True, description="Repeatable.")
SYMBOL = OpenApiParameter("symbol", str, description="Of an instrument, or the root of a futures contract.")
PAGE = [LIMIT, CURSOR]


def asked(params: QueryDict) -> list[list[Any]]:
    """The filters of a query in one form, however they were ordered: what cursors and kept totals are bound to."""
    return [[name, sorted(values)] for name, values in sorted(params.lists()) if name not in PAGING]


def counted_page(
    view: OwnViewSet, rows: Any, *, name: str, order: str, shown: Callable[[Sequence[Any]], Iterable[Any]]
) -> Response:
    """One page with its total, the version it is as of, and the cursor of the next.

    The total is counted once per version and filter and then kept: to count a million rows takes longer than to find
    fifty. The version is read first, so a total is never older than what it is kept under.
    """
    person, params = view.person, view.request.query_params
    version = versions.current(person.pk)
    filters = asked(params)
    total = answers.get("stats", person.pk, version=version, parts=[name, "total", filters], build=rows.count)
    page = paging.page_of(
        rows,
        listing=Listing(person.pk, name, order, filters),
        limit=paging.limit_of(params.get("limit")),
        cursor=params.get("cursor"),
        total=total,
    )
    return Response(page_json(page, shown(page.results), as_of=version, stale=False))


def accounts_asked(params: QueryDict) -> list[str] | None:
    """The ids of the accounts asked for, None where none is. Raises ValidationError for what is no id."""
    given = params.getlist("account")
    if len(given) > LARGEST_CHOICE:
        raise InvalidValue(f"At most {LARGEST_CHOICE} accounts can be chosen.", pointer="?account")
    return [public_id(text, parameter="account") for text in given] or None


def days_asked(params: QueryDict) -> tuple[date | None, date | None]:
    """First and last day asked for. Raises ValidationError or InvalidValue for what are no days in order."""
    start, end = _day(params, "from"), _day(params, "to")
    if start and end and start > end:
        raise InvalidValue("from must not be after to.", pointer="?from")
    return start, end


def line_asked(params: QueryDict, name: str, *, longest: int = LONGEST) -> str | None:
    """The text asked for, None where none is. Raises InvalidValue for what no such text can be."""
    text = params.get(name)
    if text is None:
        return None
    if len(text) > longest:
        raise InvalidValue(f"At most {longest} characters are taken.", pointer=f"?{name}")
    try:
        return one_line(text)
    except ValueError as error:
        raise InvalidValue(f"{error}.".capitalize(), pointer=f"?{name}") from error


def _day(params: QueryDict, name: str) -> date | None:
    text = params.get(name)
    if text is None:
        return None
    try:
        day: date = DayField().run_validation(text)
    except ValidationError as error:
        raise InvalidValue("A day is written YYYY-MM-DD.", pointer=f"?{name}") from error
    return day
