"""By what trades are told apart: one registry for breakdowns, filters and stored sums.

A breakdown groups by the very expression that a filter compares, so the figures of a row and those behind its link
are the same to the last digit. SQL here is our own text over `{t}`, a trade, and `a`, its account; values of people are
parameters.

Source: docs/metrics.md#dimensions
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import pairwise

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from trading.models import Outcome, TradeSide, TradeStatus

#: The key of what has none: no tag, no stop, no group.
NONE = "none"
#: How accounts without a broker are called, and found again.
NO_BROKER = "Unknown"
#: Before a name: the rest is meant literally, be it "none", an id or the root of a future.
LITERALLY = "="

Words = str | Promise


class Grain(Enum):
    """What has to be looked at to tell the key."""

    TRADE = auto()  # one key per trade, from its own row and its account
    LINK = auto()  # any number of keys per trade, from rows that link to it
    ACCOUNT = auto()  # from the account alone
    DAY = auto()  # from the trading day on which money is realized or the trade closes


@dataclass(frozen=True, slots=True)
class Dimension:
    """One property of trades.

    `key` is SQL: an expression, or for a LINK a relation of `trade_id`, `key` and `id` of one owner, with one
    parameter. `labels` are the words of all keys there are, in their order; without them keys are names. `is_stored`
    says that sums by it are kept per day (`journal.facets`), and `is_said` that they follow what people say of trades,
    which changes without any figure. `kept` is what `key` is in stored sums, where names would not do: a relation of
    `trade_id` and `key`, of ids. `any_of_one` is a relation of what one trade of `{t}` has, with the same parameter,
    where it can be told by fewer tables than `key` is of.
    """

    name: str
    words: Words
    grain: Grain
    key: str
    labels: Mapping[str, Words] = field(default_factory=dict)
    none: Words = ""
    needs_account: bool = False
    is_stored: bool = False
    is_said: bool = False
    kept: str = ""
    any_of_one: str = ""

    @property
    def stored_key(self) -> str:
        """As `key`, of stored sums."""
        return self.kept or self.key

    @property
    def is_many(self) -> bool:
        """Whether a trade may count in several rows, so that rows do not add up to the total."""
        return self.grain is Grain.LINK or self.name == "account_tag"

    def label_of(self, key: str) -> str:
        """How people read the key, in their language."""
        if key == NONE and self.none:
            return str(self.none)
        if self.labels:
            return str(self.labels.get(key, key))
        return key.removeprefix(LITERALLY)

    def place_of(self, key: str) -> tuple[bool, int, str]:
        """Where the key stands among others: in the order of `labels`, else by name; what has none comes last."""
        if self.labels:
            return (False, list(self.labels).index(key) if key in self.labels else len(self.labels), key)
        return (key == NONE, 0, key.removeprefix(LITERALLY).casefold())

    def parameters(self, key: str) -> dict[str, str]:
        """The parameters of an address that choose what is in the row of this key."""
        if self.name == "exit_day":
            return {"from": key, "to": key}
        if self.name == "rule" and key != NONE:
            rule, _, verdict = key.partition(":")
            return {"rule": rule, **({"kept": "yes" if verdict == "kept" else "no"} if verdict else {})}
        return {self.name: key}


def _numbered(edges: list[str], *, unit: str = "") -> dict[str, Words]:
    """Labels of buckets between these edges; a bucket holds its lower edge. Keys are two digits."""
    unit = f" {unit}" if unit else ""
    labels: dict[str, Words] = {"00": _under(edges[0] + unit)}
    for place, (low, high) in enumerate(pairwise(edges), start=1):
        labels[f"{place:02}"] = _between(low, high + unit)
    labels[f"{len(edges):02}"] = _from(edges[-1] + unit)
    return labels


def _under(edge: str) -> Words:
    return _Words(_("under %(high)s"), high=edge)


def _between(low: str, high: str) -> Words:
    return _Words(_("%(low)s to %(high)s"), low=low, high=high)


def _from(edge: str) -> Words:
    return _Words(_("%(low)s and more"), low=edge)


class _Words(Promise):
    """A sentence with numbers in it, translated when it is shown."""

    def __init__(self, text: Words, **values: str) -> None:
        self.text, self.values = text, values

    def __str__(self) -> str:
        return str(self.text) % self.values


def _grouped(number: int) -> str:
    """A whole number with narrow spaces between thousands, which people of all languages read."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _bucket(value: str, edges: list[str]) -> str:
    return f"lpad(width_bucket({value}, ARRAY[{', '.join(edges)}]::numeric[])::text, 2, '0')"


