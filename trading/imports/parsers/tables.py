"""Delimited text read strictly and as a stream: physical lines, header, rows, and what is wrong with them.

A quote that never closes, a row of the wrong width or a byte that is no text is said with its line; nothing is
swallowed. Memory does not grow with the file.
"""

import codecs
import csv
import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import islice
from typing import BinaryIO, NamedTuple

from trading.imports.parsers.base import (
    ZERO,
    BadCell,
    FileRefused,
    Head,
    Parsed,
    ParsedFill,
    ParseContext,
    RowError,
    SkippedRow,
    Warned,
    fold,
)
from trading.imports.parsers.numbers import optional_money, parse_decimal, parse_money

MAX_LINE = 1024 * 1024  #: characters of one physical line, and of one quoted field over several lines
MAX_QUOTED_LINES = 2_000
MAX_FIELD = 131_072
MAX_COLUMNS = 200
MAX_ROWS = 1_000_000
TITLE_LINES = 60
DEEP_TITLE_LINES = 2_000
DELIMITERS = (",", ";", "\t", "|")
BLOCK = 256 * 1024

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_ESCAPE_ONLY = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]")
_EXCEL_TEXT = re.compile(r'="([^"]*)"')
#: Columns of free text, which is stored and shown inert: a terminal escape in a note harms nobody.
_FREE_TEXT = frozenset({"note", "notes", "comment", "comments", "description", "text", "memo"})

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*)?<(?:!doctype|html|head|body|table|\?xml)", re.I | re.S)


# --- lines -------------------------------------------------------------------------------------


def open_text(file: BinaryIO, context: ParseContext, *, markup: bool = False) -> Iterator[str]:
    """Yield the physical lines of the file, decoded strictly, without their ends (CR, LF or CRLF).

    UTF-8 unless a byte order mark or the person's choice says otherwise. `markup` lets HTML and XML pass.
    Raises FileRefused: empty_file, not_csv, archive_not_supported, encoding, line_too_long.
    """
    block = file.read(BLOCK)
    if not block.strip():
        raise FileRefused("empty_file", "The file is empty.")
    refuse_other_kinds(block, markup=markup)
    encoding, skipped = _encoding_of(block, context)
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    offset, line, pending = skipped, 0, ""
    block = block[skipped:]
    while True:
        final = not block
        try:
            text = decoder.decode(block, final)
        except UnicodeDecodeError as problem:
            raise _undecodable(problem, encoding=encoding, line=line, end=offset + len(block)) from None
        offset += len(block)
        if "\ufffe" in text or "\uffff" in text:
            raise FileRefused(
                "encoding",
                "The file holds bytes that are no text (U+FFFE).",
                line=line + 1 + len(re.findall("\r\n?|\n", re.split("[\ufffe\uffff]", text)[0])),
            )
        pending = pending + text if pending else text
        held = "\r" if not final and pending.endswith("\r") else ""  # the LF of a CRLF may be in the next block
        if held:
            pending = pending[:-1]
        if "\r" in pending:
            pending = pending.replace("\r\n", "\n").replace("\r", "\n")
        lines = pending.split("\n")
        pending = lines.pop() + held
        for number, complete in enumerate(lines, start=line + 1):
            if len(complete) > MAX_LINE:
                raise _too_long(number)
            yield complete
        line += len(lines)
        if len(pending) > MAX_LINE:
            raise _too_long(line + 1)
        if final:
            break
        block = file.read(BLOCK)
    if pending:
        yield pending


