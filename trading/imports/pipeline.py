"""From a file to fills in accounts: recognise, read, route, leave out what is there already, and make trades anew.

One transaction per file: all of it is applied or nothing. The same path serves the page, the API, the worker and the
command.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Min, QuerySet
from django.utils import timezone

from accounts.models import Account
from trading import instruments, trades
from trading.imports import remarks, routing, staging
from trading.imports.parsers import registry
from trading.imports.parsers.base import (
    ColumnChoice,
    FileRefused,
    ParseContext,
    Parser,
    RootSpec,
    RowError,
)
from trading.imports.parsers.tables import head_of
from trading.imports.remarks import Remark
from trading.imports.staging import Staged, StagedInstrument
from trading.instruments import InstrumentKey
from trading.models import Execution, FuturesRoot, ImportBatch, Instrument
from trading.rebuilding import Scope

#: Raised when the way a file is read changes, so that a replay can say so.
PARSER_VERSION = 1


@dataclass(slots=True)
class Report:
    """What a dry run found, or what an import did. `as_json` is what batches keep."""

    format: str = ""
    label: str = ""
    rows: int = 0
    fills: int = 0
    new: int = 0
    duplicates: int = 0
    trades_created: int = 0
    trades_changed: int = 0
    skipped: list[dict[str, Any]] = field(default_factory=list)
    skipped_count: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)
    error_count: int = 0
    warnings: list[dict[str, Any]] = field(default_factory=list)
    accounts: list[dict[str, Any]] = field(default_factory=list)
    instruments: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    costs: dict[str, str] = field(default_factory=dict)
    first_on: date | None = None
    last_on: date | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values; dates as ISO text."""
        values = asdict(self)
        for name in ("first_on", "last_on"):
            values[name] = values[name].isoformat() if values[name] else None
        return values

    @property
    def is_applicable(self) -> bool:
        """Whether the file can be imported as it stands."""
        return not self.error_count and not self.decisions


class NotApplicable(Exception):
    """The file has errors or waits for decisions; nothing of it was written. `report` says which."""

    def __init__(self, report: Report) -> None:
        super().__init__("the file cannot be imported as it stands")
        self.report = report


def path_of(batch: ImportBatch) -> Path:
    """Where the batch's file is stored."""
    return Path(settings.MEDIA_ROOT) / "imports" / batch.stored_as


@transaction.atomic
def preview(batch: ImportBatch, *, on_progress: Callable[[int], None] = lambda rows: None) -> Report:
    """What importing the batch would do, with nothing written. Raises FileRefused."""
    savepoint = transaction.savepoint()
    try:
        with closing(path_of(batch).open("rb")) as file:
            return _Run(batch, file, on_progress=on_progress).read()
    finally:
        transaction.savepoint_rollback(savepoint)


def apply(batch: ImportBatch, *, on_progress: Callable[[int], None] = lambda rows: None) -> Report:
    """The batch's fills are in their accounts and the trades they make exist; runs in the caller's transaction.

    Raises: FileRefused; NotApplicable when there are errors or open decisions; staging.ImportCanceled.
    """
    with closing(path_of(batch).open("rb")) as file:
        run = _Run(batch, file, on_progress=on_progress, keep_rows=True)
        report = run.read()
        if not report.is_applicable:
            raise NotApplicable(report)
        return run.write()


def claim(batch: ImportBatch, *, of: ImportBatch) -> int:
    """The fills of the other batch that this batch's file states too are this one's; returns how many.

    Raises: FileRefused; NotApplicable when the file can no longer be read as it was, or states none of them.
    """
    with closing(path_of(batch).open("rb")) as file:
        report = _Run(batch, file, on_progress=lambda rows: None).read()
        claimed = staging.claim(batch.pk, of=of.pk) if report.is_applicable else 0
    if not claimed:
        raise NotApplicable(report)
    return claimed


