"""What the API takes: nothing it does not know, nothing twice, and no value that only looks right."""

import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeGuard

from django.utils.dateparse import parse_datetime
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.fields import empty
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts import decimals, instants, text

#: RFC 3339 with an offset. What DRF takes besides that (week dates, other digits, no offset) has more than one meaning.
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_WHOLE = re.compile(r"-?\d{1,20}", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_LONGEST_PARAMETER = 1000
_NO_FIELD = "There is no such field."


class StrictDecimalField(serializers.DecimalField):
    """A decimal as a string of plain digits. A JSON number is refused: somewhere on its way it was a float."""

    default_error_messages = {
        "not_a_string": "Send decimals as strings.",
        "not_plain_decimal": "This is not a plain decimal such as 1234.5.",
    }

    def to_internal_value(self, data: Any) -> Decimal:
        if not isinstance(data, str):
            self.fail("not_a_string")
        try:
            number = decimals.strict(data)
        except ValueError:
            self.fail("not_plain_decimal")
        return super().to_internal_value(str(number))

    def to_representation(self, value: Any) -> str:
        return decimals.plain(Decimal(value))


class MoneyField(StrictDecimalField):
    """An amount of money: 12 digits before the point and 8 after it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=20, decimal_places=8, **kwargs)


class PriceField(StrictDecimalField):
    """A price, quantity or rate: 16 digits before the point and 12 after it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=28, decimal_places=12, **kwargs)


class InstantField(serializers.DateTimeField):
    """A time as RFC 3339 with its offset, to the microsecond at most, that pages can show in any zone."""

    default_error_messages = {
        "invalid": "Write times as 2026-01-31T15:30:00Z or with an offset.",
        "out_of_range": "Times from 1900 to 2199 are taken.",
    }

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str) or not _INSTANT.fullmatch(value):
            self.fail("invalid", format="RFC 3339")
        try:
            at = parse_datetime(value)
            # Overflows where the first or last day of the calendar is none of UTC.
            at = at.astimezone(UTC) if at is not None and at.tzinfo is not None else None
        except (ValueError, OverflowError):
            at = None
        if at is None:
            self.fail("invalid", format="RFC 3339")
        if not instants.is_kept(at):
            self.fail("out_of_range")
        return at


class StrictBooleanField(serializers.BooleanField):
    """true or false, and none of the words that might mean one of them."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class WholeNumberField(serializers.IntegerField):
    """A whole number, or one in plain digits. What DRF takes besides (other digits, 5.0) only looks like one."""

    def to_internal_value(self, data: Any) -> int:
        is_plain = isinstance(data, int) or (isinstance(data, str) and _WHOLE.fullmatch(data) is not None)
        if isinstance(data, bool) or not is_plain:
            self.fail("invalid")
        return super().to_internal_value(data)


class DayField(serializers.DateField):
    """A date as YYYY-MM-DD."""

    def to_internal_value(self, value: Any) -> Any:
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            self.fail("invalid", format="YYYY-MM-DD")
        return super().to_internal_value(value)


class LineField(serializers.CharField):
    """One line of text, trimmed and normalised, without control characters. A number is not text."""

    default_error_messages = {"unsafe": "{reason}."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            return super().to_internal_value(self.clean(data))
        except ValueError as error:
            reason = str(error)
            self.fail("unsafe", reason=reason[:1].upper() + reason[1:])

    def clean(self, data: str) -> str:
        return text.one_line(data)


class TextField(LineField):
    """Text of several lines, normalised, without control characters."""

    def clean(self, data: str) -> str:
        return text.paragraphs(data)


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that it does not have and fields that only the server sets."""

    _given: Mapping[str, Any] | None = None

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            errors = {name: [self._refusal(str(name))] for name in data if self._is_refused(str(name))}
            errors |= {name: [_too_long(most)] for name, most in self._too_long(data)}
            if errors:
                raise ValidationError(errors)
        self._given = data if isinstance(data, dict) else None
        return super().to_internal_value(data)

    @property
    def _writable_fields(self) -> list[serializers.Field[Any, Any, Any, Any]]:
        """Those of which there is anything to say: most orders have a third of the fields that an order may have."""
        given = self._given
        return [
            field
            for name, field in self.fields.items()
            if not field.read_only and (given is None or name in given or field.required or field.default is not empty)
        ]

    def _too_long(self, data: Mapping[str, Any]) -> Iterable[tuple[str, int]]:
        """The lists with more in them than they may have; the framework looks at every row before it counts them."""
        for name, most in self._most.items():
            given = data.get(name)
            if isinstance(given, list) and len(given) > most:
                yield name, most

    @cached_property
    def _most(self) -> Mapping[str, int]:
        """How much each list takes."""
        lists = {name: field for name, field in self.fields.items() if isinstance(field, serializers.ListField)}
        return {name: field.max_length for name, field in lists.items() if field.max_length is not None}

    def _is_refused(self, name: str) -> bool:
        return name not in self.fields or self.fields[name].read_only

    def _refusal(self, name: str) -> ErrorDetail:
        if name in self.fields:
            return ErrorDetail("This field is set by the server.", code="read_only")
        return ErrorDetail(_NO_FIELD, code="unknown_field")


