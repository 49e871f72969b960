"""Verbs on decisions. What is written down stays as it was then: an edit keeps the wording before it.

Source: docs/memory.md#decisions
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import activity, audit, instants, versions
from accounts.errors import Conflict, InvalidValue
from accounts.fields import LARGEST_PRICE
from accounts.models import Account, ActivityKind, User
from accounts.text import one_line, paragraphs
from accounts.undo import Undone
from intelligence import memory, outcomes
from intelligence.models import (
    ActorKind,
    Decision,
    DecisionAction,
    DecisionInstrument,
    DecisionOutcome,
    DecisionRevision,
)
from intelligence.models.decision import LONGEST_TEXT
from trading.models import Instrument, ManagedPosition, Order, Outcome, Trade

#: How long a deleted decision can be brought back.
KEPT = timedelta(days=7)
#: How far another machine's clock may be ahead of ours.
AHEAD = timedelta(minutes=5)
DELETED = "decision.delete"
MOST_INSTRUMENTS = 20
#: Fields of one line, with their longest; of several lines; and numbers above zero but for prices.
_LINES = {"intent": 60, "strategy": 60, "actor": 100}
_TEXTS = ("reasoning", "market_context", "reflection")
_PRICES = ("entry_price", "stop_loss", "take_profit")


class DecisionChanged(Conflict):
    """The decision was changed since it was read, or it is gone."""

    code = "decision_changed"


class DecisionKnown(Conflict):
    """There is a decision with this outside id."""

    code = "external_id_taken"


@dataclass(frozen=True, slots=True)
class Said:
    """What a person, bot or model decides, and why. `confidence` is 0 to 1; stop and target are prices."""

    action: str
    reasoning: str
    intent: str = ""
    strategy: str = ""
    market_context: str = ""
    reflection: str = ""
    actor_kind: str = ActorKind.PERSON
    actor: str = ""
    confidence: Decimal | None = None
    entry_price: Decimal | None = None
    quantity: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None

    def cleaned(self) -> "Said":
        """The same, its texts trimmed. Raises InvalidValue for what no decision can hold."""
        values: dict[str, Any] = {}
        for name, longest in _LINES.items():
            values[name] = _text(name, one_line, getattr(self, name), longest)
        for name in _TEXTS:
            values[name] = _text(name, paragraphs, getattr(self, name), LONGEST_TEXT)
        clean = replace(self, **values)
        clean._check()
        return clean

    def _check(self) -> None:
        if self.action not in DecisionAction.values:
            raise InvalidValue(_("There is no such action."), pointer="/action")
        if self.actor_kind not in ActorKind.values:
            raise InvalidValue(_("There is no such kind of actor."), pointer="/actor_kind")
        if self.actor_kind != ActorKind.PERSON and not self.actor:
            raise InvalidValue(_("Say which bot or model decided."), pointer="/actor")
        if not self.reasoning:
            raise InvalidValue(_("Say why."), pointer="/reasoning")
        self._check_numbers()

    def _check_numbers(self) -> None:
        for name in ("confidence", "quantity", *_PRICES):
            number = getattr(self, name)
            if number is not None and not number.is_finite():
                raise InvalidValue(_("This is no number."), pointer=f"/{name}")
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise InvalidValue(_("Confidence is from 0 to 1."), pointer="/confidence")
        if self.quantity is not None and not 0 < self.quantity <= LARGEST_PRICE:
            raise InvalidValue(_("A quantity is above zero."), pointer="/quantity")
        for name in _PRICES:
            price = getattr(self, name)
            if price is not None and not abs(price) <= LARGEST_PRICE:
                raise InvalidValue(_("This price is too large."), pointer=f"/{name}")


@dataclass(frozen=True, slots=True)
class GoneTrade:
    """A trade that is not there just now, as its deletion can be undone and its file brought again."""

    public_id: UUID
    account: Account | None


@dataclass(frozen=True, slots=True)
class Links:
    """What a decision is about and led to. An order says its account, its fills the trade; a plan its order.

    `gone` counts where there is no `trade`: what it led to stays said while that is away.
    """

    account: Account | None = None
    instruments: Sequence[Instrument] = ()
    order: Order | None = None
    managed_position: ManagedPosition | None = None
    trade: Trade | None = None
    gone: GoneTrade | None = None

    def completed(self, owner_id: int) -> "Links":
        """The same with what follows from it. Raises InvalidValue for another's things, and for several accounts."""
        instruments = list(dict.fromkeys(self.instruments))
        account = self.account
        for name in ("order", "managed_position", "trade"):
            thing = getattr(self, name)
            if thing is None:
                continue
            if thing.owner_id != owner_id or (account is not None and thing.account_id != account.pk):
                raise InvalidValue(_("This belongs to another account."), pointer=f"/{name}")
            account = thing.account
            if not instruments:
                instruments = [thing.instrument]
        order, trade = self.order, self.trade
        if self.managed_position is not None and order is None and trade is None and self.gone is None:
            order = self.managed_position.entry_order
            trade = _trade_under(self.managed_position) if order is None else None
        if self.trade is None and self.gone is not None and self.gone.account is not None:
            if account is not None and account != self.gone.account:
                raise InvalidValue(_("This belongs to another account."), pointer="/trade")
            account = self.gone.account
        if account is not None and account.owner_id != owner_id:
            raise InvalidValue(_("You have no account of this name."), pointer="/account")
        if len(instruments) > MOST_INSTRUMENTS:
            raise InvalidValue(_("At most %(most)s symbols.") % {"most": MOST_INSTRUMENTS}, pointer="/symbols")
        return replace(self, account=account, instruments=instruments, order=order, trade=trade)


