"""Tables of people and their accounts."""

from accounts.models.access import AttemptPurpose, LoginAttempt
from accounts.models.account import Account, AccountKind, AccountQuerySet, AccountStatus, CostMethod, PaperFills
from accounts.models.audit import ActivityEntry, ActivityKind, AuditEvent
from accounts.models.connection import BrokerConnection, BrokerEnvironment, StreamState
from accounts.models.grouping import COLOR, AccountGroup, AccountTag, OwnQuerySet
from accounts.models.person import Client, ClientStatus, Language, OwnerVersion, Theme, User
from accounts.models.portfolio import LedgerEntry, LedgerKind, Portfolio
from accounts.models.preference import Preference
from accounts.models.token import ApiToken, IdempotencyKey, TokenScope

__all__ = [
    "COLOR",
    "Account",
    "AccountGroup",
    "AccountKind",
    "AccountQuerySet",
    "AccountStatus",
    "AccountTag",
    "ActivityEntry",
    "ActivityKind",
    "ApiToken",
    "AttemptPurpose",
    "AuditEvent",
    "BrokerConnection",
    "BrokerEnvironment",
    "Client",
    "ClientStatus",
    "CostMethod",
    "IdempotencyKey",
    "Language",
    "LedgerEntry",
    "LedgerKind",
    "LoginAttempt",
    "OwnQuerySet",
    "OwnerVersion",
    "PaperFills",
    "Portfolio",
    "Preference",
    "StreamState",
    "Theme",
    "TokenScope",
    "User",
]
