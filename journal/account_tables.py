"""The columns of the list of accounts: what each is called, what stands in its cells, on pages and in files."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import AccountKind, AccountStatus
from journal.account_windows import WindowRow
from journal.templatetags.journal_format import (
    DASH,
    count,
    day,
    icon,
    money,
    percent,
    ratio,
    signed_class,
    signed_money,
)
from journal.templatetags.journal_units import made, magnitude
from journal.units import Scale

PREFERENCE = "account_columns"
#: The column that asks for more than the kept sums.
DRAWDOWN = "drawdown"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `order` is its name in `account_windows.ORDERS`, "" where it cannot be sorted by.

    `shown` is what a page has in a cell, `plain` what a file has.
    """

    name: str
    heading: str | Promise
    order: str
    shown: Callable[[WindowRow], Any]
    plain: Callable[[WindowRow], Any]
    css: str = ""
    #: What a page has there in another unit than money.
    in_unit: Callable[[WindowRow, Scale], Any] | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one cell, and how it is set."""

    text: Any
    css: str


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the page: the account, its labels, and the cells of the chosen columns."""

    row: WindowRow
    place: int
    cells: list[Cell]


def _kind(row: WindowRow) -> Any:
    return AccountKind(row.account.kind).label


def _status(row: WindowRow) -> Any:
    # One that is not active is marked beside the name.
    return AccountStatus(row.account.status).label


def _group(row: WindowRow) -> Any:
    return _chip(row.account.group) if row.account.group else DASH


def _labels(row: WindowRow) -> Any:
    if not row.account.tags:
        return DASH
    return format_html_join(" ", "{}", ((_chip(each),) for each in row.account.tags))


def _chip(labelled: dict[str, str]) -> SafeString:
    return format_html(
        '<span class="chip"><svg class="dot" viewBox="0 0 8 8" aria-hidden="true">'
        '<circle cx="4" cy="4" r="4" fill="{}"/></svg>{}</span>',
        labelled["color"],
        labelled["name"],
    )


def _pnl(row: WindowRow) -> Any:
    if row.net_pnl is None:
        reason = _("No rate converts all of it") if row.has_several else _("No trade has been closed")
        return _undefined(reason)
    return _amount(signed_money(row.net_pnl), row.pnl_currency, signed_class(row.net_pnl))


def _max_drawdown(row: WindowRow) -> Any:
    if row.max_drawdown is None:
        return _undefined(_lacking(row))
    return _amount(signed_money(-row.max_drawdown), row.pnl_currency, "loss" if row.max_drawdown else "flat")


def _expectancy(row: WindowRow) -> Any:
    value = row.figures.expectancy if row.figures.currency else None
    if value is None:
        return _undefined(_lacking(row))
    return _amount(signed_money(value), row.pnl_currency, signed_class(value))


def _fees(row: WindowRow) -> Any:
    if row.has_several:
        return _undefined(_lacking(row))
    return _amount(money(row.figures.fees), row.pnl_currency, "")


def _pnl_in(row: WindowRow, scale: Scale) -> Any:
    return made(row.net_pnl, scale, r=row.figures.r_sum, currency=row.pnl_currency)


def _expectancy_in(row: WindowRow, scale: Scale) -> Any:
    value = row.figures.expectancy if row.figures.currency else None
    return made(value, scale, r=row.figures.expectancy_r, currency=row.pnl_currency)


def _fees_in(row: WindowRow, scale: Scale) -> Any:
    return magnitude(scale.shown(row.figures.fees, currency=row.pnl_currency), scale)


def _in_money_alone(row: WindowRow, scale: Scale) -> Any:
    return _undefined(_("Told in money alone"))


def _win_rate(row: WindowRow) -> Any:
    value = row.figures.win_rate
    return _undefined(_("No trade has been closed")) if value is None else percent(value)


def _profit_factor(row: WindowRow) -> Any:
    value = row.figures.profit_factor
    if value is not None:
        return ratio(value)
    return _undefined(_("Nothing was lost") if row.figures.currency and row.trade_count else _lacking(row))


def _balance(row: WindowRow) -> Any:
    if row.account.initial_balance is None:
        return _undefined(_("No starting balance was given"))
    return _amount(money(row.account.initial_balance), row.account.currency, "")


def _lacking(row: WindowRow) -> str:
    return _("It traded in several currencies") if row.has_several else _("No trade has been closed")


