"""Lines of an archive read strictly: each value is of its column's type and bounds, or the file is refused.

Of a table that came to archives late, columns may lack that came later still, or be there that are no more.
"""

import re
import uuid
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import orjson
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models
from django.utils.dateparse import parse_duration

from accounts import exact_json
from accounts.text import one_line
from journal.archive.tables import BY_NAME, Table

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
#: Amounts of tokens are longer than what money and prices have; what a column may hold is checked after.
_PLAIN = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,36})?", re.ASCII)
#: As deep as documents can be written.
_DEEPEST = 200
_YEARS = range(1900, 2201)
_LARGEST: dict[Any, int] = {
    models.SmallIntegerField: 2**15 - 1,
    models.IntegerField: 2**31 - 1,
    models.BigIntegerField: 2**63 - 1,
}


class BadValue(ValueError):
    """A value is not what its column may hold."""


class LineReader:
    """Reads the lines of one table."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.readers: dict[str, Callable[[Any], Any]] = {}
        for name in table.columns:
            self.readers[name] = _reader(table.model._meta.get_field(name))
        for name, named in table.refs.items():
            is_null = bool(getattr(table.model._meta.get_field(name), "null", False))
            self.readers[name] = _optional(_key_reader(named), is_null=is_null)
        for name, named in table.many.items():
            self.readers[name] = _list_of(_key_reader(named))

    def read(self, line: bytes) -> dict[str, Any]:
        """The values of a line by column. Raises BadValue, which says what is wrong with it."""
        try:
            row = exact_json.loads(line)
        except orjson.JSONDecodeError as error:
            raise BadValue("it is not JSON") from error
        if not isinstance(row, dict):
            raise BadValue("it is not an object")
        if not self.table.may_be_missing:
            if unknown := sorted(row.keys() - self.readers.keys()):
                raise BadValue(f"there is no column {unknown[0][:40]!r}")
            if missing := sorted(self.readers.keys() - row.keys() - set(self.table.later)):
                raise BadValue(f"the column {missing[0]} is missing")
        values = {}
        for name, reader in self.readers.items():
            if name not in row:
                values[name] = self.default(name)
                continue
            try:
                values[name] = reader(row[name])
            except ValueError as error:
                raise BadValue(f"{name}: {error}") from error
        return values

    def default(self, name: str) -> Any:
        """What a row has in a column that its archive does not know. Raises BadValue where there is no such thing."""
        if name in self.table.many:
            return []
        field: Any = self.table.model._meta.get_field(name)
        if name == self.table.key or not (field.null or field.blank or field.has_default()):
            raise BadValue(f"the column {name} is missing")
        return None if field.null else field.get_default()


def _key_reader(table: str) -> Callable[[Any], Any]:
    named = BY_NAME[table]
    return _uuid if named.key == "public_id" else _whole(2**63 - 1)


def _reader(field: Any) -> Callable[[Any], Any]:
    reader = _plain_reader(field)
    if field.choices and not isinstance(field, models.JSONField):
        reader = _one_of(reader, {value for value, _ in field.flatchoices} | ({""} if field.blank else set()))
    return _optional(reader, is_null=bool(field.null))


def _plain_reader(field: Any) -> Callable[[Any], Any]:
    if isinstance(field, ArrayField):
        return _list_of(_reader(field.base_field))
    if isinstance(field, models.DecimalField):
        return _decimal(field)
    if isinstance(field, models.IntegerField):
        base = next((each for each in type(field).__mro__ if each in _LARGEST), models.IntegerField)
        least = 0 if isinstance(field, models.PositiveSmallIntegerField | models.PositiveIntegerField) else None
        return _whole(32767 if isinstance(field, models.PositiveSmallIntegerField) else _LARGEST[base], least=least)
    return next((reader for kind, reader in _READERS if isinstance(field, kind)), None) or _text(field)


def _optional(reader: Callable[[Any], Any], *, is_null: bool) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if value is None:
            if is_null:
                return None
            raise ValueError("it is null")
        return reader(value)

    return read


def _one_of(reader: Callable[[Any], Any], allowed: set[Any]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if (found := reader(value)) not in allowed:
            raise ValueError("it is not one of its choices")
        return found

    return read


def _list_of(reader: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    def read(value: Any) -> list[Any]:
        if not isinstance(value, list) or len(value) > 1000:
            raise ValueError("it is not a list")
        return [reader(each) for each in value]

    return read


def _text(field: Any) -> Callable[[Any], str]:
    longest = field.max_length
    is_name = field.name in ("name", "symbol", "currency")

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("it is not text")
        if longest is not None and len(value) > longest:
            raise ValueError(f"it is longer than {longest} characters")
        if "\x00" in value:
            raise ValueError("it has a character that cannot be kept")
        if is_name and one_line(value) != value:
            raise ValueError("it is not a name on one line")
        for validator in field.validators:
            if value and not isinstance(validator, MaxLengthValidator):
                _valid(validator, value)
        return value

    return read


def _valid(validator: Callable[[Any], None], value: Any) -> None:
    try:
        validator(value)
    except ValidationError as error:
        raise ValueError("it is not as its column wants it") from error


def _decimal(field: Any) -> Callable[[Any], Decimal]:
    places, whole = field.decimal_places, field.max_digits - field.decimal_places

    def read(value: Any) -> Decimal:
        if not isinstance(value, str):
            raise ValueError("a decimal is written as text")
        if not _PLAIN.fullmatch(value):
            raise ValueError(f"not a plain decimal: {value[:40]!r}")
        number = Decimal(value)
        _, digits, exponent = number.as_tuple()
        assert isinstance(exponent, int)
        if -exponent > places or len(digits) + exponent > whole:
            raise ValueError(f"it has more than {whole} digits before or {places} after the point")
        return number

    return read


def _whole(largest: int, *, least: int | None = None) -> Callable[[Any], int]:
    lowest = -largest - 1 if least is None else least

    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= largest:
            raise ValueError("it is not a whole number of its size")
        return value

    return read


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("it is neither true nor false")
    return value


def _document(value: Any) -> Any:
    _refuse_nul(value)
    return value


def _refuse_nul(value: Any, *, depth: int = 0) -> None:
    if depth > _DEEPEST:
        raise ValueError("it is nested too deeply")
    if isinstance(value, str) and "\0" in value:
        raise ValueError("it has a character that cannot be kept")
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for each in value:
            _refuse_nul(each, depth=depth + 1)


def _uuid(value: Any) -> uuid.UUID:
    if not isinstance(value, str):
        raise ValueError("it is not an id")
    found = uuid.UUID(value)
    if str(found) != value:
        raise ValueError("it is not an id")
    return found


def _day(value: Any) -> date:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError("it is not a date")
    found = date.fromisoformat(value)
    if found.year not in _YEARS:
        raise ValueError("it is out of reach")
    return found


def _moment(value: Any) -> datetime:
    if not isinstance(value, str) or len(value) > 40:
        raise ValueError("it is not a time")
    found = datetime.fromisoformat(value)
    if found.tzinfo is None or found.year not in _YEARS:
        raise ValueError("it is not an instant with its offset")
    return found


def _duration(value: Any) -> timedelta:
    found = parse_duration(value) if isinstance(value, str) and len(value) <= 40 else None
    if found is None:
        raise ValueError("it is not a duration")
    return found


def _time(value: Any) -> time:
    if not isinstance(value, str) or len(value) > 15:
        raise ValueError("it is not a time of day")
    found = time.fromisoformat(value)
    if found.tzinfo is not None:
        raise ValueError("it is not a time of day")
    return found


# A time of a day is a day as well, to Django.
_READERS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (models.BooleanField, _truth),
    (models.JSONField, _document),
    (models.UUIDField, _uuid),
    (models.DateTimeField, _moment),
    (models.DateField, _day),
    (models.TimeField, _time),
    (models.DurationField, _duration),
)