_R_EDGES = ["-3", "-2", "-1", "-0.5", "0", "0.5", "1", "2", "3", "5", "10"]
_RESULT_EDGES = [step * 10**power for power in range(1, 6) for step in (1, 2, 5)]
_RESULTS = [-edge for edge in reversed(_RESULT_EDGES)] + [0, *_RESULT_EDGES]
_SIZES = [100, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000]
_PRICES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000]

_WEEKDAYS: dict[str, Words] = {
    "1": _("Monday"),
    "2": _("Tuesday"),
    "3": _("Wednesday"),
    "4": _("Thursday"),
    "5": _("Friday"),
    "6": _("Saturday"),
    "7": _("Sunday"),
}
_HOLDING: dict[str, Words] = {
    "0": _("under a minute"),
    "1": _("1 to 5 minutes"),
    "2": _("5 to 30 minutes"),
    "3": _("30 minutes to 2 hours"),
    "4": _("2 to 8 hours"),
    "5": _("8 hours to a day"),
    "6": _("1 to 7 days"),
    "7": _("over 7 days"),
    "8": _("times not known"),
    "9": _("still open"),
}
_HOURS: dict[str, Words] = {**{f"{hour:02}": f"{hour:02}:00" for hour in range(24)}, "24": _("time not known")}
_SIDES: dict[str, Words] = {str(TradeSide.LONG): _("Long"), str(TradeSide.SHORT): _("Short")}
_STATUS: dict[str, Words] = {str(TradeStatus.OPEN): _("Open"), str(TradeStatus.CLOSED): _("Closed")}
_OUTCOMES: dict[str, Words] = {
    str(Outcome.WIN): _("Win"),
    str(Outcome.BREAKEVEN): _("Breakeven"),
    str(Outcome.LOSS): _("Loss"),
    "open": _("still open"),
}

# Text of two digits, so that keys sort as numbers; 24 where the opening fill has no time.
_HOUR = "CASE WHEN {t}.opened_at IS NULL THEN '24' ELSE to_char({t}.opened_at AT TIME ZONE a.time_zone, 'HH24') END"
_HELD = """CASE WHEN {t}.closed_on IS NULL THEN '9' WHEN {t}.closed_at - {t}.opened_at IS NULL THEN '8'
    ELSE width_bucket(extract(epoch FROM {t}.closed_at - {t}.opened_at),
        ARRAY[60, 300, 1800, 7200, 28800, 86400, 604800]::numeric[])::text END"""
_R = f"CASE WHEN {{t}}.realized_r IS NULL THEN 'none' ELSE {_bucket('{t}.realized_r', _R_EDGES)} END"
_RESULT = (
    f"CASE WHEN {{t}}.closed_on IS NULL THEN 'open' ELSE {_bucket('{t}.net_pnl', [str(edge) for edge in _RESULTS])} END"
)
_SIZE = _bucket("abs({t}.quantity * {t}.entry_price * {t}.multiplier)", [str(edge) for edge in _SIZES])
_PRICE = _bucket("{t}.entry_price", [str(edge) for edge in _PRICES])

_UUID = "^[0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12}}$"


def named(column: str) -> str:
    """SQL of the key of something that has a name: the name, marked where it would be taken for something else."""
    taken = f"{column} = '{NONE}' OR {column} LIKE '{LITERALLY}%%' OR lower({column}) ~ '{_UUID}'"
    return f"CASE WHEN {taken} THEN '{LITERALLY}' || {column} ELSE {column} END"


def _tags(condition: str = "true") -> str:
    return (
        f"SELECT tt.trade_id, {named('tag.name')} AS key, tag.public_id::text AS id "  # noqa: S608
        "FROM trading_tag tag JOIN trading_trade_tags tt ON tt.tag_id = tag.id "
        f"WHERE tag.owner_id = %s AND {condition}"
    )


def _kept_tags(condition: str = "true") -> str:
    return (
        "SELECT tt.trade_id, tag.id::text AS key FROM trading_tag tag "  # noqa: S608
        f"JOIN trading_trade_tags tt ON tt.tag_id = tag.id WHERE tag.owner_id = %s AND {condition}"
    )


