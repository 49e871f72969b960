"""The shapes of what the API takes and gives about imports."""

import zoneinfo
from functools import cache
from typing import Any

import orjson
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Account, AccountKind
from accounts.strict import LineField, StrictBooleanField, StrictSerializer
from trading.imports.parsers.registry import PARSERS
from trading.models import BatchStatus, RowOutcome
from trading.serializers import CURRENCY, OwnIdField

MOST_CHOICES = 1000


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


class ZoneField(LineField):
    """The name of a time zone, such as America/New_York."""

    default_error_messages = {"unknown_zone": "There is no such time zone."}

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        if name not in _zones():
            self.fail("unknown_zone")
        return name


class NewAccountSerializer(StrictSerializer):
    """An account that the import may make."""

    name = LineField(max_length=100, required=False)
    currency = serializers.RegexField(CURRENCY, required=False)
    time_zone = ZoneField(required=False)
    kind = serializers.ChoiceField(AccountKind.choices, required=False)


class AccountChoiceSerializer(StrictSerializer):
    """Where the fills of an account number go: to an account that exists, or to one to be made."""

    account = OwnIdField(queryset=Account.objects, required=False)
    create = NewAccountSerializer(required=False)  # type: ignore[assignment]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1 or attrs.get("create") == {}:
            raise serializers.ValidationError("Give either account, or create with at least a name.")
        if "account" in attrs:
            return {"account": str(attrs["account"].public_id)}
        return attrs


class MappingSerializer(StrictSerializer):
    """Which column of the file holds what."""

    columns = serializers.DictField(child=LineField(max_length=200), help_text="Our field -> header in the file.")
    delimiter = serializers.ChoiceField([",", ";", "\t", "|"], required=False)
    time_zone = ZoneField(required=False)
    date_order = serializers.ChoiceField(["mdy", "dmy", "ymd"], required=False)
    decimal_style = serializers.ChoiceField(["point", "comma"], required=False)
    side_values = serializers.DictField(child=serializers.ChoiceField(["buy", "sell", "long", "short"]), required=False)


class ImportOptionsSerializer(StrictSerializer):
    """How to read a file, where what comes of it goes, and what was decided about it."""

    time_zone = ZoneField(required=False, help_text="Of times in the file that carry no offset.")
    encoding = serializers.ChoiceField(
        ["", "utf-8", "utf-16", "cp1250", "cp1251", "cp1252", "latin-1", "iso-8859-15"], required=False
    )
    decimal_style = serializers.ChoiceField(["", "point", "comma"], required=False)
    date_order = serializers.ChoiceField(["", "mdy", "dmy", "ymd"], required=False)
    delimiter = serializers.ChoiceField(["", ",", ";", "\t", "|"], required=False)
    ambiguous_time = serializers.ChoiceField(["", "first", "second"], required=False)
    mapping = MappingSerializer(required=False, allow_null=True)
    accounts = serializers.DictField(
        child=AccountChoiceSerializer(), required=False, help_text="Account number in the file -> choice."
    )
    create_accounts = StrictBooleanField(required=False, help_text="Make an account for every unknown number.")
    new_account = NewAccountSerializer(required=False)
    decisions = serializers.DictField(
        child=serializers.ChoiceField(["import_as_short", "leave_out"]),
        required=False,
        help_text="`key` of a decision in the preview -> one of its choices.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for name in ("accounts", "decisions"):
            if len(attrs.get(name, {})) > MOST_CHOICES:
                raise serializers.ValidationError({name: f"At most {MOST_CHOICES} of them."})
        # Kept as JSON: plain values all the way down.
        plain: dict[str, Any] = orjson.loads(orjson.dumps(attrs, default=dict))
        return plain


@extend_schema_field(OpenApiTypes.STR)
class OptionsTextField(serializers.Field[Any, Any, Any, Any]):
    """The options of an import as a JSON object in a form field, read as strictly as a body."""

    default_error_messages = {"parse_error": "This is not a JSON object."}

    def to_internal_value(self, data: Any) -> Any:
        try:
            value = orjson.loads(data) if isinstance(data, str) and len(data) <= 1_000_000 else None
        except orjson.JSONDecodeError:
            value = None
        if not isinstance(value, dict) or "\\u0000" in data:
            self.fail("parse_error")
        options = ImportOptionsSerializer(data=value, context=self.context)
        options.is_valid(raise_exception=True)
        return options.validated_data

    def to_representation(self, value: Any) -> Any:
        return value


FORMATS = [(parser.name, parser.label) for parser in PARSERS]


class UploadSerializer(StrictSerializer):
    """A file as multipart/form-data."""

    file = serializers.FileField(max_length=1000)
    account = OwnIdField(
        queryset=Account.objects, required=False, help_text="Where fills go whose rows name no account."
    )
    format = serializers.ChoiceField(FORMATS, required=False, help_text="Recognised from the content by default.")
    options = OptionsTextField(required=False, help_text="ImportOptions as JSON.")


class ImportChoicesSerializer(StrictSerializer):
    """Choices about a file that waits; what is left out stays as it is."""

    account = OwnIdField(queryset=Account.objects, required=False)
    format = serializers.ChoiceField([("", "Recognise it"), *FORMATS], required=False)
    options = ImportOptionsSerializer(required=False)


class ImportSummarySerializer(StrictSerializer):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(BatchStatus.choices)
    filename = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
    format = serializers.CharField()
    account = serializers.UUIDField(allow_null=True)
    progress = serializers.IntegerField(help_text="Rows done so far.")
    total_rows = serializers.IntegerField()
    error_code = serializers.CharField()
    error_message = serializers.CharField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    undone_at = serializers.DateTimeField(allow_null=True)


class ImportSerializer(ImportSummarySerializer):
    selected_format = serializers.CharField()
    parser_version = serializers.IntegerField()
    options = ImportOptionsSerializer()
    preview = serializers.DictField(
        help_text="What importing it would do: new, duplicates, skipped, errors, decisions."
    )
    result = serializers.DictField(help_text="What the import did.")


class ImportPreviewSerializer(ImportSerializer):
    """A dry run: nothing of it was kept, so it has no id."""

    id = None  # type: ignore[assignment]


class ImportRowSerializer(StrictSerializer):
    line = serializers.IntegerField()
    outcome = serializers.ChoiceField(RowOutcome.choices)
    code = serializers.CharField()
    message = serializers.CharField()
    raw = serializers.CharField()


class ReplaySerializer(StrictSerializer):
    """How the fills differ between the import as it stands and the file read anew."""

    added = serializers.IntegerField()
    removed = serializers.IntegerField()
    changed = serializers.IntegerField()
    examples = serializers.ListField(child=serializers.DictField())
    dry_run = serializers.BooleanField()
