"""The shapes of what the API takes and gives about wallets, tokens and signals."""

from rest_framework import serializers

from accounts.models import Account
from accounts.strict import (
    DayField,
    InstantField,
    LineField,
    MoneyField,
    PriceField,
    StrictBooleanField,
    StrictDecimalField,
    StrictSerializer,
    TextField,
)
from intelligence.models import (
    CheckVerdict,
    DiscoverySource,
    OutcomeVerdict,
    SignalAction,
    SignalType,
    SyncStatus,
    WalletHealth,
    WalletMode,
)
from trading.models import ExitStrategy
from trading.serializers import OwnIdField

_LARGEST = 2_147_483_647


class WalletFieldsSerializer(StrictSerializer):
    """What may be said of a wallet at any time."""

    label = LineField(max_length=100, required=False, allow_blank=True)  # type: ignore[assignment]
    mode = serializers.ChoiceField(WalletMode.choices, required=False, help_text="Of new copies.")
    exit_strategy = OwnIdField(queryset=ExitStrategy.objects, required=False)
    simulation_account = OwnIdField(queryset=Account.objects, required=False, allow_null=True)
    live_account = OwnIdField(queryset=Account.objects, required=False, allow_null=True)
    discovery_source = serializers.ChoiceField(DiscoverySource.choices, required=False)
    discovery_date = DayField(required=False, allow_null=True)
    discovery_notes = TextField(max_length=2000, required=False, allow_blank=True)
    baseline_win_rate = PriceField(required=False, allow_null=True, help_text="Fraction from 0 to 1.")
    baseline_trades = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=_LARGEST)
    baseline_average_pnl = PriceField(required=False, allow_null=True, help_text="Fraction of what was paid.")
    baseline_days = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=_LARGEST)
    notes = TextField(max_length=2000, required=False, allow_blank=True)


class WalletChangesSerializer(WalletFieldsSerializer):
    """The same, with the yes that real money takes."""

    confirm = StrictBooleanField(
        required=False, help_text="True with `mode` as `live` of a wallet that was not; needed for nothing else."
    )


class NewWalletSerializer(WalletChangesSerializer):
    """A wallet with its address, which is said once."""

    address = serializers.CharField(max_length=60, trim_whitespace=False)


class WalletSerializer(WalletFieldsSerializer):
    id = serializers.UUIDField()
    address = serializers.CharField()
    is_active = StrictBooleanField()
    health = serializers.ChoiceField(WalletHealth.choices)
    sync_status = serializers.ChoiceField(SyncStatus.choices)
    sync_error = serializers.CharField(allow_blank=True)
    synced_at = InstantField(allow_null=True)
    last_signal_at = InstantField(allow_null=True)
    signals_24h = serializers.IntegerField()
    signals_30d = serializers.IntegerField()
    archived_at = InstantField(allow_null=True)
    created_at = InstantField()


class TokenValueSerializer(StrictSerializer):
    """One thing known of a token; everything is null where nobody knows."""

    value = serializers.CharField(allow_null=True)
    source = serializers.CharField(allow_blank=True)  # type: ignore[assignment]
    read_at = InstantField(allow_null=True)


class KnownTokenSerializer(StrictSerializer):
    id = serializers.UUIDField()
    address = serializers.CharField()
    symbol = serializers.CharField(allow_blank=True)
    name = serializers.CharField(allow_blank=True)
    decimals = serializers.IntegerField(allow_null=True)
    price = StrictDecimalField(max_digits=40, decimal_places=20, allow_null=True, help_text="USD")
    price_at = InstantField(allow_null=True)
    liquidity = TokenValueSerializer()
    top_holders = TokenValueSerializer()
    contract_score = TokenValueSerializer()
    born_at = TokenValueSerializer()
    findings = serializers.ListField(child=serializers.CharField())
    is_fresh = StrictBooleanField()
    analyzed_at = InstantField(allow_null=True)
    analysis_source = serializers.CharField(allow_blank=True)
    analysis_error = serializers.CharField(allow_blank=True)
    is_blacklisted = StrictBooleanField()
    blacklist_reason = serializers.CharField(allow_blank=True)
    blacklisted_at = InstantField(allow_null=True)


class BanReasonSerializer(StrictSerializer):
    reason = LineField(max_length=500)


class SignalCheckSerializer(StrictSerializer):
    name = serializers.CharField()
    seen = serializers.CharField(allow_blank=True)
    limit = serializers.CharField(allow_blank=True)
    source = serializers.CharField(allow_blank=True)  # type: ignore[assignment]
    age_seconds = serializers.FloatField(allow_null=True)
    verdict = serializers.ChoiceField(CheckVerdict.choices)
    note = serializers.CharField(allow_blank=True)


class SignalOutcomeSerializer(StrictSerializer):
    id = serializers.UUIDField()
    attempt = serializers.IntegerField()
    verdict = serializers.ChoiceField(OutcomeVerdict.choices)
    action_taken = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    mode = serializers.CharField(allow_blank=True)
    order = serializers.UUIDField(allow_null=True)
    managed_position = serializers.UUIDField(allow_null=True)
    decided_at = InstantField()
    checks = SignalCheckSerializer(many=True, required=False)


class SignalRetrySerializer(StrictSerializer):
    attempts = serializers.IntegerField()
    problem = serializers.CharField()
    next_attempt_at = InstantField()


class SignalSerializer(StrictSerializer):
    id = serializers.UUIDField()
    wallet = serializers.UUIDField(allow_null=True)
    wallet_address = serializers.CharField()
    token_address = serializers.CharField()
    token_symbol = serializers.CharField(allow_blank=True)
    type = serializers.ChoiceField(SignalType.choices)
    action = serializers.ChoiceField(SignalAction.choices, allow_blank=True)
    amount = StrictDecimalField(max_digits=76, decimal_places=36, allow_null=True)
    price = StrictDecimalField(max_digits=40, decimal_places=20, allow_null=True, help_text="USD")
    value = MoneyField(allow_null=True)
    currency = serializers.CharField()
    base_token = serializers.CharField(allow_blank=True)
    base_amount = StrictDecimalField(max_digits=76, decimal_places=36, allow_null=True)
    transaction = serializers.CharField()
    block = serializers.IntegerField(allow_null=True)
    is_removed = StrictBooleanField()
    revision = serializers.IntegerField()
    replaces = serializers.UUIDField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]
    occurred_at = InstantField(allow_null=True)
    received_at = InstantField()
    outcome = SignalOutcomeSerializer(allow_null=True, help_text="The newest; the checks of all are in the detail.")
    retry = SignalRetrySerializer(allow_null=True, help_text="Of a sale that failed and waits for another try.")
    outcomes = SignalOutcomeSerializer(many=True, required=False)
    payload = serializers.JSONField(required=False, help_text="As it came; in the detail only.")
