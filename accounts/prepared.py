"""Statements that are worked out once: the SQL of a QuerySet by this process, its plan by each database connection.

Of the 38 ms that an order took, Django needed 20 to write the same SQL as before and PostgreSQL 13 to plan it again.
The QuerySet remains the one place that says what is read; here it is only not said anew every time. For the paths that
run hundreds of times a second; everywhere else the ORM alone is quick enough and says more when it fails.

The settings decide whether plans are kept (`PREPARED_STATEMENTS`): a pooler that hands connections from transaction to
transaction has to know of them, as PgBouncer does from 1.21 on.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Any, Generic, TypeVar, cast

import orjson
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import NOT_PROVIDED, Model, QuerySet
from django.db.models.base import ModelState
from django.db.models.expressions import RawSQL
from psycopg import Cursor

M = TypeVar("M", bound=Model)
Parameters = Sequence[Any] | Mapping[str, Any]


def rows(statement: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
    """What the statement returns, in the caller's transaction; its plan is kept by the connection."""
    with _executed(statement, parameters) as cursor:
        return cursor.fetchall()


def run(statement: str, parameters: Sequence[Any] = ()) -> None:
    """The statement is carried out, in the caller's transaction; inside of `as_one`, by its end."""
    if (gathered := _gathered.get()) is not None:
        gathered.append((statement, parameters))
        return
    with _executed(statement, parameters):
        pass


#: What is `run` inside of `as_one`, while that lasts.
_gathered: ContextVar[list[tuple[str, Sequence[Any]]] | None] = ContextVar("gathered", default=None)


@contextmanager
def as_one() -> Iterator[None]:
    """What is `run` inside is one statement: six small ones then cost little more than one.

    None of them sees what another writes, and in what order they are carried out is the database's affair; what rows
    refer to may be among them, as that is looked at when all is written. Where one fails, none has done anything.
    """
    gathered: list[tuple[str, Sequence[Any]]] = []
    token = _gathered.set(gathered)
    try:
        yield
    finally:
        _gathered.reset(token)
    if gathered:
        statement = _joined(tuple(each for each, _ in gathered))
        run(statement, [value for _, parameters in gathered for value in parameters])


@cache
def _joined(statements: tuple[str, ...]) -> str:
    return f"WITH {', '.join(f'part{place} AS ({each})' for place, each in enumerate(statements))} SELECT"


@contextmanager
def _executed(statement: str, parameters: Parameters) -> Iterator[Cursor[Any]]:
    database = connections[DEFAULT_DB_ALIAS]
    database.close_if_health_check_failed()
    database.ensure_connection()
    database.validate_no_broken_transaction()
    begun = time.monotonic() if database.queries_logged else None
    with database.wrap_database_errors:
        # Django's own cursor writes the values into the SQL, so that no two statements are the same.
        cursor = Cursor(database.connection)
        cursor.execute(_encoded(statement), _bound(parameters), prepare=True)
        yield cursor
    if begun is not None:
        database.queries_log.append({"sql": statement, "time": f"{time.monotonic() - begun:.3f}"})


@cache
def _encoded(statement: str) -> bytes:
    return statement.encode()


def _bound(parameters: Parameters) -> Parameters:
    """Lists of keys written as PostgreSQL reads them: psycopg's own way took a twelfth of the work of an order."""
    if isinstance(parameters, Mapping):
        return {name: _array(value) if type(value) is list else value for name, value in parameters.items()}
    return [_array(value) if type(value) is list else value for value in parameters]


def _array(values: list[Any]) -> Any:
    return f"{{{','.join(map(str, values))}}}" if all(type(value) is int for value in values) else values


class Prepared(Generic[M]):
    """A QuerySet with gaps: what is asked is written in the ORM's words, and read with other values each time.

    `make` builds it from keyword arguments, of which `examples` has a value each that comes nowhere else in it.
    """

    def __init__(self, make: Callable[..., QuerySet[M]], **examples: Any) -> None:
        self._make = make
        self._examples = examples
        self._compiled: _Compiled | None = None

    def all(self, **values: Any) -> list[M]:
        """The rows for these values."""
        if self._compiled is None:
            self._compiled = _Compiled(self._make(**self._examples), self._examples)
        return cast("list[M]", self._compiled.objects(values))

    def first(self, **values: Any) -> M | None:
        """The row for these values, None where there is none."""
        found = self.all(**values)
        return found[0] if found else None


def one_of(ids: Sequence[int]) -> RawSQL:
    """For `pk__in`: any of these, which are one parameter however many they are."""
    return RawSQL("SELECT unnest(%s::bigint[])", [ids])


class _Compiled:
    """The SQL of a QuerySet, where its gaps are, and how a row becomes an object; as Django's ModelIterable has it."""

    def __init__(self, queryset: QuerySet[Any], examples: Mapping[str, Any]) -> None:
        compiler = queryset.query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        self.sql = sql
        self.parameters = [_gap(value, examples) for value in parameters]
        select = compiler.select
        self.shape = _Shape(compiler.klass_info, select)
        self.annotations = list((compiler.annotation_col_map or {}).items())
        converters = compiler.get_converters([column[0] for column in select])
        self.converted = (lambda found: compiler.apply_converters(found, converters)) if converters else None

    def objects(self, values: Mapping[str, Any]) -> list[Any]:
        found: Any = rows(self.sql, [values[name] if name else value for name, value in self.parameters])
        if self.converted is not None:
            found = self.converted(found)
        return [self._object(row) for row in found]

    def _object(self, row: Sequence[Any]) -> Any:
        made = self.shape.read(row)
        for name, place in self.annotations:
            setattr(made, name, row[place])
        return made


