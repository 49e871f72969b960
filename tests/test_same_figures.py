"""The same figure wherever it is asked for, to the last digit, under any filters: 200 combinations of them.

Expected are the fills, folded another way (`tests.exact_model`); asked are the API's answers and list, the export, the
breakdowns, the command, and the pages.
"""

import csv
import io
import json
import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import fields
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.management import call_command
from django.http import QueryDict
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Account, AccountGroup, AccountTag, User
from journal import dimensions, filters, playbooks
from journal.dimensions import Grain
from journal.filters import MetricsFilter
from journal.models import Playbook
from journal.playbooks import WrittenRule
from tests import histories
from tests.exact_model import Rates, Trip, converted, decimal, expected, keys_of, trips_of
from tests.histories import History
from trading.models import Tag, TagGroup, Trade

pytestmark = pytest.mark.django_db

COMBINATIONS = 200
#: Each so many combinations, pages are looked at as well.
PAGES_EVERY = 10
_SIMPLE = [each for each in dimensions.BY_NAME.values() if not each.is_many]


@pytest.fixture(autouse=True)
def _media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def test_every_view_has_the_same_figures(alice: User, alice_api: APIClient, alice_client: Client) -> None:
    histories.seed_reference()
    History(alice, 410).live(15)
    chance = random.Random(410)
    say_something(alice, chance)
    trips, rates = trips_of(alice), Rates()
    choices = choices_of(alice, trips, chance)
    met = found_something = 0
    for number in range(COMBINATIONS):
        params = a_query(choices, chance)
        wanted = filters.parse(QueryDict(urlencode(params, doseq=True)), user=alice)
        found = expected(alice, trips, wanted)
        money = converted(found, wanted.currency or alice.reporting_currency, rates)
        net = decimal(sum(money.days.values(), Fraction(0)))
        count = sum(sums.trade_count for sums in found.by_currency.values())
        by_currency = {name: decimal(sums.net_pnl) for name, sums in found.by_currency.items()}

        answers_agree(alice_api, params, net=net, count=count, by_currency=by_currency, unconverted=money.unconverted)
        trades_agree(alice_api, alice_client, params, by_currency)
        groups_agree(alice_api, params, chance, net=net, count=count)
        said = told(alice, params)
        assert (Decimal(said["total_pnl"] or 0), said["total_trades"]) == (net, count), params
        if number % PAGES_EVERY == 0 and "month" not in params:  # on pages it says which month is shown
            pages_agree(alice_client, params, net=net)
        met += 1
        found_something += bool(by_currency)
    assert met == COMBINATIONS
    assert found_something > COMBINATIONS / 3


def answers_agree(
    api: APIClient,
    params: dict[str, Any],
    *,
    net: Decimal,
    count: int,
    by_currency: dict[str, Decimal],
    unconverted: Any,
) -> None:
    metrics = read(api, "aggregate/metrics/", params)
    calendar = read(api, "aggregate/calendar/", {name: value for name, value in params.items() if name != "month"})
    curve = read(api, "aggregate/equity-curve/", params)

    assert {row["currency"]: Decimal(row["total_pnl"]) for row in metrics["by_currency"]} == by_currency, params
    assert (Decimal(metrics["total_pnl"] or 0), metrics["total_trades"]) == (net, count), params
    assert {row["currency"]: Decimal(row["net_pnl"]) for row in metrics["unconverted"]} == {
        currency: decimal(amount) for currency, amount in unconverted.items()
    }, params
    assert Decimal(curve["combined"][-1]["cumulative_pnl"] if curve["combined"] else 0) == net, params
    if "month" not in params:  # there it says which month is shown, and excludes other days
        assert (Decimal(calendar["total_pnl"]), calendar["total_trades"]) == (net, count), params