def _too_long(most: int) -> ErrorDetail:
    return ErrorDetail(f"Ensure this field has no more than {most} elements.", code="max_length")


class StrictQueryMixin(APIView):
    """Refuses query parameters that the view does not know, those that come twice, and bodies where none is asked for.

    `query_parameters` maps an action of a viewset to the parameters that it takes, `repeatable_parameters` names those
    that may come more than once; a view that is no viewset uses its method in lower case as the action.
    """

    query_parameters: Mapping[str, Iterable[str]] = {}
    repeatable_parameters: frozenset[str] = frozenset()
    #: Actions that are told all by their address: whoever sends more means something that would not be done.
    bodyless: frozenset[str] = frozenset()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        action = getattr(self, "action", None) or str(request.method).lower()
        check_query(request, allowed=self.query_parameters.get(action, ()), repeatable=self.repeatable_parameters)
        if action in self.bodyless and request.data:
            raise ValidationError({name: [ErrorDetail(_NO_FIELD, code="unknown_field")] for name in request.data})


def check_query(request: Request, *, allowed: Iterable[str], repeatable: Iterable[str] = ()) -> None:
    """Returns if every query parameter is allowed, comes once and is storable text; raises ValidationError if not."""
    allowed, repeatable = frozenset(allowed), frozenset(repeatable)
    errors: dict[str, list[ErrorDetail]] = {}
    for name, values in request.query_params.lists():
        pointer = f"?{name[:100]}"
        if name not in allowed:
            errors[pointer] = [ErrorDetail("There is no such parameter here.", code="unknown_parameter")]
        elif len(values) > 1 and name not in repeatable:
            errors[pointer] = [ErrorDetail("This parameter may come once.", code="duplicate_parameter")]
        elif any(not _is_storable(value) for value in values):
            errors[pointer] = [ErrorDetail("This value cannot be taken.", code="invalid_value")]
    if errors:
        raise ValidationError(errors)


def is_public_id(value: object) -> TypeGuard[str]:
    """Whether it is the text of an outside id, in canonical form."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def public_id(text: str, *, parameter: str) -> str:
    """The outside id as it is, if it is one in canonical form. Raises ValidationError for anything else."""
    if not is_public_id(text):
        detail = ErrorDetail("An id is a UUID in lower case.", code="invalid_id")
        raise ValidationError({f"?{parameter}": [detail]})
    return str(uuid.UUID(text))


def choice(text: str | None, *, parameter: str, allowed: Iterable[str]) -> str | None:
    """The value of a parameter that takes one of a few. Raises ValidationError for any other; None stays None."""
    allowed = list(allowed)
    if text is None or text in allowed:
        return text
    detail = ErrorDetail(f"Takes one of {', '.join(allowed)}.", code="invalid_choice")
    raise ValidationError({f"?{parameter}": [detail]})


def _is_storable(value: str) -> bool:
    if len(value) > _LONGEST_PARAMETER or "\0" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\ufffd" not in value
