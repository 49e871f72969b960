"""The shapes of what the API takes and gives about connections to brokers. Keys come in, and never out."""

from rest_framework import serializers

from accounts.models import Account, BrokerEnvironment, StreamState
from accounts.strict import LineField, StrictSerializer
from trading.connections import LONGEST_KEY
from trading.serializers import OwnIdField


class ConnectionSerializer(StrictSerializer):
    id = serializers.UUIDField()
    account = serializers.UUIDField()
    venue = serializers.CharField()
    environment = serializers.ChoiceField(BrokerEnvironment.choices)
    key_hint = serializers.CharField(help_text="The end of the key id, to tell keys apart.")
    broker_account = serializers.CharField(help_text="The account's number at the broker, once it is known.")
    stream_state = serializers.ChoiceField(StreamState.choices)
    stream_at = serializers.DateTimeField(allow_null=True)
    stream_error = serializers.CharField()
    reconciled_at = serializers.DateTimeField(allow_null=True)
    differences = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class KeptConnectionSerializer(ConnectionSerializer):
    warning = serializers.CharField(help_text="Why the keys could not be tried; empty where the broker took them.")


class ChangeConnectionSerializer(StrictSerializer):
    environment = serializers.ChoiceField(BrokerEnvironment.choices)
    key_id = LineField(max_length=LONGEST_KEY, write_only=True)
    secret = LineField(max_length=LONGEST_KEY, write_only=True)


class NewConnectionSerializer(ChangeConnectionSerializer):
    account = OwnIdField(queryset=Account.objects)
