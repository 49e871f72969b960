"""The sample of the dashboard's buttons: it comes once, and goes without a trace."""

from datetime import date

import pytest

from accounts.models import Account, AccountGroup, AccountTag, User
from intelligence import memory, news, search
from intelligence.models import Decision, NewsArticle, StockAnalysis
from journal import facets, sample
from journal.models import (
    AccountTotals,
    Attachment,
    DayRollup,
    Note,
    NoteTemplate,
    OwnerDay,
    Playbook,
    PlaybookVersion,
    RuleCheck,
    SavedView,
    TradePlaybook,
)
from tests.factories import make_account
from tests.journal.factories import make_trade
from trading import catalogue
from trading.models import AccountNumber, Bar, Execution, FxRate, ImportBatch, Tag, TagGroup, Trade

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

END = date(2026, 6, 30)


def _load(owner: User, accounts: int = 3) -> sample.Loaded:
    catalogue.load()
    return sample.load(owner, accounts=accounts, end=END)


def test_a_loaded_sample_is_marked_traded_and_written_about_and_loading_it_again_adds_nothing(alice: User) -> None:
    loaded = _load(alice)

    assert not loaded.was_there
    assert Account.objects.for_user(alice).filter(is_sample=True).count() == 3
    assert Execution.objects.for_user(alice).count() == loaded.new_fills > 300
    assert loaded.sample is not None
    assert set(ImportBatch.objects.values_list("status", flat=True)) == {"applied"}
    for account in Account.objects.for_user(alice):
        stored = sum(AccountTotals.objects.filter(account=account).values_list("net_pnl", flat=True))
        assert stored == loaded.sample.books[account.number].net
    _is_written_about(alice)
    _is_decided_about(alice)
    words = _words_of(alice)

    again = sample.load(alice, accounts=5, end=date(2026, 7, 31))

    assert again.was_there
    assert again.new_fills == 0
    assert Execution.objects.for_user(alice).count() == loaded.new_fills
    assert _words_of(alice) == words


def _is_written_about(owner: User) -> None:
    """It is sorted, tagged and rated, but for the trades that are left to review."""
    assert all(_words_of(owner).values())
    trades = Trade.objects.for_user(owner).closed()
    assert trades.filter(reviewed_at=None).count() == 30
    assert set(trades.order_by("-activity_at").values_list("reviewed_at", flat=True)[:20]) == {None}
    assert trades.exclude(rating=None).count() > trades.count() // 3
    assert trades.exclude(tags=None).distinct().count() > trades.count() // 4
    assert {version.number for version in PlaybookVersion.objects.filter(playbook__owner=owner)} == {1, 2, 3}
    assert set(RuleCheck.objects.values_list("is_kept", flat=True)) == {True, False}
    for picture in Attachment.objects.for_user(owner):
        with picture.file.open() as file:
            assert file.read(8) == b"\x89PNG\r\n\x1a\n"


def _is_decided_about(owner: User) -> None:
    """Decisions of its trades have ended, their neighbours are found, and what was read is linked to them."""
    ended = Decision.objects.filter(owner=owner, outcome__isnull=False)
    assert ended.count() == ended.filter(account__is_sample=True).count() > 30
    assert NewsArticle.objects.filter(owner=owner, decisions__isnull=False).exists()
    while memory.fill(most=64).count:
        pass
    found = search.find(owner, "bought the pullback", limit=5)
    assert (len(found.hits), found.waiting["pending"]) == (5, 0)
    assert found.winner is not None
    assert found.loser is not None


