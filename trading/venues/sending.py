"""Saying to a broker what was stored for it: once, whoever dies on the way, and nothing blindly again.

A command is claimed by one worker, and every request is on file before it is made. Where nobody knows whether a request
arrived, the broker is asked what it has under the client id before anything is sent again. No transaction is open
while the broker is waited for. Source: docs/alpaca.md#sending
"""

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.encryption import KeysMissing
from accounts.models import BrokerConnection
from trading import order_commands, risk
from trading.models import AttemptResult, CommandKind, CommandStatus, Order, OrderAttempt, OrderCommand
from trading.order_rules.pretrade import against_new_risk
from trading.order_rules.statuses import Event, Status
from trading.order_rules.validity import Violation
from trading.order_rules.vocabulary import TimeInForce
from trading.order_tickets import next_step
from trading.orders import record
from trading.venues import alpaca
from trading.venues import alpaca_requests as requests
from trading.venues.alpaca_client import BrokerError, Client, Limited, NotSent, Refused, Unknown
from trading.venues.alpaca_words import Seen, seen

logger = logging.getLogger(__name__)

#: A request is tried so often in all, each time after a longer wait.
MOST_SENDS, MOST_SENDS_OF_EXITS = 5, 50
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=1), timedelta(seconds=30)
#: What is not found is believed to be absent after so many lookups over so long; then it may be sent again.
LOOKUPS, SETTLES_IN = 3, timedelta(seconds=5)
#: A market has moved on by then: what opens and was not sent until now is given up.
TOO_OLD = timedelta(minutes=5)
#: Of one sweep.
MOST_AT_ONCE = 200


def send_due(*, at: datetime) -> int:
    """Every command that is due was taken up; returns how many. One that fails does not keep the others."""
    taken = 0
    for pk in list(OrderCommand.objects.due(at).order_by("next_at", "id").values_list("pk", flat=True)[:MOST_AT_ONCE]):
        try:
            taken += send(pk) != ""
        except Exception:
            logger.exception("the command %s could not be sent", pk)
    return taken


def send(command_id: int) -> str:
    """The command was taken up unless somebody else has it; returns its status now, empty where it was left alone."""
    command = order_commands.claim(command_id, now=timezone.now())
    if command is None:
        return ""
    connection: BrokerConnection | None = getattr(command.account, "connection", None)
    try:
        if connection is None:
            raise KeysMissing("The account is not connected to its broker any more.")
        sender = _Sender(command, Client.of(connection))
    except KeysMissing as error:
        _cannot(command, error.message)
    else:
        sender.run()
    return str(OrderCommand.objects.values_list("status", flat=True).get(pk=command_id))


def _cannot(command: OrderCommand, why: str) -> None:
    """Without keys nothing can be said: what was never sent is refused, the rest waits for keys."""
    now = timezone.now()
    if command.kind == CommandKind.SUBMIT and command.sends == 0:
        alpaca.refuse(command.order, code="not_connected", said=why)
        order_commands.finish(command, CommandStatus.REFUSED, now=now)
    else:
        order_commands.later(command, at=now + LONGEST_WAIT)


class _Lost(Exception):
    """The lease has run out, and somebody else is at it."""


