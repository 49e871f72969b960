"""In which language, with which numbers and in which time zone pages are written."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone, translation

from accounts import locale
from accounts.models import User
from journal.templatetags import journal_format as written
from tests.factories import make_account


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("de,fr;q=0.5", "fr"),
        ("de", "en"),
        ("*", "en"),
        ("en-GB,fr;q=0.9", "en"),
    ],
)
def test_the_browser_says_the_language_of_who_chose_none(header: str, language: str) -> None:
    assert locale.of_browser(header) == language


def test_a_persons_choice_goes_before_the_browsers(alice: User, alice_client: Client) -> None:
    User.objects.filter(pk=alice.pk).update(language="fr")

    page = alice_client.get("/settings/", headers={"Accept-Language": "en"})

    assert '<html lang="fr"' in page.content.decode()
    assert page.headers["Content-Language"] == "fr"
    assert translation.get_language() == "en"


def test_who_is_not_signed_in_is_asked_by_cookie_then_by_browser(client: Client, db: None) -> None:
    assert '<html lang="fr"' in client.get("/login/", headers={"Accept-Language": "fr"}).content.decode()

    client.cookies["language"] = "en"

    assert '<html lang="en"' in client.get("/login/", headers={"Accept-Language": "fr"}).content.decode()


def test_programs_are_answered_in_english(alice: User, alice_client: Client) -> None:
    User.objects.filter(pk=alice.pk).update(language="fr")

    assert alice_client.get("/api/v1/nothing/").json()["detail"] == "There is nothing here."


def test_a_refusal_is_in_the_persons_language_on_pages_and_in_english_for_programs(
    alice: User, alice_client: Client
) -> None:
    User.objects.filter(pk=alice.pk).update(language="fr")
    make_account(alice, "Futures")

    form = {"name": "Futures", "kind": "individual", "status": "active", "currency": "EUR", "time_zone": "UTC"}
    form |= {"day_start": "00:00", "cost_method": "fifo", "color": "#6b7fd7"}
    page = alice_client.post("/accounts/new/", form)
    answer = alice_client.post("/api/v1/accounts/", {"name": "Futures"}, content_type="application/json")

    assert "Vous avez déjà un compte nommé Futures." in page.content.decode()
    assert answer.json()["errors"][0]["detail"] == "You have an account named Futures."


def test_numbers_follow_the_language() -> None:
    with translation.override("fr"):
        assert written.money(Decimal("1234567.891"), "EUR") == "1\u202f234\u202f567,89 EUR"
        assert written.signed_money(Decimal("-20")) == "−20,00"
        assert written.percent(Decimal("0.5055")) == "50,6\u202f%"
        assert written.price(Decimal("25132.750000"), Decimal("0.25")) == "25\u202f132,75"
        assert written.quantity(Decimal("1500.50")) == "1\u202f500,5"
        assert written.count(19624) == "19\u202f624"
        assert written.short_money(Decimal(1234)) == "+1,2k"


def test_dates_follow_the_language() -> None:
    second = date(2026, 3, 2)
    assert (written.day(second), written.month_name(second)) == ("2 Mar 2026", "March 2026")
    assert written.day("2026-03-02") == "2 Mar 2026"
    assert written.day(None) == written.moment(None) == "–"
    with translation.override("fr"):
        assert (written.day(second), written.month_name(second)) == ("2 mars 2026", "mars 2026")
        assert written.month_name(12) == "décembre"


def test_instants_are_shown_in_the_persons_time_zone() -> None:
    instant = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    with timezone.override("Europe/Paris"):
        assert written.moment(instant) == "3 Mar 2026, 00:30"
        assert written.day(instant) == "3 Mar 2026"


def test_fields_and_drawings_have_the_same_numbers_and_dates_in_every_language() -> None:
    from django.forms import DateInput
    from django.template import Context, Template

    with translation.override("fr"):
        assert Template("{{ x }}").render(Context({"x": 1.5})) == "1.5"
        assert Template("{{ x }}").render(Context({"x": 12345})) == "12345"
        assert DateInput(attrs={"type": "date"}).format_value(date(2026, 3, 2)) == "2026-03-02"
