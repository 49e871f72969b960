"""Copying, done by the worker: signals processed, tokens priced, figures computed. What must happen is in tables."""

import logging
import time

from celery import shared_task
from django.db import OperationalError
from django.utils import timezone

from intelligence import locks, performance, signal_processing, token_trading
from intelligence.models import OutcomeVerdict, Signal, SignalAction, SignalOutcome
from intelligence.models.signal import SignalQuerySet
from trading import exit_orders
from trading.models import Order, Venue
from trading.venues import paper

logger = logging.getLogger(__name__)

#: Signals of one look; the rest wait for the next.
MOST = 500
#: How long one waits for another look's sales to be done.
_WAIT = 2.0
#: Everything is gone through so often; in between only what is new, and so many signals before it: numbers are given
#: before what has them is there to be seen.
_EVERYTHING_EVERY = 1800.0
_BEFORE = 5000


class _Mark:
    """Up to which signal all had been worked on when this process last looked: not every look reads them all."""

    def __init__(self) -> None:
        self.below = self.newest = 0
        self.looked_at = float("-inf")

    def begin(self, newest: int) -> None:
        """A look begins: at everything, where the last such look was long ago or of another database."""
        now = time.monotonic()
        if newest < self.newest or now - self.looked_at > _EVERYTHING_EVERY:
            self.below, self.looked_at = 0, now
        self.newest = newest

    def end(self) -> None:
        """A look has ended: if it left nothing but what is tried again, the next ones need not begin where it did."""
        if self.newest - self.below <= 2 * _BEFORE:
            return
        if not Signal.objects.fresh().filter(pk__gt=self.below, pk__lte=self.newest).exists():
            self.below = self.newest - _BEFORE


_mark = _Mark()


@shared_task(name="intelligence.copy_tasks.process_signals")
def process_signals() -> int:
    """Every signal that came has its outcome, however long ago that was; returns how many got theirs by this.

    Sales are processed first, and also while purchases wait for what is said of their tokens. One look at a time goes
    through the purchases, in the order in which they happened.
    """
    newest = _newest()
    _mark.begin(newest)
    done = _sales()
    with locks.held("process signals") as is_mine:
        if not is_mine:
            return done
        for signal in _waiting(Signal.objects.exclude(action=SignalAction.SELL)):
            done += _processed(signal)
            if (now := _newest()) != newest:
                newest = now
                done += _sales()
        _mark.end()
    return done


def _sales() -> int:
    with locks.held("process sales", wait=_WAIT) as is_mine:
        return sum(map(_processed, _waiting(Signal.objects.filter(action=SignalAction.SELL)))) if is_mine else 0


def _waiting(rows: SignalQuerySet) -> list[Signal]:
    """Those received first, in the order in which they happened, and with them what is to be tried again by now."""
    rows = rows.defer("payload")
    fresh = rows.fresh().filter(pk__gt=_mark.below)[:MOST]
    # However long ago it came: few are, so they are looked for everywhere.
    again = rows.to_be_tried_again(timezone.now())[:MOST]
    return sorted([*fresh, *again], key=lambda each: (each.moment, each.block or 0, each.pk))


def _newest() -> int:
    return Signal.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def _processed(signal: Signal) -> int:
    outcome: SignalOutcome | None
    try:
        outcome = signal_processing.process(signal)
    except OperationalError:
        # The database, not the signal: it is tried again at the next look.
        logger.exception("signal %s waits", signal.public_id)
        return 0
    except Exception as error:
        # One signal must not keep everybody else's waiting.
        logger.exception("signal %s could not be processed", signal.public_id)
        outcome = signal_processing.failed(signal, error)
    # A sale that failed may have got some of its copies out.
    if outcome is None or outcome.verdict == OutcomeVerdict.TRADED:
        try:
            meet_market(signal)
        except Exception:
            # What was decided is stored: the monitor and the sweep of orders bring it to the market.
            logger.exception("what signal %s decided has not met the market yet", signal.public_id)
    return int(outcome is not None)


def meet_market(signal: Signal) -> None:
    """What the signal ordered, or got out of, has met the market; the monitor and the sweep of orders do so too."""
    exit_orders.submit_exits()
    waiting = Order.objects.live().filter(instrument__token__token__address=signal.token_address, venue=Venue.PAPER)
    for instrument in waiting.order_by().values_list("instrument", flat=True).distinct():
        paper.match(instrument)


@shared_task(name="intelligence.copy_tasks.refresh_token_prices")
def refresh_token_prices() -> int:
    """Every token of which a copy is open has a price no older than the configured interval."""
    with locks.held("refresh token prices") as is_mine:
        return token_trading.refresh_prices(at=timezone.now()) if is_mine else 0


@shared_task(name="intelligence.copy_tasks.refresh_performance")
def refresh_performance(wallet_id: int) -> bool:
    """The wallet's figures are of now, unless it failed and is tried again later."""
    at = timezone.now()
    try:
        return performance.refresh(wallet_id, at=at)
    except Exception as error:
        logger.exception("the figures of wallet %s could not be computed", wallet_id)
        performance.failed(wallet_id, error, at=at)
        return False


@shared_task(name="intelligence.copy_tasks.sweep_performance")
def sweep_performance() -> int:
    """No wallet's figures are behind a close, whatever message was lost; returns how many were computed."""
    return sum(refresh_performance(wallet_id) for wallet_id in performance.behind(at=timezone.now()))


@shared_task(name="intelligence.copy_tasks.refresh_all_performance")
def refresh_all_performance() -> int:
    """Every wallet's figures are of now; returns how many were computed."""
    return sum(refresh_performance(wallet_id) for wallet_id in performance.all_wallets())
