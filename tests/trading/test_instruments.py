"""The instrument of a symbol: the same for everybody, and nobody decides for another what it is."""

from datetime import date
from decimal import Decimal as D

import pytest

from accounts.errors import InvalidValue
from accounts.models import Account, User
from tests.factories import make_account
from trading import instruments, typed_symbols
from trading.instruments import InstrumentKey
from trading.models import FuturesRoot, Instrument

pytestmark = pytest.mark.django_db

DAY = date(2026, 2, 3)


@pytest.fixture
def account(alice: User) -> Account:
    return make_account(alice, "Margin")


@pytest.fixture
def _roots() -> None:
    FuturesRoot.objects.create(
        root="ES", exchange="CME", name="E-mini", currency="USD", tick_size=D("0.25"), point_value=D(50)
    )


def made(**values: str | D | None) -> Instrument:
    key = InstrumentKey(**{"symbol": "ACME", "kind": "stock", "currency": "USD", "multiplier": None, **values})  # type: ignore[arg-type]
    return instruments.find_or_create([key], on=DAY)[key]


@pytest.mark.parametrize(
    ("symbol", "kind", "stated", "multiplier"),
    [
        ("ACME", "stock", "1000", "1"),
        ("ACME260320C00010000", "option", "7", "100"),
        ("GER40", "cfd", "25", "1"),
        ("ESH26", "future", "3", "50"),
    ],
)
@pytest.mark.usefixtures("_roots")
def test_a_files_multiplier_does_not_become_everybodys(symbol: str, kind: str, stated: str, multiplier: str) -> None:
    instrument = made(symbol=symbol, kind=kind, multiplier=D(stated))

    instrument.refresh_from_db()
    assert instrument.multiplier == D(multiplier)
    assert instrument.name == ("E-mini" if kind == "future" else "")


def test_every_kind_and_currency_of_one_symbol_is_an_instrument_of_its_own() -> None:
    wanted = [(kind, currency) for kind in ("stock", "cfd", "index") for currency in ("USD", "EUR", "GBP")]

    found = [made(kind=kind, currency=currency) for kind, currency in wanted]

    assert [(each.kind, each.currency) for each in found] == wanted
    assert [made(kind=kind, currency=currency).pk for kind, currency in wanted] == [each.pk for each in found]
    assert len({each.symbol for each in found}) == 9


@pytest.mark.parametrize(
    ("text", "kind", "currency", "expected"),
    [
        (" acme ", "", "", ("ACME", "stock", "USD")),
        ("nasdaq:acme", "", "", ("ACME", "stock", "USD")),
        ("ACME", "", "EUR", ("ACME", "stock", "EUR")),
        ("GER40", "cfd", "EUR", ("GER40", "cfd", "EUR")),
        ("EURUSD", "", "", ("EURUSD", "forex", "USD")),
        ("/ESH26", "", "", ("ESH26", "future", "USD")),
        ("-ACME260320C10", "", "", ("ACME260320C00010000", "option", "USD")),
        ("NYSE:ES", "", "", ("ES", "stock", "USD")),
        ("ES", "stock", "", ("ES", "stock", "USD")),
    ],
)
@pytest.mark.usefixtures("_roots")
def test_a_typed_symbol_says_what_it_is(
    account: Account, text: str, kind: str, currency: str, expected: tuple[str, str, str]
) -> None:
    found = typed_symbols.instrument_of(text, account=account, on=DAY, kind=kind, currency=currency)

    assert (found.symbol, found.kind, found.currency) == expected


def test_what_somebody_else_made_of_a_symbol_is_not_used(account: Account) -> None:
    Instrument.objects.create(symbol="ACME", kind="cfd", currency="EUR", multiplier=25)

    found = typed_symbols.instrument_of("ACME", account=account, on=DAY)

    assert (found.symbol, found.kind, found.currency, found.multiplier) == ("ACME:USD", "stock", "USD", D(1))
    assert typed_symbols.instrument_of("acme:usd", account=account, on=DAY) == found


@pytest.mark.parametrize("text", ["ES", "es", "/ES"])
@pytest.mark.usefixtures("_roots")
def test_a_futures_root_without_a_month_is_refused(account: Account, text: str) -> None:
    # Somebody else's share of that name makes no difference.
    Instrument.objects.create(symbol="ES", kind="stock", currency="USD")

    with pytest.raises(InvalidValue) as refusal:
        typed_symbols.instrument_of(text, account=account, on=DAY)

    assert refusal.value.message == (
        "ES is a futures root: write the contract, such as ESH26; for the share write NYSE:ES"
    )
    assert refusal.value.pointer == "/symbol"


@pytest.mark.usefixtures("_roots")
def test_a_share_of_the_reference_data_goes_before_a_futures_root(account: Account) -> None:
    share = Instrument.objects.create(symbol="ES", name="Eversource Energy", kind="stock", currency="USD")

    assert typed_symbols.instrument_of("ES", account=account, on=DAY) == share


@pytest.mark.parametrize("text", ["=1+1", "+ACME", "@SUM(A1)", "NYSE:=ACME", "NYSE:@X"])
def test_a_formula_is_no_symbol(account: Account, text: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        typed_symbols.instrument_of(text, account=account, on=DAY)

    assert (refusal.value.code, refusal.value.pointer) == ("bad_symbol", "/symbol")
    assert not Instrument.objects.exists()


def test_a_contract_of_an_unknown_root_is_refused(account: Account) -> None:
    with pytest.raises(InvalidValue) as refusal:
        typed_symbols.instrument_of("ZZQH26", account=account, on=DAY)

    assert refusal.value.code == "unknown_contract_root"
