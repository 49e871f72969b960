"""The list of trades: a window into it, its columns, what is done to many at once, and its export."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models.query import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import preferences, toasts, versions
from accounts.addresses import written
from accounts.errors import DomainError, InvalidValue
from accounts.models import User
from accounts.permissions import may_write_required, person_of
from journal import bulk_acts, reports, reviewing, saved_views, trade_filters, trade_tables, trade_windows, units
from journal.context import Frame, today_of
from journal.filters import MetricsFilter
from journal.trade_export import lines as csv_lines
from journal.trade_windows import TradeList
from journal.units import Scale, Unit
from journal.views.pages import standing
from trading.models import Tag, TagRole, Trade
from trading.refusals import says_why

#: Rows that the page comes with; a script asks for more of them.
FIRST_ROWS = trade_windows.WINDOW


@login_required
@require_safe
@says_why
def trade_list(request: HttpRequest) -> HttpResponseBase:
    if request.GET.get("format") == "csv":
        return _export(request)
    person = person_of(request)
    version = versions.current(person.pk)
    listed = trade_windows.of(person, request.GET)
    offset, _limit = trade_windows.bounds_of(request.GET)
    total = trade_windows.total(listed)
    sums = reports.aggregate_metrics(person, listed.wanted)
    panel = SimpleLazyObject(lambda: trade_filters.fields(person, request.GET))
    scale = units.scale(units.of(request), sums)
    waiting = reviewing.left(person)
    columns, density = trade_tables.columns_of(person), trade_tables.density_of(person)
    context = {
        "version": version,
        "total": total,
        "trades": trade_tables.lines(
            listed,
            offset=offset,
            limit=FIRST_ROWS,
            columns=columns,
            scale=scale,
            query=Frame(request).query,
        ),
        "scale": scale,
        "columns": columns,
        "heads": _heads(request, listed.order, columns),
        "all_columns": _choices(columns),
        "density": density,
        "densities": trade_tables.DENSITIES,
        "page_size": FIRST_ROWS,
        "row_height": trade_tables.ROW_HEIGHTS[density],
        "sums": sums,
        "panel": panel,
        "more_set": SimpleLazyObject(lambda: sum(field.is_set for field in panel[trade_filters.ALWAYS_SHOWN :])),
        "chips": SimpleLazyObject(lambda: trade_filters.chips(panel, written(request))),
        "wanted": listed.wanted,
        "order": listed.order,
        "query": _query(written(request), "offset", "limit"),
        "export_query": _query(written(request), "offset", "limit", "order", "unit"),
        "link_query": _link_query(written(request)),
        "earlier": _page(written(request), offset - FIRST_ROWS) if offset else "",
        "later": _page(written(request), offset + FIRST_ROWS) if offset + FIRST_ROWS < total else "",
        "setups": SimpleLazyObject(lambda: _tags_of(person, TagRole.SETUP)),
        "mistakes": SimpleLazyObject(lambda: _tags_of(person, TagRole.MISTAKE)),
        "tag_names": Tag.objects.for_user(person).order_by("name", "id").values_list("name", flat=True)[:300],
        "to_review": min(waiting, reviewing.MOST_COUNTED),
        "has_more_to_review": waiting > reviewing.MOST_COUNTED,
        "most": bulk_acts.MOST,
        **standing(sums),
    }
    return render(request, "trading/trade_list.html", context)


@login_required
@require_safe
@says_why
def trade_rows(request: HttpRequest) -> HttpResponse:
    """Rows from anywhere in the list, as they stand in its table; X-Total says how long it is."""
    person = person_of(request)
    listed = trade_windows.of(person, request.GET)
    offset, limit = trade_windows.bounds_of(request.GET)
    rows = trade_tables.lines(
        listed,
        offset=offset,
        limit=limit,
        columns=trade_tables.columns_of(person),
        scale=_scale(request, listed),
        query=Frame(request).query,
    )
    answer = render(request, "trading/_trade_rows.html", {"trades": rows, "link_query": _link_query(written(request))})
    answer.headers["X-Total"] = str(trade_windows.total(listed))
    return answer


def _scale(request: HttpRequest, listed: TradeList) -> Scale:
    unit = units.of(request)
    if unit is not Unit.PERCENT:
        return Scale(unit)
    return units.scale(unit, reports.aggregate_metrics(listed.user, listed.wanted))


@may_write_required
@require_POST
@says_why
def trade_columns(request: HttpRequest) -> HttpResponse:
    """The person's choice of columns, and of room for a row, is kept."""
    person = person_of(request)
    if "reset" in request.POST:
        preferences.forget(person, trade_tables.PREFERENCE)
    elif "column" in request.POST:
        chosen = set(request.POST.getlist("column"))
        # In the order of the table, which is the order that the columns are explained in.
        names = [name for name in trade_tables.COLUMNS if name in chosen]
        preferences.put(person, trade_tables.PREFERENCE, names)
    if density := request.POST.get("density"):
        preferences.put(person, trade_tables.DENSITY, density)
    return redirect(_back(request))


