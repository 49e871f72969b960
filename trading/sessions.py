"""Trading sessions: begun and ended in an account, with what it was worth at both ends.

Source: docs/orders.md#sessions
"""

from collections.abc import Mapping
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts import activity, audit, versions
from accounts.errors import InvalidValue
from accounts.models import Account, ActivityKind
from accounts.text import one_line
from trading import equity
from trading.errors import SessionOpen
from trading.models import TradingSession

_LONGEST = {"name": 100, "strategy": 60, "note": 500}


def start(account: Account, *, at: datetime, name: str = "", strategy: str = "", note: str = "") -> TradingSession:
    """A session goes on in the account from now on, with what it is worth. Raises SessionOpen while another does."""
    words = {"name": name, "strategy": strategy, "note": note}
    cleaned = {key: _line(key, text) for key, text in words.items()}
    worth = equity.of(account, at=at)
    session = TradingSession(
        owner_id=account.owner_id,
        account=account,
        currency=account.currency,
        started_at=at,
        starting_equity=worth.amount,
        starting_gap=worth.gap,
        **cleaned,
    )
    with transaction.atomic():
        try:
            with transaction.atomic():
                session.save(force_insert=True)
        except IntegrityError as error:
            if "trading_session_one_open_per_account" not in str(error):
                raise
            raise SessionOpen(_("A session goes on in this account. End it first."), pointer="/account") from error
        session.refresh_from_db(fields=["public_id"])
        after = {**cleaned, "account": account.name, "started_at": at, "starting_equity": worth.amount}
        _told(session, "session.start", after=after)
        words_of = _("A trading session began in %(account)s.") % {"account": account.name}
        _noted(session, words_of)
    return session


def end(session: TradingSession, *, at: datetime) -> TradingSession:
    """The session is over, with what its account is worth; one that was over already stays as it ended."""
    account = session.account
    worth = equity.of(account, at=at)
    with transaction.atomic():
        changed = TradingSession.objects.filter(pk=session.pk, ended_at__isnull=True, started_at__lt=at).update(
            ended_at=at, ending_equity=worth.amount, ending_gap=worth.gap, updated_at=at
        )
        if changed:
            after = {"ended_at": at, "ending_equity": worth.amount, "ending_gap": worth.gap}
            _told(session, "session.end", after=after, before={"ended_at": None})
            _noted(session, _("The trading session in %(account)s ended.") % {"account": account.name})
    session.refresh_from_db()
    if session.ended_at is None:
        raise InvalidValue(_("A session ends after it began."), pointer="/at")
    return session


def _line(name: str, text: str) -> str:
    try:
        line = one_line(text)
    except ValueError as error:
        raise InvalidValue(f"{error}.".capitalize(), pointer=f"/{name}") from error
    if len(line) > _LONGEST[name]:
        raise InvalidValue(_("At most %(most)s characters.") % {"most": _LONGEST[name]}, pointer=f"/{name}")
    return line


def _told(session: TradingSession, event: str, **values: Mapping[str, object]) -> None:
    versions.bump(session.owner_id)
    audit.written(event, subject="session", subject_id=session.public_id, owner_id=session.owner_id, **values)


def _noted(session: TradingSession, words: str) -> None:
    link = f"/desk/sessions/{session.public_id}/"
    activity.noted(session.owner_id, ActivityKind.SYSTEM, words, link=link, account_id=session.account_id)
