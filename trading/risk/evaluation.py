"""Breakers trip by themselves: every one of a person is judged, and switched on where a limit holds."""

from dataclasses import asdict
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from django.db import transaction
from django.db.models import F

from accounts import versions
from accounts.decimals import plain
from accounts.models import OwnerVersion, User
from trading import breaker
from trading.breaker import Verdict
from trading.models import (
    BreakerEventKind,
    BreakerMode,
    BreakerScope,
    BreakerState,
    BreakerStatus,
    Position,
    RiskConfig,
)
from trading.risk import breakers, configuration, measuring
from trading.risk.measuring import Group, Key, Seen

_SHOWN = Decimal("0.00000001")
_LARGEST = Decimal(10) ** 15


def behind() -> list[int]:
    """The people whose breakers have to be judged: something of theirs has changed since, or is open."""
    judged = BreakerState.objects.filter(scope=BreakerScope.GLOBAL, mode=BreakerMode.LIVE)
    current = judged.filter(owner__owner_version__version__lte=F("evaluated_version"))
    changed = OwnerVersion.objects.exclude(owner_id__in=current.values("owner_id")).values_list("owner_id", flat=True)
    opened = Position.objects.values_list("owner_id", flat=True).distinct()
    return sorted({*changed, *opened})


def evaluate(owner_id: int, *, at: datetime, is_forced: bool = True) -> list[BreakerState]:
    """Every breaker of this person is judged by what is known now; returns those that have tripped by it.

    One that is on stays as it is, and no event is written twice. Without `is_forced` nothing is done where nothing has
    changed since. Somebody who resets a breaker meanwhile wins: what was judged before their baseline trips nothing.
    """
    version = versions.current(owner_id)
    owner = User.objects.filter(pk=owner_id).first()
    if owner is None or not (is_forced or _is_behind(owner_id, version)):
        return []
    config = configuration.current()
    seen = measuring.look(owner, config, at=at)
    tripped = [state for state in _states(seen) if _judge(seen, state, config)]
    BreakerState.objects.filter(owner=owner, scope=BreakerScope.GLOBAL).update(
        evaluated_version=version, evaluated_at=at
    )
    return tripped


def measured(seen: Seen, state: BreakerState, config: RiskConfig) -> tuple[Verdict, dict[str, Any]]:
    """The verdict on one breaker now, and its limits as plain JSON."""
    daily = config.daily_loss_limit
    if daily is not None:
        # Where no rate is known, the number itself is the limit: it never goes unwatched.
        daily = seen.rates.convert(daily, config.currency, seen.currency(state)) or daily
    limits = configuration.thresholds(config, daily_loss=daily)
    verdict = breaker.judge(measuring.judged(seen, state), limits, at=seen.at)
    return verdict, {name: _plain(value) for name, value in asdict(limits).items()}


def as_written(verdict: Verdict, *, currency: str, is_assumed: bool) -> dict[str, Any]:
    """The measures and gauges as plain JSON; ratios to eight places."""
    metrics = {name: _plain(value) for name, value in asdict(verdict.metrics).items()}
    gauges = [{name: _plain(value) for name, value in asdict(gauge).items()} for gauge in verdict.gauges]
    return {**metrics, "currency": currency, "is_capital_assumed": is_assumed, "gauges": gauges}


def _is_behind(owner_id: int, version: int) -> bool:
    return not BreakerState.objects.filter(
        owner_id=owner_id, scope=BreakerScope.GLOBAL, evaluated_version__gte=version
    ).exists()


def _states(seen: Seen) -> list[BreakerState]:
    """The breakers of this person: both global ones, and one for each account and setup that has something to judge."""
    rows = BreakerState.objects.filter(owner=seen.owner)
    known = {measuring.key_of(row) for row in rows}
    wanted: list[Key] = [(mode, None, "") for mode in BreakerMode.values]
    wanted += [key for key, group in seen.groups.items() if _has_something(seen, key, group)]
    if missing := [key for key in dict.fromkeys(wanted) if key not in known]:
        _open(seen, missing)
        rows = rows.all()
    return [state for state in rows if state.account_id is None or _is_current(seen, state)]


