"""The tables keep the rules that the schema document names, under its names."""

from datetime import UTC, datetime
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from rest_framework.test import APIClient

from accounts.models import Client, Portfolio, User
from tests.factories import make_account
from trading.models import Execution, Instrument

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
NAMES = """
clients_email_unique clients_status_check portfolios_balance_non_negative orders_quantity_positive
orders_filled_quantity_valid orders_remaining_quantity_valid orders_status_valid orders_market_price_null
trades_quantity_positive trades_price_positive idx_clients_email idx_clients_status idx_orders_account_status
idx_orders_instrument_status idx_orders_created_at idx_trades_instrument_time idx_market_data_instrument_timestamp
idx_instruments_symbol idx_orders_client_order_id
""".split()


def test_all_nineteen_rules_and_indexes_of_the_document_are_in_the_database_by_name() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype IN ('c', 'u') UNION SELECT indexname FROM pg_indexes"
        )
        found = {name for (name,) in cursor.fetchall()}
    assert [name for name in NAMES if name not in found] == []
    assert len(NAMES) == 19


def _refused(name: str, change: Any) -> None:
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        change()


def test_people_and_their_cash_keep_the_documents_rules(alice: User) -> None:
    account = make_account(alice)
    held = Portfolio.objects.create(account=account, currency="USD", available_balance=D(5))
    Client.objects.get_or_create(user=alice)
    _refused("clients_email_unique", lambda: User.objects.create(email=alice.email))
    _refused("idx_clients_email", lambda: User.objects.create(email=alice.email.upper()))
    _refused("clients_status_check", lambda: Client.objects.update(status="open"))
    _refused("portfolios_balance_non_negative", lambda: Portfolio.objects.update(available_balance=D(-1)))
    held.refresh_from_db()
    assert held.available_balance == 5


def test_a_fill_is_of_something_at_a_price_above_nothing_but_for_what_may_be_worthless(alice: User) -> None:
    account = make_account(alice)
    kinds = {
        kind: Instrument.objects.create(symbol=kind.upper(), kind=kind, currency="USD")
        for kind in ("stock", "option", "future")
    }

    def fill(kind: str, price: str, source: str = "import", quantity: str = "1") -> Execution:
        return Execution.objects.create(
            owner=alice, account=account, instrument=kinds[kind], side="buy", quantity=D(quantity), price=D(price),
            currency="USD", executed_on=AT.date(), sort_at=AT, source=source,
            identity=f"01890000-0000-7000-8000-{Execution.objects.count():012}",
        )  # fmt: skip

    _refused("trades_quantity_positive", lambda: fill("stock", "10", quantity="0"))
    for kind, price, source in (
        ("stock", "0", "import"), ("stock", "-1", "import"), ("stock", "-1", "manual"),
        ("stock", "0", "order"), ("option", "0", "order"), ("future", "-1", "order"),
    ):  # fmt: skip
        _refused("trades_price_positive", lambda k=kind, p=price, s=source: fill(k, p, s))
    assert not Execution.objects.exists()
    # An option that expired, crude oil on 20 April 2020, and shares that somebody wrote off by hand.
    fill("option", "0")
    fill("future", "-37.63")
    fill("stock", "0", "manual")
    assert Execution.objects.count() == 3


def test_a_price_below_nothing_of_a_share_is_refused_in_words_and_nothing_is_entered(
    alice: User, alice_api: APIClient
) -> None:
    account = make_account(alice)
    Instrument.objects.create(symbol="ACME", kind="stock", currency="USD")
    fills = [{"side": "buy", "quantity": "1", "price": price, "executed_at": AT.isoformat()} for price in ("5", "-5")]
    refused = alice_api.post("/api/v1/trades/", {"account": str(account.public_id), "symbol": "ACME", "fills": fills})
    assert refused.status_code in (400, 422), refused.content
    assert [(each["code"], each["pointer"]) for each in refused.json()["errors"]] == [
        ("price_negative", "/fills/1/price")
    ]
    assert not Execution.objects.exists()


def test_an_instrument_has_a_symbol_a_currency_a_strike_above_nothing_and_a_known_right() -> None:
    for name, change in {
        "instrument_strike_positive": {"strike": D(-1)},
        "instrument_option_type_valid": {"option_type": "zzzz"},
        "instrument_symbol_not_blank": {"symbol": ""},
        "instrument_currency_valid": {"currency": "usd"},
    }.items():
        values = {"symbol": "X", "kind": "option", "currency": "USD", **change}
        _refused(name, lambda values=values: Instrument.objects.create(**values))
    _refused(
        "instrument_strike_positive",
        lambda: Instrument.objects.create(symbol="X", currency="USD", kind="option", strike=D(0)),
    )
    assert not Instrument.objects.exists()
    Instrument.objects.create(symbol="X", kind="option", currency="USDT", strike=D("0.5"), option_type="put")
    Instrument.objects.create(symbol="Y", kind="stock", currency="EUR")
