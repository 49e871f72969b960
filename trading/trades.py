"""Verbs on trades, and the sending of `trades_changed`: nothing else writes trades, trade fills or positions."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256

from django.db import connection, transaction
from django.db.models import Min
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import activity, audit, decimals
from accounts.models import Account, ActivityKind
from accounts.prepared import Prepared, one_of
from trading import deletions, flips, rebuilding
from trading.deletions import Deletion
from trading.errors import TradeRefused, WordsChanged
from trading.models import Execution, ExecutionSource, FillRole, Instrument, InstrumentKind, Tag, Trade, TradeFill
from trading.rebuilding import Scope
from trading.risk_reward import initial_risk, planned_r, realized_r
from trading.signals import remarks_changed, trades_changed
from trading.trade_writer import Rebuilt

CHANGED_MEANWHILE = gettext_lazy("The trade has changed meanwhile; its fills are shown anew.")
HIGHEST_RATING = 5
#: The columns that a plan sets.
_PLAN = ("initial_stop", "initial_target", "planned_r", "realized_r")


@dataclass(frozen=True, slots=True)
class EnteredFill:
    """One fill as a person enters it. `quantity` > 0; `commission` and `fees` are costs, rebates negative."""

    side: str
    quantity: Decimal
    price: Decimal
    executed_at: datetime
    commission: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Plan:
    """What was intended when the trade was opened."""

    initial_stop: Decimal | None = None
    initial_target: Decimal | None = None


def lock_accounts(account_ids: Iterable[int]) -> None:
    """The accounts' rows are locked until the transaction ends, in one order so that two changes cannot deadlock."""
    ids = sorted(set(account_ids))
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM accounts_account WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [ids])


def locked_accounts(account_ids: Iterable[int]) -> list[Account]:
    """As `lock_accounts`; gives the accounts as they are now."""
    return _locked.all(ids=sorted(set(account_ids)))


_locked = Prepared(
    lambda ids: Account.objects.filter(pk__in=one_of(ids)).order_by("pk").select_for_update(no_key=True), ids=[0]
)


def changed(owner_id: int, scopes: Sequence[Scope]) -> Rebuilt:
    """Trades are made anew for the scopes and everybody who keeps figures of them is told.

    The caller has locked the accounts and changed their fills in the same transaction.
    """
    rebuilding.prepare(scopes)
    return rebuild_prepared(owner_id)


def rebuild_prepared(owner_id: int) -> Rebuilt:
    """The same for scopes that were prepared before fills were deleted."""
    rebuilt = rebuilding.rebuild(owner_id)
    trades_changed.send(sender=Trade, owner_id=owner_id, days=rebuilt.days)
    return rebuilt


def scopes_of(executions: Iterable[Execution]) -> list[Scope]:
    """One scope per account and instrument, since the earliest of these fills."""
    since: dict[tuple[int, int], datetime] = {}
    for execution in executions:
        pair = (execution.account_id, execution.instrument_id)
        since[pair] = min(since.get(pair, execution.sort_at), execution.sort_at)
    return [Scope(account, instrument, at) for (account, instrument), at in since.items()]