def _tags_of_one(condition: str = "true") -> str:
    # The tags are found once, so that a trade costs one look into an index.
    return (
        "SELECT FROM trading_trade_tags tt WHERE tt.trade_id = {t}.id AND tt.tag_id = ANY(ARRAY("  # noqa: S608
        f"SELECT tag.id FROM trading_tag tag WHERE tag.owner_id = %s AND {condition}))"
    )


def _role(role: str) -> str:
    return f"tag.group_id IN (SELECT g.id FROM trading_taggroup g WHERE g.role = '{role}')"  # noqa: S608


_PLAYBOOKS = f"""SELECT linked.id AS trade_id, {named("book.name")} AS key, book.public_id::text AS id
    FROM journal_tradeplaybook taken JOIN journal_playbook book ON book.id = taken.playbook_id
    JOIN trading_trade linked ON linked.public_id = taken.trade_key AND linked.owner_id = taken.owner_id
    WHERE taken.owner_id = %s"""  # noqa: S608
# The same rule may stand in two playbooks that a trade was taken by: it is counted once.
_RULES = """SELECT DISTINCT linked.id AS trade_id,
    rule.key::text || CASE WHEN ticked.is_kept THEN ':kept' ELSE ':broken' END AS key, rule.key::text AS id
    FROM journal_tradeplaybook taken JOIN journal_rulecheck ticked ON ticked.trade_playbook_id = taken.id
    JOIN journal_playbookrule rule ON rule.id = ticked.rule_id
    JOIN trading_trade linked ON linked.public_id = taken.trade_key AND linked.owner_id = taken.owner_id
    WHERE taken.owner_id = %s"""

_KEPT_PLAYBOOKS = """SELECT linked.id AS trade_id, taken.playbook_id::text AS key
    FROM journal_tradeplaybook taken
    JOIN trading_trade linked ON linked.public_id = taken.trade_key AND linked.owner_id = taken.owner_id
    WHERE taken.owner_id = %s"""


def _kept_rules(key: str) -> str:
    return f"""SELECT DISTINCT linked.id AS trade_id, {key} AS key
    FROM journal_tradeplaybook taken JOIN journal_rulecheck ticked ON ticked.trade_playbook_id = taken.id
    JOIN journal_playbookrule rule ON rule.id = ticked.rule_id
    JOIN trading_trade linked ON linked.public_id = taken.trade_key AND linked.owner_id = taken.owner_id
    WHERE taken.owner_id = %s"""  # noqa: S608


_GROUP = (
    "coalesce((SELECT " + named("g.name") + " FROM accounts_accountgroup g WHERE g.id = a.group_id), 'none')"  # noqa: S608
)

# A key has room for 40 characters.
_KEPT_RULES = _kept_rules("rule.key::text || CASE WHEN ticked.is_kept THEN ':k' ELSE ':b' END")


def _link(name: str, words: Words, key: str, *, kept: str, none: Words, any_of_one: str = "") -> Dimension:
    return Dimension(
        name, words, Grain.LINK, key, none=none, is_stored=True, is_said=True, kept=kept, any_of_one=any_of_one
    )


def _of_tags(name: str, words: Words, *, none: Words, condition: str = "true") -> Dimension:
    relations = {"kept": _kept_tags(condition), "any_of_one": _tags_of_one(condition)}
    return _link(name, words, _tags(condition), none=none, **relations)


