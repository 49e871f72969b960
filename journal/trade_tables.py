"""The columns of the list of trades, which a person chooses among, and what stands in their cells."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from accounts import preferences
from accounts.models import User
from journal import trade_windows
from journal.templatetags import journal_format as written
from journal.trade_lists import TradeRow, rows_of, with_tags
from journal.trade_windows import TradeList
from journal.units import Scale, Unit
from trading.models import Outcome, Tag, TagRole, Trade

PREFERENCE, DENSITY = "trade_columns", "trade_density"
DENSITIES = ("roomy", "dense")
#: Heights of a row, in pixels: the window reckons with them before it has measured one.
ROW_HEIGHTS = {"roomy": 36, "dense": 28}


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one place of the table. `css` says how it is set."""

    text: str
    css: str = ""
    title: str = ""
    link: str = ""
    small: str = ""
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `sort` is the order that a click on its head asks for first, "" where there is none."""

    name: str
    words: str | Promise
    cell: Callable[[TradeRow, Scale], Cell]
    sort: str = ""
    css: str = ""
    title: str | Promise = ""
    is_of_tags: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One trade as a line of the table. `choose` names it for the box that chooses it."""

    id: str
    symbol: str
    index: int
    link: str
    cells: SafeString
    choose: str
    under: str


def _number(text: str, title: str = "") -> Cell:
    return Cell(text, "n", title)


def symbol(row: TradeRow, scale: Scale) -> Cell:
    """The first column, which nobody can leave out."""
    return Cell(row.trade.instrument.symbol)


def _side(row: TradeRow, scale: Scale) -> Cell:
    return Cell(str(row.trade.get_side_display()), small=_("open") if row.trade.is_open else "")


def _result(row: TradeRow, scale: Scale) -> Cell:
    trade = row.trade
    title = ""
    if row.is_part:
        title = _("Realized within the range; the whole trade: %(amount)s") % {
            "amount": written.signed_money(trade.net_pnl, trade.currency)
        }
    if scale.unit is Unit.MONEY:
        text, small = written.signed_money(row.net_pnl), trade.currency if row.net_pnl is not None else ""
        css = written.signed_class(row.net_pnl)
    else:
        value = scale.shown(row.net_pnl, r=trade.realized_r, currency=trade.currency)
        text = written.r_multiple(value) if scale.unit is Unit.R else written.percent(value)
        css, small = written.signed_class(value), ""
        title = title or (str(scale.reason) if value is None else written.signed_money(row.net_pnl, trade.currency))
    if row.is_part:
        small = f"{_('part')} {small}".strip()
    return Cell(text, f"n money {css}", title, small=small)


def _outcome(row: TradeRow, scale: Scale) -> Cell:
    outcome = row.trade.outcome
    if outcome is None:
        return Cell(_("Open"))
    css = {Outcome.WIN: "gain", Outcome.LOSS: "loss"}.get(Outcome(outcome), "flat")
    return Cell(str(row.trade.get_outcome_display()), css)


def _held(trade: Trade) -> Cell:
    if trade.opened_at is None or trade.closed_at is None:
        return _number(written.DASH, _("Still open") if trade.is_open else _("The file gave no times"))
    return _number(written.holding(trade.closed_at - trade.opened_at))


def _excursion(value: Decimal | None) -> Cell:
    return _number(written.money(value), "" if value is not None else _("Needs bars of the market"))


def _r(value: Decimal | None) -> Cell:
    title = "" if value is not None else _("Undefined without an initial stop, or while open")
    return Cell(written.r_multiple(value), f"n {written.signed_class(value)}", title)


def _rating(trade: Trade) -> Cell:
    if trade.rating is None:
        return Cell(written.DASH, "stars", _("Not rated"))
    return Cell("★" * trade.rating, "stars", _("%(rating)d of 5") % {"rating": trade.rating})


def _account(row: TradeRow, scale: Scale) -> Cell:
    account = row.trade.account
    return Cell(account.name, "clip", link=reverse("account_detail", args=[account.public_id]))


def _tags(row: TradeRow, *roles: str) -> Cell:
    found = tuple(tag for tag in row.tags if not roles or (tag.group is not None and tag.group.role in roles))
    return Cell("", "tags", ", ".join(tag.name for tag in found), tags=found)


