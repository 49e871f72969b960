"""Settings by key: a schema in code for each key, and no others."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit, decimals
from accounts.decimals import plain
from accounts.errors import InvalidValue
from accounts.models import User
from trading.errors import OperatorsOnly
from trading.models import SystemSetting

#: Gives the value as it is kept; raises ValueError for what it may not be.
Schema = Callable[[Any], dict[str, Any]]


def _only(value: Any, name: str) -> Any:
    if not isinstance(value, Mapping) or set(value) != {name}:
        raise ValueError(_("This is an object with %(name)s alone.") % {"name": name})
    return value[name]


def _share(value: Any) -> dict[str, Any]:
    """{"pct": 0.15}: a fraction, as text or as a number; kept as text."""
    given = _only(value, "pct")
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise ValueError(_("This is a fraction such as 0.15."))
    number = decimals.strict(given if isinstance(given, str) else repr(given))
    if not 0 < number <= 1:
        raise ValueError(_("This is a fraction above 0 and up to 1."))
    return {"pct": plain(number)}


def _count(value: Any) -> dict[str, Any]:
    """{"count": 10}: a whole number from 1 on."""
    given = _only(value, "count")
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= 1_000_000:
        raise ValueError(_("This is a whole number from 1 on."))
    return {"count": given}


#: What each key holds. Each limits every account, beside the limits that people set themselves.
SCHEMAS: dict[str, Schema] = {
    "max_position_size": _share,
    "max_positions": _count,
    "max_trades_per_day": _count,
}


def all_of_them() -> dict[str, Any]:
    """Every setting that is set, by key."""
    return dict(SystemSetting.objects.values_list("key", "value"))


def share_of(settings: Mapping[str, Any], key: str) -> Decimal | None:
    """The fraction that this key holds; None where it is not set."""
    return Decimal(settings[key]["pct"]) if key in settings else None


def count_of(settings: Mapping[str, Any], key: str) -> int | None:
    """The number that this key holds; None where it is not set."""
    return int(settings[key]["count"]) if key in settings else None


@transaction.atomic
def put(user: User, *, key: str, value: Any) -> SystemSetting | None:
    """The key holds this value; None takes the setting away. Raises OperatorsOnly or InvalidValue."""
    if not (user.is_staff and user.is_active):
        raise OperatorsOnly(_("Only operators change settings."))
    schema = SCHEMAS.get(key)
    if schema is None:
        raise InvalidValue(_("There is no such setting."), pointer=f"/{key}")
    before = SystemSetting.objects.select_for_update().filter(key=key).first()
    was = before.value if before else None
    if value is None:
        SystemSetting.objects.filter(key=key).delete()
        made = None
    else:
        try:
            kept = schema(value)
        except ValueError as error:
            raise InvalidValue(str(error), pointer=f"/{key}") from error
        made, _created = SystemSetting.objects.update_or_create(key=key, defaults={"value": kept})
    audit.written(
        "system_setting.update",
        subject="system_setting",
        subject_id=key,
        before={"value": was},
        after={"value": made.value if made else None},
    )
    return made