@transaction.atomic
def enter(
    account: Account,
    *,
    instrument: Instrument,
    fills: Sequence[EnteredFill],
    plan: Plan | None = None,
    note: str = "",
    tags: Sequence[Tag] = (),
) -> list[Trade]:
    """The fills are in the account and the trades they make exist; returned oldest first.

    Fills that join a position already held become part of its trade.
    Raises: TradeRefused without fills, or without the account.
    """
    if not fills:
        raise TradeRefused(_("A trade needs at least one fill."))
    lock_accounts([account.pk])
    # As it is now: while this waited, its zone may have changed, or the account may have gone.
    found = Account.objects.filter(pk=account.pk).first()
    if found is None:
        raise TradeRefused(_("This account is gone."), code="account_gone")
    account = found
    _refuse_prices(instrument, fills)
    executions = Execution.objects.bulk_create(
        _execution(account, instrument, fill, sequence=number) for number, fill in enumerate(fills)
    )
    changed(account.owner_id, scopes_of(executions))
    made = list(Trade.objects.filter(fills__execution__in=executions).distinct().order_by("activity_at", "id"))
    for trade in made:
        annotate(trade, plan=plan, note=note or None, tags=tags or None)
    audit.written(
        "trade.enter",
        subject="trade",
        subject_id=str(made[0].public_id),
        owner_id=account.owner_id,
        after={"account": account.name, "symbol": instrument.symbol, "fills": len(fills)},
    )
    activity.noted(
        account.owner_id,
        ActivityKind.TRADE,
        _("Entered %(symbol)s in %(account)s") % {"symbol": instrument.symbol, "account": account.name},
        link=f"/trades/{made[0].public_id}/",
        account_id=account.pk,
    )
    return list(Trade.objects.filter(pk__in=[trade.pk for trade in made]).order_by("activity_at", "id"))


@transaction.atomic
def correct(trade: Trade, *, fills: Sequence[EnteredFill], instead_of: Collection[int] | None = None) -> list[Trade]:
    """The trade's fills are replaced by these; what was imported stays on file, voided, and is still a duplicate.

    What a neighbouring trade has of a fill that turned the position round stays with the neighbour.
    Raises: TradeRefused trade_changed when its fills are not those with the ids `instead_of` any more.
    """
    if not fills:
        raise TradeRefused(_("A trade needs at least one fill; delete the trade instead."))
    lock_accounts([trade.account_id])
    trade = _present(trade)
    _refuse_prices(trade.instrument, fills)
    old = _own_fills(trade)
    if instead_of is not None and {fill.pk for fill in old} != set(instead_of):
        raise TradeRefused(str(CHANGED_MEANWHILE), code="trade_changed", status=409)
    replacements = [
        _execution(trade.account, trade.instrument, fill, sequence=sequence, multiplier=trade.multiplier)
        for fill, sequence in zip(fills, _sequences(fills, old), strict=True)
    ]
    for number, replacement in enumerate(replacements):
        replacement.corrects = old[min(number, len(old) - 1)]
    before, after = flips.ceded(trade, old)
    Execution.objects.filter(pk__in=[fill.pk for fill in old]).update(voided_at=timezone.now())
    # In this order their ids are, which decide where instant and sequence are the same.
    Execution.objects.bulk_create([*before, *replacements, *after])
    flips.handed_over(after)
    changed(trade.owner_id, scopes_of([*old, *replacements]))
    audit.written(
        "trade.correct",
        subject="trade",
        subject_id=str(trade.public_id),
        owner_id=trade.owner_id,
        before={"fills": [str(fill) for fill in old]},
        after={"fills": [str(fill) for fill in replacements]},
    )
    return list(Trade.objects.filter(fills__execution__in=replacements).distinct().order_by("activity_at", "id"))


@transaction.atomic
def delete(trade: Trade) -> list[int]:
    """The trade is gone: its fills are voided, so that importing their file again does not bring it back.

    What a neighbouring trade has of a fill that turned the position round stays with the neighbour.
    Returns the ids of the voided fills, for `restore`.
    """
    lock_accounts([trade.account_id])
    trade = _present(trade)
    fills = _own_fills(trade)
    before, after = flips.ceded(trade, fills)
    corrections = Execution.objects.bulk_create([*before, *after])
    taken = deletions.of_trade(trade, fills, corrections=corrections)
    Execution.objects.filter(pk__in=[fill.pk for fill in fills]).update(voided_at=timezone.now())
    flips.handed_over(after)
    changed(trade.owner_id, scopes_of(fills))
    audit.written(
        deletions.DELETED,
        subject="trade",
        subject_id=str(trade.public_id),
        owner_id=trade.owner_id,
        before=taken,
    )
    return [fill.pk for fill in fills]