class _Sender:
    """One command on its way."""

    def __init__(self, command: OrderCommand, client: Client) -> None:
        self.command = command
        self.order: Order = command.order
        self.client = client

    def run(self) -> None:
        """The command is as far as it can be now."""
        verb = {CommandKind.SUBMIT: self.submit, CommandKind.CANCEL: self.cancel, CommandKind.REPLACE: self.replace}
        now = timezone.now()
        if order_commands.interrupted(self.command, now=now) and self.command.status != CommandStatus.UNKNOWN:
            self.unknown(now)
        try:
            verb[CommandKind(self.command.kind)]()
        except _Lost:
            logger.warning("the command %s was taken over", self.command.pk)

    # --- placing -----------------------------------------------------------------------------------

    def submit(self) -> None:
        """The order is at the broker, or refused, or nobody knows."""
        if self.order.status not in (Status.PENDING_SUBMIT, Status.SUBMIT_UNKNOWN):
            # The stream has told of it meanwhile, or it was aborted.
            return self.done()
        if self.command.status == CommandStatus.UNKNOWN and not self.resolved():
            return None
        if (against := self.stopped()) is not None:
            return self.abort(against)
        if self.is_too_late():
            return self.give_up(_TOO_LATE)
        body = requests.submission(alpaca.asked_of(self.order))
        told = self.tried(lambda: self.client.submit(body))
        if told is not None:
            self.taken(told)
        return None

    def stopped(self) -> Violation | None:
        """What the breaker says against it now; it may have come on since the order was let through."""
        against = against_new_risk(risk.state_for(self.order.account, self.order.strategy))
        return against if against is not None and self.opens else None

    @property
    def opens(self) -> bool:
        """Whether the order would open or add to a position by what is held now."""
        return bool(risk.opening([self.order]))

    def abort(self, against: Violation) -> None:
        """The order, which the broker does not have and will not get, has ended with what the breaker says."""
        with transaction.atomic():
            aborted = alpaca.abort(self.order, against)
            if aborted is not None:
                self.order = aborted
                self.blocked()
            status = CommandStatus.DONE if aborted is None else CommandStatus.WITHDRAWN
            order_commands.finish(self.command, status, now=timezone.now())

    def blocked(self) -> None:
        """That the breaker stopped it is kept."""
        order = self.order
        risk.blocked(order.account, strategy=order.strategy, order_id=order.public_id, at=timezone.now())

    def is_too_late(self) -> bool:
        """Whether it is not to be tried any more: what opens gives up soon, what gets out does not."""
        if self.command.sends >= MOST_SENDS_OF_EXITS:
            return True
        is_late = self.command.sends >= MOST_SENDS or timezone.now() - self.order.created_at > TOO_OLD
        return is_late and self.opens

    def resolved(self) -> bool:
        """Whether the broker, asked by client id, does not have it, so that it may be sent; what it has is taken."""
        told = self.looked_up(lambda: self.client.order_of(self.order.client_order_id))
        if isinstance(told, Seen):
            self.taken(told)
            return False
        return told is None and self.is_settled()

    def is_settled(self) -> bool:
        """Whether the broker was asked often and long enough to believe that it does not have it."""
        now, since = timezone.now(), self.command.unknown_since
        if self.command.lookups < LOOKUPS or since is None or now - since < SETTLES_IN:
            order_commands.later(self.command, at=now + _wait(self.command.lookups))
            return False
        order_commands.known(self.command)
        return True

    def taken(self, told: Seen) -> None:
        """What the broker says of the order has happened to it."""
        alpaca.take(self.order, told)
        self.done()

    def give_up(self, why: str) -> None:
        """The order has ended as rejected: the broker does not have it, and will not get it."""
        event = Event.NOT_FOUND if self.order.status == Status.SUBMIT_UNKNOWN else Event.REJECTED
        alpaca.refuse(self.order, code="not_sent", said=why, event=event)
        order_commands.finish(self.command, CommandStatus.GIVEN_UP, now=timezone.now())

    # --- canceling ---------------------------------------------------------------------------------

    def cancel(self) -> None:
        """The broker has been asked, or the order has ended, or it cannot be canceled."""
        if not self.order.is_live:
            return self.done()
        if OrderCommand.objects.open().filter(order=self.order, kind=CommandKind.SUBMIT).exists():
            return order_commands.later(self.command, at=timezone.now() + FIRST_WAIT)
        if self.order.status != Status.PENDING_CANCEL:
            asked = next_step(self.order, Event.PENDING_CANCEL)
            self.order = record(self.order, [replace(asked, at=asked.at + _MOMENT)], source="local")
        broker_id = self.order.broker_order_id
        if broker_id is None or self.command.sends:
            # A request that is repeated is harmless; to know that it was heard saves it.
            told = self.looked_up(lambda: self.looked_at(broker_id))
            if told is None:
                return self.stays(_NOT_THERE, CommandStatus.GIVEN_UP)
            if not isinstance(told, Seen):
                return None
            broker_id = told.id
            if told.is_over or told.status == Status.PENDING_CANCEL:
                return self.taken(told)
        if self.command.sends >= MOST_SENDS:
            return self.stays(_NO_ANSWER, CommandStatus.GIVEN_UP)
        heard = self.tried(lambda: self.client.cancel(broker_id), is_empty=True)
        return self.done() if heard else None

    def looked_at(self, broker_id: str | None) -> Any:
        """The order as the broker has it."""
        return self.client.order(broker_id) if broker_id else self.client.order_of(self.order.client_order_id)

    def stays(self, why: str, status: CommandStatus) -> None:
        """The order is what it was before anything was asked."""
        self.order.refresh_from_db()
        event = {Status.PENDING_CANCEL: Event.CANCEL_REJECTED, Status.PENDING_REPLACE: Event.REPLACE_REJECTED}
        if self.order.status in event:
            alpaca.refuse(self.order, code="", said=why, event=event[Status(self.order.status)])
        order_commands.finish(self.command, status, now=timezone.now())

    # --- replacing ---------------------------------------------------------------------------------

    def replace(self) -> None:
        """Another order has this one's place, or it is what it was."""
        if not self.order.is_live:
            return self.done()
        asked = self.command.asked
        if self.command.status == CommandStatus.UNKNOWN and not self.is_unreplaced(asked["client_order_id"]):
            return None
        broker_id = self.order.broker_order_id
        if (against := self.stopped()) is not None:
            with transaction.atomic():
                self.stays(against.words, CommandStatus.REFUSED)
                return self.blocked()
        if self.command.sends >= MOST_SENDS or broker_id is None:
            return self.stays(_NO_ANSWER, CommandStatus.GIVEN_UP)
        body = _replacement(asked)
        told = self.tried(lambda: self.client.replace(broker_id, body))
        if told is not None:
            self.replaced(told)
        return None

    def is_unreplaced(self, client_order_id: str) -> bool:
        """Whether the broker has no successor of this client id, so that it may be asked for again."""
        told = self.looked_up(lambda: self.client.order_of(client_order_id))
        if isinstance(told, Seen):
            self.replaced(told)
            return False
        return told is None and self.is_settled()

    def replaced(self, told: Seen) -> None:
        """The successor stands in the place of the order."""
        alpaca.succeed(self.order, told)
        self.done()

    # --- one request --------------------------------------------------------------------------------

    def tried(self, ask: Callable[[], Any], *, is_empty: bool = False) -> Any:
        """The order that the answer tells (True where it tells nothing); None where there is no such answer.

        Then what that means for the command and its order is on file.
        """
        attempt = self.begun(is_lookup=False)
        try:
            told = ask()
            found = True if is_empty else seen(told)
            if found is None:
                raise Unknown("the answer tells of no order")
        except BrokerError as error:
            self.failed(attempt, error)
            return None
        order_commands.end_attempt(attempt, AttemptResult.ACCEPTED, now=timezone.now(), http_status=200)
        return found

    def failed(self, attempt: OrderAttempt, error: BrokerError) -> None:
        """What the broker's answer, or its silence, means."""
        now = timezone.now()
        match error:
            case NotSent():
                order_commands.end_attempt(attempt, AttemptResult.NOT_SENT, now=now, error=str(error))
                order_commands.later(self.command, at=now + _wait(self.command.sends))
            case Limited(wait=wait):
                order_commands.end_attempt(attempt, AttemptResult.LIMITED, now=now, error=str(error), http_status=429)
                # It costs no try: the broker has not looked at it.
                OrderCommand.objects.filter(pk=self.command.pk, sends__gt=0).update(sends=self.command.sends - 1)
                order_commands.later(self.command, at=now + timedelta(seconds=wait))
            case Refused(status=status, code=code, words=said):
                order_commands.end_attempt(
                    attempt, AttemptResult.REFUSED, now=now, error=said, code=code, http_status=status
                )
                self.refused(error, now)
            case _:
                order_commands.end_attempt(attempt, AttemptResult.UNKNOWN, now=now, error=str(error))
                self.unknown(now)
                order_commands.later(self.command, at=now + FIRST_WAIT, unknown_since=now)

    def refused(self, error: Refused, now: datetime) -> None:
        """The broker's no: an order that it has already is looked up, a new one has ended, a standing one stays."""
        if requests.is_taken(error.code, error.words):
            self.unknown(now)
            return order_commands.later(self.command, at=now, unknown_since=now)
        if self.command.kind == CommandKind.SUBMIT:
            alpaca.refuse(self.order, code=error.code, said=error.words)
            return order_commands.finish(self.command, CommandStatus.REFUSED, now=now)
        # It may have ended just before: then that is what happened.
        told = None
        try:
            told = seen(self.looked_at(self.order.broker_order_id))
        except BrokerError:
            logger.info("the order %s could not be looked at", self.order.public_id)
        if told is not None and told.is_over:
            alpaca.take(self.order, told)
        return self.stays(error.words, CommandStatus.REFUSED)

    def looked_up(self, ask: Callable[[], Any]) -> Seen | bool | None:
        """What the broker has; None where it has nothing, False where it did not say, and then it is asked later."""
        attempt = self.begun(is_lookup=True)
        now = timezone.now()
        try:
            told = ask()
        except BrokerError as error:
            now = timezone.now()
            wait = timedelta(seconds=error.wait) if isinstance(error, Limited) else _wait(self.command.lookups)
            order_commands.end_attempt(attempt, AttemptResult.UNKNOWN, now=now, error=str(error))
            order_commands.later(self.command, at=now + wait)
            return False
        found = seen(told)
        result = AttemptResult.MISSING if found is None else AttemptResult.FOUND
        order_commands.end_attempt(attempt, result, now=timezone.now(), http_status=404 if found is None else 200)
        return found

    def begun(self, *, is_lookup: bool) -> OrderAttempt:
        """The attempt is on file. Raises _Lost where somebody else is at it."""
        order = self.order
        asked: Mapping[str, Any] = {
            "requested_price": order.limit_price or order.stop_price or order.reference_price,
            "requested_quantity": order.quantity,
            "requested_amount": order.notional,
        }
        attempt = order_commands.begin(self.command, is_lookup=is_lookup, asked=asked, now=timezone.now())
        if attempt is None:
            raise _Lost
        return attempt

    def unknown(self, now: datetime) -> None:
        """Nobody knows whether the broker has it; the order says so, and it is looked up before anything else."""
        self.command.status, self.command.unknown_since, self.command.lookups = CommandStatus.UNKNOWN, now, 0
        OrderCommand.objects.filter(pk=self.command.pk, lease=self.command.lease).update(
            status=CommandStatus.UNKNOWN, unknown_since=now, lookups=0
        )
        if self.command.kind == CommandKind.SUBMIT and self.order.status == Status.PENDING_SUBMIT:
            self.order = record(self.order, [next_step(self.order, Event.TIMED_OUT)], source="local")

    def done(self) -> None:
        """Nothing more is to be said."""
        order_commands.finish(self.command, CommandStatus.DONE, now=timezone.now())


#: A request stands behind what the broker answered to the one before it.
_MOMENT = timedelta(microseconds=1)
_TOO_LATE = "The broker could not be reached in time."
_NOT_THERE = "The broker does not have this order."
_NO_ANSWER = "The broker did not answer."


def _wait(tries: int) -> timedelta:
    """How long until the next try: twice as long each time, and a little by chance, so that not all come at once."""
    wait: timedelta = min(LONGEST_WAIT, FIRST_WAIT * int(2 ** max(0, min(tries, 10) - 1)))
    return wait * (1 + random.random() / 4)  # noqa: S311 – spreads load, keeps no secret


def _replacement(asked: Mapping[str, Any]) -> dict[str, Any]:
    numbers = {name: Decimal(asked[name]) for name in ("quantity", "limit_price", "stop_price") if name in asked}
    trail = Decimal(asked["trail_price"]) if "trail_price" in asked else None
    if "trail_ratio" in asked:
        trail = Decimal(asked["trail_ratio"]) * 100
    return requests.replacement(
        client_order_id=asked["client_order_id"],
        time_in_force=TimeInForce(asked["time_in_force"]),
        trail=trail,
        **numbers,
    )
