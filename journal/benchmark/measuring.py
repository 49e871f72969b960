"""The measurement itself: every way to an answer in turn, after it is proven that they give the same answer."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import orjson
import psycopg
import redis
from django.conf import settings
from django.db import connection, transaction

from accounts import versions
from accounts.models import User
from journal import reports
from journal.benchmark import scenarios
from journal.benchmark.scenarios import Scenario
from journal.benchmark.server import ApiConnection
from journal.benchmark.timing import Spread, Timed, spreads
from journal.metrics import rollups
from trading.models import FillRole, Outcome, TradeFill

#: Rounds before the counted ones: connections, prepared statements, code that runs for the first time.
UNTIMED = 5
_SAMPLE = "benchmark"

Times = dict[str, Any]
Say = Callable[[str], None]


class UnequalAnswers(Exception):
    """Two ways to one answer gave two answers."""


def measure(
    owner: User, wanted: list[Scenario], *, iterations: int, api: ApiConnection | None, say: Say
) -> dict[str, Times]:
    """The times of each scenario by its name. Raises UnequalAnswers, ServerError and redis.RedisError.

    The ways to an answer take turns, and the pages of one list too, as they are compared with each other.
    """
    found: dict[str, Times] = {}
    with _by_hand() as database, redis.Redis.from_url(settings.REDIS_URL) as cache:
        cache.ping()
        for scenario in wanted:
            _verify(scenario, database=database, api=api)
        for _, group in itertools.groupby(wanted, key=lambda scenario: scenario.group):
            together = list(group)
            say(f"timing {', '.join(scenario.name for scenario in together)}")
            ways = {
                (scenario.name, way): timed
                for scenario in together
                for way, timed in _ways(owner, scenario, database=database, cache=cache, api=api).items()
            }
            try:
                taken = spreads(ways, iterations=iterations, untimed=UNTIMED)
            finally:
                _forget(owner, cache)
            for scenario in together:
                found[scenario.name] = _named(
                    {way: spread for (name, way), spread in taken.items() if name == scenario.name}
                )
    return found


def one_changed_trade(owner: User, *, iterations: int, say: Say) -> Times:
    """A dashboard, cold, after one of the trades has changed; and the same where none has."""
    say("timing oneChangedTrade")

    def dashboard() -> None:
        reports.aggregate_metrics(owner)
        reports.equity_curve(owner)

    with _changes(owner) as change:
        timed = {
            "unchanged": Timed(dashboard, before=lambda: versions.bump(owner.pk)),
            "changed": Timed(dashboard, before=change),
        }
        taken = spreads(timed, iterations=iterations, untimed=UNTIMED)
    return {"function": {name: asdict(each) for name, each in taken.items()}}


@contextmanager
def _changes(owner: User) -> Iterator[Callable[[], None]]:
    """Each call adds 1.00 to the P&L of a trade, or takes it away again, and so does the end where it is left added.

    Not by `trading.trades`, which keeps every corrected fill and a line in the audit log for good.
    """
    part = TradeFill.objects.filter(
        account__owner=owner, role=FillRole.EXIT, trade__outcome=Outcome.WIN
    ).latest("id")  # fmt: skip
    is_added = False

    def change() -> None:
        nonlocal is_added
        by = -1 if is_added else 1
        with transaction.atomic(), connection.cursor() as cursor:
            versions.bump(owner.pk)
            for table, key in (("trading_tradefill", part.pk), ("trading_trade", part.trade_id)):
                cursor.execute(
                    f"UPDATE {table} SET gross_pnl = gross_pnl + %s, net_pnl = net_pnl + %s WHERE id = %s",  # noqa: S608
                    [by, by, key],
                )
            rollups.request(owner.pk, days=[(part.account_id, part.day)])
        is_added = not is_added

    try:
        yield change
    finally:
        if is_added:
            change()
        rollups.recompute(owner.pk)


@contextmanager
def _by_hand() -> Iterator[psycopg.Connection[Any]]:
    """A connection of its own, without anything of the framework."""
    given: dict[str, Any] = connection.get_connection_params()
    place: dict[str, Any] = {name: value for name, value in given.items() if isinstance(value, (str, int))}
    with psycopg.connect(**place, autocommit=True) as plain:
        plain.execute("SET TIME ZONE 'UTC'")
        yield plain


def _verify(scenario: Scenario, *, database: psycopg.Connection[Any], api: ApiConnection | None) -> None:
    answer = scenario.call()
    by_hand = scenario.plain_rows(scenarios.fetched(database, scenario))
    if scenario.plain(answer) != by_hand:
        raise UnequalAnswers(f"{scenario.name}: the function and the SQL do not give the same answer.")
    if api is not None and scenario.path is not None:
        over_http = scenario.brief_json(orjson.loads(api.get(scenario.path)))
        if scenario.brief(answer) != over_http:
            raise UnequalAnswers(f"{scenario.name}: the function and the API do not give the same answer.")


def _ways(
    owner: User,
    scenario: Scenario,
    *,
    database: psycopg.Connection[Any],
    cache: "redis.Redis",
    api: ApiConnection | None,
) -> dict[str, Timed]:
    # Nothing kept is found again once the version has moved on: so an answer gets cold in the product as well.
    def moved_on() -> int:
        return versions.bump(owner.pk)

    ways = {"cold": Timed(scenario.call, before=moved_on)}
    if scenario.is_kept:
        ways["warm"] = Timed(scenario.call)
    ways["sql"] = Timed(lambda: scenarios.fetched(database, scenario))
    if scenario.is_kept:
        key = f"{_SAMPLE}:{owner.pk}:{scenario.name}"
        cache.set(key, _kept_bytes(owner, scenario, cache), ex=3600)
        ways["redis"] = Timed(lambda: cache.get(key))
    if api is not None and scenario.path is not None:
        path = scenario.path
        ways["http cold"] = Timed(lambda: api.get(path), before=moved_on)
        ways["http warm"] = Timed(lambda: api.get(path))
    return ways


def _named(taken: Mapping[str, Spread]) -> Times:
    shown = {name: asdict(spread) for name, spread in taken.items()}
    has_http = "http cold" in shown
    return {
        "function": {name: shown[name] for name in ("cold", "warm") if name in shown},
        "http": {"cold": shown["http cold"], "warm": shown["http warm"]} if has_http else None,
        "sql": shown["sql"],
        "redis": shown.get("redis"),
    }


def _kept_bytes(owner: User, scenario: Scenario, cache: "redis.Redis") -> bytes:
    """The answer as it is kept: all that is under the newest version after one call."""
    version = versions.bump(owner.pk)
    scenario.call()
    keys = list(cache.scan_iter(match=f"*:{owner.pk}:{version}:*", count=1000))
    return b"".join(kept for kept in cache.mget(keys) if isinstance(kept, bytes)) if keys else b""


def _forget(owner: User, cache: "redis.Redis") -> None:
    """What the timing left in the cache is gone, so that it does not fill up."""
    for prefix in (settings.CACHES["default"]["KEY_PREFIX"], _SAMPLE):
        for key in cache.scan_iter(match=f"{prefix}:*{owner.pk}:*", count=1000):
            cache.unlink(key)