@transaction.atomic
def restore(owner_id: int, *, execution_ids: Collection[int]) -> list[Trade]:
    """The trades whose deletions these fills were voided by are there again, with all that was said of them.

    Returns them, oldest first. Ids of others, of fills that stand or that were voided otherwise, change nothing.
    """
    _lock_accounts_of(owner_id, execution_ids)
    return _brought_back(owner_id, deletions.named(owner_id, execution_ids))


@transaction.atomic
def restore_deletions(owner_id: int, *, events: Collection[int]) -> list[Trade]:
    """As `restore`, for deletions by the numbers of their audit events."""
    named = deletions.numbered(owner_id, events)
    _lock_accounts_of(owner_id, {fill for deletion in named for fill in deletion.fills})
    # Once more: while this waited, another request may have brought them back.
    return _brought_back(owner_id, deletions.numbered(owner_id, events))


def _lock_accounts_of(owner_id: int, execution_ids: Collection[int]) -> None:
    fills = Execution.objects.filter(pk__in=execution_ids, owner_id=owner_id)
    lock_accounts(fills.order_by().values_list("account_id", flat=True).distinct())


def _brought_back(owner_id: int, named: Iterable[Deletion]) -> list[Trade]:
    started = timezone.now()
    returns = [
        (deletion, deletions.unvoid(deletion, fills)) for deletion in named if (fills := deletions.voided(deletion))
    ]
    if not returns:
        return []
    rebuilding.prepare(scopes_of(fill for _, back in returns for fill in back.standing))
    rebuilt = rebuilding.rebuild(owner_id)
    restored = []
    for deletion, back in returns:
        deletions.remove(back.obsolete)
        trade = deletions.reopened(deletion, back)
        if trade is None:
            continue
        plan = deletions.give_words(trade, deletion, since=started)
        if plan is not None:
            _set_plan(trade, Plan(*plan))
            trade.save(update_fields=[*_PLAN, "updated_at"])
        restored.append(trade)
    audit.written(
        deletions.RESTORED,
        subject="trade",
        subject_id=str(restored[0].public_id) if restored else "",
        owner_id=owner_id,
        after={
            "deletions": [deletion.event for deletion, _ in returns],
            "fills": sum(len(back.standing) for _, back in returns),
        },
    )
    days = rebuilt.days | deletions.exit_days(restored)
    trades_changed.send(sender=Trade, owner_id=owner_id, days=days)
    keys = [trade.pk for trade in restored]
    return list(Trade.objects.filter(pk__in=keys).order_by("activity_at", "id"))


def words_digest(trade: Trade) -> str:
    """What tells one state of the trade's note and plan from another."""
    plan = ["" if price is None else decimals.plain(price) for price in (trade.initial_stop, trade.initial_target)]
    return sha256("\0".join([*plan, trade.note]).encode()).hexdigest()


def _says_other(trade: Trade, plan: Plan | None, note: str | None) -> bool:
    stands = Plan(trade.initial_stop, trade.initial_target)
    return (plan is not None and plan != stands) or (note is not None and note != trade.note)


