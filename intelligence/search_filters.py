"""What is searched among: the conditions on decisions, notes and trades, in SQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class Filters:
    """What is searched among. `symbol` is that of an instrument or the root of a contract; days include both ends.

    Days are those of the zone that is in force: a person's on pages, UTC in the API. `outcome` is win, loss, breakeven,
    or resolved or open.
    """

    symbol: str = ""
    action: str = ""
    strategy: str = ""
    actor_kind: str = ""
    actor: str = ""
    outcome: str = ""
    account: UUID | None = None
    start: date | None = None
    end: date | None = None
    besides: UUID | None = None  #: the outside id of what is not to be found: what it is compared with
    other_than: str = ""  #: a symbol, as above, that is not to be found

    @property
    def since(self) -> datetime | None:
        """When the first day begins."""
        return None if self.start is None else _midnight(self.start)

    @property
    def until(self) -> datetime | None:
        """When the day after the last one begins; None without a last day, and where no day is after it."""
        return None if self.end is None or self.end == date.max else _midnight(self.end + timedelta(days=1))

    def check(self, kind: str) -> None:
        """Returns if all of the filters can be meant of this kind. Raises InvalidValue that names one that cannot.

        Notes have no symbol, and what is said of a trade has no action: nothing would ever be found.
        """
        for name in _CONDITIONS:
            if getattr(self, name) not in ("", None) and _condition(name, kind) is None:
                words = _("Only decisions have this.")
                if name in ("symbol", "outcome"):
                    words = _("Only decisions and trades have this.")
                raise InvalidValue(words, pointer=f"?{name}")

    def sql(self, kind: str) -> tuple[str, dict[str, Any]]:
        """The conditions on `s`, the decision, note or trade, as its table is joined."""
        columns = COLUMNS[kind]
        found, values = [], {}
        for name in _CONDITIONS:
            value, text = getattr(self, name), _condition(name, kind)
            if value in ("", None) or text is None:
                continue
            found.append(_outcome_sql(value, columns) if name == "outcome" else text.format(**columns))
            values[name] = value
        values |= {"first_day": self.start, "last_day": self.end}
        return "".join(f" AND {each}" for each in found), values


COLUMNS: Mapping[str, Mapping[str, str]] = {
    "decision": {
        "at": "s.decided_at",
        "outcome": "(SELECT o.outcome FROM intelligence_decisionoutcome o WHERE o.decision_id = s.id)",
        "account": "s.account_id",
    },
    "note": {"at": "COALESCE(s.day::timestamptz, s.created_at)", "outcome": "NULL", "account": "s.account_id"},
    "trade": {"at": "s.activity_at", "outcome": "s.outcome", "account": "s.account_id"},
}
_NAMED = """EXISTS (
    SELECT FROM intelligence_decisioninstrument n JOIN trading_instrument i ON i.id = n.instrument_id
    WHERE n.decision_id = s.id AND (i.symbol = %(symbol)s OR i.root_id = %(symbol)s OR i.underlying = %(symbol)s)
)"""
_TRADED = """EXISTS (
    SELECT FROM trading_instrument i WHERE i.id = s.instrument_id
    AND (i.symbol = %(symbol)s OR i.root_id = %(symbol)s OR i.underlying = %(symbol)s)
)"""
_CONDITIONS: Mapping[str, str | Mapping[str, str]] = {
    "symbol": {"decision": _NAMED, "trade": _TRADED},
    "action": {"decision": "s.action = %(action)s"},
    "strategy": {"decision": "s.strategy = %(strategy)s"},
    "actor_kind": {"decision": "s.actor_kind = %(actor_kind)s"},
    "actor": {"decision": "s.actor = %(actor)s"},
    "outcome": {"decision": "", "trade": ""},
    "account": "{account} = (SELECT id FROM accounts_account WHERE public_id = %(account)s)",
    # The day that a note is of is the same in every zone.
    "since": {
        "decision": "{at} >= %(since)s",
        "note": "(s.day >= %(first_day)s OR (s.day IS NULL AND s.created_at >= %(since)s))",
        "trade": "{at} >= %(since)s",
    },
    "until": {
        "decision": "{at} < %(until)s",
        "note": "(s.day <= %(last_day)s OR (s.day IS NULL AND s.created_at < %(until)s))",
        "trade": "{at} < %(until)s",
    },
    "besides": "s.public_id <> %(besides)s",
    "other_than": {
        "decision": f"NOT {_NAMED}".replace("%(symbol)s", "%(other_than)s"),
        "note": "true",
        "trade": f"NOT {_TRADED}".replace("%(symbol)s", "%(other_than)s"),
    },
}
#: What is joined to the embeddings `e` of one kind, and what of it is not deleted.
JOINED: Mapping[str, str] = {
    "decision": "JOIN intelligence_decision s ON s.id = e.decision_id AND s.deleted_at IS NULL",
    "note": "JOIN journal_note s ON s.id = e.note_id AND s.deleted_at IS NULL",
    "trade": "JOIN trading_trade s ON s.id = e.trade_id",
}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=timezone.get_current_timezone())


def _condition(name: str, kind: str) -> str | None:
    """The condition in SQL, empty where it depends on the value; None where the kind has nothing of the sort."""
    condition = _CONDITIONS[name]
    return condition if isinstance(condition, str) else condition.get(kind)


def _outcome_sql(outcome: str, columns: Mapping[str, str]) -> str:
    if outcome == "resolved":
        return f"{columns['outcome']} IS NOT NULL"
    if outcome == "open":
        return f"{columns['outcome']} IS NULL"
    return f"{columns['outcome']} = %(outcome)s"
