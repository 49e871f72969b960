"""The tour knows every page: what is not on it is said to be no page."""

import pytest
from django.core.management import CommandError, call_command

from config.tour.addresses import addresses
from config.tour.pages import NOT_PAGES, PAGES, unplaced


def test_every_address_is_a_page_or_said_to_be_none() -> None:
    assert unplaced() == []


def test_nothing_is_listed_that_is_not_there() -> None:
    names = {address.name for address in addresses()}

    assert set(PAGES) - names == set()
    assert set(NOT_PAGES) - names == set()
    assert set(PAGES) & set(NOT_PAGES) == set()


def test_pictures_of_a_page_that_there_is_not_are_refused_and_the_pattern_named() -> None:
    with pytest.raises(CommandError, match="no page is called 'trade-lst'; some are called trade_list"):
        call_command("screenshots", "--pages", "trade-lst")
