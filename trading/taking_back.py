"""How deleted trades and acts on many of them are taken back from a page: what the undo tokens mean."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from accounts.undo import Undone
from trading import many_trades, trades
from trading.errors import NothingLeft
from trading.models import Execution, Trade

ONE, MANY = "trade.delete", "trade.many"


def one(user: User, payload: Mapping[str, Any]) -> Undone:
    """The trade that these fills were voided with stands again. Raises NothingLeft where nothing is left of it."""
    ids = [UUID(text) for text in payload["fills"]]
    mine = list(Execution.objects.for_user(user).filter(public_id__in=ids).values_list("pk", flat=True))
    back = trades.restore(user.pk, execution_ids=mine)
    found = back[0] if back else Trade.objects.for_user(user).filter(fills__execution__in=mine).first()
    if found is None:
        raise NothingLeft(_("There is nothing left of the trade to bring back."))
    return Undone(_("The trade is back."), reverse("trade_detail", args=[found.public_id]))


def many(user: User, payload: Mapping[str, Any]) -> Undone:
    """What an act on many trades changed is as it was."""
    count = many_trades.take_back(user.pk, event=int(payload["event"]))
    words = ngettext("%(count)d trade is as it was.", "%(count)d trades are as they were.", count)
    return Undone(words % {"count": count})
