"""Breakers that only the loss of a day has switched on are reset by the system once that day is over.

Source: docs/risk.md#reset-when-the-day-is-over
"""

from collections.abc import Iterable
from datetime import datetime, time
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import Account
from accounts.models.account import trading_day_ends
from trading.breaker import Reason
from trading.models import BreakerEventKind, BreakerMode, BreakerState, BreakerStatus
from trading.risk import breakers, configuration, evaluation

_DAILY = frozenset({Reason.DAILY_LOSS, Reason.DAILY_LOSS_RATIO})
_UTC = ZoneInfo("UTC")


def due(*, at: datetime) -> list[int]:
    """The people of whom a breaker is on only for the loss of a day that is over."""
    rows = list(_tripped().filter(reasons__contained_by=sorted(_DAILY)).select_related("account"))
    over = ends(rows)
    return sorted({row.owner_id for row in rows if row.owner_id is not None and row.pk in over and over[row.pk] <= at})


def ends(rows: Iterable[BreakerState]) -> dict[int, datetime]:
    """When the day is over that each of these was switched on for, by its key; without those that no day resets.

    The day is that by which the loss is measured: the account's own, and over several accounts that of the last of
    them. Their accounts are loaded.
    """
    daily = [row for row in rows if _is_daily(row)]
    if not daily or not configuration.current().resets_daily:
        return {}
    days = _days({row.owner_id for row in daily if row.account is None})
    found: dict[int, datetime] = {}
    for row in daily:
        assert row.activated_at is not None
        if row.account is None:
            over = days.get((row.owner_id, row.mode), ())
            utc = trading_day_ends(row.activated_at, zone=_UTC, day_start=time(0))
            found[row.pk] = max((each.trading_day_ends(row.activated_at) for each in over), default=utc)
        elif row.account.archived_at is None and BreakerMode.of(row.account) == row.mode:
            # Of what is archived or of another kind by now nothing is judged, and nothing changes.
            found[row.pk] = row.account.trading_day_ends(row.activated_at)
    return found


def lift(owner_id: int, *, at: datetime) -> list[BreakerState]:
    """This person's breakers were judged, and those whose day is over and of which no limit holds are off; these.

    Each is as after a reset by hand, by the system. What somebody switches or what is judged anew meanwhile stays as
    it is; the next sweep looks again.
    """
    evaluation.evaluate(owner_id, at=at)
    rows = list(_tripped().filter(owner=owner_id).select_related("owner", "account"))
    over = ends(rows)
    return [row for row in rows if row.pk in over and over[row.pk] <= at and not _holds(row) and _lift(row, at=at)]


@transaction.atomic
def _lift(row: BreakerState, *, at: datetime) -> bool:
    before, reasons, metrics = row.state, row.reasons, row.metrics
    as_read = BreakerState.objects.filter(
        pk=row.pk, state=before, reasons=reasons, metrics=metrics, activated_at=row.activated_at,
        baseline_at=row.baseline_at,
    )  # fmt: skip
    if not as_read.update(**breakers.off(row, at=at)):
        return False
    note = _("The day is over whose loss had stopped it.")
    breakers.told(
        row, BreakerEventKind.DEACTIVATED, at=at, before=before, metrics=metrics, reasons=reasons, note=note
    )  # fmt: skip
    return True


def _tripped() -> QuerySet[BreakerState]:
    return BreakerState.objects.filter(state=BreakerStatus.REDUCING, owner__isnull=False)


def _is_daily(row: BreakerState) -> bool:
    return row.state == BreakerStatus.REDUCING and row.owner_id is not None and _DAILY.issuperset(row.reasons)


def _holds(row: BreakerState) -> bool:
    """Whether any limit is reached, by what was judged last."""
    return any(gauge["holds"] for gauge in row.metrics.get("gauges", ()))


def _days(owners: Iterable[int | None]) -> dict[tuple[int | None, str], list[Account]]:
    """The kinds of days that these people's accounts have, live and simulation apart, each as an account with it."""
    rows = Account.objects.filter(owner__in=owners).current().order_by()
    found: dict[tuple[int | None, str], list[Account]] = {}
    for owner_id, kind, zone, start in rows.values_list("owner_id", "kind", "time_zone", "day_start").distinct():
        account = Account(owner_id=owner_id, kind=kind, time_zone=zone, day_start=start)
        found.setdefault((owner_id, BreakerMode.of(account)), []).append(account)
    return found
