from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from trading.ecb import EuroRate, RatesFileError, parse_reference_rates
from trading.models import FuturesRoot

DAILY = "Date, USD, JPY, GBP, \n20 November 2026, 1.0852, 168.35, 0.84103, \n"
HISTORY = (
    "Date,USD,JPY,CYP,\n"
    "2026-11-20,1.0852,168.35,N/A,\n"
    "2026-11-19,1.0847,168.02,N/A,\n"
    "2007-12-31,1.4721,164.93,0.585274,\n"
)
XML = """<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"
                 xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
  <gesmes:subject>Reference rates</gesmes:subject>
  <gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
  <Cube>
    <Cube time='2026-11-20'>
      <Cube currency='USD' rate='1.0852'/>
      <Cube currency='JPY' rate='168.35'/>
    </Cube>
    <Cube time='2026-11-19'>
      <Cube currency='USD' rate='1.0847'/>
    </Cube>
  </Cube>
</gesmes:Envelope>
"""


def rates(text: str) -> list[EuroRate]:
    return list(parse_reference_rates(text.encode()))


def refusal(content: bytes) -> str:
    with pytest.raises(RatesFileError) as refused:
        list(parse_reference_rates(content))
    return str(refused.value)


def test_the_daily_file_gives_the_rates_of_its_one_day():
    assert rates(DAILY) == [
        EuroRate(date(2026, 11, 20), "USD", Decimal("1.0852")),
        EuroRate(date(2026, 11, 20), "JPY", Decimal("168.35")),
        EuroRate(date(2026, 11, 20), "GBP", Decimal("0.84103")),
    ]


def test_the_history_gives_every_day_and_leaves_out_what_was_not_quoted():
    assert rates(HISTORY) == [
        EuroRate(date(2026, 11, 20), "USD", Decimal("1.0852")),
        EuroRate(date(2026, 11, 20), "JPY", Decimal("168.35")),
        EuroRate(date(2026, 11, 19), "USD", Decimal("1.0847")),
        EuroRate(date(2026, 11, 19), "JPY", Decimal("168.02")),
        EuroRate(date(2007, 12, 31), "USD", Decimal("1.4721")),
        EuroRate(date(2007, 12, 31), "JPY", Decimal("164.93")),
        EuroRate(date(2007, 12, 31), "CYP", Decimal("0.585274")),
    ]


def test_the_xml_gives_the_rates_of_each_of_its_days():
    assert rates(XML) == [
        EuroRate(date(2026, 11, 20), "USD", Decimal("1.0852")),
        EuroRate(date(2026, 11, 20), "JPY", Decimal("168.35")),
        EuroRate(date(2026, 11, 19), "USD", Decimal("1.0847")),
    ]


@pytest.mark.parametrize("text", [HISTORY.replace("\n", "\r\n"), "\ufeff" + HISTORY, HISTORY + "\n\n"])
def test_line_ends_a_byte_order_mark_and_blank_lines_change_nothing(text: str):
    assert rates(text) == rates(HISTORY)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "Date,USD,\n2026-11-20,1.0852,\n2026-11-19,1.08x,\n",
            "Line 3, USD: '1.08x' is not a rate such as 1.0852",
        ),
        ("Date,USD,\n2026-11-20,1,0852,\n", "Line 2: 2 rates for 1 currencies"),
        ("Date,USD,JPY,\n2026-11-20,1.0852,,\n", "Line 2, JPY: '' is not a rate such as 1.0852"),
        ("Date,USD,\n2026-11-20,-1.0852,\n", "Line 2, USD: '-1.0852' is not a rate such as 1.0852"),
        ("Date,USD,\n2026-11-20,NaN,\n", "Line 2, USD: 'NaN' is not a rate such as 1.0852"),
        ("Date,USD,\n2026-11-20,1e5,\n", "Line 2, USD: '1e5' is not a rate such as 1.0852"),
        ("Date,USD,\n2026-11-20,٣,\n", "Line 2, USD: '٣' is not a rate such as 1.0852"),
        ("Date,USD,\n2026-11-20,0.0000,\n", "Line 2, USD: the rate is 0"),
        ("Date,USD,\n2026-02-30,1.0852,\n", "Line 2: '2026-02-30' is not a day of the calendar"),
        (
            "Date,USD,\n11/20/2026,1.0852,\n",
            "Line 2: '11/20/2026' is not a date such as 2026-11-20 or 20 November 2026",
        ),
        (
            "Date,USD,\n1998-12-31,1.0852,\n",
            "Line 2: 1998-12-31 is before the first reference rates of 1999-01-04",
        ),
        ("Date,USD,\n2026-11-20,1.0852,\n2026-11-20,1.0853,\n", "Line 3: USD of 2026-11-20 is stated twice"),
        ("Date,USD,USD,\n2026-11-20,1.0852,1.0852,\n", "Line 1: the column USD appears twice"),
        ("Date,EUR,\n2026-11-20,1,\n", "Line 1: 'EUR' is not a three-letter currency other than EUR"),
        ("Date,usd,\n2026-11-20,1,\n", "Line 1: 'usd' is not a three-letter currency other than EUR"),
        ("Symbol,Qty\nAAPL,1\n", "Line 1: the header must be Date and the currencies: Date,USD,JPY,…"),
        ("Date,USD,\n", "The file contains no rate"),
        ("", "The file contains no rate"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_with_its_reason(text: str, message: str):
    assert refusal(text.encode()) == message


def test_an_archive_is_refused_with_what_to_do():
    expected = "The file is an archive: unpack it and load the .csv or .xml file inside"

    assert refusal(b"PK\x03\x04" + bytes(40)) == expected
    assert refusal(b"\x1f\x8b" + bytes(40)) == expected


def test_bytes_that_are_not_text_are_refused():
    assert refusal(b"\x89PNG\r\n\x1a\n") == "The file is not UTF-8 text, so it is not a file of reference rates"


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd">',
        "<!DOCTYPE html>",
    ],
)
def test_document_types_and_entities_are_refused_before_anything_is_expanded(declaration: str):
    text = f'<?xml version="1.0"?>\n{declaration}\n<x>&b;</x>'

    assert refusal(text.encode()) == "Line 2: a document type or an entity, which no file of the bank has"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rate='1.0847'", "rate='1,0847'", "Line 12, USD: '1,0847' is not a rate such as 1.0852"),
        ("rate='1.0847'", "", "Line 12: a currency without a date or a rate"),
        (" time='2026-11-20'", "", "Line 8: a currency without a date or a rate"),
        ("currency='JPY'", "currency='USD'", "Line 9: USD of 2026-11-20 is stated twice"),
        ("</gesmes:Envelope>\n", "", "Line 15: not well-formed XML (no element found)"),
    ],
)
def test_a_wrong_element_of_the_xml_is_named_with_its_line(old: str, new: str, message: str):
    assert refusal(XML.replace(old, new).encode()) == message


@pytest.mark.django_db
@pytest.mark.parametrize("content", [None, b"\x00\xff", b"no rates"])
def test_the_command_loads_nothing_where_the_file_of_rates_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "rates.csv"
    if content is not None:
        path.write_bytes(content)
    out = StringIO()

    with pytest.raises(CommandError, match=r"rates\.csv") as refused:
        call_command("seed_reference_data", "--rates", str(path), stdout=out)

    assert (refused.value.returncode, out.getvalue()) == (1, "")
    assert not FuturesRoot.objects.exists()