def _undefined(reason: str) -> SafeString:
    return format_html('<span class="faint" title="{}">{}</span>', reason, DASH)


def _amount(text: str, currency: str, css: str) -> SafeString:
    return format_html('<span class="{}">{}</span> <span class="faint small">{}</span>', css, text, currency)


def _or_dash(text: str) -> str:
    return text or DASH


COLUMNS = {
    column.name: column
    for column in (
        Column(
            "broker",
            gettext_lazy("Broker"),
            "broker",
            lambda row: _or_dash(row.account.broker),
            lambda row: row.account.broker,
            "clip",
        ),
        Column(
            "group",
            gettext_lazy("Group"),
            "group",
            _group,
            lambda row: row.account.group["name"] if row.account.group else None,
            "clip",
        ),
        Column(
            "labels",
            gettext_lazy("Labels"),
            "",
            _labels,
            lambda row: [each["name"] for each in row.account.tags],
            "clip labels",
        ),
        Column(
            "number",
            gettext_lazy("Number"),
            "number",
            lambda row: _or_dash(row.account.number),
            lambda row: row.account.number,
            "num",
        ),
        Column("kind", gettext_lazy("Kind"), "kind", _kind, lambda row: row.account.kind),
        Column("status", gettext_lazy("Status"), "status", _status, lambda row: row.account.status),
        Column(
            "currency",
            gettext_lazy("Currency"),
            "currency",
            lambda row: row.account.currency,
            lambda row: row.account.currency,
        ),
        Column(
            "balance", gettext_lazy("Start balance"), "balance", _balance, lambda row: row.account.initial_balance, "n"
        ),
        Column(
            "trades", gettext_lazy("Trades"), "trades", lambda row: count(row.trade_count), lambda r: r.trade_count, "n"
        ),
        Column("win_rate", gettext_lazy("Win rate"), "win_rate", _win_rate, lambda row: row.figures.win_rate, "n"),
        Column(
            "profit_factor",
            gettext_lazy("Profit factor"),
            "profit_factor",
            _profit_factor,
            lambda row: row.figures.profit_factor,
            "n",
        ),
        Column(
            "expectancy",
            gettext_lazy("Expectancy"),
            "expectancy",
            _expectancy,
            lambda row: row.figures.expectancy if row.figures.currency else None,
            "n",
            _expectancy_in,
        ),
        Column(
            "fees",
            gettext_lazy("Fees"),
            "fees",
            _fees,
            lambda row: row.figures.fees,
            "n",
            _fees_in,
        ),
        Column("pnl", gettext_lazy("Net P&L"), "pnl", _pnl, lambda row: row.net_pnl, "n", _pnl_in),
        Column(
            DRAWDOWN,
            gettext_lazy("Max drawdown"),
            "",
            _max_drawdown,
            lambda row: row.max_drawdown,
            "n",
            _in_money_alone,
        ),
        Column(
            "first_trade",
            gettext_lazy("First trade"),
            "first_trade",
            lambda row: day(row.first_day),
            lambda row: row.first_day,
            "num",
        ),
        Column(
            "last_trade",
            gettext_lazy("Last trade"),
            "last_trade",
            lambda row: day(row.last_day),
            lambda row: row.last_day,
            "num",
        ),
        Column(
            "created",
            gettext_lazy("Added"),
            "created_at",
            lambda row: day(row.account.created_at.date()),
            lambda row: row.account.created_at,
            "num",
        ),
    )
}
#: What a person who has chosen nothing sees.
DEFAULT = ["broker", "group", "labels", "trades", "win_rate", "pnl", DRAWDOWN, "last_trade"]
#: What is left on a phone, beside the name and what stands below it.
ON_PHONE = frozenset({"pnl"})


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's heading: `order` is what a click asks for, "" where it cannot be sorted by.

    `sorted` is what `aria-sort` says: "ascending", "descending" or "none".
    """

    words: str | Promise
    order: str
    sorted: str
    css: str
    name: str = ""


def heading_of(name: str, order: str) -> Heading:
    """The heading of a chosen column in a list of this order."""
    column = COLUMNS[name]
    if name == "pnl":
        # In R it is the R that is compared.
        order = {"r": "pnl", "-r": "-pnl"}.get(order, order)
    return _heading(column.heading, column.order, order, css_of(column), name)


def name_heading(order: str) -> Heading:
    """The heading of the first column, which is always there."""
    return _heading(gettext_lazy("Name"), "name", order, "", "name")


def _heading(words: str | Promise, by: str, order: str, css: str, name: str) -> Heading:
    if not by:
        return Heading(words, "", "none", css, name)
    if order.removeprefix("-") == by:
        is_descending = order.startswith("-")
        return Heading(
            words, by if is_descending else f"-{by}", "descending" if is_descending else "ascending", css, name
        )
    # Of numbers and days the largest are looked for first, of names the beginning.
    first = f"-{by}" if css.split(" ")[0] in ("n", "num") and by != "number" else by
    return Heading(words, first, "none", css, name)


def lines(
    rows: Iterable[WindowRow], chosen: Sequence[str], *, offset: int = 0, scale: Scale | None = None
) -> list[Line]:
    """The rows with the cells of the chosen columns; `place` counts from 2, as the heading is the first row."""
    columns = [COLUMNS[name] for name in chosen]
    css = {column.name: css_of(column) for column in columns}
    return [
        Line(row, place, [Cell(_shown(column, row, scale), css[column.name]) for column in columns])
        for place, row in enumerate(rows, start=offset + 2)
    ]


def _shown(column: Column, row: WindowRow, scale: Scale | None) -> Any:
    if scale is None or scale.is_money or column.in_unit is None:
        return column.shown(row)
    return column.in_unit(row, scale)


def css_of(column: Column) -> str:
    """The classes of a column's cells."""
    return " ".join(filter(None, (column.css, "" if column.name in ON_PHONE else "hide-phone")))


