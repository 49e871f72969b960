"""Tables: header, rows, cells by their header, and from rows to parsed items. Built on `lines`."""

import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import islice
from typing import BinaryIO

from trading.imports.parsers.base import (
    ZERO,
    BadCell,
    FileRefused,
    ParseContext,
    Parsed,
    ParsedFill,
    RowError,
    SkippedRow,
    Warned,
    fold,
)
from trading.imports.parsers.lines import CONTROL, DELIMITERS, MAX_FIELD, Line, split_leniently, unwrapped
from trading.imports.parsers.lines import head_of as head_of
from trading.imports.parsers.lines import open_text as open_text
from trading.imports.parsers.lines import split_lines as split_lines
from trading.imports.parsers.numbers import optional_money, parse_decimal, parse_money

MAX_COLUMNS = 200
MAX_ROWS = 1_000_000
TITLE_LINES = 60
DEEP_TITLE_LINES = 2_000

_ESCAPE_ONLY = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]")
#: No header has this; asking it first spares the comparison of names for every row.
_DATA = re.compile(r"[0-9]{4}|[0-9][.,][0-9]")
#: Columns of free text, which is stored and shown inert: a terminal escape in a note harms nobody.
_FREE_TEXT = frozenset({"note", "notes", "comment", "comments", "description", "text", "memo"})


# --- header and rows ---------------------------------------------------------------------------


class Columns:
    """The header of a table: which column stands where. Looked up by the exact text or by the folded one."""

    __slots__ = ("_canonical", "_positions", "line", "names", "width")

    def __init__(self, names: list[str], *, line: int = 0, repeats: bool = False) -> None:
        """Refuse repeated headers unless the format has them; a repeated one is then "Price", "Price#2"."""
        cleaned = [" ".join(name.replace("\ufeff", "").split()) for name in names]
        self.line = line
        self.width = len(cleaned)
        self.names = tuple(_numbered(cleaned) if repeats else cleaned)
        if len(cleaned) > MAX_COLUMNS:
            raise FileRefused(
                "too_many_columns", f"The header has {len(cleaned)} columns; at most {MAX_COLUMNS} are read.", line=line
            )
        if not repeats:
            _refuse_repeats(cleaned, line)
        self._positions = {fold(name): at for at, name in reversed(list(enumerate(self.names))) if name}
        self._positions.update({name: at for at, name in reversed(list(enumerate(self.names))) if name})
        ranked = sorted((fold(name), at) for at, name in enumerate(self.names))
        self._canonical = tuple((at, f"{name}=") for name, at in ranked)

    def position(self, name: str) -> int:
        """Return the index of the column, -1 when the file has none of that name."""
        found = self._positions.get(name)
        if found is None:
            found = self._positions[name] = self._positions.get(fold(name), -1)
        return found

    def first(self, *names: str) -> int:
        """Return the index of the first of these columns that the file has, -1 when it has none."""
        return next((at for name in names if (at := self.position(name)) >= 0), -1)

    def require(self, *names: str) -> None:
        """Raise FileRefused missing_header naming the columns that the file lacks."""
        missing = [name for name in names if self.position(name) < 0]
        if missing:
            raise FileRefused(
                "missing_header",
                f"The file has no column {_listed(missing)}. Export it with that column.",
                line=self.line,
            )

    def canonical(self, cells: list[str]) -> str:
        """Return the row as text that does not depend on column order, line ends or surrounding blanks."""
        return "|".join(
            [name + value.replace("|", "\\|") for at, name in self._canonical if (value := cells[at].strip())]
        )


def columns(header: Columns, *names: str) -> tuple[int, ...]:
    """Return the indexes of the columns, -1 for those the file lacks: resolved once, used for every row."""
    return tuple(header.position(name) for name in names)