def _trade_under(plan: ManagedPosition) -> Trade | None:
    """The trade that was open when a plan was put on what was held; None where it is no longer there."""
    then = plan.entered_at
    rows = Trade.objects.filter(account_id=plan.account_id, instrument_id=plan.instrument_id, side=plan.side)
    rows = rows.filter(Q(opened_at__isnull=True) | Q(opened_at__lte=then), Q(closed_at=None) | Q(closed_at__gte=then))
    return rows.order_by(F("opened_at").desc(nulls_last=True), "-id").first()


@dataclass(frozen=True, slots=True)
class StatedOutcome:
    """How a decision from elsewhere ended, as its file says. `result_pct` is a fraction."""

    result_pct: Decimal | None = None
    result_amount: Decimal | None = None
    currency: str = ""
    r_multiple: Decimal | None = None
    holding_seconds: int | None = None
    resolved_at: datetime | None = None

    @property
    def outcome(self) -> str:
        """Win, loss or breakeven, by the money, else by the percentage."""
        result = self.result_amount if self.result_amount is not None else self.result_pct
        if not result:
            return Outcome.BREAKEVEN
        return Outcome.WIN if result > 0 else Outcome.LOSS


_NO_LINKS = Links()


@transaction.atomic
def record(
    *,
    owner: User,
    said: Said,
    at: datetime,
    links: Links = _NO_LINKS,
    external_id: str = "",
    stated: StatedOutcome | None = None,
) -> Decision:
    """The decision exists, and waits for the worker to embed it; with a closed trade it has its outcome.

    `stated` is how it ended where no trade here says so. Raises InvalidValue, and DecisionKnown when the person has a
    decision of this outside id.
    """
    if not instants.is_kept(at):
        raise InvalidValue(_("Times from 1900 to 2199 are taken."), pointer="/decided_at")
    if at > timezone.now() + AHEAD:
        raise InvalidValue(_("This lies in the future."), pointer="/decided_at")
    clean, complete = said.cleaned(), links.completed(owner.pk)
    # First of all: whoever changes the trade meanwhile waits, or has been waited for.
    versions.bump(owner.pk)
    try:
        with transaction.atomic():
            decision = Decision.objects.create(
                owner=owner,
                decided_at=at,
                external_id=external_id,
                **_columns(clean),
                **_link_columns(complete),
            )
    except IntegrityError as error:
        if "decision_external_id_unique_per_owner" not in str(error):
            raise
        raise DecisionKnown(_("There is a decision with this id."), pointer="/external_id") from error
    _name(decision, complete.instruments)
    decision.refresh_from_db()
    if stated is not None and (stated.result_pct is not None or stated.result_amount is not None):
        _state(decision, stated)
    _follow(decision)
    audit.written(
        "decision.record",
        subject="decision",
        subject_id=decision.public_id,
        owner_id=owner.pk,
        after={"action": clean.action, "strategy": clean.strategy, "actor": clean.actor or clean.actor_kind},
    )
    if not external_id:
        _noted(decision, complete.instruments)
    return decision


@transaction.atomic
def revise(decision: Decision, *, said: Said, links: Links, revision: int, at: datetime) -> Decision:
    """The decision says this from now on; how it read before is kept as a revision.

    Raises InvalidValue; DecisionChanged, and nothing is changed, unless it still has the revision that was read.
    """
    clean, complete = said.cleaned(), links.completed(decision.owner_id)
    versions.bump(decision.owner_id)
    current = Decision.objects.filter(pk=decision.pk, revision=revision, deleted_at__isnull=True)
    before = current.select_for_update().first()
    if before is None:
        raise DecisionChanged(_("This decision was changed meanwhile."))
    was = snapshot(before)
    link_columns = _link_columns(complete)
    if complete.order is not None and complete.order.pk == before.order_id and complete.trade is None:
        # What its fills said stays said.
        link_columns["trade_key"] = before.trade_key
    if link_columns["trade_key"] != before.trade_key:
        # By which fill the trade before was known says nothing of this one.
        link_columns["trade_fill"] = None
    current.update(revision=F("revision") + 1, updated_at=at, **_columns(clean), **link_columns)
    _name(before, complete.instruments)
    before.refresh_from_db()
    now = snapshot(before)
    if was == now:
        # Nothing differs: no revision, and the number stays.
        Decision.objects.filter(pk=before.pk).update(revision=revision)
    else:
        DecisionRevision.objects.create(
            owner_id=before.owner_id,
            decision_id=before.pk,
            number=revision,
            values=was,
            actor_id=audit.who().get("actor_id"),
            revised_at=at,
        )
        audit.written(
            "decision.revise",
            subject="decision",
            subject_id=before.public_id,
            owner_id=before.owner_id,
            before={name: was[name] for name in was if was[name] != now[name]},
            after={name: now[name] for name in was if was[name] != now[name]},
        )
    _follow(before)
    before.refresh_from_db()
    return before