class _Run:
    """One reading of one file."""

    def __init__(
        self,
        batch: ImportBatch,
        file: BinaryIO,
        *,
        on_progress: Callable[[int], None],
        keep_rows: bool = False,
    ) -> None:
        self.batch = batch
        self.file = file
        self.on_progress = on_progress
        self.kept_in = batch.pk if keep_rows else None
        self.report = Report()
        self.routes: dict[int, Account] = {}
        self.numbers: dict[str, Account] = {}
        self.newest_first = False
        self.remarks: dict[str, Remark] = {}

    def read(self) -> Report:
        """The file is staged and routed; the report says what would come of it."""
        head = head_of(self.file, self.batch.filename)
        selected = self.batch.selected_format
        if self.batch.options.get("mapping"):
            selected = "mapped_csv"
        parser, warning = registry.choose(head, selected=selected)
        report = self.report
        report.format, report.label = parser.name, parser.label
        if warning:
            report.warnings.append({"line": 0, "code": "format_overridden", "message": warning})
        staged = staging.stage(
            self.file,
            parser=parser,
            context=context_of(self.batch),
            batch_id=self.kept_in,
            on_progress=self.on_progress,
        )
        self.newest_first = staged.is_newest_first
        self.remarks = staged.remarks
        self._describe(staged)
        if staged.fills == 0 and not staged.error_count and not staged.skipped:
            raise FileRefused("no_rows", "The file has a header and no rows.")
        if staged.error_count:
            return report
        self._route(parser, staged)
        if not report.decisions:
            self._decide_sell_only(parser, staged)
        return report

    def _describe(self, staged: Staged) -> None:
        report = self.report
        report.rows, report.fills = staged.rows, staged.fills
        report.skipped = [
            {"code": code, "message": message, "count": count}
            for (code, message), count in staged.skipped.most_common(50)
        ]
        report.skipped_count = staged.skipped.total()
        report.errors = [_error(error) for error in staged.errors]
        report.error_count = staged.error_count
        report.warnings += [{"line": item.line, "code": item.code, "message": item.message} for item in staged.warnings]
        report.costs = {currency: f"{amount:f}" for currency, amount in staged.commission.items()}
        report.first_on, report.last_on = staged.first_on, staged.last_on

    def _route(self, parser: Parser, staged: Staged) -> None:
        routes = self._routes(parser, staged)
        for number, key in staged.account_numbers.items():
            account = routes.get(number)
            self.report.accounts.append(
                {
                    "number": number,
                    "fills": staged.account_fills[key],
                    "account": str(account.public_id) if account and account.pk else None,
                    "name": account.name if account else "",
                    "is_new": bool(account and not account.pk),
                }
            )
            if account is None:
                self.report.decisions.append(_account_decision(number, staged.account_fills[key]))
            else:
                self.routes[key] = self.numbers[number] = account
        if self.report.decisions:
            return
        # Everybody locks in this order: instruments, accounts, the person's version, which a new account moves on.
        found = self._instruments(staged)
        if self.kept_in is not None:
            self._lock_accounts()
            routing.save_new(self.routes.values(), owner=self.batch.owner)
        staging.route(
            # In a dry run, accounts that would be made have no key: below zero stands for them.
            {key: account.pk or -1 - key for key, account in self.routes.items()},
            {
                key: (found[item].pk, found[item].currency, found[item].multiplier)
                for item, key in staged.instruments.items()
            },
        )
        if self.kept_in is None:  # or else `write` knows by what it inserted
            self.report.duplicates = staging.count_duplicates()
            self.report.new = staged.fills - self.report.duplicates

    def _lock_accounts(self) -> None:
        """The accounts that the file feeds stay until the end. Raises FileRefused when one is gone already."""
        wanted = {account.pk for account in self.routes.values() if account.pk}
        trades.lock_accounts(wanted)
        if Account.objects.filter(pk__in=wanted).count() < len(wanted):
            raise FileRefused("account_gone", "An account of this file was deleted meanwhile. Look into it again.")

    def _routes(self, parser: Parser, staged: Staged) -> dict[str, Account]:
        """The accounts of the numbers. Of two files at once that name the same new one, the second finds it."""
        numbers = list(staged.account_numbers)
        routes = routing.route(self.batch, broker=parser.broker, numbers=numbers)
        if self.kept_in is not None and any(account.pk is None for account in routes.values()):
            routing.lock_new(self.batch.owner_id)
            routes = routing.route(self.batch, broker=parser.broker, numbers=numbers)
        return routes

    def _instruments(self, staged: Staged) -> dict[StagedInstrument, Instrument]:
        keys = {
            item: InstrumentKey(
                item.symbol,
                item.kind,
                item.currency or (self.routes[item.account_key].currency if item.account_key is not None else ""),
                item.multiplier,
            )
            for item in staged.instruments
        }
        on = staged.last_on or timezone.now().date()
        existing = set(
            Instrument.objects.filter(symbol__in={key.symbol for key in keys.values()}).values_list("symbol", flat=True)
        )
        found = instruments.find_or_create(keys.values(), on=on)
        self.report.instruments = [
            {"symbol": instrument.symbol, "kind": instrument.kind, "currency": instrument.currency}
            for instrument in {found[key].pk: found[key] for key in keys.values()}.values()
            if instrument.symbol not in existing
        ][:200]
        return {item: found[key] for item, key in keys.items()}

    def _decide_sell_only(self, parser: Parser, staged: Staged) -> None:
        if not parser.sell_only_needs_decision:
            return
        made: dict[str, str] = self.batch.options.get("decisions", {})
        numbers = {key: number for number, key in staged.account_numbers.items()}
        for key, symbol, line, quantity in staging.sell_only_stocks():
            name = f"{numbers[key]}|{symbol}"
            if made.get(name) == "leave_out":
                staging.leave_out(key, symbol, batch_id=self.kept_in)
            elif made.get(name) != "import_as_short":
                self.report.decisions.append(
                    {
                        "code": "sell_without_position",
                        "key": name,
                        "line": line,
                        "message": f"{symbol} is only sold in this file ({quantity.normalize():f}) and not held in the "
                        "account: is it a short sale, or were the shares bought before this file begins?",
                        "choices": ["import_as_short", "leave_out"],
                    }
                )

    def write(self) -> Report:
        """The staged fills are executions and the trades they make exist."""
        owner_id = self.batch.owner_id
        trades.lock_accounts(account.pk for account in self.routes.values())
        created = staging.insert_executions(self.batch.pk, newest_first=self.newest_first, day_of=trades.DAY_OF)
        report = self.report
        report.new, report.duplicates = created, report.fills - created
        if created < report.fills:
            staging.mark_duplicates(self.batch.pk)
        routing.remember(owner_id, self.numbers, broker=registry.by_name(report.format).broker)
        for item in report.accounts:
            item["account"] = str(self.numbers[item["number"]].public_id)
        if created:
            rebuilt = trades.changed(owner_id, scopes_of(Execution.objects.filter(batch=self.batch)))
            report.trades_created, report.trades_changed = rebuilt.created, rebuilt.changed
            remarks.attach(self.batch, self.remarks)
        return report


