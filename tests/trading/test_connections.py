"""Keys of brokers: taken in, encrypted, rotated, removed, and shown nowhere."""

import stat
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as real_settings
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import encryption, ledger
from accounts.errors import Conflict, InvalidValue
from accounts.models import Account, ActivityEntry, AuditEvent, BrokerConnection, User
from config.checks import broker_keys_can_be_kept, broker_keys_can_be_read
from config.env import kept_secret
from tests.conftest import api_of, signed_in
from tests.factories import make_account, make_user
from tests.trading.desk import share, ticket
from trading import connections, orders
from trading.connections import Keys
from trading.models import Order
from trading.venues.alpaca_client import Client as Broker
from trading.venues.alpaca_client import NotSent
from trading.venues.stand_in.server import StandIn

OLD, NEW = "o" * 40, "n" * 40
URL = "/api/v1/broker-connections/"
KEY, SECRET = "PKCANARY1234WXYZ", "canary-of-a-secret-5678"


@pytest.fixture
def account(alice: User) -> Account:
    return make_account(alice, "Broker's")


def test_a_secret_is_sealed_by_the_first_key_opened_by_any_and_sealed_anew(settings: Any) -> None:
    settings.CREDENTIALS_KEYS = [OLD]
    sealed = encryption.seal(SECRET)
    assert SECRET not in sealed
    assert encryption.seal(SECRET) != sealed
    settings.CREDENTIALS_KEYS = [NEW, OLD]
    assert encryption.opened(sealed) == SECRET
    anew = encryption.resealed(sealed)
    settings.CREDENTIALS_KEYS = [NEW]
    assert encryption.opened(anew) == SECRET
    with pytest.raises(encryption.KeysMissing):
        encryption.opened(sealed)
    for keys, words in (([], "CREDENTIALS_KEY is not set"), (["short"], "at least 32")):
        settings.CREDENTIALS_KEYS = keys
        assert words in encryption.problem()
        assert [warning.id for warning in broker_keys_can_be_kept(None)] == ["config.W002"]
        with pytest.raises(encryption.KeysMissing):
            encryption.seal(SECRET)


def test_on_a_laptop_the_key_is_made_once_and_is_nobody_elses(tmp_path: Path) -> None:
    assert len(real_settings.CREDENTIALS_KEYS[0]) >= encryption.SHORTEST_KEY
    made = kept_secret(tmp_path / "credentials_key")
    assert kept_secret(tmp_path / "credentials_key") == made
    assert stat.S_IMODE((tmp_path / "credentials_key").stat().st_mode) == 0o600


