"""What is searched among: the conditions on decisions, notes and trades, in SQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Filters:
    """What is searched among. `symbol` is that of an instrument or the root of a contract; dates include both ends.

    `outcome` is win, loss, breakeven, or resolved or open.
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

    def sql(self, kind: str) -> tuple[str, dict[str, Any]]:
        """The conditions on `s`, the decision, note or trade, as its table is joined."""
        columns = COLUMNS[kind]
        found, values = [], {}
        for name, condition in _CONDITIONS.items():
            value = getattr(self, name)
            if value in ("", None):
                continue
            text = condition if isinstance(condition, str) else condition[kind]
            found.append(text.format(**columns))
            values[name] = value
        if self.end is not None:
            values["end"] = self.end + timedelta(days=1)
        if self.outcome:
            found.append(_outcome_sql(self.outcome, columns))
            values["outcome"] = self.outcome
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
    "symbol": {"decision": _NAMED, "note": "false", "trade": _TRADED},
    "action": {"decision": "s.action = %(action)s", "note": "false", "trade": "false"},
    "strategy": {"decision": "s.strategy = %(strategy)s", "note": "false", "trade": "false"},
    "actor_kind": {"decision": "s.actor_kind = %(actor_kind)s", "note": "false", "trade": "false"},
    "actor": {"decision": "s.actor = %(actor)s", "note": "false", "trade": "false"},
    "account": "{account} = (SELECT id FROM accounts_account WHERE public_id = %(account)s)",
    "start": "{at} >= %(start)s",
    "end": "{at} < %(end)s",
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


def _outcome_sql(outcome: str, columns: Mapping[str, str]) -> str:
    if outcome == "resolved":
        return f"{columns['outcome']} IS NOT NULL"
    if outcome == "open":
        return f"{columns['outcome']} IS NULL"
    return f"{columns['outcome']} = %(outcome)s"
