"""Who may do what at every address. A new address needs a row here, or the tests fail.

`public()` – anybody. `self_only()` – signed-in people, each seeing their own. `own("account")` – the path names
something that one person owns, made by the factory of that name in `access_things.FACTORIES`. In each, `works` names
the methods that succeed for the owner, `body` what to send with them, `query` the query string; `refers` and
`body_refers` name the query parameters and body fields that hold an id, each with its factory; a field with a list of
ids has it in a list.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from accounts.models import User
from tests import access_things as things

Body = Mapping[str, Any] | Callable[[User], Mapping[str, Any]]


@dataclass(frozen=True)
class Row:
    """What the matrix expects of one address."""

    kind: str
    factory: str = ""
    works: tuple[str, ...] = ("GET",)
    body: Body = field(default_factory=dict)
    query: str = ""
    refers: Mapping[str, str] = field(default_factory=dict)
    body_refers: Mapping[str, str | list[str]] = field(default_factory=dict)
    #: Path parameters that name nobody's thing, such as a date.
    path: Mapping[str, str] = field(default_factory=dict)

    def sent_by(self, owner: User) -> dict[str, Any]:
        """What this person sends."""
        return dict(self.body(owner) if callable(self.body) else self.body)


def public(*works: str, **options: Any) -> Row:
    return Row("public", works=works or ("GET",), **options)


def self_only(*works: str, **options: Any) -> Row:
    return Row("self", works=works or ("GET",), **options)


def own(factory: str, *works: str, **options: Any) -> Row:
    return Row("own", factory, works=works or ("GET",), **options)


_COPY_FORM = {
    "max_per_trade": "10",
    "max_per_wallet": "20",
    "max_per_token": "20",
    "max_total": "50",
    "max_price_drift": "5",
    "max_signal_age_seconds": "60",
    "max_positions": "5",
    "min_source_value": "0",
    "repeat_policy": "skip",
}
_CASH = {"amount": "5", "currency": "USD"}
_ACCOUNT_FORM = {
    "name": "By form",
    "kind": "prop",
    "status": "active",
    "currency": "USD",
    "time_zone": "UTC",
    "day_start": "00:00",
    "cost_method": "fifo",
    "color": "#123456",
}
_LABEL = {"name": "By form", "color": "#123456"}
_ACCOUNT = {"account": "account"}
_DECISION = {"action": "BUY", "reasoning": "By API", "symbols": ["AAPL"]}
_NEWS = {
    "title": "By API", "url": "https://example.com/a", "source": "API", "published_at": "2026-01-05T12:00:00Z",
}  # fmt: skip
_ANALYSIS = {
    "symbol": "AAPL", "current_price": "200", "technical_analysis": {"rsi": 40},
    "ai_recommendation": {"action": "HOLD"},
}  # fmt: skip
_DECISION_FORM = {"action": "BUY", "reasoning": "By form", "symbols": "AAPL"}
_DECIDED = {"account": "account", "order": "order", "trade": "trade", "managed_position": "exit_plan"}
_MAPPING = {"name": "By form", "column_symbol": "What", "column_quantity": "How many", "column_price": "At"}
_NOTE = {"kind": "note", "day": "2026-01-05", "text": "By form"}
_API_NOTE = {"day": "2026-01-05", "text": "By API"}
_NOTE_TEMPLATE = {"name": "By form", "kind": "note", "text": "By form"}
_PLAYBOOK = {
    "name": "By form",
    "color": "#123456",
    "rule-key": ["", ""],
    "rule-group": ["", ""],
    "rule-text": ["Wait", ""],
}
_PROFILE = {"reporting_currency": "EUR", "time_zone": "UTC", "theme": "dark"}

#: Lists that `format=csv` turns into a file of all their rows, besides those of trades and reports.
FILES = (
    "import_list", "activity_list", "audit_list", "desk", "order_list", "plan_list", "session_list", "wallet_list",
    "wallet_performance", "signal_list", "mint_list", "memory", "account_list", "note_list",
)  # fmt: skip
#: By the name of the address; addresses without a name by their path.
POLICY: dict[str, Row] = {
    "livez": public(),
    "readyz": public(),
    # ------------------------------------------------------------ people
    "signup": public(),
    "login": public(),
    "logout": public("POST"),
    "password_reset": public(),
    "password_reset_done": public(),
    "password_reset_complete": public(),
    "password_reset_confirm": public(path={"uidb64": "MQ", "token": "x-y"}),
    "password_change": self_only(),
    "settings": self_only("GET", "POST", body=_PROFILE),
    "token_create": self_only("POST", body={"name": "By form", "scope": "read"}),
    "token_revoke": own("token", "POST"),
    # ------------------------------------------------------------ the frame: undo, preferences, views, search
    "undo": self_only("POST", body=things.undo_token),
    "home": self_only(),
    "language": public("POST", body={"language": "fr"}),
    "switch": self_only("POST", path={"name": "privacy"}, body={"value": "on"}),
    "account_choices": self_only(query="q=a"),
    "account_set": self_only("POST", body={"accounts": ""}),
    "view_list": self_only("GET", "POST", body={"name": "By form", "next": "/?symbol=AAPL"}),
    "view_open": own("saved_view"),
    "view_rename": own("saved_view", "POST", body={"name": "Renamed"}),
    "view_delete": own("saved_view", "POST"),
    "view_first": own("saved_view", "POST"),
    "search": self_only(query="q=a"),
    "service_worker": public(),
    "offline": public(),
    # ------------------------------------------------------------ accounts, groups, labels
    "account_create": self_only("GET", "POST", body=_ACCOUNT_FORM),
    "account_edit": own("account", "GET", "POST", body=_ACCOUNT_FORM),
    "memory": self_only(query="q=a"),
    "memory_panel": self_only(query="symbol=AAPL", refers={"order": "order", "trade": "trade"}),
    "decision_create": self_only("GET", "POST", body=_DECISION_FORM),
    "decision_detail": own("decision"),
    "decision_edit": own("decision", "GET", "POST", body=_DECISION_FORM),
    "decision_delete": own("decision", "POST"),
    "decision_read": own("decision", "GET", "POST", body_refers={"article": "article", "analysis": "analysis"}),
    "copying": self_only("GET", "POST", body=_COPY_FORM),
    "wallet_performance": self_only(),
    "wallet_figures": own("copied_wallet"),
    "copy-settings": self_only("GET", "PATCH", body={"max_positions": 7}),
    "wallet-performance-list": self_only(),
    "account_archive": own("account", "POST"),
    "account_restore": own("archived_account", "POST"),
    "account_delete": own("account", "GET", "POST"),
    # ------------------------------------------------------------ API
    "schema": self_only(),
    "docs": self_only(),
    "docs_group": self_only(path={"name": "orders"}),
    "api-root": self_only(),
    "account-list": self_only("GET", "POST", body={"name": "By API"}),
    "account-detail": own("account", "GET", "PATCH", "DELETE", body={"name": "By API"}),
    "account-batch": self_only("POST", body={"accounts": [{"name": "By API"}]}),
    "account-bulk": self_only("PATCH", body=things.bulk_body),
    "account-group-list": self_only("GET", "POST", body={"name": "By API"}),
    "account-group-detail": own("account_group", "GET", "PATCH", "DELETE", body={"name": "By API"}),
    "account-tag-list": self_only("GET", "POST", body={"name": "By API"}),
    "account-tag-detail": own("account_tag", "GET", "PATCH", "DELETE", body={"name": "By API"}),
    "account-brokers": self_only(),
    "account-archive": own("account", "POST"),
    "account-restore": own("archived_account", "POST"),
    "account-stats": own("account"),
    "account-portfolios": own("account"),
    "account-ledger": own("account"),
    "account-deposits": own("account", "POST", body=_CASH),
    "account-withdrawals": own("funded_account", "POST", body=_CASH),
    "account-adjustments": own("account", "POST", body=_CASH),
    "token-list": self_only("GET", "POST", body={"name": "By API"}),
    "token-detail": own("token", "DELETE"),
    "activity-list": self_only(
        "GET", "POST", body={"kind": "info", "text": "By API"}, refers=_ACCOUNT, body_refers=_ACCOUNT
    ),
    "activity_list": self_only(),
    "audit_list": self_only(),
    "audit-list": self_only(),
    # ------------------------------------------------------------ wallets, signals, tokens
    "wallet_list": self_only(),
    "wallet_create": self_only("GET", "POST", body=things.wallet_form),
    "wallet_detail": own("wallet"),
    "wallet_edit": own("wallet", "GET", "POST", body=things.wallet_form),
    "wallet_pause": own("wallet", "POST"),
    "wallet_activate": own("paused_wallet", "POST"),
    "wallet_archive": own("wallet", "POST"),
    "wallet_restore": own("archived_wallet", "POST"),
    "signal_list": self_only(),
    "signal_detail": own("signal"),
    "mint_list": self_only(),
    "mint_detail": own("mint"),
    "wallet-list": self_only(
        "GET",
        "POST",
        body=things.wallet_body,
        body_refers={"exit_strategy": "exit_strategy", "simulation_account": "account", "live_account": "account"},
    ),
    "wallet-detail": own("wallet", "GET", "PATCH", body={"label": "By API"}),
    "wallet-pause": own("wallet", "POST"),
    "wallet-activate": own("paused_wallet", "POST"),
    "wallet-archive": own("wallet", "POST"),
    "wallet-restore": own("archived_wallet", "POST"),
    "signal-list": self_only(refers={"wallet": "wallet"}),
    "signal-detail": own("signal"),
    "mint-list": self_only(),
    "mint-detail": own("mint"),
    # For operators who may; to all others, the owner of a wallet included, there is nothing here.
    "mint_ban": Row("own", "mint", works=(), body={"reason": "By form"}),
    "mint_lift": Row("own", "mint", works=(), body={"reason": "By form"}),
    "mint-blacklist": Row("own", "mint", works=(), body={"reason": "By API"}),
    "mint-lift": Row("own", "mint", works=(), body={"reason": "By API"}),
    "delivery_list": Row("self", works=()),
    "delivery_detail": Row("self", works=(), path={"id": "01900000-0000-7000-8000-000000000000"}),
    "delivery_replay": Row("self", works=(), path={"id": "01900000-0000-7000-8000-000000000000"}),
    # ------------------------------------------------------------ webhooks: senders prove themselves, people do not
    "webhook-helius": Row("public", works=()),
    "webhook": Row("public", works=(), path={"source": "bot"}),
    # ------------------------------------------------------------ API of trades and what they mean
    "news-list": self_only("GET", "POST", body=_NEWS),
    "news-detail": own(
        "article", "GET", "PATCH", "DELETE", body={"decisions": []}, body_refers={"decisions": ["decision"]}
    ),
    "analysis-list": self_only("GET", "POST", body=_ANALYSIS),
    "analysis-detail": own(
        "analysis", "GET", "PATCH", "DELETE", body={"decisions": []}, body_refers={"decisions": ["decision"]}
    ),
    "instrument_detail": self_only(path={"id": things.SHARES}),
    "decision-list": self_only("GET", "POST", body=_DECISION, refers=_ACCOUNT, body_refers=_DECIDED),
    "decision-detail": own("decision", "GET", "PATCH", "DELETE", body={"action": "HOLD"}),
    "decision-outcome": own("decision"),
    "decision-revisions": own("decision"),
    "decision-similar": own("decision"),
    "decision-search": self_only(query="q=a", refers=_ACCOUNT),
    "decision-stats": self_only(query="by=actor", refers=_ACCOUNT),
    "aggregate-metrics": self_only(refers=_ACCOUNT),
    "aggregate-equity-curve": self_only(query="by_account=true", refers=_ACCOUNT),
    "aggregate-comparison": self_only(refers=_ACCOUNT),
    "aggregate-calendar": self_only(refers=_ACCOUNT),
    "aggregate-streaks": self_only(refers=_ACCOUNT),
    "aggregate-breakdown": self_only(query="by=account", refers=_ACCOUNT),
    "trade-list": self_only("GET", "POST", body=things.trade_body, refers=_ACCOUNT, body_refers=_ACCOUNT),
    "trade-detail": own("trade", "GET", "PATCH", "DELETE", body={"note": "By API"}),
    "trade-bulk": self_only("POST", body=things.trades_bulk_body),
    "trade-undo": self_only("POST", body=things.bulk_undo_body),
    "trade-restore": self_only("POST", body=things.undo_body),
    "execution-list": self_only(refers=_ACCOUNT),
    "position-list": self_only(refers=_ACCOUNT),
    "tag-list": self_only("GET", "POST", body={"name": "By API"}),
    "tag-detail": own("tag", "PATCH", "DELETE", body={"name": "By API"}),
    "instrument-list": self_only(),
    "fx-rate-list": self_only(),
    "bar-list": self_only(query="symbol=AAPL"),
    "risk-config": self_only(),
    "risk-limit-list": self_only("GET", "POST", body={"max_quantity": "5"}, body_refers=_ACCOUNT),
    "risk-limit-detail": own("risk_limit", "GET", "PATCH", "DELETE", body={"max_quantity": "6"}),
    "breaker-list": self_only(),
    "breaker-activate": self_only("POST", body={"level": 1, "note": "By API"}, body_refers=_ACCOUNT),
    "breaker-flatten": self_only("POST", body={"confirm": True}, body_refers=_ACCOUNT),
    "breaker-reset": self_only("POST", body=things.breaker_body, body_refers={"breaker": "breaker"}),
    "breaker-event-list": self_only(),
    "quote-list": self_only(query="symbol=AAPL"),
    "snapshot-list": self_only(query="symbol=AAPL"),
    "order-list": self_only("GET", "POST", body=things.order_body, refers=_ACCOUNT, body_refers=_ACCOUNT),
    "order-bulk": self_only("POST", body=things.orders_body),
    "order-detail": own("order"),
    "order-events": own("order"),
    "order-attempts": own("order"),
    "order-cancel": own("order", "POST"),
    "order-replace": own("order", "POST", body={"limit_price": "2"}),
    "import-list": self_only("GET", "POST", body=things.upload_body, body_refers=_ACCOUNT),
    "import-detail": own("ready_import"),
    "import-rows": own("applied_import"),
    "import-commit": own("ready_import", "POST"),
    "import-cancel": own("ready_import", "POST"),
    "import-undo": own("applied_import", "POST"),
    "import-replay": own("applied_import", "POST", query="dry_run=true"),
    # ------------------------------------------------------------ pages of trades
    "trade_create": self_only("GET", "POST", body=things.trade_form, refers=_ACCOUNT),
    "trade_restore": self_only("POST", body=things.undo_form),
    "trade_detail": own("trade"),
    "trade_annotate": own("trade", "POST", body={"note": "By form"}),
    "trade_edit": own("trade"),
    "trade_delete": own("trade", "POST"),
    "import_list": self_only("GET", "POST", body=things.upload_form),
    "import_detail": own("ready_import"),
    "import_rows": own("applied_import"),
    "import_progress": own("applied_import"),
    "import_choose": own("ready_import", "POST"),
    "import_map": own("unknown_import", "POST", body=_MAPPING),
    "import_start": own("ready_import", "POST"),
    "import_cancel": own("ready_import", "POST"),
    "import_undo": own("applied_import", "GET", "POST"),
    "import_replay": own("applied_import", "POST"),
    # ------------------------------------------------------------ API of notes, playbooks, attachments, views
    "note-list": self_only("GET", "POST", body=_API_NOTE, body_refers=_ACCOUNT),
    "note-detail": own("note", "GET", "PATCH", "DELETE", body={"text": "By API"}),
    "note-template-list": self_only("GET", "POST", body={**_NOTE_TEMPLATE, "name": "By API"}),
    "note-template-detail": own("note_template", "GET", "PATCH", "DELETE", body={"text": "By API"}),
    "playbook-list": self_only("GET", "POST", body={"name": "By API", "rules": [{"text": "Wait"}]}),
    "playbook-detail": own("playbook", "GET", "PATCH", "DELETE", body={"name": "By API"}),
    "playbook-archive": own("playbook", "POST"),
    "playbook-restore": own("playbook", "POST"),
    "playbook-versions": own("playbook"),
    "playbook-results": own("playbook", refers=_ACCOUNT),
    "playbook-take": own("playbook", "POST", body=things.taken_body, body_refers={"trade": "trade"}),
    "playbook-drop": own("taken_playbook", "DELETE", path={"trade": things.TAKEN}),
    "attachment-list": self_only("GET", "POST", body=things.file_form, body_refers={"note": "note", "trade": "trade"}),
    "attachment-detail": own("attachment", "GET", "PATCH", "DELETE", body={"caption": "By API"}),
    "attachment-file": own("attachment"),
    "tag-group-list": self_only("GET", "POST", body={"name": "By API", "role": "mistake"}),
    "tag-group-detail": own("tag_group", "GET", "PATCH", "DELETE", body={"name": "By API"}),
    "search-list": self_only(query="q=canary7f3a9"),
    # ------------------------------------------------------------ pages of notes, playbooks, attachments, days
    "note_list": self_only(refers={**_ACCOUNT, "note_tag": "tag"}),
    "note_create": self_only("GET", "POST", body=_NOTE, refers={**_ACCOUNT, "template": "note_template"}),
    "note_preview": self_only("POST", body={"text": "# By form"}),
    "note_template_list": self_only(),
    "note_template_create": self_only("GET", "POST", body=_NOTE_TEMPLATE, refers={"template": "note_template"}),
    "note_template_edit": own("note_template", "GET", "POST", body=_NOTE_TEMPLATE),
    "note_template_delete": own("note_template", "POST"),
    "note_detail": own("note"),
    "note_edit": own("note", "GET", "POST", body=_NOTE),
    "note_delete": own("note", "POST"),
    "draft_keep": self_only("POST", body={"place": "note:new:2026-01-05", "text": "By form"}),
    "draft_discard": self_only("POST", body={"place": "note:new:2026-01-05"}),
    "day": self_only(path={"date": "2026-01-05"}, refers=_ACCOUNT),
    "attachment_list": self_only("GET", "POST", body=things.file_form, body_refers={"note": "note", "trade": "trade"}),
    "attachment_file": own("attachment"),
    "attachment_thumbnail": own("picture"),
    "attachment_describe": own("attachment", "POST", body={"caption": "By form"}),
    "attachment_delete": own("attachment", "POST"),
    "tag_list": self_only("GET", "POST", body={"name": "By form"}, body_refers={"group": "tag_group"}),
    "tag_options": self_only(query="q=t"),
    "tag_edit": own("tag", "POST", body={"name": "By form"}, body_refers={"group": "tag_group"}),
    "tag_merge": own("tag", "POST", body=things.tag_choice, body_refers={"into": "tag"}),
    "tag_delete": own("tag", "POST"),
    "tag_group_create": self_only("POST", body={"name": "By form", "role": "setup"}),
    "tag_group_edit": own("tag_group", "POST", body={"name": "By form"}),
    "tag_group_delete": own("tag_group", "POST"),
    "playbook_list": self_only(refers=_ACCOUNT),
    "playbook_create": self_only("GET", "POST", body=_PLAYBOOK),
    "playbook_detail": own("playbook", refers=_ACCOUNT),
    "playbook_versions": own("playbook"),
    "playbook_edit": own("playbook", "GET", "POST", body=_PLAYBOOK),
    "playbook_archive": own("playbook", "POST"),
    "playbook_restore": own("playbook", "POST"),
    "playbook_delete": own("playbook", "POST"),
    "trade_playbooks": own("trade", "POST", body=things.playbook_choice, body_refers={"playbook": "playbook"}),
    # ------------------------------------------------------------ lists, bulk acts and the review of trades
    "trade_rows": self_only(refers=_ACCOUNT),
    "trade_columns": self_only("POST", body={"column": "side"}),
    "trade_bulk": self_only("POST", body=things.trades_bulk_form, body_refers={"id": "trade"}),
    "trade_review": self_only(refers={"trade": "trade", "after": "trade"}),
    "trade_review_act": own("trade", "POST", body={"act": "rate", "value": "4"}),
    "trade_mark": own("trade", "POST", body={"act": "rate", "value": "4"}),
    # ------------------------------------------------------------ the desk
    "desk": self_only(refers=_ACCOUNT),
    "desk_symbols": self_only(query="q=A"),
    "order_list": self_only(query="tab=all", refers=_ACCOUNT),
    "order_create": self_only(
        "GET", "POST", body=things.ticket_form, refers={"account": "account", "close": "position"}
    ),
    "order_check": self_only("POST", body=things.ticket_form),
    "orders_cancel": self_only("POST", body=things.orders_form, body_refers={"order": "order"}),
    "order_detail": own("order"),
    "order_cancel": own("order", "POST"),
    "order_replace": own(
        "order", "POST", body={"quantity": "2", "limit_price": "100", "version": "1", "client_order_id": "By form"}
    ),
    "session_list": self_only("GET", "POST", body=things.session_form),
    "session_detail": own("session"),
    "session_end": own("session", "POST"),
    "session-list": self_only("GET", "POST", body=things.session_body, refers=_ACCOUNT, body_refers=_ACCOUNT),
    "session-detail": own("session"),
    "session-end": own("session", "POST"),
    # ------------------------------------------------------------ risk
    "risk": self_only(),
    "risk_flatten": self_only("GET", "POST", body={"confirm": "on"}),
    "risk_activate": self_only("POST", body={"scope": "global", "mode": "live", "level": "1", "note": "By form"}),
    "risk_reset": own("breaker", "POST", body={"note": "By form"}),
    "risk_limit_create": self_only("POST", body={"max_quantity": "5"}),
    "risk_limit_edit": own("risk_limit", "GET", "POST", body={"max_quantity": "6"}),
    "risk_limit_delete": own("risk_limit", "POST"),
    "risk_config": self_only(),
    # ------------------------------------------------------------ reports, exports, first run
    "welcome": self_only(),
    "first_run_dismiss": self_only("POST"),
    "help_page": self_only(path={"page": "trade_list"}),
    "reports": self_only(refers=_ACCOUNT),
    "report_distribution": self_only(refers=_ACCOUNT),
    "report_streaks": self_only(refers=_ACCOUNT),
    "report_drawdowns": self_only(refers=_ACCOUNT),
    "report_days": self_only(refers=_ACCOUNT),
    "report_excursions": self_only(refers=_ACCOUNT),
    "report_compare": self_only(query="a.side=long&b.side=short", refers=_ACCOUNT),
    "aggregate-distribution": self_only(refers=_ACCOUNT),
    "aggregate-drawdowns": self_only(refers=_ACCOUNT),
    "aggregate-contrast": self_only(query="a.side=long&b.side=short", refers={"a.account": "account"}),
    "everything": self_only(),
    "archive_export": self_only("POST"),
    "archive_import": self_only("POST", body=things.archive_form),
    "archive_progress": own("archive"),
    "archive_download": own("archive"),
    "archive_cancel": own("queued_archive", "POST"),
    "archive_forget": own("archive", "POST"),
    "archive-list": self_only("GET", "POST"),
    "archive-detail": own("archive"),
    "archive-import": self_only("POST", body=things.archive_form),
    "archive-download": own("archive"),
    "archive-cancel": own("queued_archive", "POST"),
    # ------------------------------------------------------------ exit plans
    "plan_list": self_only(),
    "plan_open": self_only("GET", "POST", body=things.plan_form, body_refers={"strategy": "exit_strategy"}),
    "plan_detail": own("exit_plan"),
    "plan_override": own("exit_plan", "POST", body={"stop_loss": "10", "revision": "0"}),
    "plan_close": own("exit_plan", "POST"),
    "plan_let_go": own("exit_plan", "POST"),
    "plan_retry": own("failed_plan", "POST"),
    "strategy_list": self_only(),
    "strategy_create": self_only("GET", "POST", body=things.strategy_form),
    "strategy_edit": own("exit_strategy", "GET", "POST", body=things.strategy_form),
    "strategy_default": own("exit_strategy", "POST"),
    "strategy_archive": own("exit_strategy", "POST"),
    "strategy_restore": own("archived_strategy", "POST"),
    "strategy_copy": own("exit_strategy", "POST"),
    "exit-strategy-list": self_only("GET", "POST", body=things.strategy_body),
    "exit-strategy-detail": own("exit_strategy", "GET", "PATCH", body={"description": "By API"}),
    "exit-strategy-default": own("exit_strategy", "POST"),
    "exit-strategy-archive": own("exit_strategy", "POST"),
    "exit-strategy-restore": own("archived_strategy", "POST"),
    "exit-strategy-copy": own("exit_strategy", "POST"),
    "managed-position-list": self_only(
        "GET",
        "POST",
        body=things.plan_body,
        refers=_ACCOUNT,
        body_refers={"account": "account", "strategy": "exit_strategy"},
    ),
    "managed-position-detail": own("exit_plan"),
    "managed-position-override": own("exit_plan", "POST", body={"changes": {"stop_loss": "0.1"}, "revision": 0}),
    "managed-position-close": own("exit_plan", "POST"),
    "managed-position-let-go": own("exit_plan", "POST"),
    "managed-position-retry": own("failed_plan", "POST"),
    "managed-position-revisions": own("exit_plan"),
    # ------------------------------------------------------------ pages of what they mean
    "dashboard": self_only(refers=_ACCOUNT),
    "dashboard_panel": self_only(path={"name": "curve"}, refers={"account": "account", "line": "account"}),
    "dashboard_accounts": self_only(refers=_ACCOUNT),
    "dashboard_lines": self_only(refers={"account": "account", "line": "account"}),
    "dashboard_arrange": self_only("GET", "POST", body={"act": "hide:hour"}),
    "calendar": self_only(refers=_ACCOUNT),
    "breakdown": self_only(refers=_ACCOUNT),
    "trade_list": self_only(refers=_ACCOUNT),
    "trade_export": self_only(refers=_ACCOUNT),
    "account_list": self_only(),
    "account_rows": self_only(),
    "account_columns": self_only("POST", body={"column": ["broker"]}),
    "account_bulk": self_only("GET", "POST", body=things.bulk_form),
    "account_groups": self_only(),
    "account_group_create": self_only("POST", body=_LABEL),
    "account_group_change": own("account_group", "POST", body=_LABEL),
    "account_group_move": own("account_group", "POST", body={"to": "up"}),
    "account_group_delete": own("account_group", "POST"),
    "account_tag_create": self_only("POST", body=_LABEL),
    "account_tag_change": own("account_tag", "POST", body=_LABEL),
    "account_tag_delete": own("account_tag", "POST"),
    "account_options": self_only(refers=_ACCOUNT),
    "account_compare": self_only(refers=_ACCOUNT),
    "account_detail": own("account"),
    "account_rename": own("account", "POST", body={"name": "By form"}),
    "account_connection": own(
        "account", "GET", "POST", body={"environment": "paper", "key_id": "PKTEST", "secret": "tell-nobody"}
    ),
    "connection_remove": own("account", "POST"),
    "broker-connection-list": self_only("GET", "POST", body=things.connection_body, body_refers=_ACCOUNT),
    "broker-connection-detail": own("broker_connection", "GET", "PATCH", "DELETE", body={"secret": "tell-nobody"}),
    "broker-connection-disable": own("broker_connection", "POST"),
    "account_paper_fills": own("account", "POST", body={"source": "bars"}),
    "account_cash": own("funded_account"),
    "account_cash_move": own("account", "POST", body={**_CASH, "kind": "deposit", "key": "by-form"}),
    "account_cash_reverse": own("cash_entry", "POST"),
    "metrics": self_only(),
    "sample_load": self_only("POST"),
    "sample_remove": self_only("GET", "POST"),
    "theme": public("POST", body={"theme": "dark"}),
}