class _Shape:
    """How columns of a row become an object and those that it refers to: as ModelIterable has it, without the signals
    and the questions about each value, which are there for objects that a caller makes.
    """

    def __init__(self, klass_info: Mapping[str, Any], select: Sequence[Any]) -> None:
        self.model = klass_info["model"]
        places = klass_info["select_fields"]
        self.columns = [(select[place][0].target.attname, place) for place in places]
        self.key = next(place for place in places if select[place][0].target.primary_key)
        self.related = [
            (each["local_setter"], each["remote_setter"], _Shape(each, select))
            for each in klass_info.get("related_klass_infos", ())
        ]

    def read(self, row: Sequence[Any]) -> Any:
        found = self.model.__new__(self.model)
        found._state = ModelState()
        found._state.adding, found._state.db = False, DEFAULT_DB_ALIAS
        found.__dict__.update((name, row[place]) for name, place in self.columns)
        for set_here, set_there, shape in self.related:
            other = None if row[shape.key] is None else shape.read(row)
            set_here(found, other)
            if other is not None:
                set_there(other, found)
        return found


def _gap(value: Any, examples: Mapping[str, Any]) -> tuple[str, Any]:
    """The name of the gap that this parameter fills, with nothing; or no name, and the value that it always has."""
    named = [name for name, example in examples.items() if value == example and type(value) is type(example)]
    return (named[0], None) if named else ("", value)


def made(model: type[M], **values: Any) -> M:
    """An unsaved object, as `model(**values)` makes it, in a quarter of the time: no signals, no checks of names."""
    blank = _blank(model)
    found = model.__new__(model)
    found._state = ModelState()
    kept = found.__dict__
    kept.update(blank.constants)
    for name, value in values.items():
        relation = blank.relations.get(name)
        if relation is None:
            kept[name] = value
            continue
        kept[relation] = None if value is None else value.pk
        found._state.fields_cache[name] = value
    for name, make in blank.computed:
        if name not in values:
            kept[name] = make()
    return found


class _Blank:
    """The values of a model's fields where none is given."""

    def __init__(self, model: type[Model]) -> None:
        fields = [field for field in model._meta.concrete_fields if not field.generated]
        is_computed = {
            field
            for field in fields
            if (field.has_default() and callable(field.default)) or field.db_default is not NOT_PROVIDED
        }
        self.constants = {field.attname: field.get_default() for field in fields if field not in is_computed}
        self.computed = [(field.attname, field.get_default) for field in fields if field in is_computed]
        self.relations = {field.name: field.attname for field in fields if field.is_relation}


@cache
def _blank(model: type[Model]) -> _Blank:
    return _Blank(model)


def insert(objects: Sequence[Model]) -> None:
    """Unsaved objects of one model are in its table, in their order: as `bulk_create` has it, in one statement.

    Keys that they have are kept; those that the database gives are not told to them.
    """
    if objects:
        insertion = _insertion(type(objects[0]), has_keys=objects[0].pk is not None)
        run(insertion.statement, [insertion.document(objects)])
        _are_stored(objects)


def insert_numbered(objects: Sequence[Model]) -> list[int]:
    """As `insert`, for objects without keys; returns those that they have now."""
    if not objects:
        return []
    insertion = _insertion(type(objects[0]), has_keys=False)
    found = rows(f"{insertion.statement} RETURNING id", [insertion.document(objects)])
    _are_stored(objects)
    return [key for (key,) in found]


def _are_stored(objects: Sequence[Model]) -> None:
    for each in objects:
        each._state.adding, each._state.db = False, DEFAULT_DB_ALIAS


class _Insertion:
    """How rows of a model are inserted: all values come as one JSON document, which is a third of the work of binding
    each; numbers travel as text, so that none is rounded.
    """

    def __init__(self, model: type[Model], *, has_keys: bool) -> None:
        fields = [
            field
            for field in model._meta.concrete_fields
            if not field.generated and (has_keys or not (field.primary_key or field.db_default is not NOT_PROVIDED))
        ]
        self.columns = [field.column for field in fields]
        self.values = attrgetter(*(field.attname for field in fields))
        self.stamps = [
            field for field in fields if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
        ]
        columns = ", ".join(f'"{field.column}"' for field in fields)
        typed = ", ".join(f'"{field.column}" {field.db_type(connection)}' for field in fields)
        self.statement = (
            f'INSERT INTO "{model._meta.db_table}" ({columns}) '  # noqa: S608 - names of our own models
            f"SELECT {columns} FROM json_to_recordset(%s::json) AS given({typed})"
        )

    def document(self, objects: Sequence[Any]) -> str:
        """The objects as JSON, with the times that they are written at."""
        for field in self.stamps:
            for each in objects:
                field.pre_save(each, add=True)
        return document(dict(zip(self.columns, self.values(each), strict=True)) for each in objects)


@cache
def _insertion(model: type[Model], *, has_keys: bool) -> _Insertion:
    return _Insertion(model, has_keys=has_keys)


def document(values: Iterable[Mapping[str, Any]]) -> str:
    """The rows as JSON, for `json_to_recordset`, which costs less than to bind each value."""
    return orjson.dumps(list(values), default=_plain).decode()


def _plain(value: object) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
