"""Numbers as people type them: one meaning in each language, or none."""

from decimal import Decimal

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.utils import translation

from accounts import decimals
from accounts.forms import NumberField, PercentField

NBSP, NARROW = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("language", "text", "number"),
    [
        ("en", "1099.5", "1099.5"),
        ("en", "1,099.5", "1099.5"),
        ("en", "1,099", "1099"),
        ("en", "12,345,678.25", "12345678.25"),
        ("en", "\N{MINUS SIGN}1,099.5", "-1099.5"),
        ("en", " -3 ", "-3"),
        ("fr", "1099,5", "1099.5"),
        ("fr", "1 099,5", "1099.5"),
        ("fr", f"1{NBSP}099,5", "1099.5"),
        ("fr", f"12{NARROW}345{NARROW}678,25", "12345678.25"),
        ("fr", "1,099", "1.099"),
        ("fr", "-0,5", "-0.5"),
        # What a form was filled in with.
        ("fr", "1099.5", "1099.5"),
        ("fr", "1.099", "1.099"),
        ("fr-be", "1 099,5", "1099.5"),
    ],
)
def test_a_number_is_read_in_the_language_of_the_page(language: str, text: str, number: str) -> None:
    assert decimals.typed(text, language=language) == Decimal(number)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "1,09.5"),
        ("en", "1,09"),
        ("en", "0,099"),
        ("en", "0,5"),
        ("en", "1099,500"),
        ("en", "1,0995"),
        ("en", "1.099,5"),
        ("en", "1 099.5"),
        ("en", ",099"),
        ("fr", "1 09,5"),
        ("fr", "0 099,5"),
        ("fr", "1 0995"),
        ("fr", "1  099"),
        ("fr", "1.099,5"),
        ("fr", "1,099.5"),
        ("fr", "1,099,5"),
        ("fr", "1,5 000"),
        ("fr", "1e3"),
        ("en", "NaN"),
        ("en", "\N{ARABIC-INDIC DIGIT ONE}"),
        ("en", "1_000"),
        ("en", "- 1"),
        ("en", "1." + "0" * 13),
    ],
)
def test_what_could_mean_two_numbers_or_none_is_refused(language: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"^not a "):
        decimals.typed(text, language=language)


def test_a_field_says_how_numbers_are_written_here() -> None:
    field = NumberField(largest=Decimal(10_000))

    assert field.clean("1,099.5") == Decimal("1099.5")
    with pytest.raises(ValidationError, match=r"Write a number such as 1234\.5 or 1,234\.5\."):
        field.clean("1,09.5")
    with pytest.raises(ValidationError, match="too large"):
        field.clean("10,001")
    with translation.override("fr"):
        assert field.clean(f"1{NARROW}099,5") == Decimal("1099.5")
        with pytest.raises(ValidationError):
            field.clean("1 09,5")


def test_the_same_number_written_otherwise_is_no_change() -> None:
    field = NumberField(largest=Decimal(10_000))

    assert not field.has_changed(Decimal("1099.50"), "1,099.5")
    assert not field.has_changed("1099.5", "1,099.50")
    assert not field.has_changed(None, "")
    assert field.has_changed(Decimal("1099.5"), "1,099")
    assert field.has_changed(Decimal("1099.5"), "1,09.5")


def test_a_percentage_is_a_fraction() -> None:
    field = PercentField()

    with translation.override("fr"):
        assert field.clean("12,5") == Decimal("0.125")
        assert field.prepare_value(Decimal("0.1250")) == "12,5"
    assert field.prepare_value(Decimal("0.1250")) == "12.5"
    assert not field.has_changed(Decimal("0.1250"), "12.5")


def sent(form: type[forms.Form], written: str, text: str) -> forms.Form:
    """The form as a page in this language sends it."""
    return form({"price": text, "price-language": written})


class Priced(forms.Form):
    price = NumberField(largest=Decimal(10_000_000))


@pytest.mark.parametrize(
    ("written", "text", "number", "shown"),
    [
        ("fr", "1,099", "1.099", "1.099"),
        ("fr", "1 099,50", "1099.5", "1099.5"),
        ("en", "1,099", "1099", "1,099"),
        ("", "1,099", "1099", "1,099"),
    ],
)
def test_a_number_is_read_in_the_language_of_the_page_that_it_was_typed_on(
    written: str, text: str, number: str, shown: str
) -> None:
    form = sent(Priced, written, text)

    assert form.is_valid()
    assert form.cleaned_data["price"] == Decimal(number)
    assert f'value="{shown}"' in str(form["price"])
    assert '<input type="hidden" name="price-language" value="en">' in str(form["price"])


def test_a_number_that_is_carried_along_unseen_has_its_language_with_it() -> None:
    with translation.override("fr"):
        form = sent(Priced, "fr", "1,099")

        assert form["price"].as_hidden() == (
            '<input type="hidden" name="price" value="1,099" id="id_price">'
            '<input type="hidden" name="price-language" value="fr">'
        )


def test_what_was_typed_in_english_is_read_so_on_a_french_page() -> None:
    with translation.override("fr"):
        form = sent(Priced, "en", "1,099.5")

        assert form.is_valid()
        assert form.cleaned_data["price"] == Decimal("1099.5")
        assert 'value="1099,5"' in str(form["price"])


def test_what_is_no_number_where_it_was_typed_is_none_here_either() -> None:
    form = sent(Priced, "fr", "1,099,000")

    assert not form.is_valid()
    assert 'value="1,099,000"' in str(form["price"])
