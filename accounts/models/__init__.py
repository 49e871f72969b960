"""Tables of people and their accounts."""

from accounts.models.access import AttemptPurpose, LoginAttempt
from accounts.models.account import Account, AccountKind, AccountQuerySet, AccountStatus, CostMethod
from accounts.models.audit import ActivityEntry, ActivityKind, AuditEvent
from accounts.models.person import Client, ClientStatus, OwnerVersion, Theme, User
from accounts.models.portfolio import LedgerEntry, LedgerKind, Portfolio
from accounts.models.token import ApiToken, IdempotencyKey, TokenScope

__all__ = [
    "Account",
    "AccountKind",
    "AccountQuerySet",
    "AccountStatus",
    "ActivityEntry",
    "ActivityKind",
    "ApiToken",
    "AttemptPurpose",
    "AuditEvent",
    "Client",
    "ClientStatus",
    "CostMethod",
    "IdempotencyKey",
    "LedgerEntry",
    "LedgerKind",
    "LoginAttempt",
    "OwnerVersion",
    "Portfolio",
    "Theme",
    "TokenScope",
    "User",
]
