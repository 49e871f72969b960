"""An archive taken in: verified first, then in one transaction, and what is there already is left alone."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts import audit, versions
from accounts.models import Account, User
from journal import facets
from journal.archive import desk, files, fills, links, money, opening, places
from journal.archive.opening import ArchiveRefused, Opened
from journal.archive.places import Place, Places
from journal.archive.tables import PERSON, Table, is_ordered, tables
from journal.archive.values import BadValue, LineReader
from journal.signals import archive_taken_in
from trading import trades
from trading.imports import routing

#: Rows in hand at a time.
CHUNK = 2000

#: What may still be on its way at a venue, or by the clock.
_WAITING = ("orders", "managed_positions")
#: Tables whose documents and addresses hold outside ids.
_WITH_IDS = ("imports", "saved_views", "preferences")

Rows = list[dict[str, Any]]


class Restorer:
    """Takes one archive in for a person. Everything happens in the caller's transaction."""

    def __init__(
        self, owner: User, archive: Opened, *, trusts_reference: bool, on_progress: Callable[[int], None]
    ) -> None:
        self.owner = owner
        self.archive = archive
        self.trusts_reference = trusts_reference
        self.on_progress = on_progress
        self.places = Places()
        self.added: Counter[str] = Counter()
        self.remarks: list[str] = []
        #: Instruments that have another point value here than in the file.
        self.other_points: set[int] = set()
        self.done = 0
        self.is_first = not Account.objects.for_user(owner).exists()
        self.kept_files: list[str] = []

    def restore(self) -> None:
        """Every table is taken in, and trades are made anew from the fills that came."""
        routing.lock_new(self.owner.pk)
        trades.lock_accounts(Account.objects.for_user(self.owner).values_list("pk", flat=True))
        self._person()
        special: dict[str, Callable[[Table, Rows], None]] = {
            "ledger": lambda table, rows: money.ledger(self, rows),
            "instruments": lambda table, rows: fills.instruments(self, rows),
            "rates": lambda table, rows: fills.rates(self, rows),
            "executions": lambda table, rows: fills.executions(self, rows),
            "trades": lambda table, rows: fills.words(self, rows),
            "trade_playbooks": lambda table, rows: self.rows(table, self.of_trades(table, rows)),
            "attachments": lambda table, rows: files.attachments(self, self.of_trades(table, rows)),
            "orders": lambda table, rows: desk.orders(self, table, rows),
            "order_events": lambda table, rows: desk.order_events(self, table, rows),
            "shipped_strategies": lambda table, rows: desk.shipped_strategies(self, rows),
            "exit_strategies": lambda table, rows: desk.exit_strategies(self, table, rows),
            "plan_exits": lambda table, rows: desk.plan_exits(self, table, rows),
        }
        for table in tables():
            take = special.get(table.name, self.rows)
            if table.take is not None:
                take = partial(table.take, self)
            for rows in self._chunks(table):
                take(table, self._coming_back(table, rows))
                self.done += len(rows)
                self.on_progress(self.done)
            if table.name == "executions":
                fills.rebuild(self)
            if table.afterwards is not None:
                table.afterwards(self)
        money.free_what_orders_held(self)
        desk.check(self)
        links.follow(self, on_chunk=lambda: self.on_progress(self.done))
        versions.bump(self.owner.pk)
        # Tags, ratings and ticks were written past the verbs, which would have told the sums by them.
        facets.request_all(self.owner.pk)
        archive_taken_in.send(sender=Restorer, owner=self.owner)

    def rows(self, table: Table, rows: Rows) -> None:
        """The rows are there: those that were not, in the order of the file."""
        rows = self.resolved(table, rows)
        known = self._known(table, rows)
        new = [row for row in rows if row[table.key] not in known]
        if table.comes_with:
            new = [row for row in new if row["_of_new"]]
        self._names(table, new)
        ids = places.next_ids(table.model, len(new))
        made = [
            (row[table.key], Place(key, row.get("public_id_here"), is_new=True))
            for row, key in zip(new, ids, strict=True)
        ]
        if table.name != "import_rows":
            self.places.put(table.name, [*known.items(), *made])
        new = self._resolved(table, new, among=table.own_refs)
        keys = self.places.keys() if table.name in _WITH_IDS else {}
        places.insert(table.model, [self._columns(table, row, keys) for row in new], ids=ids)
        self.added[table.name] += len(ids)
        for name in table.many:
            self._label(table, name, new, ids)

    def resolved(self, table: Table, rows: Rows) -> Rows:
        """The rows with what they name put in as primary keys; those that name what was left out are left out.

        What they name of their own table comes with them, and is put in later.
        """
        return self._resolved(table, rows, among=[name for name in table.refs if name not in table.own_refs])

    def _resolved(self, table: Table, rows: Rows, *, among: Sequence[str]) -> Rows:
        found = rows
        for name in among:
            named = table.refs[name]
            field = table.model._meta.get_field(name)
            there = self.places.of(named, {row[name] for row in found})
            is_optional = bool(getattr(field, "null", False))
            kept = []
            for row in found:
                place = there.get(row[name])
                if row[name] is not None and place is None and not (is_optional or table.may_dangle):
                    raise ArchiveRefused(
                        _("%(name)s.jsonl names something in %(named)s.jsonl that is not there.")
                        % {"name": table.name, "named": named},
                        code="dangling",
                    )
                if place is None and not is_optional:
                    continue
                row[f"{name}_id"] = place.id if place else None
                if table.comes_with == name:
                    row["_of_new"] = bool(place and place.is_new)
                kept.append(row)
            found = kept
        return found

    def of_trades(self, table: Table, rows: Rows) -> Rows:
        """The rows with the ids that their trades have here; those whose trade is gone are left out."""
        there = self.places.of("trades", {row["trade_key"] for row in rows})
        kept = []
        for row in rows:
            if row["trade_key"] is not None:
                place = there.get(row["trade_key"])
                if place is None:
                    self.remark(_("What %(table)s has of trades that are gone was left out.") % {"table": table.name})
                    continue
                row["trade_key"] = place.key
            kept.append(row)
        return kept

    def _coming_back(self, table: Table, rows: Rows) -> Rows:
        found = [row for row in rows if table.comes_back(row)]
        if len(found) < len(rows) and table.name in _WAITING:
            self.remark(
                _("Orders that waited and plans that watched were left where they were: their fills and cash are here.")
            )
        return found

    def remark(self, words: str) -> None:
        """The person is told, once."""
        if words not in self.remarks and len(self.remarks) < 100:
            self.remarks.append(words)

    def _person(self) -> None:
        """Somebody who has nothing yet sees money and days as the archive's person did."""
        stated = self.archive.person()
        if stated.keys() != set(PERSON) or not all(isinstance(value, str) for value in stated.values()):
            raise ArchiveRefused(_("person.json is not as it should be."), code="bad_person")
        if not self.is_first:
            return
        for name in PERSON:
            setattr(self.owner, name, stated[name])
        try:
            self.owner.clean_fields(exclude=["password", "email", "public_id"])
            money.refuse_unknown_zone(self.owner.time_zone)
            money.refuse_unknown_currency(self.owner.reporting_currency)
        except (ValueError, ValidationError) as error:
            raise ArchiveRefused(_("person.json holds what is no choice here."), code="bad_person") from error
        User.objects.filter(pk=self.owner.pk).update(**{name: stated[name] for name in PERSON})

    def _chunks(self, table: Table) -> Iterator[Rows]:
        reader = LineReader(table)
        lines = enumerate(self.archive.lines(table.name), start=1)
        while piece := list(islice(lines, CHUNK)):
            rows = []
            for number, line in piece:
                try:
                    rows.append(reader.read(line))
                except BadValue as error:
                    raise ArchiveRefused(
                        _("%(name)s.jsonl, line %(number)s: %(reason)s.")
                        % {"name": table.name, "number": number, "reason": error},
                        code="bad_line",
                    ) from error
            if table.name == "accounts":
                money.refuse_bad_accounts(rows)
            yield rows

    def _known(self, table: Table, rows: Rows) -> dict[Any, Place]:
        """Where those of the rows are that the person has already; the others know the outside id that they get."""
        known: dict[Any, Place] = {}
        if table.key == "public_id":
            found = places.by_outside_id(table, self.owner, [row["public_id"] for row in rows])
            for row in rows:
                row["public_id_here"], key = found[row["public_id"]]
                if key is not None:
                    known[row["public_id"]] = Place(key, row["public_id_here"], is_new=False)
        if table.on_name == "merge":
            self._merged(table, rows, known)
        if table.unique:
            self._found_again(table, rows, known)
        return known

    def _merged(self, table: Table, rows: Rows, known: dict[Any, Place]) -> None:
        there = {
            name: (pk, key)
            for pk, key, name in table.rows(self.owner)
            .filter(name__in=[row["name"] for row in rows])
            .values_list("pk", "public_id", "name")
        }
        for row in rows:
            if row["public_id"] not in known and row["name"] in there:
                known[row["public_id"]] = Place(*there[row["name"]], is_new=False)

    def _found_again(self, table: Table, rows: Rows, known: dict[Any, Place]) -> None:
        """Rows are found by what is unique of them."""
        names = [self._attribute(table, name) for name in table.unique]
        queried = [name for name in names if name != "owner_id"]
        has_key = table.key == "public_id"
        columns = ["pk", *(["public_id"] if has_key else []), *queried]
        there = {}
        wanted = [tuple(row[name] for name in queried) for row in rows]
        candidates = table.rows(self.owner)
        for place, name in enumerate(queried):
            values = {each[place] for each in wanted}
            nothing = Q(**{f"{name}__isnull": True}) if None in values else Q(pk__in=[])
            candidates = candidates.filter(nothing | Q(**{f"{name}__in": values - {None}}))
        for pk, *values in candidates.values_list(*columns):
            key = values.pop(0) if has_key else None
            there[tuple(values)] = Place(pk, key, is_new=False)
        for row, each in zip(rows, wanted, strict=True):
            if each in there:
                known.setdefault(row[table.key], there[each])

    def _attribute(self, table: Table, name: str) -> str:
        return str(table.model._meta.get_field(name).attname)  # type: ignore[union-attr]

    def _names(self, table: Table, new: Rows) -> None:
        """No two things of the person have one name: what came is called (2) where its name was taken."""
        if table.on_name != "rename" or not new:
            return
        taken = set(table.rows(self.owner).values_list("name", flat=True))
        longest = table.model._meta.get_field("name").max_length or 100  # type: ignore[union-attr]
        for row in new:
            name, number = row["name"], 2
            while row["name"] in taken:
                row["name"] = f"{name[: longest - 6]} ({number})"
                number += 1
            if row["name"] != name:
                self.remark(
                    _("%(name)s is called %(other)s here: you had one of that name.")
                    % {"name": name, "other": row["name"]}
                )
            taken.add(row["name"])

    def _columns(self, table: Table, row: dict[str, Any], keys: dict[str, str]) -> dict[str, Any]:
        """The row by columns of its table, with the outside ids that things have here in its documents."""
        found = {name: row[name] for name in table.columns if name not in ("public_id", "id")}
        found |= {f"{name}_id": row[f"{name}_id"] for name in table.refs}
        if table.key == "public_id":
            found["public_id"] = row["public_id_here"]
        if table.has_owner:
            found["owner_id"] = self.owner.pk
        if keys:
            found = {name: links.renamed(value, keys) for name, value in found.items()}
        if table.name == "portfolios":
            # The ledger that follows says what is in it.
            found |= {"available_balance": 0, "reserved_balance": 0}
        more: dict[str, Any] = row.get("_more", {})
        return found | more

    def _label(self, table: Table, name: str, new: Rows, ids: Sequence[int]) -> None:
        there = self.places.of(table.many[name], {old for row in new for old in row[name]})
        field: Any = table.model._meta.get_field(name)
        through = field.remote_field.through
        own, other = field.m2m_column_name(), field.m2m_reverse_name()
        has_order = is_ordered(through)
        links = {
            (key, there[old].id): {own: key, other: there[old].id, **({"position": position} if has_order else {})}
            for row, key in zip(new, ids, strict=True)
            for position, old in enumerate(row[name])
            if old in there
        }
        places.insert(through, list(links.values()))