_ALL = (
    Dimension("symbol", _("Symbol"), Grain.TRADE, "{t}.instrument_id::text", is_stored=True),
    Dimension("side", _("Side"), Grain.TRADE, "{t}.side", labels=_SIDES, is_stored=True),
    _of_tags("setup", _("Setup"), none=_("no setup"), condition=_role("setup")),
    _of_tags("tag", _("Tag"), none=_("untagged")),
    _of_tags("mistake", _("Mistake"), none=_("no mistake"), condition=_role("mistake")),
    _link("playbook", _("Playbook"), _PLAYBOOKS, kept=_KEPT_PLAYBOOKS, none=_("no playbook")),
    _link("rule", _("Playbook rule"), _RULES, kept=_KEPT_RULES, none=_("no rule looked at")),
    Dimension("weekday", _("Weekday"), Grain.DAY, "extract(isodow FROM {day})::text", labels=_WEEKDAYS),
    Dimension("month", _("Month"), Grain.DAY, "to_char({day}, 'YYYY-MM')"),
    Dimension("exit_day", _("Exit day"), Grain.DAY, "to_char({day}, 'YYYY-MM-DD')"),
    Dimension("entry_day", _("Entry day"), Grain.TRADE, "to_char({t}.opened_on, 'YYYY-MM-DD')", is_stored=True),
    Dimension(
        "entry_weekday",
        _("Weekday of entry"),
        Grain.TRADE,
        "extract(isodow FROM {t}.opened_on)::text",
        labels=_WEEKDAYS,
        is_stored=True,
    ),
    Dimension("hour", _("Hour of entry"), Grain.TRADE, _HOUR, labels=_HOURS, needs_account=True, is_stored=True),
    Dimension("holding", _("Holding time"), Grain.TRADE, _HELD, labels=_HOLDING, is_stored=True),
    Dimension(
        "size",
        _("Size"),
        Grain.TRADE,
        _SIZE,
        labels=_numbered([_grouped(edge) for edge in _SIZES]),
        is_stored=True,
    ),
    Dimension(
        "price",
        _("Entry price"),
        Grain.TRADE,
        _PRICE,
        labels=_numbered([_grouped(edge) for edge in _PRICES]),
        is_stored=True,
    ),
    Dimension("broker", _("Broker"), Grain.ACCOUNT, f"CASE WHEN a.broker = '' THEN '{NO_BROKER}' ELSE a.broker END"),
    Dimension("account", _("Account"), Grain.ACCOUNT, "a.public_id::text"),
    Dimension("group", _("Account group"), Grain.ACCOUNT, _GROUP, none=_("no group")),
    Dimension("account_tag", _("Account label"), Grain.ACCOUNT, "coalesce(label.key, 'none')", none=_("no label")),
    Dimension(
        "r",
        _("R multiple"),
        Grain.TRADE,
        _R,
        labels={**_numbered(_R_EDGES, unit="R"), NONE: _("no R")},
        is_stored=True,
    ),
    Dimension(
        "result",
        _("Result"),
        Grain.TRADE,
        _RESULT,
        labels={**_numbered([_grouped(edge) for edge in _RESULTS]), "open": _("still open")},
        is_stored=True,
    ),
    Dimension(
        "outcome", _("Outcome"), Grain.TRADE, "coalesce({t}.outcome, 'open')", labels=_OUTCOMES, is_stored=True
    ),
    Dimension("status", _("Status"), Grain.TRADE, "{t}.status", labels=_STATUS, is_stored=True),
    Dimension(
        "rating",
        _("Rating"),
        Grain.TRADE,
        "coalesce({t}.rating::text, 'none')",
        labels={**{str(stars): str(stars) for stars in range(5, 0, -1)}, NONE: _("not rated")},
        is_stored=True,
        is_said=True,
    ),
    Dimension(
        "reviewed",
        _("Reviewed"),
        Grain.TRADE,
        "CASE WHEN {t}.reviewed_at IS NULL THEN 'no' ELSE 'yes' END",
        labels={"yes": _("Reviewed"), "no": _("Not reviewed")},
        is_stored=True,
        is_said=True,
    ),
)  # fmt: skip

#: Every dimension by its name, which is also the name of the parameter that filters by it.
BY_NAME: Mapping[str, Dimension] = {dimension.name: dimension for dimension in _ALL}
NAMES = tuple(BY_NAME)
#: Sums by these are kept, though nobody groups by them: of a rule whatever became of it, and of a cell of the week.
ANY_RULE = Dimension(
    "rule_any", "", Grain.LINK, _RULES, is_stored=True, is_said=True, kept=_kept_rules("rule.key::text")
)
ENTRY_CELL = Dimension(
    "entry_cell",
    "",
    Grain.TRADE,
    f"{BY_NAME['entry_weekday'].key} || '-' || {BY_NAME['hour'].key}",
    needs_account=True,
    is_stored=True,
)
#: Sums by these are kept.
STORED = (*(dimension for dimension in _ALL if dimension.is_stored), ANY_RULE, ENTRY_CELL)
