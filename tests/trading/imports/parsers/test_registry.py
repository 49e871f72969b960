import io

import pytest

from trading.imports.parsers import registry
from trading.imports.parsers.base import FileRefused, Head
from trading.imports.parsers.tables import head_of

LIGHTSPEED = "Trade Number,Trade Date,Execution Time,Symbol,Side,Qty,Price,FeeSEC\n1,03/06/2026,09:31,MSFT,B,1,400,0\n"
FILLS = "Symbol,Side,Qty,Price,Fill Time\nAAPL,Buy,1,150,2026-03-03 10:00:00\n"


def head(text: str) -> Head:
    return head_of(io.BytesIO(text.encode()), "trades.csv")


def test_names_are_unique() -> None:
    names = [parser.name for parser in registry.PARSERS]

    assert len(names) == len(set(names))


def test_the_format_is_recognised_from_the_content() -> None:
    parser, warning = registry.choose(head(LIGHTSPEED))

    assert (parser.name, warning) == ("lightspeed", "")


def test_a_wrong_choice_is_overridden_and_said() -> None:
    parser, warning = registry.choose(head(LIGHTSPEED), selected="tiger")

    assert parser.name == "lightspeed"
    assert warning == (
        "The headers match Lightspeed – trade activity; it was read as that instead of Tiger Brokers – trade history."
    )


def test_a_right_choice_stands_without_a_word() -> None:
    parser, warning = registry.choose(head(FILLS), selected="generic_fills")

    assert (parser.name, warning) == ("generic_fills", "")


def test_a_brokers_own_format_is_preferred_to_a_chosen_general_one() -> None:
    parser, warning = registry.choose(head(LIGHTSPEED), selected="generic_fills")

    assert parser.name == "lightspeed"
    assert warning != ""


def test_a_mapping_stands_whatever_the_file_looks_like() -> None:
    parser, warning = registry.choose(head(LIGHTSPEED), selected="mapped_csv")

    assert (parser.name, warning) == ("mapped_csv", "")


@pytest.mark.parametrize("selected", ["", "tiger"])
def test_an_unknown_file_is_refused_and_the_way_out_is_named(selected: str) -> None:
    with pytest.raises(FileRefused, match="map the columns") as refusal:
        registry.choose(head("colour,taste\nred,sweet\n"), selected=selected)

    assert refusal.value.code == "unknown_format"


@pytest.mark.parametrize("selected", ["", "tiger"])
@pytest.mark.parametrize(
    ("start", "code", "words"),
    [
        (b"PK\x03\x04\x14\x00\x00\x00trades.csv", "archive_not_supported", "This is a ZIP archive. Unpack it"),
        (b"PK\x03\x04\x14\x00\x00\x00[Content_Types].xml", "not_csv", "This is an Excel workbook"),
        (b"%PDF-1.7\n", "not_csv", "This is a PDF"),
        (b"\x7fELF\x02\x01\x01\x00\x00", "not_csv", "This is not a text file"),
        (b"  \n", "empty_file", "The file is empty"),
    ],
)
def test_a_file_that_is_no_table_is_called_what_it_is(selected: str, start: bytes, code: str, words: str) -> None:
    with pytest.raises(FileRefused, match=f"^{words}") as refusal:
        registry.choose(head_of(io.BytesIO(start), "trades"), selected=selected)

    assert refusal.value.code == code


def test_other_formats_are_mentioned_only_beside_the_chosen_one() -> None:
    with pytest.raises(FileRefused, match=r"^The file does not look like any format that is read"):
        registry.choose(head("colour,taste\nred,sweet\n"))
    with pytest.raises(FileRefused, match="Tiger Brokers – trade history, nor like any other format that is read"):
        registry.choose(head("colour,taste\nred,sweet\n"), selected="tiger")


def test_an_unknown_choice_is_refused() -> None:
    with pytest.raises(FileRefused) as refusal:
        registry.choose(head(FILLS), selected="nonesuch")

    assert refusal.value.code == "unknown_format"