@pytest.mark.django_db
def test_the_form_takes_the_keys_and_nothing_shows_them_again(
    alice: User, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    client, page = signed_in(alice), reverse("account_connection", args=[account.public_id])
    answer = client.post(page, {"environment": "paper", "key_id": KEY, "secret": SECRET}, follow=True)
    row = BrokerConnection.objects.get(account=account)
    assert connections.keys_of(row) == Keys(KEY, SECRET)
    assert (row.environment, row.key_hint, Account.objects.get().venue) == ("paper", "WXYZ", "alpaca")
    operator = signed_in(make_user("root@example.com", is_staff=True, is_superuser=True))
    shown = [
        answer.content, client.get(page).content,
        client.post(page, {"environment": "paper", "key_id": KEY, "secret": ""}).content.replace(KEY.encode(), b"", 1),
        operator.get(reverse("admin:accounts_brokerconnection_changelist")).content,
        operator.get(reverse("admin:accounts_brokerconnection_change", args=[row.pk])).content,
        repr([*AuditEvent.objects.values()]).encode(), repr([*ActivityEntry.objects.values()]).encode(),
        repr([*BrokerConnection.objects.values()]).encode(), repr(connections.keys_of(row)).encode(),
        repr(Broker.of(row)).encode(), caplog.text.encode(),
    ]  # fmt: skip
    for number, text in enumerate(shown):
        assert SECRET.encode() not in text, number
        assert KEY.encode() not in text, number
    assert b"WXYZ" in shown[1]
    told = AuditEvent.objects.get(event="connection.save")
    assert told.after == {"venue": "alpaca", "environment": "paper", "key": "…WXYZ"}
    client.post(reverse("connection_remove", args=[account.public_id]))
    assert (BrokerConnection.objects.count(), Account.objects.get().venue) == (0, "paper")


@pytest.mark.django_db
def test_keys_that_are_none_are_refused_and_change_nothing(account: Account, settings: Any) -> None:
    for environment, key, secret in (
        ("moon", KEY, SECRET), ("paper", "", SECRET), ("paper", "with space", SECRET), ("live", KEY, "é"),
        ("live", KEY, "x" * 201),
    ):  # fmt: skip
        with pytest.raises(InvalidValue):
            connections.connect(account, environment=environment, keys=Keys(key, secret))
    Account.objects.update(kind="paper")
    account.refresh_from_db()
    with pytest.raises(InvalidValue, match="This account is paper"):
        connections.connect(account, environment="live", keys=Keys(KEY, SECRET))
    settings.CREDENTIALS_KEYS = []
    with pytest.raises(encryption.KeysMissing):
        connections.connect(account, environment="paper", keys=Keys(KEY, SECRET))
    assert (BrokerConnection.objects.count(), Account.objects.get().venue, AuditEvent.objects.count()) == (
        0,
        "paper",
        0,
    )


@pytest.mark.django_db
def test_keys_are_rotated_by_two_and_a_check_tells_those_that_do_not_open(account: Account, settings: Any) -> None:
    settings.CREDENTIALS_KEYS = [OLD]
    row = connections.connect(account, environment="live", keys=Keys(KEY, SECRET))
    settings.CREDENTIALS_KEYS = [NEW]
    assert [error.id for error in broker_keys_can_be_read(None, databases=["default"])] == ["config.E004"]
    with pytest.raises(CommandError):
        call_command("reseal_credentials", stdout=StringIO())
    settings.CREDENTIALS_KEYS = [NEW, OLD]
    assert broker_keys_can_be_read(None, databases=["default"]) == []
    call_command("reseal_credentials", stdout=StringIO())
    settings.CREDENTIALS_KEYS = [NEW]
    row.refresh_from_db()
    assert connections.keys_of(row) == Keys(KEY, SECRET)


@pytest.mark.django_db
def test_live_keys_go_to_the_live_address_and_never_unencrypted(account: Account, settings: Any) -> None:
    row = connections.connect(account, environment="live", keys=Keys(KEY, SECRET))
    settings.ALPACA_PAPER_URL, settings.ALPACA_LIVE_URL = "http://127.0.0.1:1", "http://broker.example.com"
    assert Broker.of(row).base == "http://broker.example.com"
    with pytest.raises(NotSent, match="https"):
        Broker.of(row).account()


@pytest.mark.django_db
def test_somebody_elses_account_has_no_page(account: Account, bob_client: Client) -> None:
    for name in ("account_connection", "connection_remove", "account_paper_fills"):
        assert bob_client.post(reverse(name, args=[account.public_id]), {"source": "bars"}).status_code == 404
    assert Account.objects.get().paper_fills == "quotes"


@pytest.mark.django_db
def test_keys_are_tried_before_they_are_kept(account: Account, alice: User, bob: User, settings: Any) -> None:
    """By the API and by the page: taken with the account's number, refused and nothing kept, or kept with a warning."""
    api, page = api_of(alice), reverse("account_connection", args=[account.public_id])
    asked = {"account": str(account.public_id), "environment": "paper", "key_id": KEY, "secret": SECRET}
    with StandIn(cash="10") as it:
        settings.ALPACA_PAPER_URL = it.url
        for answer in (api.post(URL, asked), signed_in(alice).post(page, asked)):
            assert answer.status_code == 422
            assert "Alpaca does not take these keys" in answer.content.decode()
            assert SECRET not in answer.content.decode()
        assert answer.context["form"].errors["secret"]
        assert (BrokerConnection.objects.count(), Account.objects.get().venue) == (0, "paper")

        made = api.post(URL, asked | {"key_id": it.key_id, "secret": it.secret})
        assert (made.status_code, made.json()["warning"], made.json()["broker_account"]) == (201, "", it.broker.number)
        assert made.json()["key_hint"] == it.key_id[-4:]
        assert api.post(URL, asked).json()["code"] == "connected"
        one = f"{URL}{made.json()['id']}/"
        refused = api.patch(one, {"secret": "another"})
        assert (refused.status_code, refused.json()["code"]) == (422, "keys_refused")
        assert refused.json()["errors"][0]["pointer"] == "/secret"
        row = BrokerConnection.objects.get()
        assert connections.keys_of(row) == Keys(it.key_id, it.secret)

    untried = api.patch(one, {"secret": SECRET})
    assert (untried.status_code, "could not be tried" in untried.json()["warning"]) == (200, True)
    row.refresh_from_db()
    assert connections.keys_of(row) == Keys(it.key_id, SECRET)
    told = api.get(one).content + api.get(URL).content + untried.content + made.content
    assert not [each for each in (SECRET, it.secret, it.key_id) if each.encode() in told]
    assert api_of(bob).get(URL).json()["results"] == []
    assert api_of(bob).patch(one, {"secret": "x"}).status_code == 404
    assert api.post(f"{one}disable/").status_code == 204
    assert (BrokerConnection.objects.count(), Account.objects.get().venue) == (0, "paper")


@pytest.mark.django_db
def test_keys_of_another_account_at_the_broker_begin_anew_and_not_while_orders_wait(account: Account) -> None:
    def number() -> str:
        return BrokerConnection.objects.get().broker_account

    connections.connect(account, environment="paper", keys=Keys(KEY, SECRET), broker_account="ONE")
    BrokerConnection.objects.update(last_activity="seen")
    connections.connect(account, environment="paper", keys=Keys(KEY, "new"))
    assert (number(), BrokerConnection.objects.get().last_activity) == ("ONE", "seen")
    order = placed_outside(account)
    with pytest.raises(Conflict):
        connections.connect(account, environment="paper", keys=Keys(KEY, SECRET), broker_account="TWO")
    orders.cancel(order)
    connections.connect(account, environment="paper", keys=Keys(KEY, SECRET), broker_account="TWO")
    assert (number(), BrokerConnection.objects.get().last_activity) == ("TWO", "")


def placed_outside(account: Account) -> Order:
    """An order that waits to be sent."""
    ledger.deposit(account, currency="USD", amount=Decimal(100), idempotency_key="a", at=timezone.now(), note="")
    asked = ticket("buy", "1", "limit", limit_price="50", time_in_force="day")
    return orders.place(account, instrument=share(), ticket=asked).order


@pytest.mark.parametrize(
    "wrong",
    ["--port 99999999", "--port -1", "--cash nan", "--cash x", "--cash 0", "--symbols AAPL", "--symbols AAPL=nan",
     "--symbols =5", "--symbols AAPL=-1", "--interval -1", "--interval nan"],
)  # fmt: skip
def test_a_wrong_call_of_the_stand_in_starts_none(wrong: str) -> None:
    option, value = wrong.split()
    out = StringIO()

    with pytest.raises(CommandError) as refused:
        call_command("alpaca_stand_in", f"{option}={value}", stdout=out)

    assert refused.value.returncode in (1, 2)
    assert out.getvalue() == ""
