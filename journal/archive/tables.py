"""What an archive holds: which tables, which of their columns, and what their rows name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from django.db.models import Model, Q, QuerySet

from accounts.models import (
    Account,
    AccountGroup,
    AccountTag,
    LedgerEntry,
    Portfolio,
    Preference,
    User,
)
from journal.models import (
    Attachment,
    Note,
    NoteTemplate,
    Playbook,
    PlaybookRule,
    PlaybookVersion,
    RuleCheck,
    SavedView,
    TradePlaybook,
)
from trading.models import (
    AccountNumber,
    BatchStatus,
    ColumnMapping,
    Execution,
    ExitStrategy,
    FxRate,
    ImportBatch,
    ImportRow,
    Instrument,
    ManagedPosition,
    Order,
    OrderEvent,
    PlanExit,
    PlanRevision,
    RiskLimit,
    Tag,
    TagGroup,
    Trade,
    TradingSession,
)
from trading.models.exit_plan import PlanStatus
from trading.models.order import ENDS

if TYPE_CHECKING:
    from journal.archive.restoring import Restorer

FORMAT = "trading-journal-archive"
VERSION = 1

_FINISHED = (BatchStatus.APPLIED, BatchStatus.UNDONE, BatchStatus.CANCELED, BatchStatus.REFUSED)


def _of_owner(owner: User) -> Q:
    return Q(owner=owner)


@dataclass(frozen=True, slots=True)
class Table:
    """One member of an archive: the rows of one table that are a person's.

    `columns` are fields as they stand, the first of them what other rows name it by. `refs` are foreign keys, `many`
    labels of it, each with the table that is named. `on_name` says what becomes of a row whose name the importer uses
    already: it is that row (merge) or gets another name (rename). `unique` are fields by which a row that has no
    outside id is found again. `words` are columns with texts of people, whose links follow what they lead to.
    """

    name: str
    model: type[Model]
    columns: tuple[str, ...]
    refs: Mapping[str, str] = field(default_factory=dict)
    many: Mapping[str, str] = field(default_factory=dict)
    on_name: Literal["", "merge", "rename"] = ""
    unique: tuple[str, ...] = ()
    of: Callable[[User], Q] = _of_owner
    order: tuple[str, ...] = ("pk",)
    words: tuple[str, ...] = ()
    #: Whether a row comes back; what still waits at a venue, or goes on by the clock, belongs to where it was.
    comes_back: Callable[[Mapping[str, Any]], bool] = lambda row: True
    #: The reference to what its rows come with, or not at all: lines of a file, rules of a version that never changes.
    comes_with: str = ""
    #: Whether a row that names what did not come is left out as well; elsewhere such a file is refused.
    may_dangle: bool = False
    #: Archives that were written before it, or one of its columns, was in them are read all the same.
    may_be_missing: bool = False
    #: So are those that were written before these columns were in it.
    later: tuple[str, ...] = ()
    #: How its rows are taken in, where there is more to it.
    take: "Callable[[Restorer, Table, list[dict[str, Any]]], None] | None" = None
    #: What is done when all of its rows are in, also where the archive has none.
    afterwards: "Callable[[Restorer], None] | None" = None

    @property
    def key(self) -> str:
        """The field that other rows name a row by."""
        return self.columns[0]

    @property
    def own_refs(self) -> list[str]:
        """The references to other rows of the table."""
        return [name for name, named in self.refs.items() if named == self.name]

    @property
    def has_owner(self) -> bool:
        return any(each.name == "owner" for each in self.model._meta.concrete_fields)

    def rows(self, owner: User) -> "QuerySet[Any]":
        """This person's rows, in the order in which they are written."""
        return self.model._default_manager.filter(self.of(owner)).order_by(*self.order)


def _kept(owner: User) -> Q:
    return Q(owner=owner, deleted_at__isnull=True)


def _kept_with_notes(owner: User) -> Q:
    return _kept(owner) & Q(note__deleted_at__isnull=True)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _used_instruments(owner: User) -> Q:
    """Those that any row of the archive names."""
    named = Q(pk__in=[])
    for table in tables():
        for name in (name for name, other in {**table.refs, **table.many}.items() if other == "instruments"):
            there = table.rows(owner).order_by().filter(**{f"{name}__isnull": False})
            named |= Q(pk__in=there.values(name).distinct())
    return named


def _used_rates(owner: User) -> Q:
    """The rates that turn this person's currencies into one another, from a week before their first trading day."""
    fills = Execution.objects.filter(owner=owner).order_by()
    currencies = {*fills.values_list("currency", flat=True).distinct(), owner.reporting_currency}
    first = fills.order_by("executed_on").values_list("executed_on", flat=True).first()
    if first is None or len(currencies) < 2:
        return Q(pk__in=[])
    return Q(date__gte=first.fromordinal(max(1, first.toordinal() - 8))) & (
        Q(quote__in=currencies) | Q(base__in=currencies)
    )