@transaction.atomic
def delete(decision: Decision) -> dict[str, str]:
    """The decision is gone for its owner; returns what `undelete` brings back for some days."""
    versions.bump(decision.owner_id)
    gone = Decision.objects.filter(pk=decision.pk, deleted_at__isnull=True).update(deleted_at=timezone.now())
    if not gone:
        raise DecisionChanged(_("This decision is gone."))
    audit.written(DELETED, subject="decision", subject_id=decision.public_id, owner_id=decision.owner_id)
    return {"id": str(decision.public_id)}


@transaction.atomic
def undelete(user: User, payload: Mapping[str, Any]) -> Undone:
    """The decision is there again. Raises InvalidValue once it was swept."""
    versions.bump(user.pk)
    rows = Decision.objects.filter(owner=user, public_id=payload["id"], deleted_at__isnull=False)
    decision = rows.first()
    if decision is None or not rows.update(deleted_at=None):
        raise InvalidValue(_("This can no longer be undone here."), code="undo_expired")
    _follow(decision)
    audit.written("decision.restore", subject="decision", subject_id=decision.public_id, owner_id=user.pk)
    return Undone(_("The decision is back."), f"/memory/{decision.public_id}/")


def sweep(*, now: datetime) -> int:
    """Decisions that were deleted longer ago than they can be brought back are gone for good; returns how many."""
    _count, by_table = Decision.objects.filter(deleted_at__lt=now - KEPT).delete()
    return by_table.get("intelligence.Decision", 0)


def snapshot(decision: Decision) -> dict[str, Any]:
    """Everything that a person may edit, as plain JSON."""
    symbols = [
        named.instrument.symbol
        for named in DecisionInstrument.objects.filter(decision=decision)
        .select_related("instrument")
        .order_by("position", "id")
    ]
    values = {each.name: getattr(decision, each.name) for each in fields(Said)}
    things = {
        "account": decision.account.public_id if decision.account else None,
        "order": decision.order.public_id if decision.order else None,
        "managed_position": decision.managed_position.public_id if decision.managed_position else None,
        "trade": decision.trade_key,
    }
    return {name: _plain(value) for name, value in {**values, **things}.items()} | {"symbols": symbols}


# ---------------------------------------------------------------- parts of the verbs
def _follow(decision: Decision) -> None:
    """The decision's text is remembered, and its outcome is what its trade says."""
    memory.remember_decisions([decision])
    outcomes.settle(decision.owner_id, decisions=[decision.pk])


def _columns(said: Said) -> dict[str, Any]:
    return {each.name: getattr(said, each.name) for each in fields(Said)}


def _link_columns(links: Links) -> dict[str, Any]:
    return {
        "account": links.account,
        "order": links.order,
        "managed_position": links.managed_position,
        "trade_key": links.trade.public_id if links.trade else links.gone.public_id if links.gone else None,
    }


def _name(decision: Decision, instruments: Sequence[Instrument]) -> None:
    """The decision is about these instruments, in this order."""
    named = DecisionInstrument.objects.filter(decision=decision)
    if list(named.order_by("position", "id").values_list("instrument_id", flat=True)) == [
        instrument.pk for instrument in instruments
    ]:
        return
    named.delete()
    DecisionInstrument.objects.bulk_create(
        DecisionInstrument(decision=decision, instrument=instrument, position=position)
        for position, instrument in enumerate(instruments)
    )


def _state(decision: Decision, stated: StatedOutcome) -> None:
    DecisionOutcome.objects.create(
        owner_id=decision.owner_id,
        decision=decision,
        source="stated",
        outcome=stated.outcome,
        result_pct=stated.result_pct,
        result_amount=stated.result_amount,
        currency=stated.currency,
        r_multiple=stated.r_multiple,
        holding_seconds=stated.holding_seconds,
        resolved_at=stated.resolved_at or decision.decided_at,
    )


def _noted(decision: Decision, instruments: Sequence[Instrument]) -> None:
    symbols = ", ".join(instrument.symbol for instrument in instruments[:3])
    words = _("Decided: %(action)s %(what)s") % {
        "action": decision.get_action_display(),
        "what": symbols or decision.strategy,
    }
    activity.noted(
        decision.owner_id,
        ActivityKind.DECISION,
        words.strip(),
        link=f"/memory/{decision.public_id}/",
        account_id=decision.account_id,
    )


def _text(name: str, clean: Any, text: str, longest: int) -> str:
    try:
        cleaned: str = clean(text)
    except ValueError as error:
        raise InvalidValue(f"{error}.".capitalize(), pointer=f"/{name}") from error
    if len(cleaned) > longest:
        raise InvalidValue(_("At most %(most)s characters.") % {"most": longest}, pointer=f"/{name}")
    return cleaned


def _plain(value: object) -> Any:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value) if isinstance(value, UUID) else value
