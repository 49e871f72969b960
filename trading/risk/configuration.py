"""The configuration of risk: one row, every change of it kept in full."""

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.decimals import plain
from accounts.errors import Conflict, InvalidValue
from accounts.models import User
from accounts.text import one_line
from trading.breaker import Thresholds
from trading.errors import OperatorsOnly
from trading.models import BreakerEvent, BreakerEventKind, BreakerScope, RiskConfig, RiskConfigRevision
from trading.models.risk import RANGES, WEIGHTS

#: What may be changed, in the order of the table.
FIELDS = tuple(field.name for field in RiskConfig._meta.fields if field.editable and not field.primary_key)
FIELDS = tuple(name for name in FIELDS if name not in ("created_at", "updated_at"))


def current() -> RiskConfig:
    """The configuration as it is."""
    return RiskConfig.objects.filter(pk=1).first() or RiskConfig()


def as_written(config: RiskConfig) -> dict[str, Any]:
    """All of the configuration as plain JSON."""
    values = {name: getattr(config, name) for name in FIELDS}
    return {name: plain(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def thresholds(config: RiskConfig, *, daily_loss: Decimal | None) -> Thresholds:
    """What breakers compare with; `daily_loss` is the limit of a day in the currency of what is judged."""
    return Thresholds(
        max_drawdown=config.max_drawdown,
        min_win_rate=config.min_win_rate,
        win_rate_sample=config.win_rate_sample,
        consecutive_losses=config.consecutive_max_loss_trigger,
        daily_loss=daily_loss,
        daily_loss_ratio=config.max_daily_loss,
    )


@transaction.atomic
def configure(user: User, *, note: str = "", revision: int | None = None, **changes: Any) -> RiskConfig:
    """The configuration has these values, and the change is kept with all of it before and after.

    `revision` is the one that the person looked at. What is no change leaves no trace. Raises OperatorsOnly,
    InvalidValue for an unknown field or a value out of its range, Conflict when somebody changed it meanwhile.
    """
    if not (user.is_staff and user.is_active):
        raise OperatorsOnly(_("Only operators change the configuration."))
    RiskConfig.objects.get_or_create(pk=1)
    config = RiskConfig.objects.select_for_update().get(pk=1)
    if revision is not None and revision != config.revision:
        raise Conflict(_("Somebody has changed the configuration meanwhile: look at it again."), code="config_changed")
    before, words = as_written(config), _line(note)
    apply(config, changes)
    after = as_written(config)
    if after == before:
        return config
    config.revision += 1
    config.save()
    now = timezone.now()
    RiskConfigRevision.objects.create(
        number=config.revision, actor_id=user.pk, actor_email=user.email, before=before, after=after, note=words
    )
    changed = {name: value for name, value in after.items() if value != before[name]}
    BreakerEvent.objects.create(
        occurred_at=now, kind=BreakerEventKind.CONFIG_CHANGED, scope=BreakerScope.EVERYBODY, thresholds=changed,
        note=words, actor_id=user.pk, actor_email=user.email,
    )  # fmt: skip
    was = {name: before[name] for name in changed}
    audit.written("risk_config.update", subject="risk_config", subject_id=config.revision, before=was, after=changed)
    return config


def _line(note: str) -> str:
    try:
        return one_line(note)[:500]
    except ValueError as error:
        raise InvalidValue(_("Note: %(error)s.") % {"error": error}, pointer="/note") from error


def apply(config: RiskConfig, changes: dict[str, Any]) -> None:
    """The configuration in hand has these values; nothing is stored. Raises InvalidValue for what it may not be."""
    for name, value in changes.items():
        if name not in FIELDS:
            raise InvalidValue(_("There is no such field."), pointer=f"/{name}")
        field = RiskConfig._meta.get_field(name)
        try:
            cleaned = field.clean(value, config)  # type: ignore[union-attr]
        except ValidationError as error:
            raise InvalidValue(" ".join(error.messages), pointer=f"/{name}") from error
        _refuse_out_of_range(name, cleaned)
        setattr(config, name, cleaned)
    if sum((getattr(config, name) for name in WEIGHTS), Decimal(0)) != 1:
        raise InvalidValue(_("The four weights add up to 1."), pointer=f"/{WEIGHTS[0]}")
    one, every = config.max_capital_per_trade, config.max_total_capital
    if one is not None and every is not None and one > every:
        raise InvalidValue(_("One trade cannot take more than all together."), pointer="/max_capital_per_trade")
    if not (config.currency.isascii() and config.currency.isalnum() and config.currency.isupper()):
        raise InvalidValue(_("A currency is written in capitals, such as USD."), pointer="/currency")


def _refuse_out_of_range(name: str, value: Any) -> None:
    if name not in RANGES or value is None:
        return
    least, most = RANGES[name]
    if not least <= value <= most:
        words = _("Give a value from %(least)s to %(most)s.") % {
            "least": plain(Decimal(least)), "most": plain(Decimal(most))
        }  # fmt: skip
        raise InvalidValue(words, pointer=f"/{name}")