def test_a_load_that_was_cut_off_is_finished_as_it_was_begun(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue.load()

    def stop(step: object, *_: object, **__: object) -> None:
        if not isinstance(step, sample.Step) or step.is_whole:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample.load(alice, accounts=3, end=END, on_progress=stop)
    begun = Execution.objects.for_user(alice).count()
    # Once more, when all fills are in and the decisions are being written: none of them is there.
    monkeypatch.setattr(news, "write", stop)
    with pytest.raises(KeyboardInterrupt):
        sample.load(alice, accounts=5, end=date(2026, 7, 31))
    monkeypatch.undo()
    assert not Decision.objects.exists()
    assert not NewsArticle.objects.exists()

    loaded = sample.load(alice, accounts=5, end=date(2026, 7, 31))

    assert loaded.accounts == 3
    assert begun > 0
    assert Execution.objects.for_user(alice).count() == sum(file.fills for file in loaded.sample.files)  # type: ignore[union-attr]
    assert Decision.objects.filter(outcome__isnull=False).count() > 30


def test_a_sample_with_cash_movements_is_emptied_and_archived(alice: User) -> None:
    catalogue.load()
    sample.load(alice, accounts=2, end=END, with_rates_and_cash=True)
    assert FxRate.objects.filter(source="sample").count() > 5_000
    assert set(Bar.objects.values_list("source", flat=True)) == {"sample"}
    measured = Trade.objects.for_user(alice).filter(mae__isnull=False)
    assert measured.count() > 20
    assert all(trade.mfe >= 0 and trade.mae >= 0 for trade in measured)
    assert not facets.stale_days(alice.pk)

    sample.remove(alice)

    (kept,) = Account.objects.for_user(alice)
    assert kept.archived_at is not None
    assert not Execution.objects.filter(account=kept).exists()
    assert not FxRate.objects.exists()
    assert not Bar.objects.exists()


def _words_of(owner: User) -> dict[str, int]:
    kept = {
        "groups": AccountGroup.objects.for_user(owner),
        "labels": AccountTag.objects.for_user(owner),
        "tags": Tag.objects.for_user(owner),
        "tag groups": TagGroup.objects.for_user(owner),
        "notes": Note.objects.for_user(owner),
        "templates": NoteTemplate.objects.for_user(owner),
        "playbooks": Playbook.objects.for_user(owner),
        "held": TradePlaybook.objects.for_user(owner),
        "pictures": Attachment.objects.for_user(owner),
        "views": SavedView.objects.for_user(owner),
        "decisions": Decision.objects.filter(owner=owner),
        "news": NewsArticle.objects.filter(owner=owner),
        "analyses": StockAnalysis.objects.filter(owner=owner),
    }
    return {name: rows.count() for name, rows in kept.items()}


def test_removing_a_sample_leaves_what_is_the_persons_own_and_it_can_be_loaded_again(alice: User, bob: User) -> None:
    _load(alice)
    fills_of_bob = _load(bob, accounts=1).new_fills
    of_bob = _words_of(bob)
    mine = make_account(alice, "Mine", group=AccountGroup.objects.get(owner=alice, name="Own capital"))
    untraded = make_account(alice, "Untraded")
    trade = make_trade(mine, day=date(2026, 1, 5), pnl="5", tags=[Tag.objects.get(owner=alice, name="Oversized")])
    playbook = Playbook.objects.for_user(alice).get(name="Fade to the average")
    TradePlaybook.objects.create(
        owner=alice, trade_key=trade.public_id, playbook=playbook, version=playbook.versions.get(number=2)
    )
    own = Note.objects.create(owner=alice, day=date(2026, 1, 5), text="Mine")
    edited = Note.objects.for_user(alice).filter(account=None).exclude(pk=own.pk).earliest("id")
    Note.objects.filter(pk=edited.pk).update(revision=2)

    assert sample.remove(alice) == 3

    assert set(Account.objects.for_user(alice)) == {mine, untraded}
    assert list(Trade.objects.for_user(alice)) == [trade]
    assert set(Execution.objects.for_user(alice).values_list("account", flat=True)) == {mine.pk}
    for model in (DayRollup, AccountTotals):
        assert set(model.objects.filter(owner=alice).values_list("account", flat=True)) <= {mine.pk}, model
    assert set(OwnerDay.objects.filter(owner=alice).values_list("day", flat=True)) <= {date(2026, 1, 5)}
    for model in (ImportBatch, AccountNumber):
        assert not model.objects.filter(owner=alice).exists(), model
    assert sample.is_loaded(bob)
    assert not sample.is_loaded(alice)
    assert not FxRate.objects.exists()
    assert _words_of(alice) == {
        "groups": 1, "labels": 0, "tags": 1, "tag groups": 1, "notes": 2, "templates": 0, "playbooks": 1, "held": 1,
        "pictures": 0, "views": 0, "decisions": 0, "news": 0, "analyses": 0,
    }  # fmt: skip
    assert list(trade.tags.values_list("name", flat=True)) == ["Oversized"]
    assert _words_of(bob) == of_bob

    assert sample.load(alice, accounts=1, end=END).new_fills == fills_of_bob > 0
    # One account alone trades nothing that is analysed.
    assert {name for name, count in _words_of(alice).items() if not count} == {"analyses"}

    # Of somebody who had nothing else, nothing at all is left.
    sample.remove(bob)
    for model in (Account, Execution, Trade, ImportBatch, AccountNumber, DayRollup, OwnerDay, AccountTotals):
        assert not model.objects.filter(owner=bob).exists(), model