@transaction.atomic
def annotate(
    trade: Trade,
    *,
    plan: Plan | None = None,
    note: str | None = None,
    tags: Sequence[Tag] | None = None,
    is_reviewed: bool | None = None,
    rating: int | None = None,
    read: str = "",
) -> Trade:
    """What the person says of the trade is kept; None leaves a thing as it is. No figure but R changes.

    A rating is 1 to 5; 0 takes it away. Raises TradeRefused for another. Raises WordsChanged, and nothing is changed,
    where note and plan are no more as they were `read` (`words_digest`), unless they are what is said already.
    """
    if rating is not None and not 0 <= rating <= HIGHEST_RATING:
        raise TradeRefused(_("A rating is 1 to 5."), code="rating_out_of_range")
    lock_accounts([trade.account_id])
    try:
        trade.refresh_from_db()
    except Trade.DoesNotExist:
        raise _gone() from None
    if read and read != words_digest(trade) and _says_other(trade, plan, note):
        raise WordsChanged(_("Note or plan of this trade were changed meanwhile."))
    columns = _worded(trade, plan, note)
    days = deletions.exit_days([trade]) if _PLAN[0] in columns else set()
    columns.append("updated_at")
    if is_reviewed is not None and is_reviewed != (trade.reviewed_at is not None):
        trade.reviewed_at = timezone.now() if is_reviewed else None
        columns.append("reviewed_at")
    if rating is not None and (rating or None) != trade.rating:
        trade.rating = rating or None
        columns.append("rating")
    if tags is not None:
        trade.tags.set(tags)
    trade.save(update_fields=columns)
    # The day's R sums differ when the plan does; the version moves on for every edit.
    trades_changed.send(sender=Trade, owner_id=trade.owner_id, days=days)
    if tags is not None or {"reviewed_at", "rating"} & set(columns):
        remarks_changed.send(sender=Trade, owner_id=trade.owner_id, trades=[trade.pk])
    return trade


@transaction.atomic
def annotate_all(said: Sequence[tuple[Trade, Plan | None, str | None]]) -> None:
    """Plan and note of many trades of one person are kept, as `annotate` keeps those of one, in a few statements.

    None leaves a thing as it is, and so does a trade that is gone meanwhile.
    """
    lock_accounts({trade.account_id for trade, _, _ in said})
    found = Trade.objects.in_bulk([trade.pk for trade, _, _ in said])
    present = [(found[trade.pk], plan, note) for trade, plan, note in said if trade.pk in found]
    changed = [(trade, columns) for trade, plan, note in present if (columns := _worded(trade, plan, note))]
    if changed:
        for trade, _columns in changed:
            trade.updated_at = timezone.now()
        Trade.objects.bulk_update(
            [trade for trade, _columns in changed], ["note", *_PLAN, "updated_at"], batch_size=200
        )
        days = deletions.exit_days([trade for trade, columns in changed if _PLAN[0] in columns])
        trades_changed.send(sender=Trade, owner_id=changed[0][0].owner_id, days=days)


def _worded(trade: Trade, plan: Plan | None, note: str | None) -> list[str]:
    """The trade has this plan and note, which is not stored yet; the columns that are others by that."""
    columns: list[str] = []
    if note is not None and note != trade.note:
        trade.note = note
        columns.append("note")
    if plan is not None and plan != Plan(trade.initial_stop, trade.initial_target):
        _set_plan(trade, plan)
        columns += _PLAN
    return columns


@transaction.atomic
def rebuild_account(account: Account) -> Rebuilt:
    """All trades of the account are made anew under its present cost method, zone and day start."""
    lock_accounts([account.pk])
    before = set(
        TradeFill.objects.filter(account=account, role=FillRole.EXIT).values_list("account_id", "day").distinct()
    )
    redate(account)
    scopes = [
        Scope(account.pk, instrument_id, since)
        for instrument_id, since in Execution.objects.filter(account=account)
        .values_list("instrument_id")
        .annotate(since=Min("sort_at"))
    ]
    rebuilding.prepare(scopes)
    rebuilt = rebuilding.rebuild(account.owner_id)
    rebuilt.days |= before
    trades_changed.send(sender=Trade, owner_id=account.owner_id, days=rebuilt.days)
    return rebuilt


