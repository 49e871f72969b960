"""Answers to what is told: fills of accounts are dated and matched anew or go with them, breakers are judged."""

from datetime import date
from typing import Any

from django.db import connection
from django.dispatch import receiver
from django.utils.translation import gettext as _

from accounts import publishing
from accounts.models import Account
from accounts.signals import account_deleted, account_rules_changed
from trading import tasks, trades
from trading.errors import AccountHasOrders, AccountHasPlans
from trading.models import ManagedPosition, Order
from trading.signals import commands_waiting, trades_changed

#: In an order in which no row is left pointing at one that is gone.
_FORGET = (
    "DELETE FROM trading_position WHERE account_id = %s",
    "DELETE FROM trading_tradefill WHERE account_id = %s",
    "DELETE FROM trading_trade_tags WHERE trade_id IN (SELECT id FROM trading_trade WHERE account_id = %s)",
    "DELETE FROM trading_trade WHERE account_id = %s",
    "DELETE FROM trading_execution WHERE account_id = %s",
)


@receiver(account_rules_changed)
def match_anew(account: Account, **__: Any) -> None:
    """All trades of an account follow its zone, day start and cost method."""
    trades.rebuild_account(account)


@receiver(account_deleted)
def keep_plans(account: Account, **__: Any) -> None:
    """Raises AccountHasPlans where a position of the account ever was under an exit plan."""
    if ManagedPosition.objects.filter(account=account).exists():
        raise AccountHasPlans(_("This account has exit plans, whose history stays: archive it instead."))


@receiver(account_deleted)
def forget_fills(account: Account, **__: Any) -> None:
    """The account's fills and trades are gone before its own row is. Raises AccountHasOrders where it placed any.

    Set-based: the ORM would fetch every fill of a large account to cascade by hand.
    """
    if Order.objects.filter(account=account).exists():
        raise AccountHasOrders(_("This account has placed orders, whose history stays: archive it instead."))
    with connection.cursor() as cursor:
        for statement in _FORGET:
            cursor.execute(statement, [account.pk])


@receiver(trades_changed)
def breakers_are_judged(owner_id: int, days: set[tuple[int, date]], **_: Any) -> None:
    """After the commit of what moved a figure, the worker looks whether a limit holds now."""
    if days:
        publishing.after_commit(tasks.evaluate_risk, owner_id)


@receiver(commands_waiting)
def commands_are_sent(ids: list[int], **_: Any) -> None:
    """After the commit a worker sends them; a lost message costs the time until the next sweep."""
    for pk in ids:
        publishing.after_commit(tasks.send_command, pk)
