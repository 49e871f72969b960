"""Answers to what accounts tell: their fills are dated and matched anew."""

from typing import Any

from django.dispatch import receiver

from accounts.models import Account
from accounts.signals import account_rules_changed
from trading import trades


@receiver(account_rules_changed)
def match_anew(account: Account, **_: Any) -> None:
    """All trades of an account follow its zone, day start and cost method."""
    trades.rebuild_account(account)