@may_write_required
@require_POST
def trade_bulk(request: HttpRequest) -> HttpResponse:
    """What was chosen is done to the chosen trades, and can be undone; what is refused is said and changes nothing."""
    person = person_of(request)
    try:
        act = bulk_acts.act_of(request.POST.get("act", ""))
        keys = _chosen(request, act)
        told = bulk_acts.perform(person, act=act, value=_value(request.POST, act), keys=keys, at=timezone.now())
    except DomainError as error:
        toasts.say(request, error.message, level="error")
    else:
        toasts.say(request, told.words, undo=told.undo)
    if request.htmx:  # type: ignore[attr-defined]
        # The table reads itself anew; nothing else of the page changes.
        return HttpResponse(status=204, headers={"HX-Trigger": "trades:changed"})
    return redirect(_back(request))


def _chosen(request: HttpRequest, act: bulk_acts.Act) -> list[int]:
    person = person_of(request)
    if request.POST.get("all"):
        query = saved_views.expanded(person, QueryDict(request.POST.get("query", "").removeprefix("?")))
        if query is None:
            raise InvalidValue(_("This choice of accounts is no longer kept."), pointer="/query")
        listed = trade_windows.of(person, query)
        return bulk_acts.matching(listed, act=act, leaving_out=_ids(request.POST.getlist("except")))
    return bulk_acts.named(person, _ids(request.POST.getlist("id")), act=act)


def _ids(texts: list[str]) -> list[UUID]:
    try:
        return [UUID(text) for given in texts for text in given.split(",") if text]
    except ValueError:
        raise InvalidValue(_("A trade is named by its id, a UUID."), pointer="/ids") from None


def _value(sent: QueryDict, act: bulk_acts.Act) -> str:
    """What the form says of this act: the field of its name, and of both acts with tags the same one."""
    name = bulk_acts.Act.TAG if act is bulk_acts.Act.UNTAG else act
    return sent.get(f"value_{name}", "")


@login_required
@require_safe
@says_why
def trade_export(request: HttpRequest) -> StreamingHttpResponse:
    """The trades that the list would show, all of them, as a CSV file."""
    return _export(request)


def _export(request: HttpRequest) -> StreamingHttpResponse:
    person = person_of(request)
    listed = trade_windows.of(person, request.GET)
    return file_of(person, listed.trades, listed.wanted)


def file_of(person: User, trades: "QuerySet[Trade]", wanted: MetricsFilter) -> StreamingHttpResponse:
    """The trades of a filter as a file to keep."""
    lines = csv_lines(trades, wanted=wanted)
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="trades-{today_of(person)}.csv"'
    return answer


def _heads(request: HttpRequest, order: str, columns: list[trade_tables.Column]) -> list[dict[str, Any]]:
    """The heads of the columns, the symbol's first, each with the address that sorts by it."""
    symbol = trade_tables.Column("symbol", _("Symbol"), trade_tables.symbol, "symbol")
    found = []
    for column in [symbol, *columns]:
        name = column.sort.removeprefix("-")
        is_by = bool(name) and name == order.removeprefix("-")
        wanted = column.sort if not is_by else (name if order.startswith("-") else f"-{name}")
        direction = "descending" if order.startswith("-") else "ascending"
        found.append(
            {
                "column": column,
                "address": f"?{urlencode([*_pairs(written(request), 'order', 'offset', 'limit'), ('order', wanted)])}",
                "sorted": direction if is_by else ("none" if name else ""),
            }
        )
    return found


def _choices(columns: list[trade_tables.Column]) -> list[tuple[trade_tables.Column, bool]]:
    shown = {column.name for column in columns}
    return [(column, column.name in shown) for column in trade_tables.COLUMNS.values()]


def _tags_of(person: Any, role: TagRole) -> list[Tag]:
    return list(Tag.objects.for_user(person).filter(group__role=role).order_by("name", "id")[:300])


def _pairs(params: QueryDict, *left_out: str) -> list[tuple[str, str]]:
    return [(name, value) for name, values in params.lists() if name not in left_out for value in values if value]


def _query(params: QueryDict, *left_out: str) -> str:
    return urlencode(_pairs(params, *left_out))


def _link_query(params: QueryDict) -> str:
    """What a link to a trade carries along, so that the trade before and after it are those of this list."""
    query = _query(params, "offset", "limit", "format")
    return f"?{query}" if query else ""


def _page(params: QueryDict, offset: int) -> str:
    return f"?{urlencode([*_pairs(params, 'offset', 'limit'), ('offset', max(0, offset))])}"


def _back(request: HttpRequest) -> str:
    wanted = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if is_ours else reverse("trade_list")
