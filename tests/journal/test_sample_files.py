"""Every sample file is read by the format it imitates, and comes to what its invented broker's books say."""

import io
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from journal.sample_files import build as building
from journal.sample_files.build import Sample, SampleFile, build
from journal.sample_files.fleet import WEIGHTS, shares
from journal.sample_files.markets import PRODUCTS
from trading import ecb, reference
from trading.imports.parsers import registry
from trading.imports.parsers.base import ParseContext, ParsedFill, RootSpec, SkippedRow, Warned
from trading.imports.parsers.tables import head_of
from trading.matching import CostMethod, Fill, round_trips

END = date(2026, 6, 30)
ROOTS = {
    row["root"]: RootSpec(row["root"], row["currency"], Decimal(row["tick_size"]), Decimal(row["point_value"]))
    for row in reference.rows("futures_roots")
}


@pytest.fixture(scope="module")
def sample() -> Sample:
    return build(seed=7, end=END, accounts=40)


@pytest.fixture(scope="module")
def fills_of(sample: Sample) -> dict[str, list[ParsedFill]]:
    """The fills that the parsers read, by file name."""
    return {file.filename: list(_fills(file)) for file in sample.files}


def _fills(file: SampleFile) -> Iterator[ParsedFill]:
    content = io.BytesIO(file.content)
    head = head_of(content, file.filename)
    parser, warning = registry.choose(head)
    assert (parser.name, warning) == (file.format, "")
    context = ParseContext(
        now=datetime(2026, 7, 2, tzinfo=UTC),
        time_zone=ZoneInfo(file.time_zone),
        filename=file.filename,
        roots=ROOTS,
        lot_units=reference.units_per_lot(),
    )
    content.seek(0)
    for item in parser.parse(content, context):
        if isinstance(item, ParsedFill):
            yield item
        else:
            assert isinstance(item, SkippedRow | Warned), item
            assert getattr(item, "code", "") in {"canceled", "rejected", "subtotal", "not_a_trade", "starts_with_sell"}


def test_every_format_of_the_fleet_has_a_file(sample: Sample) -> None:
    formats = {file.format for file in sample.files}

    assert formats == {*WEIGHTS} - {"ibkr_flex"} | {"ibkr_flex_csv"}


def test_each_file_holds_as_many_fills_as_were_written(sample: Sample, fills_of: dict[str, list[ParsedFill]]) -> None:
    assert {name: len(fills) for name, fills in fills_of.items()} == {
        file.filename: file.fills for file in sample.files
    }


def test_every_fill_belongs_to_an_account_of_the_file(sample: Sample, fills_of: dict[str, list[ParsedFill]]) -> None:
    for file in sample.files:
        assert {fill.account_number for fill in fills_of[file.filename]} <= {*file.numbers, ""}


def test_the_accounts_come_to_what_the_books_say(sample: Sample, fills_of: dict[str, list[ParsedFill]]) -> None:
    by_account = _by_account(sample, fills_of)
    net = {number: _net(fills) for number, fills in by_account.items()}

    assert len(net) == 40
    assert net == {number: sample.books[number].net for number in net}


def test_what_the_brokers_state_is_what_the_fills_come_to_but_for_the_corrected_ones(
    sample: Sample, fills_of: dict[str, list[ParsedFill]]
) -> None:
    stating = {"ibkr_flex_csv", "ibkr_activity", "projectx_trades", "tradovate_performance", "metatrader_html"}
    difference: dict[str, Decimal] = defaultdict(Decimal)
    for name in stating:
        files = [file for file in sample.files if file.format == name]
        stated = sum((fill.broker_pnl or Decimal(0) for file in files for fill in fills_of[file.filename]), Decimal(0))
        difference[name] = stated - sum(
            sample.books[number].net for number in {number for file in files for number in file.numbers}
        )

    # -12.50 and 8.75: the two fills of which the broker corrected the basis.
    assert difference == {name: Decimal("-3.75") if name == "ibkr_flex_csv" else Decimal(0) for name in stating}