def refuse_other_kinds(start: bytes, *, markup: bool = False) -> None:
    """Raise FileRefused for archives, spreadsheets, PDF, pictures and, unless `markup`, for HTML and XML."""
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        if b"[Content_Types].xml" in start or b"xl/" in start:
            raise FileRefused("not_csv", "This is an Excel workbook. Save it as CSV (UTF-8) and import that.")
        raise FileRefused("archive_not_supported", "This is a ZIP archive. Unpack it and import the file inside.")
    if start.startswith((b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ")):
        raise FileRefused("archive_not_supported", "This is an archive. Unpack it and import the file inside.")
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise FileRefused("not_csv", "This is an Excel workbook. Save it as CSV (UTF-8) and import that.")
    for magic, kind in (
        (b"%PDF", "a PDF"),
        (b"\x89PNG", "a picture"),
        (b"\xff\xd8\xff", "a picture"),
        (b"GIF8", "a picture"),
    ):
        if start.startswith(magic):
            raise FileRefused("not_csv", f"This is {kind}, not a table. Export the trades as CSV.")
    if not markup and _MARKUP.match(start[:4096]):
        raise FileRefused("not_csv", "This is a web page or XML, not a table. Export the trades as CSV.")


def _encoding_of(start: bytes, context: ParseContext) -> tuple[str, int]:
    for mark, encoding in _BOMS:
        if start.startswith(mark):
            if encoding == "utf-32":
                raise FileRefused("encoding", "UTF-32 is not read. Save the file as CSV (UTF-8).", line=1)
            length = len(mark) * (2 if start.startswith(mark * 2) else 1)  # some tools write the mark twice
            return encoding, length
    zeros = start[:4096].count(0)
    if not context.encoding and zeros * 4 >= len(start[:4096]):
        raise FileRefused(
            "encoding", "The file looks like UTF-16 without a byte order mark. Save it as CSV (UTF-8).", line=1
        )
    try:
        return codecs.lookup(context.encoding or "utf-8").name, 0
    except LookupError:
        raise FileRefused("encoding", f"The encoding {context.encoding[:40]!r} is not known.") from None


def _undecodable(problem: UnicodeDecodeError, *, encoding: str, line: int, end: int) -> FileRefused:
    before = problem.object[: problem.start].decode(encoding, "replace")
    at_line = line + 1 + before.count("\n") + before.replace("\r\n", "").count("\r")
    at_byte = end - len(problem.object) + problem.start
    return FileRefused(
        "encoding",
        f"Byte {at_byte} in line {at_line} is not {encoding.upper()} text. "
        "Save the file as CSV (UTF-8), or choose its encoding.",
        line=at_line,
    )


def _too_long(line: int) -> FileRefused:
    return FileRefused("line_too_long", f"Line {line} is longer than 1 MiB; this is not a table.", line=line)


# --- cells -------------------------------------------------------------------------------------


class Line(NamedTuple):
    """One row as split at the delimiter; `problem` says why it cannot be used."""

    number: int
    cells: list[str]
    raw: str
    problem: BadCell | None


def split_lines(lines: Iterable[str], delimiter: str) -> Iterator[Line]:
    """Yield the non-blank rows of the physical lines; a quoted field may run over several of them.

    Raises FileRefused unclosed_quote with the line where the quote opened.
    """
    numbered = enumerate(lines, start=1)
    wide = f'"{delimiter}"'
    for number, text in numbered:
        problem = None
        if '"' not in text:
            if not text or text.isspace():
                continue
            cells = text.split(delimiter)
        else:
            cells = text[1:-1].split(wide) if text[0] == text[-1] == '"' else []
            # Every cell quoted and no quote inside one: two quotes per cell, none left over.
            if text.count('"') != 2 * len(cells):
                text, cells, problem = _quoted(number, text, numbered, delimiter)
        if len(text) > MAX_FIELD and problem is None:
            problem = _field_too_long(cells)
        if not text.isprintable() and problem is None and _CONTROL.search(text):
            problem = BadCell("", "control_char", "The row holds a control character.", text)
        yield Line(number, cells, text, problem)


def _quoted(
    number: int, text: str, numbered: Iterator[tuple[int, str]], delimiter: str
) -> tuple[str, list[str], BadCell | None]:
    taken = [text]
    reader = csv.reader(_continued(taken, numbered, number), delimiter=delimiter, strict=True)
    try:
        cells = next(reader)
    except csv.Error as problem:
        if len(taken) > 1 or "unexpected end" in str(problem):
            raise _unclosed(number) from None
        code = "field_too_long" if "limit" in str(problem) else "bad_quoting"
        message = (
            f"A field is longer than {MAX_FIELD:,} characters."
            if code == "field_too_long"
            else "A quote stands in the middle of a cell; double it or remove it."
        )
        return text, [], BadCell("", code, message, text)
    raw = "\n".join(taken)
    if any('"' in cell for cell in cells):
        if "=" in raw:
            cells = [found[1] if (found := _EXCEL_TEXT.fullmatch(cell)) else cell for cell in cells]
        if not _well_quoted(delimiter).fullmatch(raw):
            bad = next((cell for cell in cells if '"' in cell), raw)
            return (
                raw,
                cells,
                BadCell("", "bad_quoting", "A quote stands in the middle of a cell; double it or remove it.", bad),
            )
    return raw, cells, None


def _continued(taken: list[str], numbered: Iterator[tuple[int, str]], opened: int) -> Iterator[str]:
    yield taken[0] + "\n"
    size = len(taken[0])
    for _, text in numbered:
        taken.append(text)
        size += len(text)
        if size > MAX_LINE or len(taken) > MAX_QUOTED_LINES:
            raise _unclosed(opened)
        yield text + "\n"


def _well_quoted(delimiter: str) -> re.Pattern[str]:
    cell = rf'(?:"(?:[^"]|"")*+"|="[^"]*+"|[^"{re.escape(delimiter)}]*+)'
    return re.compile(rf"{cell}(?:{re.escape(delimiter)}{cell})*+")


def _field_too_long(cells: list[str]) -> BadCell | None:
    longest = max(cells, key=len, default="")
    if len(longest) <= MAX_FIELD:
        return None
    return BadCell("", "field_too_long", f"A field is longer than {MAX_FIELD:,} characters.", longest)


def _unclosed(line: int) -> FileRefused:
    return FileRefused(
        "unclosed_quote", f"The quote that opens in line {line} is never closed. Correct that line.", line=line
    )


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


def read_rows(
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
                cells = _unwrapped(cells, table.delimiter)  # noqa: PLW2901 a row quoted as a whole is its content
            if blank_end and len(cells) == width - 1:
                cells.append("")
        if many_sections and header is not None and header(cells):
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
            problem = _structural(problem, cells, found)  # noqa: PLW2901
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
            cells = _unwrapped(cells, self.delimiter)  # noqa: PLW2901
            if self._header is None or self._header(cells):
                if problem is not None:
                    raise FileRefused(problem.code, f"The header row cannot be read: {problem.message}", line=number)
                return Columns(cells, line=number, repeats=repeats)
        raise FileRefused("missing_header", "The header row of this format was not found in the file.")

    def rows(self) -> Iterator[Line]:
        return self._split


def _has_header(titles: list[str], header: HeaderTest, delimiter: str) -> bool:
    return any(header(_leniently(line, delimiter)) for line in titles if delimiter in line)


def _leniently(line: str, delimiter: str) -> list[str]:
    try:
        cells = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []
    return [cell.strip() for cell in _unwrapped(cells, delimiter)]


def _chained(first: list[str], rest: Iterator[str]) -> Iterator[str]:
    yield from first
    yield from rest


def _unwrapped(cells: list[str], delimiter: str) -> list[str]:
    if len(cells) != 1 or delimiter not in cells[0]:
        return cells
    try:
        return next(csv.reader([cells[0]], delimiter=delimiter, strict=True))
    except csv.Error:
        return cells


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
        return bool(_CONTROL.search(cell))
    return len(cell) > MAX_FIELD if code == "field_too_long" else '"' in cell


def _harmless(cells: list[str], header: Columns) -> bool:
    """Whether every control character of the row is an escape in a column of free text."""
    return all(
        not _CONTROL.search(cell)
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


# --- recognising -------------------------------------------------------------------------------

HEAD_BYTES = 64 * 1024
HEAD_ROWS = 40


def head_of(file: BinaryIO, filename: str = "") -> Head:
    """Return the beginning of the file, decoded leniently, and leave the file at its start."""
    file.seek(0)
    start = file.read(HEAD_BYTES)
    file.seek(0)
    encoding = next((name for mark, name in _BOMS if start.startswith(mark)), "utf-8")
    text = start.decode(encoding, "replace").replace("\ufeff", "")
    lines = [line for line in re.split(r"\r\n?|\n", text) if line.strip()][:HEAD_ROWS]
    delimiter = _likely_delimiter(lines)
    rows = tuple(tuple(_leniently(line[:MAX_FIELD], delimiter)) for line in lines)
    return Head(filename=filename, start=start, text=text, rows=rows)


def _likely_delimiter(lines: list[str]) -> str:
    """Return the delimiter that splits the most lines into the most cells."""
    return max(DELIMITERS, key=lambda mark: sum(line.count(mark) for line in lines)) if lines else ","