def trades_agree(api: APIClient, client: Client, params: dict[str, Any], by_currency: dict[str, Decimal]) -> None:
    """The trades of a filter realized what its figures say, in the list of the API and in the file."""
    listed: defaultdict[str, Decimal] = defaultdict(Decimal)
    for trade in every_trade(api, params):
        listed[trade["currency"]] += Decimal(trade["realized_pnl"])
    answer = client.get("/trades/export/", params)
    assert answer.status_code == 200, params
    content = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    exported: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in csv.DictReader(io.StringIO(content, newline="")):
        exported[row["currency"]] += Decimal(row["realized_pnl"] or 0)
    assert without_nothing(listed) == without_nothing(by_currency), params
    assert without_nothing(exported) == without_nothing(by_currency), params


def groups_agree(api: APIClient, params: dict[str, Any], chance: random.Random, *, net: Decimal, count: int) -> None:
    """The rows of a breakdown add up, and one of them is what its own link gives."""
    by = chance.choice(_SIMPLE)
    rows = read(api, "aggregate/breakdown/", {**params, "by": by.name})["rows"]
    assert sum((Decimal(row["total_pnl"] or 0) for row in rows), Decimal(0)) == net, (by.name, params)
    if by.grain is not Grain.DAY:
        assert sum(row["total_trades"] for row in rows) == count, (by.name, params)
    by = chance.choice(list(dimensions.BY_NAME.values()))
    rows = read(api, "aggregate/breakdown/", {**params, "by": by.name})["rows"]
    if not rows:
        return
    row = chance.choice(rows)
    link = by.parameters(row["key"])
    if set(link) & set(params) or ("month" in params and "from" in link):
        return  # a link replaces what is there, so it would be another question
    behind = read(api, "aggregate/metrics/", {**params, **link})
    assert behind["total_trades"] == row["total_trades"], (link, params)
    # Money of one currency that the rates do not convert wholly stays in it, where it is alone (docs/metrics.md).
    if behind["currency"] == row["currency"]:
        assert (behind["total_pnl"] or "0") == (row["total_pnl"] or "0"), (link, params)


def pages_agree(client: Client, params: dict[str, Any], *, net: Decimal) -> None:
    """Pages show the figures that the answers have; those with a sum in their context, to the last digit."""
    for path in ("/", "/calendar/", "/trades/", "/reports/?by=symbol"):
        separator = "&" if "?" in path else "?"
        answer = client.get(f"{path}{separator}{urlencode(params, doseq=True)}")
        assert answer.status_code == 200, (path, params)
        for sums in sums_of(answer.context):
            assert (sums.figures.totals.net_pnl if sums.figures.currency else Decimal(0)) == net, (path, params)


def sums_of(context: Any) -> list[Any]:
    """The aggregate metrics of this filter that a page was made with."""
    names = ("metrics", "sums")
    return [context[name] for name in names if context and name in context and hasattr(context[name], "figures")]


def told(owner: User, params: dict[str, Any]) -> Any:
    """What the command says."""
    text = io.StringIO()
    arguments = [f"--email={owner.email}", "--json"]
    pairs = QueryDict(urlencode(params, doseq=True)).lists()
    arguments += [f"--{name.replace('_', '-')}={each}" for name, values in pairs if name != "unit" for each in values]
    call_command("metrics", *arguments, stdout=text)
    return json.loads(text.getvalue())


def say_something(owner: User, chance: random.Random) -> None:
    """Accounts are sorted; trades are rated, reviewed, tagged by setup and mistake, and held against playbooks."""
    groups = [AccountGroup.objects.create(owner=owner, name=name) for name in ("Funded", "none")]
    labels = [AccountTag.objects.create(owner=owner, name=name) for name in ("copied", "night")]
    for account in Account.objects.filter(owner=owner):
        account.group = chance.choice([*groups, None])
        account.save(update_fields=["group"])
        account.tags.set(chance.sample(labels, chance.randrange(3)))
    roles = {role: TagGroup.objects.create(owner=owner, name=role, role=role) for role in ("setup", "mistake")}
    tags = [
        Tag.objects.create(owner=owner, name=name, group=roles[role])
        for name, role in (("Breakout", "setup"), ("none", "setup"), ("Chased", "mistake"), ("=late", "mistake"))
    ]
    books: list[Playbook] = [
        playbooks.create(owner=owner, name=name, rules=[WrittenRule("With the trend"), WrittenRule("Stop first")])
        for name in ("Opening drive", "Fade")
    ]
    for trade in Trade.objects.filter(owner=owner).order_by("pk"):
        trade.rating = chance.choice([None, 1, 3, 5])
        trade.reviewed_at = chance.choice([None, timezone.now()])
        trade.save(update_fields=["rating", "reviewed_at"])
        trade.tags.add(*chance.sample(tags, chance.randrange(3)))
        for book in chance.sample(books, chance.choice([0, 0, 1, 2])):
            taken = playbooks.assign(trade, playbook=book)
            rules = playbooks.rules_of(taken.version)
            kept = {rule.key: chance.choice([True, False, None]) for rule in rules}
            playbooks.check(taken, kept=kept)