def scopes_of(fills: QuerySet[Execution]) -> list[Scope]:
    """One scope per account and instrument that these fills are in."""
    return [
        Scope(account_id, instrument_id, since)
        for account_id, instrument_id, since in fills.values_list("account_id", "instrument_id").annotate(
            since=Min("sort_at")
        )
    ]


def zone_of(batch: ImportBatch) -> str:
    """The zone in which times are read that carry none: the person's choice for the file, else that of the account."""
    return batch.options.get("time_zone") or (batch.account or batch.owner).time_zone


def context_of(batch: ImportBatch) -> ParseContext:
    """All that the parser may know: the person's choices and the reference data."""
    options = batch.options
    mapping = options.get("mapping")
    return ParseContext(
        now=timezone.now(),
        time_zone=ZoneInfo(zone_of(batch)),
        filename=batch.filename,
        currency=batch.account.currency if batch.account else "",
        encoding=options.get("encoding", ""),
        decimal_style=options.get("decimal_style", ""),
        date_order=options.get("date_order", ""),
        delimiter=options.get("delimiter", ""),
        ambiguous_time=options.get("ambiguous_time", ""),
        mapping=ColumnChoice(**mapping) if mapping else None,
        roots=futures_roots(),
        lot_units=routing.lot_units(),
    )


def futures_roots() -> dict[str, RootSpec]:
    """The reference data's futures, by root."""
    return {
        root.root: RootSpec(root.root, root.currency, root.tick_size, root.point_value)
        for root in FuturesRoot.objects.all()
    }


def _error(error: RowError) -> dict[str, Any]:
    return {
        "line": error.line,
        "column": error.column,
        "code": error.code,
        "message": error.message,
        "value": error.value[:80],
    }


def _account_decision(number: str, fills: int) -> dict[str, Any]:
    if number:
        return {
            "code": "unknown_account",
            "key": number,
            "message": f"Account number {number} ({fills} fills) is not known: choose an account for it or make one.",
            "choices": ["account", "create"],
        }
    return {
        "code": "account_needed",
        "key": "",
        "message": f"The file does not say which account its {fills} fills belong to: choose one.",
        "choices": ["account", "create"],
    }


def lock_batch(batch_id: int) -> bool:
    """Whether this transaction is now the only one at work on the batch; it lasts until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(7301, %s)", [batch_id % 2_147_483_647])
        return bool(cursor.fetchone()[0])