class Row:
    """One row of a table. Cells by header through `text`, `decimal`, `money`; in hot loops by index."""

    __slots__ = ("cells", "columns", "line", "problem", "raw")

    def __init__(self, line: int, cells: list[str], raw: str, columns: Columns, problem: BadCell | None = None) -> None:
        """Keep the cells as they stand in the file, blanks and all."""
        self.line = line
        self.cells = cells
        self.raw = raw
        self.columns = columns
        self.problem = problem

    def has(self, name: str) -> bool:
        """Whether the file has the column and this row a value in it."""
        return bool(self.optional(name))

    def optional(self, name: str) -> str:
        """Return the stripped value, "" when the column or the value is absent."""
        at = self.columns.position(name)
        return self.cells[at].strip() if at >= 0 else ""

    def text(self, name: str, default: str | None = None) -> str:
        """Return the stripped value, or the default; raises BadCell missing_value when there is neither."""
        value = self.optional(name)
        if value:
            return value
        if default is None:
            raise BadCell(name, "missing_value", f"A value is required in {name}.")
        return default

    def decimal(self, name: str, default: Decimal | None = None, *, style: str = "point") -> Decimal:
        """Return the plain decimal of the cell, or the default where the cell is exactly empty."""
        value = self.optional(name)
        if not value and default is not None:
            return default
        return parse_decimal(value, column=name, style=style)

    def money(self, name: str, default: Decimal | None = None, *, style: str = "point") -> Decimal:
        """Return the declared money of the cell, or the default where it is empty, "--" or "n/a"."""
        value = self.optional(name)
        if default is not None:
            return optional_money(value, column=name, default=default, style=style)
        return parse_money(value, column=name, style=style)

    def costs(self, *names: str, style: str = "point") -> Decimal:
        """Return the sum of the money in those of these columns that the file has."""
        return sum((self.money(name, ZERO, style=style) for name in names), ZERO)

    def identity_key(self, broker_id: str = "", leg: str = "") -> str:
        """Return what makes the row the same row in the next export: the broker's id, else its whole content."""
        key = f"id:{broker_id}" if broker_id else f"row:{self.columns.canonical(self.cells)}"
        return f"{key}#{leg}" if leg else key

    def error(self, code: str, message: str, *, column: str = "", value: str = "") -> RowError:
        """Return the error of this row."""
        return RowError(self.line, column, code, message, value[:80], self.raw)

    def skipped(self, code: str, message: str) -> SkippedRow:
        """Return that this row is rightly no fill."""
        return SkippedRow(self.line, code, message, self.raw)


HeaderTest = Callable[[list[str]], bool]


def header_with(*names: str) -> HeaderTest:
    """Return a test for the header row: whether it holds every one of these names (case and spaces folded)."""
    wanted = frozenset(fold(name) for name in names)

    def holds(cells: list[str]) -> bool:
        return wanted <= {fold(cell) for cell in cells}

    return holds


def read_rows(  # noqa: PLR0913 every format says one or two of these
    file: BinaryIO,
    context: ParseContext,
    *,
    header: HeaderTest | None,
    delimiter: str = "",
    many_sections: bool = False,
    deep: bool = False,
    repeats: bool = False,
    require: tuple[str, ...] = (),
) -> Iterator[Row]:
    """Yield the rows below the header, streaming; a row with a structural problem carries it in `problem`.

    `header` recognises the header row (None: the first row that is not blank); lines above it are titles.
    `many_sections`: a later row that is a header starts a new section. `deep`: the header may stand up to
    2,000 lines down. `repeats`: the format has headers that repeat or differ in case and spaces alone.
    Raises FileRefused: those of `open_text`, missing_header, duplicate_header, ambiguous_header,
    too_many_columns, unclosed_quote, no_rows, too_many_rows.
    """
    lines = open_text(file, context)
    limit = DEEP_TITLE_LINES if deep else TITLE_LINES
    table = _Table(lines, header, delimiter or context.delimiter, limit)
    found = table.columns(repeats=repeats)
    found.require(*require)
    width, blank_end = found.width, not found.names[-1]
    count = 0
    for number, cells, raw, problem in table.rows():
        if len(cells) != width:
            if len(cells) == 1 and width > 1 and problem is None:
                cells = unwrapped(cells, table.delimiter)
            if blank_end and len(cells) == width - 1:
                cells.append("")
        if many_sections and header is not None and not _DATA.search(raw) and header(cells):
            found = Columns(cells, line=number, repeats=repeats)
            found.require(*require)
            width, blank_end = found.width, not found.names[-1]
            continue
        count += 1
        if count > MAX_ROWS:
            raise FileRefused(
                "too_many_rows",
                f"The file has more than {MAX_ROWS:,} rows. Split it and import the parts.",
                line=number,
            )
        if problem is not None or len(cells) != width:
            problem = _structural(problem, cells, found)
        yield Row(number, cells, raw, found, problem)
    if not count:
        raise FileRefused("no_rows", "The file has a header and no rows below it.", line=found.line)


