"""What has to be said to a broker: stored with the order's change, taken up by one worker at a time, and over once.

Nothing here talks to a broker. A command that was stored is sent sooner or later, whoever dies: its lease runs out and
the next worker takes it up. Source: docs/alpaca.md#sending
"""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q

from trading.models import AttemptResult, CommandKind, CommandStatus, Order, OrderAttempt, OrderCommand
from trading.signals import commands_waiting

#: What a request may have come to where its command is not over.
_MAY_BE_THERE = (AttemptResult.RUNNING, AttemptResult.ACCEPTED, AttemptResult.UNKNOWN, AttemptResult.INTERRUPTED)
#: Longer than an answer may take: nobody else takes up what somebody is at.
LEASE = timedelta(seconds=60)


def ask_submit(orders: Iterable[Order], *, now: datetime) -> None:
    """Each of these orders, stored in this transaction, is to be placed at its broker."""
    _ask([_command(order, CommandKind.SUBMIT, now=now) for order in orders])


def ask_cancel(order: Order, *, now: datetime) -> None:
    """The broker is to be asked to cancel the order; once, however often it is wanted."""
    if not OrderCommand.objects.open().filter(order=order, kind=CommandKind.CANCEL).exists():
        _ask([_command(order, CommandKind.CANCEL, now=now)])


def ask_replace(order: Order, *, asked: Mapping[str, Any], now: datetime) -> OrderCommand:
    """The broker is to be asked to put another order in the place of this one."""
    command = _command(order, CommandKind.REPLACE, now=now)
    command.asked = dict(asked)
    _ask([command])
    return command


def _command(order: Order, kind: CommandKind, *, now: datetime) -> OrderCommand:
    return OrderCommand(owner_id=order.owner_id, account_id=order.account_id, order=order, kind=kind, next_at=now)


def _ask(commands: list[OrderCommand]) -> None:
    if commands:
        OrderCommand.objects.bulk_create(commands)
        commands_waiting.send(sender=OrderCommand, ids=[command.pk for command in commands])


def withdraw(order: Order, *, now: datetime) -> bool:
    """The order will not be sent: nobody has begun to. False where somebody has, or may have."""
    waiting = OrderCommand.objects.filter(
        order=order, kind=CommandKind.SUBMIT, status=CommandStatus.WAITING, sends=0, lease=None
    )
    return bool(waiting.update(status=CommandStatus.WITHDRAWN, ended_at=now))


# --- for whoever sends -----------------------------------------------------------------------------


def claim(command_id: int, *, now: datetime) -> OrderCommand | None:
    """The command, which nobody else takes up now; None where it is over, not due, or somebody else's."""
    lease = uuid.uuid4()
    rows = OrderCommand.objects.due(now).filter(pk=command_id)
    if not rows.update(lease=lease, lease_until=now + LEASE):
        return None
    return OrderCommand.objects.select_related("order__account", "order__instrument", "account__connection").get(
        pk=command_id, lease=lease
    )


def begin(command: OrderCommand, *, is_lookup: bool, asked: Mapping[str, Any], now: datetime) -> OrderAttempt | None:
    """The attempt is on file before it is made; None where the lease has run out and somebody else is at it."""
    counted = {"lookups": F("lookups") + 1} if is_lookup else {"sends": F("sends") + 1}
    if not _mine(command).update(lease_until=now + LEASE, **counted):
        return None
    command.refresh_from_db(fields=["lookups", "sends"])
    if not is_lookup and command.kind == CommandKind.SUBMIT:
        Order.objects.filter(pk=command.order_id).update(attempts=F("attempts") + 1)
    order_tries = OrderAttempt.objects.filter(command=command).count()
    return OrderAttempt.objects.create(
        owner_id=command.owner_id,
        order_id=command.order_id,
        command=command,
        number=order_tries + 1,
        is_lookup=is_lookup,
        started_at=now,
        **asked,
    )


def end_attempt(
    attempt: OrderAttempt,
    result: AttemptResult,
    *,
    now: datetime,
    error: str = "",
    code: str = "",
    http_status: int | None = None,
) -> None:
    """What came of the attempt is on file."""
    attempt.result, attempt.ended_at = result, max(now, attempt.started_at)
    attempt.error, attempt.error_code, attempt.http_status = error[:500], code[:40], http_status
    attempt.save(update_fields=["result", "ended_at", "error", "error_code", "http_status"])


def interrupted(command: OrderCommand, *, now: datetime) -> bool:
    """Whether somebody died around sending this, so that it may have arrived; their attempt is closed by this.

    That is so until a later lookup found nothing, however far they came with keeping the answer.
    """
    rows = OrderAttempt.objects.filter(command=command)
    last = rows.filter(is_lookup=False).order_by("-number").first()
    may_be_there = last is not None and (
        last.result in _MAY_BE_THERE
        and not rows.filter(is_lookup=True, result=AttemptResult.MISSING, number__gt=last.number).exists()
    )
    rows.filter(result=AttemptResult.RUNNING).update(result=AttemptResult.INTERRUPTED, ended_at=now)
    return may_be_there


def later(command: OrderCommand, *, at: datetime, unknown_since: datetime | None = None) -> None:
    """The command is free again, and taken up from then on; with `unknown_since`, to be looked up first."""
    values: dict[str, Any] = {"lease": None, "lease_until": None, "next_at": at}
    if unknown_since is not None:
        values |= {"status": CommandStatus.UNKNOWN, "unknown_since": unknown_since, "lookups": 0}
    _mine(command).update(**values)


def known(command: OrderCommand) -> None:
    """The broker does not have it: it may be sent once more."""
    _mine(command).update(status=CommandStatus.WAITING, unknown_since=None, lookups=0)
    command.status, command.unknown_since, command.lookups = CommandStatus.WAITING, None, 0


def finish(command: OrderCommand, status: CommandStatus, *, now: datetime) -> None:
    """The command is over."""
    _mine(command).update(status=status, ended_at=now, lease=None, lease_until=None)


def over(order: Order, *, now: datetime) -> None:
    """Nothing more is to be said about the order: the broker has told how it ended."""
    OrderCommand.objects.open().filter(Q(lease=None), order=order).update(status=CommandStatus.DONE, ended_at=now)


def _mine(command: OrderCommand) -> Any:
    return OrderCommand.objects.filter(pk=command.pk, lease=command.lease)