def _day_or_moment(at: Any, on: Any) -> Cell:
    return Cell(written.moment(at) if at is not None else written.day(on), "num")


def _tick(row: TradeRow) -> Any:
    return row.trade.instrument.tick_size


_COLUMNS = (
    Column("side", gettext_lazy("Side"), _side, "side"),
    Column("activity_at", gettext_lazy("Last fill"), lambda row, scale: _last(row.trade), "-activity_at"),
    Column(
        "opened",
        gettext_lazy("Opened"),
        lambda row, scale: _day_or_moment(row.trade.opened_at, row.trade.opened_on),
        "-opened",
    ),
    Column(
        "closed",
        gettext_lazy("Closed"),
        lambda row, scale: _day_or_moment(row.trade.closed_at, row.trade.closed_on),
        "-closed",
    ),
    Column("account", gettext_lazy("Account"), _account, "account"),
    Column("broker", gettext_lazy("Broker"), lambda row, scale: Cell(row.trade.account.broker, "clip"), "broker"),
    Column("status", gettext_lazy("Status"), lambda row, scale: Cell(str(row.trade.get_status_display())), "status"),
    Column("outcome", gettext_lazy("Outcome"), _outcome, "outcome"),
    Column(
        "quantity",
        gettext_lazy("Quantity"),
        lambda row, scale: _number(written.quantity(row.trade.quantity)),
        "-quantity",
        "n",
    ),
    Column(
        "entry_price",
        gettext_lazy("Entry"),
        lambda row, scale: _number(written.price(row.trade.entry_price, _tick(row))),
        "-entry_price",
        "n",
    ),
    Column(
        "exit_price",
        gettext_lazy("Exit"),
        lambda row, scale: _number(written.price(row.trade.exit_price, _tick(row))),
        "-exit_price",
        "n",
    ),
    Column("holding", gettext_lazy("Held"), lambda row, scale: _held(row.trade), "-holding", "n"),
    Column("fills", gettext_lazy("Fills"), lambda row, scale: _number(str(row.trade.fill_count)), "-fills", "n"),
    Column(
        "gross_pnl",
        gettext_lazy("Gross"),
        lambda row, scale: _number(written.signed_money(row.trade.gross_pnl)),
        "-gross_pnl",
        "n",
    ),
    Column("fees", gettext_lazy("Fees"), lambda row, scale: _number(written.money(row.trade.fees)), "-fees", "n"),
    Column(
        "planned_r",
        gettext_lazy("Planned R"),
        lambda row, scale: _r(row.trade.planned_r),
        "-planned_r",
        "n",
        gettext_lazy("Reward planned for what was risked"),
    ),
    Column("r", "R", lambda row, scale: _r(row.trade.realized_r), "-r", "n"),
    Column(
        "mae",
        "MAE",
        lambda row, scale: _excursion(row.trade.mae),
        "-mae",
        "n",
        gettext_lazy("Largest open loss before the close"),
    ),
    Column(
        "mfe",
        "MFE",
        lambda row, scale: _excursion(row.trade.mfe),
        "-mfe",
        "n",
        gettext_lazy("Largest open profit before the close"),
    ),
    Column("rating", gettext_lazy("Rating"), lambda row, scale: _rating(row.trade), "-rating"),
    Column("tags", gettext_lazy("Tags"), lambda row, scale: _tags(row), is_of_tags=True),
    Column("setup", gettext_lazy("Setup"), lambda row, scale: _tags(row, TagRole.SETUP), is_of_tags=True),
    Column("mistake", gettext_lazy("Mistakes"), lambda row, scale: _tags(row, TagRole.MISTAKE), is_of_tags=True),
    Column(
        "reviewed",
        gettext_lazy("Reviewed"),
        lambda row, scale: Cell(written.day(row.trade.reviewed_at), "num"),
        "-reviewed",
    ),
    Column("net_pnl", gettext_lazy("Net P&L"), _result, "-net_pnl", "n"),
)
COLUMNS = {column.name: column for column in _COLUMNS}
USUAL = ("side", "activity_at", "account", "quantity", "entry_price", "exit_price", "holding", "fees", "r", "net_pnl")


