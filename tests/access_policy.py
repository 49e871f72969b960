"""Who may do what at every address. A new address needs a row here, or the tests fail.

`public()` – anybody. `self_only()` – signed-in people, each seeing their own. `own("account")` – the path names
something that one person owns, made by the factory of that name in `FACTORIES`. In each, `works` names the methods
that succeed for the owner, `body` what to send with them, `query` the query string; `refers` and `body_refers` name
the query parameters and body fields that hold an id, each with its factory.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from accounts import ledger, tokens
from accounts.models import ActivityEntry, User
from tests.factories import make_account

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    """What the matrix expects of one address."""

    kind: str
    factory: str = ""
    works: tuple[str, ...] = ("GET",)
    body: Mapping[str, Any] = field(default_factory=dict)
    query: str = ""
    refers: Mapping[str, str] = field(default_factory=dict)
    body_refers: Mapping[str, str] = field(default_factory=dict)
    #: Path parameters that name nobody's thing, such as a date.
    path: Mapping[str, str] = field(default_factory=dict)


def public(*works: str, **options: Any) -> Row:
    return Row("public", works=works or ("GET",), **options)


def self_only(*works: str, **options: Any) -> Row:
    return Row("self", works=works or ("GET",), **options)


def own(factory: str, *works: str, **options: Any) -> Row:
    return Row("own", factory, works=works or ("GET",), **options)


#: Makes one thing of this owner, with the canary in its words, and returns what its path holds.
Factory = Callable[[User, str], str]


def _account(owner: User, canary: str) -> str:
    account = make_account(owner, f"Account {canary}", broker=canary, number=canary, description=canary)
    ActivityEntry.objects.create(owner=owner, kind="account", text=canary)
    return str(account.public_id)


def _archived_account(owner: User, canary: str) -> str:
    return str(make_account(owner, f"Archived {canary}", archived_at=AT).public_id)


def _funded_account(owner: User, canary: str) -> str:
    account = make_account(owner, f"Funded {canary}")
    ledger.deposit(account, currency="USD", amount=Decimal("8613.0071"), idempotency_key=canary, at=AT, note=canary)
    return str(account.public_id)


def _token(owner: User, canary: str) -> str:
    return str(tokens.create(owner=owner, name=canary, at=AT)[0].public_id)


FACTORIES: dict[str, Factory] = {
    "account": _account,
    "archived_account": _archived_account,
    "funded_account": _funded_account,
    "token": _token,
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
_PROFILE = {"reporting_currency": "EUR", "time_zone": "UTC", "theme": "dark"}

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
    # ------------------------------------------------------------ accounts
    "account_create": self_only("GET", "POST", body=_ACCOUNT_FORM),
    "account_edit": own("account", "GET", "POST", body=_ACCOUNT_FORM),
    "account_archive": own("account", "POST"),
    "account_restore": own("archived_account", "POST"),
    "account_delete": own("account", "GET", "POST"),
    # ------------------------------------------------------------ API
    "schema": self_only(),
    "docs": self_only(),
    "api-root": self_only(),
    "account-list": self_only("GET", "POST", body={"name": "By API"}),
    "account-detail": own("account", "GET", "PATCH", "DELETE", body={"name": "By API"}),
    "account-batch": self_only("POST", body={"accounts": [{"name": "By API"}]}),
    "account-brokers": self_only(),
    "account-archive": own("account", "POST"),
    "account-restore": own("archived_account", "POST"),
    "account-portfolios": own("account"),
    "account-ledger": own("account"),
    "account-deposits": own("account", "POST", body=_CASH),
    "account-withdrawals": own("funded_account", "POST", body=_CASH),
    "account-adjustments": own("account", "POST", body=_CASH),
    "token-list": self_only("GET", "POST", body={"name": "By API"}),
    "token-detail": own("token", "DELETE"),
    "activity-list": self_only(),
    "audit-list": self_only(),
}