def csv_headings(chosen: Sequence[str]) -> list[str]:
    """Names of the columns in a file, the same in every language."""
    return ["id", "name", *chosen, *(["pnl_currency"] if "pnl" in chosen else [])]


def csv_rows(rows: Iterable[WindowRow], chosen: Sequence[str]) -> Iterable[list[Any]]:
    """What a file has of each account."""
    columns = [COLUMNS[name] for name in chosen]
    for row in rows:
        line = [row.account.public_id, row.account.name, *(column.plain(row) for column in columns)]
        yield [*line, row.pnl_currency] if "pnl" in chosen else line


def html_of(lines: Iterable[Line], *, may_write: bool, query: str = "") -> SafeString:
    """The rows as HTML; `query` goes along to the accounts' pages. By hand: a template took ten times as long."""
    words = {"archived": _("Archived"), "sample": _("Sample"), "acts": _("Acts of %(name)s")}
    more = icon("more")
    return format_html_join("\n", "{}", ((_line(line, words, more, query, may_write=may_write),) for line in lines))


_BOX = '<input type="checkbox" name="id" value="{}" form="account-act" data-select aria-label="{}"> '
_ROW = (
    '<tr data-id="{id}"{archived} aria-rowindex="{place}"><th scope="row" class="account-name">{box}'
    '<svg class="dot" viewBox="0 0 8 8" aria-hidden="true"><circle cx="4" cy="4" r="4" fill="{color}"/></svg> '
    '<a class="row" href="/accounts/{id}/{query}">{name}</a>{chips}'
    '<span class="on-phone under-row">{broker} · {trades}</span></th>{cells}'
    '<td class="row-menu"><button type="button" class="button button-bare button-icon button-small script-only" '
    'data-acts aria-haspopup="true" aria-label="{acts}">{more}</button></td></tr>'
)


def _line(line: Line, words: dict[str, str], more: SafeString, query: str, *, may_write: bool) -> SafeString:
    account = line.row.account
    chips = format_html(' <span class="chip">{}</span>', words["archived"]) if account.archived_at else SafeString("")
    if line.row.is_sample:
        chips += format_html(' <span class="chip chip-brand">{}</span>', words["sample"])
    if account.status != AccountStatus.ACTIVE:
        chips += format_html(' <span class="chip chip-warn">{}</span>', AccountStatus(account.status).label)
    return format_html(
        _ROW,
        id=account.public_id,
        query=query,
        archived=SafeString(" data-archived" if account.archived_at else ""),
        place=line.place,
        box=format_html(_BOX, account.public_id, account.name) if may_write else "",
        color=account.color,
        name=account.name,
        chips=chips,
        broker=account.broker or DASH,
        trades=count(line.row.trade_count),
        cells=format_html_join("", '<td class="{}">{}</td>', ((cell.css, cell.text) for cell in line.cells)),
        acts=words["acts"] % {"name": account.name},
        more=more,
    )
