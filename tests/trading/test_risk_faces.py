"""Risk as people, programs and operators meet it: pages, API, admin."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.errors import InvalidValue
from accounts.models import Account, User
from tests.conftest import api_of, signed_in
from tests.factories import make_account, make_user
from tests.journal.factories import make_instrument
from tests.trading.desk import funded, placed, quoted, share, ticket
from tests.trading.risk_things import NOW, lose, with_300
from trading import risk, trades
from trading.models import (
    BreakerEvent,
    BreakerState,
    ExitStrategy,
    Instrument,
    Order,
    Position,
    RiskConfig,
    RiskConfigRevision,
    RiskLimit,
    SystemSetting,
)
from trading.risk import configuration
from trading.risk.breakers import Target

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(db: None) -> User:
    return make_user("root@example.com", is_staff=True, is_superuser=True)


@pytest.fixture
def account(alice: User) -> Account:
    return with_300(alice)


# --- pages -----------------------------------------------------------------------------------------


def test_the_page_says_each_limit_in_numbers_and_what_is_stopped(
    alice: User, alice_client: Client, account: Account
) -> None:
    lose(account, *["-10"] * 5)
    risk.evaluate(alice.pk, at=NOW)

    page = alice_client.get("/desk/risk/").content.decode()

    assert "No new exposure" in page
    assert "Loss of the day, of the capital" in page
    assert "16.7%" in page  # 50 of 300
    assert "83.3%" in page  # of the drawdown, and 5 of 6 losses
    assert "5 trades so far" in page
    assert 'value="83"' in page


def test_the_page_says_when_what_a_day_stopped_is_reset_by_itself(
    alice: User, operator: User, alice_client: Client, alice_api: APIClient, account: Account
) -> None:
    lose(account, *["-10"] * 5)
    risk.evaluate(alice.pk, at=NOW)
    # At noon, so that its day is not over while we look.
    noon = (timezone.now() + timedelta(days=1)).replace(hour=12)
    BreakerState.objects.filter(account=account).update(activated_at=noon)
    ends = noon.date() + timedelta(days=1)

    page = alice_client.get("/desk/risk/").content.decode()

    # The account's is on since noon; that of all accounts since March, and the sweep has not looked yet.
    assert f'<time datetime="{ends}T00:00:00+00:00">' in page
    assert page.count("Reset by itself when the day is over") == page.count("Its day is over") == 1
    told = alice_api.get("/api/v1/breaker/?mode=live").json()["results"]
    resets_at = {"global": "2026-03-03T00:00:00Z", "account": f"{ends}T00:00:00Z"}
    assert {each["scope"]: each["resets_at"] for each in told} == resets_at

    risk.configure(operator, resets_daily=False)
    page = alice_client.get("/desk/risk/").content.decode()
    assert "No new exposure" in page
    assert "by itself" not in page
    assert "<code>resets_daily</code> yes → no" in alice_client.get("/desk/risk/configuration/").content.decode()


def test_an_empty_page_says_what_to_do(alice_client: Client) -> None:
    page = alice_client.get("/desk/risk/").content.decode()

    assert "Nothing is stopped." in page
    assert "No limits yet." in page


def test_what_is_stopped_by_form_is_reset_by_form(alice: User, alice_client: Client, account: Account) -> None:
    sent = {"scope": "account", "account": "Main", "level": "2", "note": "Wrong fills"}
    assert alice_client.post("/desk/risk/stop/", sent).status_code == 302
    state = BreakerState.objects.get()
    assert (state.state, state.account, state.mode) == ("halted", account, "live")

    wrong = alice_client.post(f"/desk/risk/breakers/{state.public_id}/reset/", {"note": ""}, follow=True)
    assert "Say why" in wrong.content.decode()
    assert BreakerState.objects.get().state == "halted"

    alice_client.post(f"/desk/risk/breakers/{state.public_id}/reset/", {"note": "Fixed"})
    assert BreakerState.objects.get().state == "active"
    page = alice_client.get("/desk/risk/").content.decode()
    assert "Wrong fills" in page
    assert "Fixed" in page


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"scope": "account", "level": "1", "note": "x"}, "Name the account."),
        ({"scope": "strategy", "level": "1", "note": "x"}, "Name the strategy."),
        ({"scope": "everybody", "mode": "live", "level": "1", "note": "x"}, "everybody is not one"),
        ({"scope": "global", "mode": "live", "level": "1", "note": ""}, "This field is required."),
        ({"scope": "account", "account": "Bobs", "level": "1", "note": "x"}, "You have no account of this name."),
    ],
)
def test_a_form_that_names_nothing_stops_nothing(
    bob: User, alice_client: Client, sent: dict[str, str], words: str
) -> None:
    make_account(bob, "Bobs")

    answer = alice_client.post("/desk/risk/stop/", sent)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not BreakerState.objects.exists()


def test_operators_stop_everybody_and_all_see_it_but_not_who(
    operator: User, alice_client: Client, account: Account
) -> None:
    sent = {"scope": "everybody", "mode": "live", "level": "2", "note": "Venue is down"}
    signed_in(operator).post("/desk/risk/stop/", sent)

    page = alice_client.get("/desk/risk/").content.decode()
    assert "Venue is down" in page
    assert "root@example.com" not in page
    state = BreakerState.objects.get()
    assert alice_client.post(f"/desk/risk/breakers/{state.public_id}/reset/", {"note": "x"}).status_code == 404
    assert BreakerState.objects.get().state == "halted"


def test_limits_are_added_changed_and_removed(alice: User, alice_client: Client, account: Account) -> None:
    make_instrument("AAPL")
    lose(account, "1")
    alice_client.post("/desk/risk/limits/", {"account": "Main", "symbol": "aapl", "max_quantity": "50"})
    limit = RiskLimit.objects.get()
    assert (limit.owner, limit.account, str(limit.instrument), limit.max_quantity) == (alice, account, "AAPL", 50)

    again = alice_client.post("/desk/risk/limits/", {"account": "Main", "symbol": "AAPL", "max_quantity": "60"})
    assert (again.status_code, RiskLimit.objects.count()) == (422, 1)
    nothing = alice_client.post("/desk/risk/limits/", {})
    assert "Give at least one limit." in nothing.content.decode()

    path = f"/desk/risk/limits/{limit.public_id}/"
    assert 'value="50"' in alice_client.get(path).content.decode()
    alice_client.post(path, {"price_band": "0.05"})
    limit.refresh_from_db()
    assert (limit.max_quantity, limit.price_band) == (None, Decimal("0.05"))

    alice_client.post(f"{path}delete/")
    assert not RiskLimit.objects.exists()


def test_gauges_read_themselves_anew(alice_client: Client) -> None:
    asks = 'hx-get="/desk/risk/" hx-trigger="every 15s" hx-select="#risk-gauges"'

    assert asks in alice_client.get("/desk/risk/").content.decode()
    assert asks in alice_client.post("/desk/risk/limits/", {}).content.decode()


def test_limits_of_everything_are_shown(alice: User, alice_client: Client) -> None:
    risk.set_limit(alice, max_notional=Decimal(5000), price_band=Decimal("0.05"))

    page = alice_client.get("/desk/risk/").content.decode()

    assert "5,000.00" in page
    assert "5.0%" in page


def test_a_symbol_that_only_others_know_is_not_there(bob: User, alice_client: Client) -> None:
    lose(make_account(bob, "Bobs"), "1", symbol="SECRET")

    answer = alice_client.post("/desk/risk/limits/", {"symbol": "SECRET", "max_quantity": "5"})

    assert "There is no instrument of this symbol." in answer.content.decode()
    assert not RiskLimit.objects.exists()


def config_sent(client: Client, **changes: str) -> dict[str, str]:
    form = client.get("/desk/risk/configuration/").context["form"]
    sent = {name: "" if form[name].value() is None else str(form[name].value()) for name in form.fields}
    return {**sent, "revision": str(risk.current().revision), **changes}


def test_operators_change_the_configuration_and_everybody_sees_how(operator: User, alice_client: Client) -> None:
    client = signed_in(operator)
    stale = config_sent(client, max_drawdown="0.3")
    assert client.post("/desk/risk/configuration/", config_sent(client, max_drawdown="0.25")).status_code == 302
    assert (RiskConfig.objects.get().max_drawdown, RiskConfig.objects.get().resets_daily) == (Decimal("0.25"), True)

    late = client.post("/desk/risk/configuration/", stale)
    assert (late.status_code, RiskConfig.objects.get().max_drawdown) == (422, Decimal("0.25"))
    wide = client.post("/desk/risk/configuration/", config_sent(client, max_drawdown="0.9"))
    assert "Give a value from 0.1 to 0.5." in wide.content.decode()
    assert RiskConfigRevision.objects.count() == 1

    page = alice_client.get("/desk/risk/configuration/").content.decode()
    assert "<code>max_drawdown</code> 0.2 → 0.25" in page
    for words in ("Fixed share of the capital", "25.0%", "300.00 USD", "50,000.00 USD", "Yes"):
        assert f'<dd class="not-private">{words}</dd>' in page, words
    assert "root@example.com" not in page
    assert alice_client.post("/desk/risk/configuration/", {"capital": "500"}).status_code == 403


def test_marks_that_hide_what_is_around_them_are_refused_on_every_form(
    operator: User, alice: User, alice_client: Client
) -> None:
    client = signed_in(operator)
    note = client.post("/desk/risk/configuration/", config_sent(client, max_drawdown="0.25", note="a\u202eb"))
    stop = {"scope": "strategy", "strategy": "a\u202eb", "mode": "live", "level": "1", "note": "x"}
    strategy = {"name": "a\u202eb", "stop_loss": "20"}

    assert note.status_code == 422
    assert alice_client.post("/desk/risk/stop/", stop).status_code == 422
    assert alice_client.post("/desk/exit-strategies/new/", strategy).status_code == 422

    assert not RiskConfigRevision.objects.exists()
    assert not BreakerState.objects.exists()
    assert not ExitStrategy.objects.filter(owner=alice).exists()
    with pytest.raises(InvalidValue):
        risk.configure(operator, note="a\u202eb", max_drawdown=Decimal("0.25"))


# --- the API ---------------------------------------------------------------------------------------


def test_the_configuration_by_api(operator: User, alice_api: APIClient) -> None:
    found = alice_api.get("/api/v1/risk-config/").json()
    assert (found["max_drawdown"], found["capital"], found["max_total_capital"]) == ("0.2", "300", None)
    assert found["resets_daily"] is True

    assert alice_api.patch("/api/v1/risk-config/", {"capital": "500"}).status_code == 403
    api = api_of(operator)
    changed = api.patch("/api/v1/risk-config/", {"capital": "500", "revision": 0}).json()
    assert (changed["capital"], changed["revision"], changed["resets_daily"]) == ("500", 1, True)
    assert api.patch("/api/v1/risk-config/", {"resets_daily": "no"}).status_code == 400
    assert api.patch("/api/v1/risk-config/", {"resets_daily": False, "revision": 1}).json()["resets_daily"] is False
    assert api.patch("/api/v1/risk-config/", {"capital": "600", "revision": 0}).status_code == 409
    wrong = api.patch("/api/v1/risk-config/", {"win_rate_sample": 1})
    assert (wrong.status_code, risk.current().capital) == (400, 500)
    assert wrong.json()["errors"][0]["pointer"] == "/win_rate_sample"


def test_an_empty_text_is_no_number_and_switches_no_limit_off(
    operator: User, alice: User, alice_api: APIClient
) -> None:
    api, before = api_of(operator), configuration.as_written(risk.current())
    for name in ("daily_loss_limit", "max_daily_loss", "max_capital_per_trade", "max_total_capital", "capital"):
        for text in ("", " "):
            answer = api.patch("/api/v1/risk-config/", {name: text})
            assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, f"/{name}")
    assert configuration.as_written(risk.current()) == before
    limit = risk.set_limit(alice, max_quantity=Decimal(5), max_notional=Decimal(500), price_band=Decimal("0.1"))
    for name in ("max_quantity", "max_notional", "price_band"):
        assert alice_api.patch(f"/api/v1/risk-limits/{limit.public_id}/", {name: ""}).status_code == 400
    limit.refresh_from_db()
    assert (limit.max_quantity, limit.max_notional, limit.price_band) == (5, 500, Decimal("0.1"))

    assert api.patch("/api/v1/risk-config/", {"daily_loss_limit": None}).json()["daily_loss_limit"] is None


def test_limits_by_api(alice_api: APIClient, account: Account) -> None:
    made = alice_api.post("/api/v1/risk-limits/", {"account": str(account.public_id), "max_notional": "5000"})
    assert made.status_code == 201
    path = f"/api/v1/risk-limits/{made.json()['id']}/"

    assert alice_api.patch(path, {"max_open_positions": 3}).json()["max_open_positions"] == 3
    assert alice_api.patch(path, {"account": None}).status_code == 400
    assert (
        alice_api.post("/api/v1/risk-limits/", {"account": str(account.public_id), "max_notional": "1"}).status_code
        == 409
    )
    assert alice_api.get("/api/v1/risk-limits/").json()["results"] == [alice_api.get(path).json()]
    assert alice_api.delete(path).status_code == 204
    assert not RiskLimit.objects.exists()


def test_breakers_by_api(alice: User, alice_api: APIClient, bob_api: APIClient, account: Account) -> None:
    sent = {"account": str(account.public_id), "level": 2, "note": "Wrong fills"}
    on = alice_api.post("/api/v1/breaker/activate/", sent).json()
    assert on.pop("canceled") == 0
    assert (on["scope"], on["state"], on["mode"], on["reasons"]) == ("account", "halted", "live", ["manual"])

    assert bob_api.post("/api/v1/breaker/reset/", {"breaker": on["id"], "note": "x"}).status_code == 400
    assert bob_api.get("/api/v1/breaker/").json()["results"] == []
    assert alice_api.post("/api/v1/breaker/activate/", {"level": 4, "note": "x"}).status_code == 400
    assert alice_api.get("/api/v1/breaker/?scope=account").json()["results"] == [on]

    off = alice_api.post("/api/v1/breaker/reset/", {"breaker": on["id"], "note": "Fixed"}).json()
    assert off["state"] == "active"
    again = alice_api.post("/api/v1/breaker/reset/", {"breaker": on["id"], "note": "Fixed"})
    assert (again.status_code, again.json()["code"]) == (409, "not_active")
    events = alice_api.get("/api/v1/breaker-events/").json()["results"]
    assert [(each["kind"], each["note"]) for each in events] == [("deactivated", "Fixed"), ("activated", "Wrong fills")]


def test_the_page_says_what_it_closes_and_what_it_could_not(alice: User, alice_client: Client) -> None:
    account = funded(alice)
    for symbol in ("ACME", "BOLT"):
        quoted(share(symbol), "100", "100")
        placed(account, Instrument.objects.get(symbol=symbol), ticket("buy", "10"))
    # From a file, say: half a share, which this venue takes no order for.
    half = trades.EnteredFill("buy", Decimal("0.5"), Decimal(100), timezone.now())
    trades.enter(account, instrument=Instrument.objects.get(symbol="BOLT"), fills=[half])

    page = alice_client.post(reverse("risk_flatten"), {"confirm": "on"}, follow=True).content.decode()

    assert "1 order is on its way to close what is open." in page
    assert "Some positions could not be closed: see the feed. What protects them stays." in page
    assert list(Position.objects.values_list("instrument__symbol", flat=True)) == ["BOLT"]


def test_a_breaker_names_every_strategy_that_an_order_can_have(alice: User, alice_api: APIClient) -> None:
    """The longest of an order: it can be stopped, and one longer is refused by both."""
    paper, longest = funded(alice), "breakouts after earnings, first hour, small caps, no news 60"
    acme = share()
    quoted(acme, "1", "1.01")
    sent = {"strategy": longest, "mode": "simulation", "level": 1, "note": "Enough of it"}
    order = {"account": str(paper.public_id), "symbol": acme.symbol, "side": "buy", "type": "limit", "limit_price": "1",
             "time_in_force": "gtc", "quantity": "1", "strategy": longest}  # fmt: skip
    assert len(longest) == 60
    assert alice_api.post("/api/v1/orders/", order).status_code == 201

    assert alice_api.post("/api/v1/breaker/activate/", sent).json()["strategy"] == longest

    assert alice_api.post("/api/v1/orders/", order).status_code == 422
    assert [each["code"] for each in Order.objects.latest("id").reasons] == ["breaker_reducing"]
    longer = longest + "!"
    assert alice_api.post("/api/v1/breaker/activate/", sent | {"strategy": longer}).status_code == 400
    assert alice_api.post("/api/v1/orders/", order | {"strategy": longer}).status_code == 400
    assert BreakerState.objects.get(scope="strategy").strategy == longest


# --- the admin -------------------------------------------------------------------------------------


def test_the_admin_changes_the_configuration_by_its_verb(operator: User) -> None:
    RiskConfig.objects.get_or_create(pk=1)
    client = signed_in(operator)
    path = reverse("admin:trading_riskconfig_change", args=[1])
    form = client.get(path).context["adminform"].form
    sent = {name: "" if form[name].value() is None else form[name].value() for name in form.fields}

    assert client.post(path, {**sent, "min_win_rate": "0.5", "note": "Stricter"}).status_code == 302
    assert RiskConfigRevision.objects.get().note == "Stricter"
    refused = client.post(path, {**sent, "min_win_rate": "0.9"})
    assert "Give a value from 0.3 to 0.6." in refused.content.decode()
    assert (RiskConfig.objects.get().min_win_rate, RiskConfig.objects.get().resets_daily) == (Decimal("0.5"), True)
    without = {name: value for name, value in sent.items() if name != "resets_daily"}
    assert client.post(path, {**without, "note": "By hand"}).status_code == 302
    assert RiskConfigRevision.objects.order_by("-number")[0].after["resets_daily"] is False


def test_the_admin_takes_only_settings_that_there_are(operator: User) -> None:
    client, path = signed_in(operator), reverse("admin:trading_systemsetting_add")

    assert client.post(path, {"key": "favourite_colour", "value": '"red"'}).status_code == 200
    assert client.post(path, {"key": "max_positions", "value": '{"count": 0}'}).status_code == 200
    assert not SystemSetting.objects.exists()
    assert client.post(path, {"key": "max_positions", "value": '{"count": 10}'}).status_code == 302
    assert SystemSetting.objects.get().value == {"count": 10}


def test_the_admin_resets_only_what_stops_everybody(operator: User, alice: User) -> None:
    mine = risk.activate(alice, Target(alice, "live"), note="Away", at=NOW)
    all_ = risk.activate(operator, Target(None, "live"), note="Venue is down", at=NOW)
    sent: dict[str, Any] = {"action": "reset", "_selected_action": [mine.pk, all_.pk], "confirm": "1"}

    signed_in(operator).post(reverse("admin:trading_breakerstate_changelist"), sent)

    states = dict(BreakerState.objects.values_list("scope", "state"))
    assert states == {"global": "reducing", "everybody": "active"}
    assert BreakerEvent.objects.filter(kind="deactivated").count() == 1