def choices_of(owner: User, trips: Iterable[Trip], chance: random.Random) -> dict[str, list[Any]]:
    """What can be asked for: keys that there are, and some that there are not."""
    rows = Account.objects.filter(owner=owner).select_related("group").prefetch_related("tags").order_by("pk")
    accounts = {account.pk: account for account in rows}
    keys: defaultdict[str, set[str]] = defaultdict(set)
    for trip in trips:
        for name, found in keys_of(trip, accounts[trip.account_id]).items():
            keys[name] |= found
        keys["symbol"] |= {trip.symbol, f"={trip.symbol}", *([trip.root] if trip.root else [])}
        keys["from"] |= {part.day.isoformat() for part in trip.exits}
    ids = [str(account.public_id) for account in accounts.values()]
    choices: dict[str, list[Any]] = {name: sorted(found) for name, found in keys.items()}
    for name in ("setup", "mistake", "tag", "group"):
        choices[name] = [*choices[name], "absent"]
    choices["rule"] = [key.partition(":")[0] for key in choices["rule"]]
    choices |= {
        "account": [chance.sample(ids, chance.randint(1, len(ids))) for _ in range(8)],
        "broker": ["Alpha", "Unknown", "Nobody"],
        "to": choices["from"],
        "month": ["2026-01", "2026-02", "2026-03"],
        "weekday": list("1234567"),
        "currency": ["USD", "EUR", "GBP", "JPY"],
        "unit": ["money", "r"],
        "kept": ["yes", "no"],
    }
    assert set(choices) == set(filters.NAMES)
    return choices


def a_query(choices: dict[str, list[Any]], chance: random.Random) -> dict[str, Any]:
    """Nothing, or up to four things."""
    names = chance.sample(sorted(choices), min(chance.randint(0, 5), 4))
    params = {name: chance.choice(choices[name]) for name in names}
    if params.get("rule", "none") == "none":
        params.pop("kept", None)
    if "from" in params and "to" in params and params["from"] > params["to"]:
        params["from"], params["to"] = params["to"], params["from"]
    return params


def without_nothing(sums: Any) -> dict[str, Decimal]:
    return {currency: amount for currency, amount in sums.items() if amount}


def read(api: APIClient, path: str, params: dict[str, Any]) -> Any:
    answer = api.get(f"/api/v1/{path}", params)
    assert answer.status_code == 200, (params, answer.content)
    found = answer.json()
    assert not found.get("stale")
    return found


def every_trade(api: APIClient, params: dict[str, Any]) -> list[dict[str, Any]]:
    """All pages of the list; nothing comes twice and nothing is missing."""
    listed: list[dict[str, Any]] = []
    asked = {**params, "limit": 100}
    while True:
        page = read(api, "trades/", asked)
        listed += page["results"]
        if not page["has_more"]:
            assert len({trade["id"] for trade in listed}) == len(listed) == page["total"]
            return listed
        asked["cursor"] = page["next"]


def test_the_filter_has_a_field_for_every_parameter() -> None:
    asked = set(filters.NAMES) - {"unit", "kept", "month", "account", "from", "to"}

    assert {field.name for field in fields(MetricsFilter)} == asked | {"accounts", "start", "end"}
