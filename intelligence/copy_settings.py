"""How much of watched wallets a person copies: read, and changed with who and when.

Source: docs/copying.md#settings
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit, versions
from accounts.decimals import plain
from accounts.errors import Conflict, InvalidValue
from accounts.models import User
from intelligence.copy_checks import Rules
from intelligence.models import CopySettings, RepeatPolicy
from intelligence.models.copying import COPY_RANGES
from intelligence.sizing import CopyLimits
from trading import risk

#: What may be changed, in the order of the table.
FIELDS = (
    "is_on", "capital", "risk_per_trade", "max_per_trade", "max_per_wallet", "max_per_token", "max_total",
    "max_price_drift", "max_signal_age_seconds", "max_positions", "min_source_value", "repeat_policy",
)  # fmt: skip
#: What may be empty: the installation's own value counts then.
_INSTALLATIONS = ("capital", "risk_per_trade")
_PARTS = ("max_per_trade", "max_per_wallet", "max_per_token")


@dataclass(frozen=True, slots=True)
class Counting:
    """The settings as they count now, with the installation's values where the person has none."""

    rules: Rules
    limits: CopyLimits


def current(owner_id: int) -> CopySettings:
    """The person's settings; the defaults, not stored, where they have none."""
    return CopySettings.objects.filter(pk=owner_id).first() or CopySettings(owner_id=owner_id)


@transaction.atomic
def locked(owner_id: int) -> CopySettings:
    """The person's settings, stored, and locked until the transaction ends: one purchase of theirs is judged at a time.

    It is the first lock that a purchase takes, before accounts.
    """
    CopySettings.objects.bulk_create([CopySettings(owner_id=owner_id)], ignore_conflicts=True)
    return CopySettings.objects.select_for_update(of=("self",), no_key=True).get(pk=owner_id)


def counting(found: CopySettings) -> Counting:
    """What counts now."""
    config = risk.current()
    rules = Rules(
        is_on=found.is_on,
        max_price_drift=found.max_price_drift,
        max_signal_age=timedelta(seconds=found.max_signal_age_seconds),
        max_positions=found.max_positions,
        min_source_value=found.min_source_value,
        adds_to_open=found.repeat_policy == RepeatPolicy.ADD,
    )
    limits = CopyLimits(
        capital=config.capital if found.capital is None else found.capital,
        risk_per_trade=config.risk_per_trade if found.risk_per_trade is None else found.risk_per_trade,
        max_per_trade=_least(found.max_per_trade, config.max_capital_per_trade),
        max_per_wallet=found.max_per_wallet,
        max_per_token=found.max_per_token,
        max_total=_least(found.max_total, config.max_total_capital),
    )
    return Counting(rules, limits)


def _least(own: Decimal, installations: Decimal | None) -> Decimal:
    return own if installations is None else min(own, installations)


@transaction.atomic
def change(owner: User, *, revision: int | None = None, **changes: Any) -> CopySettings:
    """The person's settings have these values from the next signal on; open copies stay as they are.

    `revision` is the one that they looked at. What is no change leaves no trace.
    Raises InvalidValue for an unknown field or a value out of its range, Conflict when it was changed meanwhile.
    """
    found = locked(owner.pk)
    if revision is not None and revision != found.revision:
        raise Conflict(_("The settings were changed meanwhile: look at them again."), code="settings_changed")
    before = as_written(found)
    for name, value in changes.items():
        setattr(found, name, _valid(name, value))
    for name in _PARTS:
        if getattr(found, name) > found.max_total:
            raise InvalidValue(_("A part cannot be more than all copies together."), pointer=f"/{name}")
    after = as_written(found)
    if after == before:
        return found
    found.revision += 1
    found.save(update_fields=[*FIELDS, "revision", "updated_at"])
    changed = {name: value for name, value in after.items() if value != before[name]}
    was = {name: before[name] for name in changed}
    audit.written(
        "copy_settings.update",
        subject="copy_settings",
        subject_id=owner.pk,
        owner_id=owner.pk,
        before=was,
        after=changed,
    )
    versions.bump(owner.pk)
    return found


def as_written(found: CopySettings) -> dict[str, Any]:
    """All of the settings as plain JSON."""
    values = {name: getattr(found, name) for name in FIELDS}
    return {name: plain(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def _valid(name: str, value: Any) -> Any:
    if name not in FIELDS:
        raise InvalidValue(_("There is no such field."), pointer=f"/{name}")
    if value is None and name in _INSTALLATIONS:
        return None
    if name == "is_on":
        if not isinstance(value, bool):
            raise InvalidValue(_("This is on or off."), pointer="/is_on")
        return value
    if name == "repeat_policy":
        if value not in RepeatPolicy.values:
            words = _("Takes one of %(words)s.") % {"words": ", ".join(RepeatPolicy.values)}
            raise InvalidValue(words, pointer="/repeat_policy")
        return value
    least, most = COPY_RANGES[name]
    is_whole = name in ("max_signal_age_seconds", "max_positions")
    number = value if isinstance(value, int if is_whole else (Decimal, int)) and not isinstance(value, bool) else None
    if number is None or not Decimal(number).is_finite() or not least <= number <= most:
        words = _("This is from %(least)s to %(most)s.") % {"least": least, "most": most}
        raise InvalidValue(words, pointer=f"/{name}")
    return number if is_whole else Decimal(number)
