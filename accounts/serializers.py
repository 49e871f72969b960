"""The shapes of what the API takes and gives about people, accounts and cash."""

from typing import Any

from rest_framework import serializers

from accounts import activity, bulk_edits, decimals
from accounts.models import (
    Account,
    AccountGroup,
    AccountKind,
    AccountStatus,
    AccountTag,
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
from accounts.strict import InstantField, LineField, MoneyField, StrictBooleanField, StrictSerializer, TextField
from accounts.trading_accounts import LARGEST_BATCH

#: Labels that one account can carry, which is more than anybody can look at.
MOST_TAGS = 50


class DayStartField(serializers.TimeField):
    """A wall time as HH:MM or HH:MM:SS."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(input_formats=["%H:%M", "%H:%M:%S"], **kwargs)


class OwnChoiceField(serializers.UUIDField):
    """The outside id of something of one's own; what is foreign is refused as what does not exist.

    All of the person's are looked up at once, so that many rows of one request cost one query. Answers hold the thing
    itself: `{"id", "name", "color"}`.
    """

    default_error_messages = {"does_not_exist": "There is nothing of yours with this id."}

    def __init__(self, *, queryset: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.queryset = queryset

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or str(super().to_internal_value(data)) != data:
            self.fail("invalid", value=data)
        person = self.context["request"].user
        # Of the whole request: the rows of a batch each have a field of their own.
        known = self.context.setdefault(f"own {self.queryset.model.__name__}", {})
        if not known:
            known.update({str(each.public_id): each for each in self.queryset.for_user(person)})
        if data not in known:
            self.fail("does_not_exist")
        return known[data]


class AnyCaseChoiceField(serializers.ChoiceField):
    """One of a few words in small letters, however it is written."""

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(data.lower() if isinstance(data, str) else data)


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
    allows_short = StrictBooleanField(required=False, help_text="Whether orders may sell what is not held.")
    initial_balance = MoneyField(required=False, allow_null=True)
    color = serializers.RegexField(r"^#[0-9a-fA-F]{6}\Z", required=False)
    description = TextField(max_length=2000, required=False, allow_blank=True)
    group = OwnChoiceField(queryset=AccountGroup.objects, required=False, allow_null=True)
    tags = serializers.ListField(
        child=OwnChoiceField(queryset=AccountTag.objects), required=False, max_length=MOST_TAGS, help_text="Ids."
    )
    archived_at = serializers.DateTimeField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)


class AccountBatchSerializer(StrictSerializer):
    accounts = serializers.ListField(child=AccountSerializer(), min_length=1, max_length=LARGEST_BATCH)


class AccountGroupSerializer(StrictSerializer):
    id = serializers.UUIDField(source="public_id", read_only=True)
    name = LineField(max_length=50)
    color = serializers.RegexField(r"^#[0-9a-fA-F]{6}\Z", required=False)
    position = serializers.IntegerField(required=False, min_value=0, max_value=100_000)
    accounts = serializers.IntegerField(read_only=True)


class AccountTagSerializer(StrictSerializer):
    id = serializers.UUIDField(source="public_id", read_only=True)
    name = LineField(max_length=50)
    color = serializers.RegexField(r"^#[0-9a-fA-F]{6}\Z", required=False)
    accounts = serializers.IntegerField(read_only=True)


class AccountChangesSerializer(StrictSerializer):
    """What becomes of many accounts; what is left out stays as it is."""

    group = OwnChoiceField(queryset=AccountGroup.objects, required=False, allow_null=True)
    add_tags = serializers.ListField(
        child=OwnChoiceField(queryset=AccountTag.objects), required=False, max_length=MOST_TAGS
    )
    remove_tags = serializers.ListField(
        child=OwnChoiceField(queryset=AccountTag.objects), required=False, max_length=MOST_TAGS
    )
    broker = LineField(max_length=100, required=False, allow_blank=True)
    kind = serializers.ChoiceField(AccountKind.choices, required=False)
    status = serializers.ChoiceField(AccountStatus.choices, required=False)
    color = serializers.RegexField(r"^#[0-9a-fA-F]{6}\Z", required=False)
    archived = StrictBooleanField(required=False)


class AccountFiltersSerializer(StrictSerializer):
    """Accounts as the list's filters find them, without a limit to their number."""

    broker = LineField(max_length=100, required=False, allow_blank=True)
    search = LineField(max_length=200, required=False)
    kind = serializers.ChoiceField(AccountKind.choices, required=False)
    status = serializers.ChoiceField(AccountStatus.choices, required=False)
    group = LineField(max_length=50, required=False)
    tag = LineField(max_length=50, required=False)
    archived = StrictBooleanField(required=False, allow_null=True, default=False)


class AccountBulkSerializer(StrictSerializer):
    """Either `ids` or `filters` say which accounts; `changes` says what becomes of them."""

    ids = serializers.ListField(
        child=serializers.UUIDField(), required=False, min_length=1, max_length=bulk_edits.LARGEST_CHOICE
    )
    filters = AccountFiltersSerializer(required=False)
    changes = AccountChangesSerializer()
    dry_run = StrictBooleanField(required=False, default=False)


class BulkAnswerSerializer(StrictSerializer):
    total = serializers.IntegerField(help_text="Accounts that were meant.")
    changed = serializers.IntegerField(help_text="Accounts that were not so already.")


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
    account = serializers.UUIDField(source="account.public_id", allow_null=True, default=None)
    metadata = serializers.DictField(allow_null=True)
    occurred_at = serializers.DateTimeField()


class WrittenActivitySerializer(StrictSerializer):
    """A line that a program writes into its person's feed."""

    kind = AnyCaseChoiceField(activity.WRITABLE_CHOICES, help_text="In capitals or small letters.")
    text = LineField(max_length=activity.LONGEST)
    account = serializers.UUIDField(required=False, allow_null=True)
    metadata = serializers.DictField(
        required=False, allow_null=True, help_text=f"At most {activity.LARGEST_METADATA} bytes of JSON."
    )


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
    """An account as `AccountSerializer` describes it, its group and labels with their names."""
    balance = account.initial_balance
    if isinstance(account, Account):
        group = account.group and label_json(account.group)
        tags = [label_json(tag) for tag in sorted(account.tags.all(), key=lambda tag: (tag.name, tag.pk))]
    else:
        group, tags = account.group, account.tags
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
        "allows_short": account.allows_short,
        "initial_balance": None if balance is None else decimals.plain(balance),
        "color": account.color,
        "description": account.description,
        "group": group,
        "tags": tags,
        "archived_at": account.archived_at,
        "created_at": account.created_at,
        "updated_at": account.updated_at,
    }


def label_json(labelled: AccountGroup | AccountTag) -> dict[str, str]:
    """A group or label as accounts show it."""
    return {"id": str(labelled.public_id), "name": labelled.name, "color": labelled.color}


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
    """A line of the feed as `ActivitySerializer` describes it; its account is loaded."""
    return ActivitySerializer(entry).data


def audit_json(event: AuditEvent) -> Any:
    """A line of the audit log as `AuditSerializer` describes it."""
    return AuditSerializer(event).data