def test_options_expire_at_zero_and_some_positions_stay_open(
    sample: Sample, fills_of: dict[str, list[ParsedFill]]
) -> None:
    fills = [fill for found in fills_of.values() for fill in found]

    assert any(fill.kind == "option" and fill.price == 0 for fill in fills)
    assert any(book.open_lots() for book in sample.books.values())
    assert {fill.currency for fill in fills} >= {"USD", "EUR", "GBP", "JPY"}


def test_prices_lie_on_the_tick_grid_of_the_reference_data(fills_of: dict[str, list[ParsedFill]]) -> None:
    for fills in fills_of.values():
        for fill in fills:
            root = ROOTS.get(fill.symbol[:-3]) if fill.kind == "future" else None
            if root is not None:
                assert fill.price % root.tick_size == 0
                assert PRODUCTS[root.root].multiplier == root.point_value == fill.multiplier


def test_the_same_arguments_give_the_same_bytes(sample: Sample) -> None:
    again = build(seed=7, end=END, accounts=40)

    assert [(file.filename, file.content) for file in again.files] == [
        (file.filename, file.content) for file in sample.files
    ]
    assert again.rates_csv == sample.rates_csv


def test_no_fill_is_later_than_the_end(sample: Sample, fills_of: dict[str, list[ParsedFill]]) -> None:
    latest = max(fill.executed_at for fills in fills_of.values() for fill in fills if fill.executed_at)

    assert sample.start == date(2024, 6, 30)
    assert latest.date() <= END


def test_the_rates_are_read_as_the_banks_file_and_cover_every_day(sample: Sample) -> None:
    rates = list(ecb.parse_reference_rates(sample.rates_csv))

    assert {rate.currency for rate in rates} >= {"USD", "GBP", "JPY", "CHF"}
    assert min(rate.day for rate in rates) < sample.start
    assert max(rate.day for rate in rates) == END
    assert all(Decimal("0.9") < rate.rate < Decimal("1.3") for rate in rates if rate.currency == "USD")


@pytest.mark.parametrize("count", [1, 3, 10, 12, 40, 110, 333, 1000])
def test_a_fleet_has_the_size_asked_for(count: int) -> None:
    assert sum(shares(count).values()) == count


def test_a_full_fleet_trades_thousands_of_times() -> None:
    full = build(seed=7, end=END, accounts=110)

    assert 12_000 <= sum(file.fills for file in full.files) <= 20_000
    assert len({account.number for account in full.accounts}) == 110
    assert len({account.name for account in full.accounts}) == 110
    assert building.DAYS == 730


def _by_account(sample: Sample, fills_of: dict[str, list[ParsedFill]]) -> dict[str, list[ParsedFill]]:
    by_account: dict[str, list[ParsedFill]] = defaultdict(list)
    for file in sample.files:
        for fill in fills_of[file.filename]:
            by_account[fill.account_number or file.number].append(fill)
    return by_account


def _net(fills: list[ParsedFill]) -> Decimal:
    by_symbol: dict[str, list[ParsedFill]] = defaultdict(list)
    for fill in fills:
        by_symbol[fill.symbol].append(fill)
    return sum((_net_of_one(found) for found in by_symbol.values()), Decimal(0))


def _net_of_one(fills: list[ParsedFill]) -> Decimal:
    newest_first = all(a.executed_at >= b.executed_at for a, b in pairwise(fills))  # type: ignore[operator]
    in_order = sorted(reversed(fills) if newest_first else fills, key=lambda fill: fill.executed_at)  # type: ignore[arg-type, return-value]
    made = (
        Fill(
            key=number,
            at=fill.executed_at,
            day=fill.executed_at.date(),  # type: ignore[union-attr]
            quantity=fill.quantity if fill.side == "buy" else -fill.quantity,
            price=fill.price,
            fees=fill.commission + fill.fees,
            multiplier=fill.multiplier or Decimal(1),
        )
        for number, fill in enumerate(in_order)
    )
    return sum((trip.net_pnl for trip in round_trips(made, method=CostMethod.FIFO)), Decimal(0))