def all_columns(model: type[Model], *without: str) -> tuple[str, ...]:
    """Every column that says more than others do, but keys, which mean nothing outside; the outside id first."""
    names = [
        each.name
        for each in model._meta.concrete_fields
        if not (each.is_relation or each.primary_key or each.generated or each.name in without)
    ]
    return tuple(sorted(names, key=lambda name: name != "public_id"))


_JOURNAL = (
    Table("account_groups", AccountGroup, _words("public_id name color position"), on_name="merge"),
    Table("account_labels", AccountTag, _words("public_id name color"), on_name="merge"),
    Table(
        "accounts",
        Account,
        _words(
            "public_id name broker number kind status currency time_zone day_start cost_method initial_balance color "
            "description is_sample archived_at created_at allows_short paper_fills"
        ),
        later=("allows_short", "paper_fills"),
        refs={"group": "account_groups"},
        many={"tags": "account_labels"},
        on_name="rename",
    ),
    Table(
        "portfolios",
        Portfolio,
        _words("public_id currency available_balance reserved_balance created_at"),
        refs={"account": "accounts"},
        unique=("account", "currency"),
        of=lambda owner: Q(account__owner=owner),
    ),
    Table(
        "ledger",
        LedgerEntry,
        _words(
            "public_id kind available_change reserved_change available_after reserved_after idempotency_key "
            "request_hash note occurred_at created_at"
        ),
        refs={"portfolio": "portfolios"},
        order=("portfolio_id", "pk"),
    ),
    Table(
        "instruments",
        Instrument,
        _words(
            "public_id symbol name kind status exchange currency multiplier tick_size lot_size min_price max_price "
            "breakeven_ticks underlying expires_on strike option_type"
        ),
        of=_used_instruments,
    ),
    Table("tag_groups", TagGroup, _words("public_id name role color position"), on_name="merge"),
    Table("tags", Tag, _words("public_id name color created_at"), refs={"group": "tag_groups"}, on_name="merge"),
    Table(
        "column_mappings",
        ColumnMapping,
        _words("public_id name broker header columns options created_at"),
        on_name="rename",
    ),
    Table(
        "imports",
        ImportBatch,
        _words(
            "public_id status filename size sha256 format selected_format parser_version options preview result "
            "progress total_rows error_code error_message created_at started_at finished_at undone_at"
        ),
        refs={"account": "accounts"},
        of=lambda owner: Q(owner=owner, status__in=_FINISHED),
    ),
    Table(
        "import_rows",
        ImportRow,
        _words("id line outcome code message raw"),
        refs={"batch": "imports"},
        comes_with="batch",
        of=lambda owner: Q(batch__owner=owner, batch__status__in=_FINISHED),
    ),
    Table(
        "account_numbers",
        AccountNumber,
        _words("id broker number created_at"),
        refs={"account": "accounts"},
        unique=("owner", "broker", "number"),
    ),
    Table(
        "executions",
        Execution,
        _words(
            "public_id side quantity price multiplier currency commission fees executed_at executed_on sort_at "
            "sequence identity broker_fill_id order_id broker_pnl source line voided_at created_at"
        ),
        refs={"account": "accounts", "instrument": "instruments", "batch": "imports", "corrects": "executions"},
        unique=("account", "identity"),
    ),
    Table(
        "trades",
        Trade,
        _words("public_id note initial_stop initial_target rating reviewed_at mae mfe mae_at mfe_at excursion_source"),
        refs={"opening_execution": "executions"},
        many={"tags": "tags"},
        words=("note",),
    ),
    Table(
        "notes",
        Note,
        _words("public_id day kind title text rating revision created_at updated_at"),
        refs={"account": "accounts"},
        many={"tags": "tags"},
        words=("text",),
        of=_kept,
    ),
    Table("note_templates", NoteTemplate, _words("public_id name kind text"), words=("text",), on_name="rename"),
    Table(
        "playbooks",
        Playbook,
        _words("public_id name description color archived_at created_at"),
        words=("description",),
        on_name="rename",
    ),
    Table(
        "playbook_versions",
        PlaybookVersion,
        _words("id number created_at"),
        refs={"playbook": "playbooks"},
        unique=("playbook", "number"),
        of=lambda owner: Q(playbook__owner=owner),
    ),
    Table(
        "playbook_rules",
        PlaybookRule,
        _words("id key group text position"),
        refs={"version": "playbook_versions"},
        words=("text",),
        comes_with="version",
        unique=("version", "key"),
        of=lambda owner: Q(version__playbook__owner=owner),
    ),
    Table(
        "trade_playbooks",
        TradePlaybook,
        _words("id trade_key"),
        refs={"playbook": "playbooks", "version": "playbook_versions"},
        unique=("trade_key", "playbook"),
    ),
    Table(
        "rule_checks",
        RuleCheck,
        _words("id is_kept"),
        refs={"trade_playbook": "trade_playbooks", "rule": "playbook_rules"},
        unique=("trade_playbook", "rule"),
        may_dangle=True,
        of=lambda owner: Q(trade_playbook__owner=owner),
    ),
    Table(
        "attachments",
        Attachment,
        _words("public_id trade_key filename content_type size sha256 width height caption created_at"),
        refs={"note": "notes"},
        of=_kept_with_notes,
    ),
    Table("saved_views", SavedView, _words("public_id name page query created_at"), on_name="rename"),
    Table(
        "sessions",
        TradingSession,
        _words(
            "public_id name strategy note currency started_at ended_at starting_equity starting_gap ending_equity "
            "ending_gap created_at updated_at"
        ),
        refs={"account": "accounts"},
        may_be_missing=True,
    ),
    Table("preferences", Preference, _words("id name value"), unique=("owner", "name")),
    Table("rates", FxRate, _words("id date base quote rate source"), of=_used_rates, unique=("base", "quote", "date")),
)
_DESK = (
    Table(
        "orders",
        Order,
        all_columns(Order, "is_resting"),
        refs={"account": "accounts", "instrument": "instruments", "parent": "orders", "replaces": "orders"},
        comes_back=lambda row: row["status"] in ENDS,
        may_dangle=True,
        may_be_missing=True,
    ),
    Table(
        "order_events",
        OrderEvent,
        all_columns(OrderEvent, "owner_id", "account_id", "actor_id"),
        refs={"order": "orders", "execution": "executions"},
        of=lambda owner: Q(owner_id=owner.pk),
        comes_with="order",
        may_dangle=True,
        may_be_missing=True,
    ),
    Table(
        "risk_limits",
        RiskLimit,
        all_columns(RiskLimit),
        refs={"account": "accounts", "instrument": "instruments"},
        unique=("owner", "account", "instrument"),
        may_be_missing=True,
    ),
    # Everybody's, and there already: by these a row says which of them it means.
    Table(
        "shipped_strategies",
        ExitStrategy,
        _words("public_id name"),
        of=lambda owner: Q(owner=None),
        may_be_missing=True,
    ),
    Table("exit_strategies", ExitStrategy, all_columns(ExitStrategy), on_name="rename", may_be_missing=True),
    Table(
        "managed_positions",
        ManagedPosition,
        all_columns(ManagedPosition),
        refs={
            "account": "accounts", "instrument": "instruments", "strategy": "exit_strategies", "entry_order": "orders",
        },
        comes_back=lambda row: row["status"] == PlanStatus.CLOSED and row["entry_quantity"] > 0,
        may_dangle=True,
        may_be_missing=True,
    ),
    Table(
        "plan_revisions",
        PlanRevision,
        ("id", *all_columns(PlanRevision, "actor_id")),
        refs={"managed_position": "managed_positions"},
        of=lambda owner: Q(managed_position__owner=owner),
        comes_with="managed_position",
        may_dangle=True,
        may_be_missing=True,
    ),
    Table(
        "plan_exits",
        PlanExit,
        all_columns(PlanExit),
        refs={"managed_position": "managed_positions", "order": "orders"},
        of=lambda owner: Q(managed_position__owner=owner),
        comes_with="managed_position",
        may_dangle=True,
        may_be_missing=True,
    ),
)  # fmt: skip

#: By name; what other apps add among them.
BY_NAME = {table.name: table for table in (*_JOURNAL, *_DESK)}


def register(*more: Table) -> None:
    """These tables are in every archive from now on, after those that they name. Apps call this when they are ready."""
    BY_NAME.update((table.name, table) for table in more)


def tables() -> tuple[Table, ...]:
    """What an archive holds, in an order in which what a row names comes before it."""
    return tuple(BY_NAME.values())


#: What is kept of the person: how money and days are shown to them.
PERSON = ("reporting_currency", "time_zone", "theme", "language")


def is_ordered(links: type[Model]) -> bool:
    """Whether the labels of a row stand in an order of their own."""
    return any(each.name == "position" for each in links._meta.concrete_fields)


def named_by(table: Table, field_name: str) -> str:
    """How a query finds what the file names a row of another table by: group__public_id."""
    named = {**table.refs, **table.many}[field_name]
    return f"{field_name}__{BY_NAME[named].key}"
