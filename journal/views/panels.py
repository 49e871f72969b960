"""The panels of the dashboard, each at an address of its own."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts import table_export
from accounts.errors import InvalidValue
from journal import charts, chosen_trades
from journal.panels import PANELS
from journal.views.board import LARGEST_WINDOW, WINDOW, Board
from journal.views.trades import file_of
from trading.refusals import says_why


@login_required
@require_safe
@says_why
def panel(request: HttpRequest, name: str) -> HttpResponseBase:
    """One panel: for htmx the part alone, else a page with it; what it draws as a table, or as a CSV file."""
    found = PANELS.get(name)
    if found is None:
        raise Http404
    board = Board(request)
    if request.GET.get("format") == "csv" and name == "trades":
        # The panel shows the last few; a file is of all trades that its filters let through.
        return file_of(board.person, chosen_trades.trades_of(board.person, board.wanted), board.wanted)
    if request.GET.get("format") == "csv" and found.has_table:
        table = board.table(name)
        return table_export.answer(f"{name}-{board.today}.csv", table.headings, table.values)
    is_part = bool(getattr(request, "htmx", False))
    context = {"panel": found, "board": board, "scale": board.scale, "unit": board.unit}
    if request.GET.get("as") == "table" and found.has_table:
        context |= {"table": board.table(name), "is_stale": board.metrics.stale}
        return render(request, "journal/_panel_table.html" if is_part else "journal/panel_table.html", context)
    shown = board.shown(found)
    if is_part:
        return HttpResponse(shown.html)
    return render(request, "journal/panel.html", {**context, "shown": shown, "has_chart_library": charts.has_library()})


@login_required
@require_safe
@says_why
def account_rows(request: HttpRequest) -> HttpResponse:
    """Rows of the accounts panel from an offset on, for its window; `X-Total` says how many there are."""
    board = Board(request)
    offset, limit = _number(request, "offset", 0, 1_000_000), _number(request, "limit", WINDOW, LARGEST_WINDOW)
    context = {
        "board": board,
        "scale": board.scale,
        "unit": board.unit,
        "rank": board.rank,
        "accounts": board.account_rows(slice(offset, offset + limit)),
    }
    answer = render(request, "journal/panels/_account_rows.html", context)
    answer.headers["X-Total"] = str(board.metrics.total_accounts)
    return answer


@login_required
@require_safe
@says_why
def line_options(request: HttpRequest) -> HttpResponse:
    """Accounts to draw over the curve: those drawn already, then the first whose names hold what was typed."""
    query = request.GET.get("q", "")[:100]
    board = Board(request, also=("q",))
    text = "" if "\0" in query else query
    chosen = {line.id for line in board.lines}
    context = {
        "chosen_lines": board.lines,
        "offered": [each for each in board.line_options(text) if str(each.public_id) not in chosen],
    }
    return render(request, "journal/panels/_line_options.html", context)


def _number(request: HttpRequest, name: str, default: int, most: int) -> int:
    text = request.GET.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and len(text) <= 7 and int(text) <= most):
        raise InvalidValue(
            _("%(name)s is a whole number up to %(most)s.") % {"name": name, "most": most}, pointer=f"?{name}"
        )
    return int(text)