def _last(trade: Trade) -> Cell:
    at = trade.closed_at or trade.activity_at
    has_time = trade.opened_at is not None
    return Cell(written.moment(at) if has_time else written.day(trade.closed_on or trade.activity_at), "num")


def columns_of(user: User) -> list[Column]:
    """The columns that this person has chosen, in their order."""
    return [COLUMNS[name] for name in preferences.get(user, PREFERENCE, list(USUAL))]


def density_of(user: User) -> str:
    """How much room this person gives a row."""
    return str(preferences.get(user, DENSITY, DENSITIES[0]))


def register() -> None:
    """The preferences that the table keeps have their names."""
    preferences.register(PREFERENCE, preferences.names_of(*COLUMNS))
    preferences.register(DENSITY, preferences.one_of(*DENSITIES))


def lines(
    listed: TradeList, *, offset: int, limit: int, columns: Sequence[Column], scale: Scale, query: str = ""
) -> list[Row]:
    """The rows of the list from `offset` on, at most `limit` of them, as lines of the table.

    `query` goes along where a cell leads to another page.

    Kept until something of the person changes, like the list itself: to write them takes longer than to find them.
    Percentages are not: what they are of may still be computed.
    """
    names = [column.name for column in columns]
    look = [get_language(), timezone.get_current_timezone_name(), scale.unit, names, query]
    kept = listed.kept(
        "lines", lambda: _lines(listed, offset, limit, columns, scale, query), listed.order, offset, limit, look
    )
    return [Row(id, symbol, index, link, SafeString(cells), *words) for id, symbol, index, link, cells, *words in kept]


def _lines(
    listed: TradeList, offset: int, limit: int, columns: Sequence[Column], scale: Scale, query: str
) -> list[tuple[str, str, int, str, str, str, str]]:
    rows = rows_of(trade_windows.window(listed, offset=offset, limit=limit).trades, listed.wanted)
    if any(column.is_of_tags for column in columns):
        rows = with_tags(rows)
    return [_line(row, columns, scale, query, index=offset + place + 2) for place, row in enumerate(rows)]


def _line(
    row: TradeRow, columns: Sequence[Column], scale: Scale, query: str, *, index: int
) -> tuple[str, str, int, str, str, str, str]:
    """The values of a `Row`."""
    trade = row.trade
    side, closed = trade.get_side_display(), written.day(trade.closed_on)
    day = closed if trade.closed_on else written.day(trade.opened_on)
    words = _("%(symbol)s, %(side)s, %(day)s") % {"symbol": trade.instrument.symbol, "side": side, "day": day}
    return (
        str(trade.public_id),
        trade.instrument.symbol,
        index,
        reverse("trade_detail", args=[trade.public_id]),
        _cells([column.cell(row, scale) for column in columns], query),
        _("Choose %(words)s") % {"words": words},
        f"{side} {written.quantity(trade.quantity)} · {closed if trade.closed_on else _('open')}",
    )


def _cells(cells: Sequence[Cell], query: str) -> str:
    """The cells as they stand in the page: a template takes five times as long, for a hundred rows and each jump."""
    last = len(cells) - 1
    return "".join([_cell(cell, query, is_last=place == last) for place, cell in enumerate(cells)])


def _cell(cell: Cell, query: str, *, is_last: bool) -> str:
    css = escape(cell.css if is_last else f"{cell.css} hide-phone")
    title = f' title="{escape(cell.title)}"' if cell.title else ""
    text = escape(cell.text)
    if cell.link:
        text = f'<a href="{escape(cell.link + query)}" tabindex="-1">{text}</a>'
    tags = "".join(
        [
            '<span class="tag"><svg class="dot" viewBox="0 0 8 8" aria-hidden="true">'
            f'<circle cx="4" cy="4" r="4" fill="{escape(tag.color)}"/></svg>{escape(tag.name)}</span>'
            for tag in cell.tags
        ]
    )
    small = f' <span class="faint small">{escape(cell.small)}</span>' if cell.small else ""
    return f'<td class="{css}"{title}>{text}{tags}{small}</td>'