def redate(account: Account) -> None:
    """Every timed fill of the account stands on the trading day that the account's zone and day start give it."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE trading_execution e SET executed_on = {DAY_OF} "  # noqa: S608 – a constant of this module
            "FROM accounts_account a WHERE a.id = e.account_id AND a.id = %s AND e.executed_at IS NOT NULL "
            f"AND e.executed_on IS DISTINCT FROM {DAY_OF}",
            [account.pk],
        )


#: The trading day of e.executed_at in account a: the same rule as `accounts.models.account.trading_day`.
DAY_OF = (
    "((e.executed_at AT TIME ZONE a.time_zone) - a.day_start)::date"
    " + CASE WHEN a.day_start >= TIME '12:00' THEN 1 ELSE 0 END"
)


def is_without_risk(trade: Trade) -> bool:
    """Whether the initial stop stands at the entry or beyond it: nothing was at risk, so there is no R."""
    risk = initial_risk(
        is_long=trade.side == "long",
        entry=trade.entry_price,
        stop=trade.initial_stop,
        quantity=trade.quantity,
        multiplier=trade.multiplier,
    )
    return trade.initial_stop is not None and risk is None


def _set_plan(trade: Trade, plan: Plan) -> None:
    trade.initial_stop, trade.initial_target = plan.initial_stop, plan.initial_target
    trade.planned_r = trade.realized_r = None
    if plan.initial_stop is None:
        return
    is_long = trade.side == "long"
    trade.planned_r = planned_r(
        is_long=is_long, entry=trade.entry_price, stop=plan.initial_stop, target=plan.initial_target
    )
    if not trade.is_open:
        trade.realized_r = realized_r(
            trade.net_pnl,
            is_long=is_long,
            entry=trade.entry_price,
            stop=plan.initial_stop,
            quantity=trade.quantity,
            multiplier=trade.multiplier,
        )


def _present(trade: Trade) -> Trade:
    """The trade as it is now that its account is locked. Raises TradeRefused when it is gone."""
    found = Trade.objects.select_related("account", "instrument").filter(pk=trade.pk).first()
    if found is None:
        raise _gone()
    return found


def _gone() -> TradeRefused:
    return TradeRefused(_("This trade is gone."), code="trade_gone")


def _refuse_prices(instrument: Instrument, fills: Sequence[EnteredFill]) -> None:
    """Raises TradeRefused for a price below 0 of what never trades there. At 0 a person may write what is worthless."""
    if instrument.kind in (InstrumentKind.OPTION, InstrumentKind.FUTURE):
        return
    for number, fill in enumerate(fills):
        if fill.price < 0:
            words = _("Only futures and options have prices below 0.")
            raise TradeRefused(words, code="price_negative", pointer=f"/fills/{number}/price")


def _own_fills(trade: Trade) -> list[Execution]:
    """The trade's fills, oldest first. Raises TradeRefused when it has none."""
    fills = list(Execution.objects.filter(parts__trade=trade).distinct().in_order())
    if not fills:
        raise _gone()
    return fills


def _sequences(fills: Sequence[EnteredFill], old: Sequence[Execution]) -> list[int]:
    """The places of the new fills among those of the same instant: where the old ones were, neighbours' around them."""
    places: list[int] = []
    for number, fill in enumerate(fills):
        there = [each.sequence for each in old if each.sort_at == fill.executed_at]
        same = number < len(old) and old[number].sort_at == fill.executed_at
        place = old[number].sequence if same else max(there, default=number)
        if number and fills[number - 1].executed_at == fill.executed_at:
            place = max(place, places[-1])
        places.append(place)
    return places


def _execution(
    account: Account,
    instrument: Instrument,
    fill: EnteredFill,
    *,
    sequence: int,
    multiplier: Decimal | None = None,
) -> Execution:
    return Execution(
        owner_id=account.owner_id,
        account=account,
        instrument=instrument,
        side=fill.side,
        quantity=fill.quantity,
        price=fill.price,
        multiplier=multiplier or instrument.multiplier,
        currency=instrument.currency,
        commission=fill.commission,
        fees=fill.fees,
        executed_at=fill.executed_at,
        executed_on=account.trading_day(fill.executed_at),
        sort_at=fill.executed_at,
        sequence=sequence,
        identity=uuid.uuid4(),
        source=ExecutionSource.MANUAL,
    )
