"""What the pages of the tour are about: things that a person has, and what they may do."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.contrib.auth.tokens import default_token_generator
from django.test import RequestFactory
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import Account, User
from intelligence.models import Decision, DecisionInstrument, Signal, Token, Wallet, WebhookDelivery
from journal.models import Note, NoteTemplate, Playbook
from trading.models import (
    BatchStatus,
    ExitStrategy,
    ImportBatch,
    ManagedPosition,
    Order,
    RiskLimit,
    Trade,
    TradingSession,
)

#: Stands in a query for some of the person's accounts.
FEW_ACCOUNTS = "{few accounts}"
#: How many of them.
FEW = 4
SOME_DAY = date(2026, 6, 30)

Found = Mapping[str, str] | None


def nothing(_: User) -> Found:
    """The path names nothing."""
    return {}


def _id(row: Any) -> Found:
    return {"id": str(row.public_id)} if row is not None else None


def account(person: User) -> Found:
    """The account that traded last: of the person's first ones, if there are thousands."""
    newest = Trade.objects.for_user(person).order_by("-activity_at", "-id").select_related("account").first()
    return _id(newest.account if newest else Account.objects.for_user(person).first())


def trade(person: User) -> Found:
    """The trade of the newest end."""
    return _id(Trade.objects.for_user(person).order_by("-activity_at", "-id").first())


def batch(person: User) -> Found:
    """The newest import that was carried out."""
    applied = ImportBatch.objects.for_user(person).filter(status=BatchStatus.APPLIED)
    return _id(applied.order_by("-id").first())


def risk_limit(person: User) -> Found:
    """The oldest limit of orders."""
    return _id(RiskLimit.objects.for_user(person).order_by("id").first())


def order(person: User) -> Found:
    """The newest order."""
    return _id(Order.objects.for_user(person).order_by("-id").first())


def session(person: User) -> Found:
    """The newest trading session."""
    return _id(TradingSession.objects.for_user(person).order_by("-id").first())


def decision(person: User) -> Found:
    """The newest decision."""
    return _id(Decision.objects.for_user(person).order_by("-id").first())


def decided_instrument(person: User) -> Found:
    """What the newest decision is about."""
    named = DecisionInstrument.objects.filter(decision__owner=person).select_related("instrument").order_by("-id")
    found = named.first()
    return _id(found.instrument) if found else None


def playbook(person: User) -> Found:
    """The oldest playbook."""
    return _id(Playbook.objects.for_user(person).filter(archived_at=None).order_by("id").first())


def plan(person: User) -> Found:
    """The newest exit plan."""
    return _id(ManagedPosition.objects.for_user(person).order_by("-id").first())


def strategy(person: User) -> Found:
    """The oldest exit strategy of the person's own."""
    return _id(ExitStrategy.objects.of_owner(person).order_by("id").first())


def wallet(person: User) -> Found:
    """The newest wallet."""
    return _id(Wallet.objects.for_user(person).order_by("-id").first())


def signal(person: User) -> Found:
    """The newest signal of which something was made, or any."""
    rows = Signal.objects.for_user(person).order_by("-id")
    return _id(rows.filter(outcomes__checks__isnull=False).first() or rows.first())


def mint(person: User) -> Found:
    """The newest token."""
    return _id(Token.objects.for_user(person).order_by("-id").first())


def delivery(person: User) -> Found:
    """The newest delivery: it is of everybody's wallets, and operators look at it."""
    return _id(WebhookDelivery.objects.order_by("-id").first())


def note(person: User) -> Found:
    """The newest note."""
    return _id(Note.objects.for_user(person).order_by("-id").first())


def template(person: User) -> Found:
    """The oldest template that notes begin with."""
    return _id(NoteTemplate.objects.for_user(person).order_by("id").first())


def day(person: User) -> Found:
    """The day of the newest end of a trade, or some day."""
    newest = Trade.objects.for_user(person).filter(closed_on__isnull=False).order_by("-activity_at", "-id").first()
    return {"date": str(newest.closed_on if newest else SOME_DAY)}


def few_accounts(person: User) -> Found:
    """Nothing in the path, but there have to be accounts to choose."""
    return {} if filled_in(FEW_ACCOUNTS, person) else None


def sample(person: User) -> Found:
    """Nothing in the path, but there has to be sample data to be asked about."""
    return {} if Account.objects.for_user(person).current().filter(is_sample=True).exists() else None


def api_group(_: User) -> Found:
    return {"name": "orders"}


def reset_link(person: User) -> Found:
    """A link to set a new password, as it is sent by e-mail."""
    return {
        "uidb64": urlsafe_base64_encode(force_bytes(person.pk)),
        "token": default_token_generator.make_token(person),
    }


def filled_in(query: str, person: User) -> str:
    """The query with the person's own things in it; "" where there are none."""
    if query != FEW_ACCOUNTS:
        return query
    ids = Account.objects.for_user(person).current().order_by("id").values_list("public_id", flat=True)[:FEW]
    return "&".join(f"account={each}" for each in ids) if len(ids) > 1 else ""


def may_add(model_admin: Any) -> bool:
    """Whether somebody who may do everything can add rows to this table."""
    return bool(model_admin.has_add_permission(_of_an_operator()))


def may_delete(model_admin: Any, row: Any) -> bool:
    """Whether somebody who may do everything can delete this row."""
    return bool(model_admin.has_delete_permission(_of_an_operator(), row))


def _of_an_operator() -> Any:
    request = RequestFactory().get("/")
    request.user = User(is_active=True, is_staff=True, is_superuser=True)
    return request
