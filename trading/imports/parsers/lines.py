"""Text files strictly read: bytes to physical lines, lines to cells, and what is wrong with them.

A quote that never closes or a byte that is no text is said with its line; nothing is swallowed or replaced.
Memory does not grow with the file.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from trading.imports.parsers.base import BadCell, FileRefused, Head, ParseContext

MAX_LINE = 1024 * 1024  #: characters of one physical line, and of one quoted field over several lines
MAX_QUOTED_LINES = 2_000
MAX_FIELD = 131_072
DELIMITERS = (",", ";", "\t", "|")
BLOCK = 256 * 1024
HEAD_BYTES = 64 * 1024
HEAD_ROWS = 40

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_NONCHARACTER = re.compile("[\ufffe\uffff]")
_EXCEL_TEXT = re.compile(r'="([^"]*)"')

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
    number, pending = 0, ""
    for text in _decoded(file, block, context):
        lines = (pending + text).split("\n")
        pending = lines.pop()
        for line in lines:
            number += 1
            if len(line) > MAX_LINE:
                raise _too_long(number)
            yield line
        if len(pending) > MAX_LINE:
            raise _too_long(number + 1)
    if pending:
        yield pending


def _decoded(file: BinaryIO, block: bytes, context: ParseContext) -> Iterator[str]:
    """Yield the text block by block with LF as its only line end."""
    encoding, offset = _encoding_of(block, context)
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("strict"), translate=True)
    block, line = block[offset:], 1
    while True:
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as problem:
            raise _undecodable(problem, encoding=encoding, line=line, end=offset + len(block)) from None
        if found := _NONCHARACTER.search(text):
            line += text.count("\n", 0, found.start())
            raise FileRefused("encoding", f"Line {line} holds U+FFFE, which is no text.", line=line)
        yield text
        if not block:
            return
        line += text.count("\n")
        offset += len(block)
        block = file.read(BLOCK)


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
    at_line = line + before.count("\n") + before.replace("\r\n", "").count("\r")
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
        if not text.isprintable() and problem is None and CONTROL.search(text):
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


# --- whole lines in quotes, and lenient reading -------------------------------------------------


def unwrapped(cells: list[str], delimiter: str) -> list[str]:
    """Return the cells inside a row that was quoted as a whole, any other row as it is."""
    if len(cells) != 1 or delimiter not in cells[0]:
        return cells
    try:
        return next(csv.reader([cells[0]], delimiter=delimiter, strict=True))
    except csv.Error:
        return cells


def split_leniently(line: str, delimiter: str) -> list[str]:
    """Return the stripped cells of one line, for recognising; [] for what cannot be split."""
    try:
        cells = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []
    return [cell.strip() for cell in unwrapped(cells, delimiter)]


# --- recognising -------------------------------------------------------------------------------


def head_of(file: BinaryIO, filename: str = "") -> Head:
    """Return the beginning of the file, decoded leniently, and leave the file at its start."""
    file.seek(0)
    start = file.read(HEAD_BYTES)
    file.seek(0)
    encoding = next((name for mark, name in _BOMS if start.startswith(mark)), "utf-8")
    text = start.decode(encoding, "replace").replace("\ufeff", "")
    lines = [line for line in re.split(r"\r\n?|\n", text) if line.strip()][:HEAD_ROWS]
    delimiter = _likely_delimiter(lines)
    rows = tuple(tuple(split_leniently(line[:MAX_FIELD], delimiter)) for line in lines)
    return Head(filename=filename, start=start, text=text, rows=rows)


def _likely_delimiter(lines: list[str]) -> str:
    """Return the delimiter that splits the most lines into the most cells."""
    return max(DELIMITERS, key=lambda mark: sum(line.count(mark) for line in lines)) if lines else ","
