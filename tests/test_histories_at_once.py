"""One person's histories lived by several at once: nobody deadlocks, and what is left is the truth."""

from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.core.management import call_command

from accounts.errors import DomainError
from accounts.models import Account, User
from tests import histories
from tests.exact_model import trips_of
from tests.factories import make_account, make_user
from tests.histories import History
from tests.journal.factories import make_trade
from tests.test_exactness import trades_are
from tests.waiting import PATIENCE, done_at_once
from trading import trades
from trading.errors import TradeRefused
from trading.imports import batches
from trading.models import Trade
from trading.trades import EnteredFill

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


@pytest.fixture(autouse=True)
def _media(by_messages: None, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


class Hasty(History):
    """A history whose next step may find that somebody else was there first: that is refused, and no error."""

    def _import(self, name: str, content: bytes, **choices: Any) -> str:
        """Whatever stands in the way of the file is its own business."""
        looked = batches.look(batches.receive(owner=self.owner, chunks=[content], filename=name, **choices))
        if decisions := looked.preview.get("decisions"):
            made = {each["key"]: each["choices"][0] for each in decisions}
            looked = batches.look(batches.choose(looked, options={"decisions": made}))
        return batches.run(batches.queue(looked)).status

    def live(self, steps: int) -> None:
        moves = [self.import_flex, self.import_ninja, self.enter, self.correct, self.delete, self.restore, self.undo,
                 self.replay, self.annotate, self.change_rules, self.read, self.remove_account]  # fmt: skip
        for _ in range(steps):
            with suppress(DomainError, ObjectDoesNotExist):
                self.chance.choice(moves)()


@pytest.mark.parametrize("seed", [500, 501])
def test_histories_at_once_leave_the_truth(seed: int) -> None:
    histories.seed_reference()
    owner = make_user()
    first = Hasty(owner, seed)
    lives = [first, *(twin(owner, first, seed + 1000 * number) for number in (1, 2))]

    done_at_once(*[lambda history=history: history.live(15) for history in lives], patience=2 * PATIENCE)

    call_command("recompute_metrics", "--check")
    trades_are(owner, trips_of(owner))


def twin(owner: User, first: Hasty, seed: int) -> Hasty:
    """Another who acts for the same person, with the same files and accounts."""
    other = Hasty.__new__(Hasty)
    other.__dict__ = {**first.__dict__, "deleted": [], "done": []}
    other.chance = type(first.chance)(seed)
    return other


def test_what_somebody_else_removed_meanwhile_is_refused_in_words() -> None:
    owner = make_user()
    account = make_account(owner)
    trade = make_trade(account, day=date(2026, 1, 5), pnl="5")
    trades.delete(Trade.objects.get(pk=trade.pk))
    fill = EnteredFill("buy", Decimal(1), Decimal(10), histories.FIRST)

    for late in (
        lambda: trades.correct(trade, fills=[fill]),
        lambda: trades.annotate(trade, note="too late"),
        lambda: trades.delete(trade),
    ):
        with pytest.raises(TradeRefused, match="gone"):
            late()
    Account.objects.get().delete()
    with pytest.raises(TradeRefused, match="gone"):
        trades.enter(account, instrument=trade.instrument, fills=[fill])
