"""Imports and breakers, done by the worker. What must happen is in tables; a lost message costs only delay."""

import logging
from typing import Any

from celery import shared_task
from django.utils import timezone

from trading import excursions_of_trades, exit_orders, order_sweeps, risk
from trading.imports import batches
from trading.models import BatchStatus, ImportBatch
from trading.venues import reconciling, sending

logger = logging.getLogger(__name__)

#: A killed worker's session in the database holds its batch until the statement that it is in ends.
BUSY_RETRY_SECONDS, BUSY_RETRIES = 3, 10


@shared_task(name="trading.tasks.look_into")
def look_into(batch_id: int) -> None:
    """A large file is previewed."""
    batch = ImportBatch.objects.filter(pk=batch_id, status=BatchStatus.PREVIEWING).first()
    if batch is not None:
        batches.look(batch)


@shared_task(bind=True, name="trading.tasks.run_import", max_retries=BUSY_RETRIES)
def run_import(self: Any, batch_id: int) -> None:
    """A queued batch is applied; one that is held by another session is tried again for half a minute."""
    batch = ImportBatch.objects.filter(pk=batch_id).first()
    if batch is None:
        return
    batch = batches.run(batch)
    is_held = batch.status in (BatchStatus.QUEUED, BatchStatus.RUNNING)
    if is_held and not self.request.called_directly and self.request.retries < BUSY_RETRIES:
        raise self.retry(countdown=BUSY_RETRY_SECONDS)


@shared_task(name="trading.tasks.measure_excursions")
def measure_excursions(owner_id: int | None = None) -> int:
    """Every closed trade, of one person or of all, that bars cover has its largest open loss and profit."""
    return excursions_of_trades.measure(owner_id=owner_id)


@shared_task(name="trading.tasks.sweep_imports")
def sweep_imports() -> None:
    """Batches whose message was lost or whose worker died are taken up again."""
    for batch in batches.unfinished():
        try:
            if batch.status == BatchStatus.PREVIEWING:
                batches.look(batch)
            else:
                batches.run(batch)
        except Exception:
            # One person's file must not keep everybody else's waiting; its attempts are counted, and it is given up.
            logger.exception("the import %s failed", batch.public_id)


@shared_task(name="trading.tasks.evaluate_risk")
def evaluate_risk(owner_id: int) -> int:
    """Every breaker of this person is on whose limits hold; returns how many have tripped by this."""
    return len(risk.evaluate(owner_id, at=timezone.now(), is_forced=False))


@shared_task(name="trading.tasks.sweep_risk")
def sweep_risk() -> int:
    """So is everybody's with something open, or whose message was lost; returns how many have tripped by this.

    What only the loss of a day has stopped that is over was reset before.
    """
    tripped, lifted = 0, set()
    for owner_id in risk.due(at=timezone.now()):
        try:
            if risk.lift(owner_id, at=timezone.now()):
                lifted.add(owner_id)
        except Exception:
            logger.exception("the breakers of person %s could not be reset", owner_id)
    for owner_id in sorted({*risk.behind(), *lifted}):
        try:
            tripped += len(risk.evaluate(owner_id, at=timezone.now()))
        except Exception:
            # One person's rows must not leave everybody else's breakers unwatched.
            logger.exception("the breakers of person %s could not be judged", owner_id)
    return tripped


@shared_task(name="trading.tasks.watch_plans")
def watch_plans() -> str:
    """Every open exit plan was judged at the newest quotes, and its exits have orders. Two at once decide once."""
    return exit_orders.look().said()


@shared_task(name="trading.tasks.expire_orders")
def expire_orders() -> int:
    """Orders whose time is over have expired; returns how many."""
    return order_sweeps.expire_due(at=timezone.now()).done


@shared_task(name="trading.tasks.match_left_orders")
def match_left_orders() -> int:
    """Paper orders whose process died before it matched them have met the market; returns of how many instruments."""
    return order_sweeps.match_unmatched(at=timezone.now()).done


@shared_task(name="trading.tasks.send_command")
def send_command(command_id: int) -> str:
    """What the command says was said to its broker, by one worker, however often this runs; how it stands now."""
    return sending.send(command_id)


@shared_task(name="trading.tasks.send_waiting")
def send_waiting() -> int:
    """Commands whose message was lost, whose worker died or whose time has come were taken up; returns how many."""
    return sending.send_due(at=timezone.now())


@shared_task(name="trading.tasks.reconcile_brokers")
def reconcile_brokers() -> int:
    """Every connected account was compared with its broker, and repaired; returns how many differences remain."""
    return reconciling.sweep(at=timezone.now())
