"""Verbs on the catalogue of exit strategies: plans that positions begin with. Open positions follow their own."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.errors import Conflict, InvalidValue
from accounts.models import User
from trading.errors import PlanImpossible
from trading.exits.plans import ExitPlan, PlanRefused, checked
from trading.exits.snapshots import snapshot
from trading.models import ExitStrategy
from trading.models.exit_strategy import MOST_LEVELS
from trading.plan_words import refusal

MOST_STRATEGIES = 200


class StrategyNameTaken(Conflict):
    """The person has a strategy of this name."""

    code = "name_taken"


@transaction.atomic
def create(*, owner: User | None, name: str, plan: ExitPlan, description: str = "") -> ExitStrategy:
    """The strategy is offered; without an owner, to everybody. Raises StrategyNameTaken, PlanInvalid."""
    if owner is not None and ExitStrategy.objects.of_owner(owner).count() >= MOST_STRATEGIES:
        raise InvalidValue(_("You have %(count)s exit strategies, the most there can be.") % {"count": MOST_STRATEGIES})
    strategy = ExitStrategy(owner=owner, name=name, description=description)
    _say(strategy, plan)
    _save(strategy)
    _audited("exit_strategy.create", strategy, after=_values(strategy))
    return strategy


@transaction.atomic
def update(
    strategy: ExitStrategy, *, name: str | None = None, description: str | None = None, plan: ExitPlan | None = None
) -> ExitStrategy:
    """The strategy is called and says this; None leaves a thing as it is. No open position changes.

    Raises: StrategyNameTaken, PlanInvalid.
    """
    strategy = ExitStrategy.objects.select_for_update(of=("self",), no_key=True).get(pk=strategy.pk)
    before = _values(strategy)
    if name is not None:
        strategy.name = name
    if description is not None:
        strategy.description = description
    if plan is not None:
        _say(strategy, plan)
    if _values(strategy) == before:
        return strategy
    _save(strategy)
    _audited("exit_strategy.update", strategy, before=before, after=_values(strategy))
    return strategy


@transaction.atomic
def copy(strategy: ExitStrategy, *, owner: User) -> ExitStrategy:
    """The person has a strategy of their own that says the same, under a name that is free."""
    taken = set(ExitStrategy.objects.of_owner(owner).values_list("name", flat=True))
    name = strategy.name[:90]
    names = (name if number == 1 else f"{name} {number}" for number in range(1, MOST_STRATEGIES + 2))
    free = next(each for each in names if each not in taken)
    return create(owner=owner, name=free, plan=strategy.plan, description=strategy.description)


@transaction.atomic
def set_default(strategy: ExitStrategy) -> ExitStrategy:
    """The strategy is the one that new plans begin with; the owner's other ones are not. Raises PlanImpossible."""
    own = ExitStrategy.objects.filter(owner=strategy.owner_id)
    # All of them, in one order: two that are made the default at once follow each other.
    list(own.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    own.filter(is_default=True).exclude(pk=strategy.pk).update(is_default=False)
    if not own.filter(pk=strategy.pk, archived_at=None).update(is_default=True):
        raise PlanImpossible(_("An archived strategy cannot be the default: restore it first."), code="archived")
    return _moved("exit_strategy.set_default", strategy)


@transaction.atomic
def unset_default(strategy: ExitStrategy) -> ExitStrategy:
    """New plans no longer begin with it, but with the shipped default."""
    ExitStrategy.objects.filter(pk=strategy.pk).update(is_default=False)
    return _moved("exit_strategy.unset_default", strategy)


@transaction.atomic
def archive(strategy: ExitStrategy, *, at: datetime | None = None) -> ExitStrategy:
    """The strategy is no longer offered. Positions under it go on. Raises PlanImpossible for one that was archived."""
    done = ExitStrategy.objects.filter(pk=strategy.pk, archived_at=None).update(
        archived_at=at or timezone.now(), is_default=False
    )
    if not done:
        raise PlanImpossible(_("The strategy is archived already."), code="already_archived")
    return _moved("exit_strategy.archive", strategy)


@transaction.atomic
def restore(strategy: ExitStrategy) -> ExitStrategy:
    """The strategy is offered again. Raises PlanImpossible for one that is."""
    if not ExitStrategy.objects.filter(pk=strategy.pk, archived_at__isnull=False).update(archived_at=None):
        raise PlanImpossible(_("The strategy is not archived."), code="not_archived")
    return _moved("exit_strategy.restore", strategy)


def default_for(person: User) -> ExitStrategy | None:
    """What the person's new plans begin with: their own default, else the one that was shipped."""
    offered = ExitStrategy.objects.for_user(person).current().filter(is_default=True)
    return max(offered, key=lambda each: not each.is_shipped, default=None)


def _say(strategy: ExitStrategy, plan: ExitPlan) -> None:
    if plan.exit_at is not None:
        raise InvalidValue(_("A time to get out at belongs to one position, not to a strategy."), pointer="/exit_at")
    if len(plan.levels) > MOST_LEVELS:
        raise InvalidValue(_("At most %(count)s levels are taken.") % {"count": MOST_LEVELS}, pointer="/levels")
    try:
        checked(plan)
    except PlanRefused as error:
        raise refusal(error) from error
    for field in (
        "stop_loss", "is_trailing", "trail", "trail_activation", "is_scaling", "breaks_even", "mirrors", "hold_at_most"
    ):  # fmt: skip
        setattr(strategy, field, getattr(plan, field))
    strategy.shares = [level.share for level in plan.levels]
    strategy.gains = [level.gain for level in plan.levels]


def _save(strategy: ExitStrategy) -> None:
    try:
        with transaction.atomic():
            strategy.save()
    except IntegrityError as error:
        if "exit_strategy_name_unique_per_owner" not in str(error):
            raise
        raise StrategyNameTaken(_("You have an exit strategy of this name."), pointer="/name") from error
    strategy.refresh_from_db()


def _moved(event: str, strategy: ExitStrategy) -> ExitStrategy:
    strategy.refresh_from_db()
    after = {"name": strategy.name, "is_default": strategy.is_default, "archived_at": strategy.archived_at}
    _audited(event, strategy, after=after)
    return strategy


def _values(strategy: ExitStrategy) -> dict[str, Any]:
    return {"name": strategy.name, "description": strategy.description, "plan": snapshot(strategy.plan)}


def _audited(event: str, strategy: ExitStrategy, **values: Any) -> None:
    audit.written(event, subject="exit_strategy", subject_id=strategy.public_id, owner_id=strategy.owner_id, **values)
