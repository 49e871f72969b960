"""The shapes of what the API takes and gives about people, accounts and cash."""

from typing import Any

from rest_framework import serializers

from accounts import decimals
from accounts.models import (
    Account,
    AccountKind,
    AccountStatus,
    ActivityEntry,
    ActivityKind,
    ApiToken,
    AuditEvent,
    CostMethod,
    LedgerEntry,
    LedgerKind,
    Portfolio,
    TokenScope,
)
from accounts.reports import AccountRow
from accounts.strict import InstantField, LineField, MoneyField, StrictSerializer, TextField
from accounts.trading_accounts import LARGEST_BATCH


class DayStartField(serializers.TimeField):
    """A wall time as HH:MM or HH:MM:SS."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(input_formats=["%H:%M", "%H:%M:%S"], **kwargs)


class AccountSerializer(StrictSerializer):
    id = serializers.UUIDField(source="public_id", read_only=True)
    name = LineField(max_length=100)
    broker = LineField(max_length=100, required=False, allow_blank=True)
    number = LineField(max_length=64, required=False, allow_blank=True)
    kind = serializers.ChoiceField(AccountKind.choices, required=False)
    status = serializers.ChoiceField(AccountStatus.choices, required=False)
    currency = LineField(max_length=12, required=False)
    time_zone = LineField(max_length=64, required=False)
    day_start = DayStartField(required=False)
    cost_method = serializers.ChoiceField(CostMethod.choices, required=False)
    initial_balance = MoneyField(required=False, allow_null=True)
    color = serializers.RegexField(r"^#[0-9a-fA-F]{6}\Z", required=False)
    description = TextField(max_length=2000, required=False, allow_blank=True)
    archived_at = serializers.DateTimeField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)


class AccountBatchSerializer(StrictSerializer):
    accounts = serializers.ListField(child=AccountSerializer(), min_length=1, max_length=LARGEST_BATCH)


class BrokerSerializer(StrictSerializer):
    broker = serializers.CharField()
    accounts = serializers.IntegerField()


class PortfolioSerializer(StrictSerializer):
    id = serializers.UUIDField(source="public_id", read_only=True)
    currency = serializers.CharField()
    available_balance = MoneyField()
    reserved_balance = MoneyField()
    updated_at = serializers.DateTimeField()


class LedgerEntrySerializer(StrictSerializer):
    id = serializers.UUIDField(source="public_id", read_only=True)
    kind = serializers.ChoiceField(LedgerKind.choices)
    currency = serializers.CharField(source="portfolio.currency")
    available_change = MoneyField()
    reserved_change = MoneyField()
    available_after = MoneyField()
    reserved_after = MoneyField()
    note = serializers.CharField()
    occurred_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()


class CashSerializer(StrictSerializer):
    """A deposit or withdrawal as it is asked for."""

    amount = MoneyField()
    currency = serializers.RegexField(r"^[A-Z][A-Z0-9]{1,11}\Z")
    note = LineField(max_length=500, required=False, allow_blank=True, default="")
    at = InstantField(required=False)


class TokenSerializer(StrictSerializer):
    id = serializers.UUIDField(source="public_id", read_only=True)
    name = LineField(max_length=100)
    scope = serializers.ChoiceField(TokenScope.choices, default=TokenScope.READ)
    expires_at = InstantField(required=False, allow_null=True, default=None)
    prefix = serializers.CharField(read_only=True)
    revoked_at = serializers.DateTimeField(read_only=True)
    last_used_at = serializers.DateTimeField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)


class NewTokenSerializer(TokenSerializer):
    """A token just made, with its secret, which no later answer holds."""

    secret = serializers.CharField(read_only=True)


class ActivitySerializer(StrictSerializer):
    kind = serializers.ChoiceField(ActivityKind.choices)
    text = serializers.CharField()
    link = serializers.CharField()
    occurred_at = serializers.DateTimeField()


class AuditSerializer(StrictSerializer):
    event = serializers.CharField()
    subject = serializers.CharField()
    subject_id = serializers.CharField()
    actor = serializers.CharField(source="actor_email")
    before = serializers.JSONField()
    after = serializers.JSONField()
    address = serializers.IPAddressField()
    request_id = serializers.CharField()
    occurred_at = serializers.DateTimeField()


def page_of(serializer: type[StrictSerializer]) -> type[StrictSerializer]:
    """The shape of a page of these, for the schema."""
    name = serializer.__name__.removesuffix("Serializer")
    return type(
        f"{name}PageSerializer",
        (StrictSerializer,),
        {
            "results": serializer(many=True),
            "next": serializers.CharField(allow_null=True),
            "has_more": serializers.BooleanField(),
            "total": serializers.IntegerField(),
            "__module__": serializer.__module__,
        },
    )


# Written out by hand, because a page of 50 took a serializer ten times as long as the query.
def account_json(account: Account | AccountRow) -> dict[str, Any]:
    """An account as `AccountSerializer` describes it."""
    balance = account.initial_balance
    return {
        "id": str(account.public_id),
        "name": account.name,
        "broker": account.broker,
        "number": account.number,
        "kind": account.kind,
        "status": account.status,
        "currency": account.currency,
        "time_zone": account.time_zone,
        "day_start": account.day_start,
        "cost_method": account.cost_method,
        "initial_balance": None if balance is None else decimals.plain(balance),
        "color": account.color,
        "description": account.description,
        "archived_at": account.archived_at,
        "created_at": account.created_at,
        "updated_at": account.updated_at,
    }


def portfolio_json(portfolio: Portfolio) -> Any:
    """A portfolio as `PortfolioSerializer` describes it."""
    return PortfolioSerializer(portfolio).data


def ledger_json(entry: LedgerEntry) -> Any:
    """A ledger entry as `LedgerEntrySerializer` describes it; its portfolio is loaded."""
    return LedgerEntrySerializer(entry).data


def token_json(token: ApiToken) -> Any:
    """A token as `TokenSerializer` describes it: without its secret, which is nowhere."""
    return TokenSerializer(token).data


def activity_json(entry: ActivityEntry) -> Any:
    """A line of the feed as `ActivitySerializer` describes it."""
    return ActivitySerializer(entry).data


def audit_json(event: AuditEvent) -> Any:
    """A line of the audit log as `AuditSerializer` describes it."""
    return AuditSerializer(event).data