def take_in(
    owner: User,
    path: Path,
    *,
    trusts_reference: bool = False,
    on_progress: Callable[[int], None] = lambda rows: None,
    on_total: Callable[[int], None] = lambda rows: None,
) -> tuple[dict[str, int], list[str]]:
    """Everything in the archive is this person's as well; returns the rows added per table, and remarks in words.

    What they have already stays as it is, so that taking the same archive in again adds nothing. Instruments and rates
    are everybody's: those that are not known here come from the archive only when `trusts_reference` says so.
    The caller has opened the transaction. Raises ArchiveRefused.
    """
    with opening.opened(path) as archive:
        on_total(archive.total)
        restorer = Restorer(owner, archive, trusts_reference=trusts_reference, on_progress=on_progress)
        try:
            restorer.restore()
            _check_constraints()
        except IntegrityError as error:
            files.forget(restorer.kept_files)
            raise ArchiveRefused(_("It contradicts itself or a rule of this journal."), code="contradiction") from error
        except BaseException:
            files.forget(restorer.kept_files)
            raise
    added = {name: count for name, count in restorer.added.items() if count}
    audit.written("archive.import", subject="archive", owner_id=owner.pk, after=added)
    return added, restorer.remarks


def _check_constraints() -> None:
    """What is checked at the end of a transaction is checked now, while the answer can still say so."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
