"""The operators' site: every table is there, each list costs the same however long, and whatever acts asks first."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts import ledger
from accounts.errors import Conflict
from accounts.models import Account, AccountGroup, AccountTag, ApiToken, Preference, User
from accounts.signals import account_deleted
from config.operators import GROUPS
from journal.models import (
    Note,
    NoteTemplate,
    Playbook,
    PlaybookRule,
    PlaybookVersion,
    RuleCheck,
    SavedView,
    TradePlaybook,
)
from tests.conftest import signed_in
from tests.factories import make_account, make_user
from tests.journal.factories import make_trade
from trading.models import Tag, TagGroup

pytestmark = pytest.mark.django_db

APPS = ("accounts", "trading", "journal", "intelligence")
OURS = [model for model in apps.get_models() if model._meta.app_label in APPS]
#: Shown with what they belong to.
INLINE = {"client", "decisioninstrument"}
AT = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture
def operator(db: None) -> Client:
    return signed_in(make_user("root@example.com", is_staff=True, is_superuser=True))


def make_things(owner: User, number: int) -> None:
    """One row of every table that a person fills by hand."""
    account = make_account(owner, f"Account {number}", group=AccountGroup.objects.create(owner=owner, name=f"{number}"))
    AccountTag.objects.create(owner=owner, name=f"{number}")
    ledger.deposit(account, currency="USD", amount=Decimal(5), idempotency_key=f"{number}", at=AT)
    group = TagGroup.objects.create(owner=owner, name=f"{number}")
    tag = Tag.objects.create(owner=owner, name=f"{number}", group=group)
    trade = make_trade(account, day=date(2026, 1, 5), pnl="5", tags=[tag])
    Note.objects.create(owner=owner, account=account, title="Of nobody's business", text="Nor is this")
    NoteTemplate.objects.create(owner=owner, name=f"{number}", text="x")
    SavedView.objects.create(owner=owner, name=f"{number}", query="side=long")
    Preference.objects.create(owner=owner, name=f"made.up.{number}", value=True)
    playbook = Playbook.objects.create(owner=owner, name=f"{number}")
    version = PlaybookVersion.objects.create(playbook=playbook, number=1)
    rule = PlaybookRule.objects.create(version=version, text="Wait", position=0)
    taken = TradePlaybook.objects.create(owner=owner, trade_key=trade.public_id, playbook=playbook, version=version)
    RuleCheck.objects.create(trade_playbook=taken, rule=rule, is_kept=True)


def test_every_table_of_ours_is_there_and_in_a_group() -> None:
    grouped = {table for _name, tables in GROUPS for table in tables}

    for model in OURS:
        if model._meta.model_name in INLINE:
            continue
        assert model in admin.site._registry, model
        assert model._meta.model_name in grouped, model


def test_the_index_is_in_groups(operator: Client) -> None:
    page = operator.get(reverse("admin:index")).content.decode()

    for words in ("Accounts and cash", "Fills, trades and positions", "What people wrote"):
        assert words in page
    assert "Others" not in page


def test_a_list_and_a_row_cost_the_same_however_many_there_are(
    operator: Client, django_assert_max_num_queries: Any
) -> None:
    alice = make_user("alice@example.com")
    for number in range(6):
        make_things(alice, number)
    registered = [model for model in OURS if model in admin.site._registry]
    assert len(registered) > 40

    for model in registered:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        path = reverse(f"{name}_changelist")
        # Session, person, the capped count, the rows, and what up to three filters offer.
        with django_assert_max_num_queries(7, info=name):
            answer = operator.get(path)

        assert answer.status_code == 200, name
        assert operator.get(path, {"q": "alice@example.com"}).status_code == 200, name
        row = model._default_manager.order_by("-pk").first()
        if row is not None:
            change = operator.get(reverse(f"{name}_change", args=[row.pk]))
            assert change.status_code == 200, name
            assert b"Nor is this" not in change.content, name


@pytest.mark.parametrize(
    "model", [Note, NoteTemplate, Playbook, PlaybookRule, PlaybookVersion, RuleCheck, SavedView, TradePlaybook]
)
def test_what_people_wrote_is_never_changed_here(operator: Client, alice: User, model: Any) -> None:
    make_things(alice, 1)
    row = model.objects.get()
    where = f"admin:{model._meta.app_label}_{model._meta.model_name}"

    assert operator.get(reverse(f"{where}_add")).status_code == 403
    assert operator.post(reverse(f"{where}_change", args=[row.pk]), {"name": "Mine now"}).status_code == 403
    assert operator.post(reverse(f"{where}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert model.objects.get().pk == row.pk


def test_a_person_with_accounts_is_not_deleted_and_one_without_is(operator: Client, alice: User, bob: User) -> None:
    make_account(alice, "First")

    refused = operator.post(reverse("admin:accounts_user_delete", args=[alice.pk]), {"post": "yes"})
    operator.post(reverse("admin:accounts_user_delete", args=[bob.pk]), {"post": "yes"})

    assert refused.status_code == 403
    assert list(User.objects.exclude(is_staff=True)) == [alice]
    assert "delete_selected" not in operator.get(reverse("admin:accounts_user_changelist")).content.decode()


def test_an_account_with_history_is_not_deleted_and_an_empty_one_is(operator: Client, alice: User) -> None:
    make_things(alice, 1)
    full, empty = Account.objects.get(), make_account(alice, "Empty")

    refused = operator.post(reverse("admin:accounts_account_delete", args=[full.pk]), {"post": "yes"})
    operator.post(reverse("admin:accounts_account_delete", args=[empty.pk]), {"post": "yes"})

    assert refused.status_code == 403
    assert list(Account.objects.all()) == [full]
    assert full.trades.exists()
    assert "delete_selected" not in operator.get(reverse("admin:accounts_account_changelist")).content.decode()


def test_an_account_that_may_not_be_deleted_just_now_says_why(operator: Client, alice: User) -> None:
    account = make_account(alice, "Empty")

    def refuse(**_: object) -> None:
        raise Conflict("An import runs.")

    account_deleted.connect(refuse)
    try:
        page = operator.post(
            reverse("admin:accounts_account_delete", args=[account.pk]), {"post": "yes"}, follow=True
        ).content.decode()
    finally:
        account_deleted.disconnect(refuse)

    assert "An import runs." in page
    assert "was deleted successfully" not in page
    assert list(Account.objects.all()) == [account]


def test_links_lead_from_a_person_over_their_account_to_its_trades(operator: Client, alice: User) -> None:
    make_things(alice, 1)
    account = Account.objects.get()

    people = operator.get(reverse("admin:accounts_user_changelist")).content.decode()
    assert f"/admin/accounts/account/?owner__id__exact={alice.pk}" in people
    accounts = operator.get(f"/admin/accounts/account/?owner__id__exact={alice.pk}").content.decode()
    assert f"/admin/trading/trade/?account__id__exact={account.pk}" in accounts
    trades = operator.get(f"/admin/trading/trade/?account__id__exact={account.pk}").content.decode()
    assert "1 trade" in trades
    assert "/admin/trading/tradefill/?trade__id__exact=" in trades


@pytest.mark.parametrize(
    ("model", "action"),
    [
        (model, name)
        for model, its_admin in admin.site._registry.items()
        if model in OURS
        for name in its_admin.actions or ()
    ],
    ids=lambda value: value if isinstance(value, str) else value._meta.model_name,
)
def test_an_action_asks_before_it_does_anything(operator: Client, alice: User, model: Any, action: str) -> None:
    make_things(alice, 1)
    ApiToken.objects.create(owner=alice, name="Bot", prefix="abc", digest="0" * 64)
    row = model.objects.first()
    if row is None:
        return
    before = model.objects.filter(pk=row.pk).values().get()

    asked = operator.post(
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"),
        {"action": action, "_selected_action": [row.pk]},
    )

    assert asked.status_code == 200
    assert b'name="confirm"' in asked.content
    assert model.objects.filter(pk=row.pk).values().get() == before


def test_a_token_is_revoked_once_that_was_confirmed(operator: Client, alice: User) -> None:
    token = ApiToken.objects.create(owner=alice, name="Bot", prefix="abc", digest="0" * 64)
    chosen = {"action": "revoke", "_selected_action": [token.pk]}

    operator.post(reverse("admin:accounts_apitoken_changelist"), {**chosen, "confirm": "yes"})

    token.refresh_from_db()
    assert token.revoked_at is not None