class _Table:
    """The rows of a file from its header on: the header decides the delimiter."""

    def __init__(self, lines: Iterator[str], header: HeaderTest | None, delimiter: str, limit: int) -> None:
        self._lines = lines
        titles = list(islice(lines, limit))
        if not any(line.strip() for line in titles):
            raise FileRefused("empty_file", "The file has no text in it.")
        tried = (delimiter,) if delimiter else DELIMITERS
        if header is None:
            first = next(line for line in titles if line.strip())
            self.delimiter = max(tried, key=first.count)
        else:
            self.delimiter = next((mark for mark in tried if _has_header(titles, header, mark)), "")
        if not self.delimiter:
            raise FileRefused("missing_header", "The header row of this format was not found in the file.")
        self._header = header
        self._split = split_lines(_chained(titles, lines), self.delimiter)

    def columns(self, *, repeats: bool) -> Columns:
        for number, cells, _, problem in self._split:
            cells = unwrapped(cells, self.delimiter)
            if self._header is None or self._header(cells):
                if problem is not None:
                    raise FileRefused(problem.code, f"The header row cannot be read: {problem.message}", line=number)
                return Columns(cells, line=number, repeats=repeats)
        raise FileRefused("missing_header", "The header row of this format was not found in the file.")

    def rows(self) -> Iterator[Line]:
        return self._split


def _has_header(titles: list[str], header: HeaderTest, delimiter: str) -> bool:
    return any(header(split_leniently(line, delimiter)) for line in titles if delimiter in line)


def _chained(first: list[str], rest: Iterator[str]) -> Iterator[str]:
    yield from first
    yield from rest


def _numbered(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    numbered = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        numbered.append(name if seen[name] == 1 or not name else f"{name}#{seen[name]}")
    return numbered


def _refuse_repeats(names: list[str], line: int) -> None:
    spellings: dict[str, str] = {}
    for name in names:
        if not name:
            continue
        other = spellings.setdefault(fold(name), name)
        if other != name:
            raise FileRefused(
                "ambiguous_header", f"The columns {_listed([other, name])} have the same name. Rename one.", line=line
            )
    repeated = sorted({name for name in names if name and names.count(name) > 1})
    if repeated:
        raise FileRefused(
            "duplicate_header", f"The column {_listed(repeated)} appears more than once. Rename one.", line=line
        )


def _structural(problem: BadCell | None, cells: list[str], header: Columns) -> BadCell | None:
    """Return what is wrong with the row as a whole, with the column where one can be named."""
    if problem is not None:
        at = next((at for at, cell in enumerate(cells) if _is_bad(problem.code, cell)), -1)
        column = header.names[at] if 0 <= at < header.width else ""
        if problem.code == "control_char" and _harmless(cells, header):
            return None if len(cells) == header.width else _structural(None, cells, header)
        return BadCell(column, problem.code, problem.message, cells[at] if at >= 0 else problem.value)
    if len(cells) > header.width:
        return BadCell(
            "",
            "too_many_fields",
            f"The row has {len(cells)} fields and the header {header.width}.",
            cells[header.width],
        )
    return BadCell(
        header.names[len(cells)], "too_few_fields", f"The row has {len(cells)} fields and the header {header.width}."
    )


def _is_bad(code: str, cell: str) -> bool:
    if code == "control_char":
        return bool(CONTROL.search(cell))
    return len(cell) > MAX_FIELD if code == "field_too_long" else '"' in cell


def _harmless(cells: list[str], header: Columns) -> bool:
    """Whether every control character of the row is an escape in a column of free text."""
    return all(
        not CONTROL.search(cell)
        or (at < header.width and fold(header.names[at]) in _FREE_TEXT and not _ESCAPE_ONLY.search(cell))
        for at, cell in enumerate(cells)
    )


def _listed(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


# --- from rows to parsed items -----------------------------------------------------------------

Built = Parsed | Iterable[Parsed] | None
_PARSED_TYPES = (ParsedFill, RowError, SkippedRow, Warned)


def collect(rows: Iterable[Row], build: Callable[[Row], Built]) -> Iterator[Parsed]:
    """Yield what `build` makes of each row; a BadCell and a structural problem become the row's RowError.

    `build` returns one item, several, or None for a row of which nothing need be said. An error in the
    second item of a row leaves nothing of the row.
    """
    for row in rows:
        if row.problem is not None:
            yield row_error(row, row.problem)
            continue
        try:
            built = build(row)
            if built is not None and not isinstance(built, _PARSED_TYPES):
                built = tuple(built)
        except BadCell as bad:
            yield row_error(row, bad)
            continue
        if built is None:
            continue
        if isinstance(built, _PARSED_TYPES):
            yield built
        else:
            yield from built


def row_error(row: Row, bad: BadCell) -> RowError:
    """Return the RowError of a cell of this row."""
    return RowError(row.line, bad.column, bad.code, bad.message, bad.value, row.raw)