def _has_something(seen: Seen, key: Key, group: Group) -> bool:
    """Whether there is anything to judge; of an account, since it was entered here."""
    _mode, account_id, _strategy = key
    if account_id is None or group.open:
        return True
    since = seen.accounts[account_id].created_at
    return any(each.at > since for each in group.results)


def _open(seen: Seen, missing: list[Key]) -> None:
    """There is a breaker for each of these, and it judges from the beginning on."""
    accounts = [seen.accounts[account_id] for _mode, account_id, _strategy in missing if account_id is not None]
    carried = measuring.carried_by_accounts(accounts, seen.rates)
    made = []
    for mode, account_id, setup in missing:
        strategy = seen.names.get(setup, setup)
        row = BreakerState(owner=seen.owner, mode=mode, account_id=account_id, strategy=strategy)
        if account_id is not None:
            row.scope, row.baseline_at = BreakerScope.ACCOUNT, seen.accounts[account_id].created_at
            row.carried = carried.get(account_id, Decimal(0))
        else:
            row.scope = BreakerScope.STRATEGY if strategy else BreakerScope.GLOBAL
            row.baseline_at = seen.owner.date_joined
            row.carried = measuring.carried(row, currency=seen.owner.reporting_currency)
        made.append(row)
    # Somebody else may judge for the first time as well; a scope has one breaker.
    BreakerState.objects.bulk_create(made, batch_size=1000, ignore_conflicts=True)


def _is_current(seen: Seen, state: BreakerState) -> bool:
    """Whether the account is still there, and of this kind: one may have become a paper account."""
    account = seen.accounts.get(state.account_id or 0)
    return account is not None and BreakerMode.of(account) == state.mode


def _judge(seen: Seen, state: BreakerState, config: RiskConfig) -> bool:
    """The breaker's gauges are those of now, and it is on if a limit holds; whether it tripped by this."""
    verdict, limits = measured(seen, state, config)
    written = as_written(verdict, currency=seen.currency(state), is_assumed=seen.capital(state).is_assumed)
    height = verdict.height
    values = {
        "metrics": written,
        "nearest": None if verdict.nearest is None else min(verdict.nearest, _LARGEST).quantize(_SHOWN),
        "height_at": height.at if height else None,
        "height_open_pnl": height.open_pnl.quantize(_SHOWN) if height and height.open_pnl >= _SHOWN else None,
    }
    if values["height_open_pnl"] is None:
        values["height_at"] = None
    # Under the same baseline only: a height from before a reset would be one that nothing has fallen from.
    rows = BreakerState.objects.filter(pk=state.pk, baseline_at=state.baseline_at)
    if any(getattr(state, name) != value for name, value in values.items()):
        rows.update(**values, evaluated_at=seen.at)
    if not verdict.reasons or state.is_on:
        return False
    with transaction.atomic():
        changed = rows.filter(state=BreakerStatus.ACTIVE).update(
            state=BreakerStatus.REDUCING,
            reasons=[str(reason) for reason in verdict.reasons],
            activated_at=seen.at,
        )
        if not changed:
            return False
        state.refresh_from_db()
        breakers.told(
            state,
            BreakerEventKind.ACTIVATED,
            at=seen.at,
            before=BreakerStatus.ACTIVE,
            metrics=written,
            thresholds=limits,
            open_positions=len(seen.group(state).open),
        )
    return True


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value.quantize(_SHOWN, ROUND_HALF_EVEN) if abs(value) < _LARGEST else value)
    if isinstance(value, tuple):
        return [str(each) for each in value]
    return str(value) if isinstance(value, breaker.Reason) else value
