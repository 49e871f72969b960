"""The result as people read it: one table, the ratios, what the document has, and the verdicts."""

import os
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import django
import psycopg
from django.db import connection

from journal.benchmark.dataset import Dataset
from journal.benchmark.verdicts import MEASURED, REPORTED, Verdict

_COLUMNS = ("min", "mean", "p50", "p95", "p99")


def machine() -> dict[str, Any]:
    """What it ran on."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (postgres,) = cursor.fetchone()
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_average": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        "django": django.get_version(),
        "psycopg": psycopg.__version__,
        "postgres": postgres,
    }


def dataset_json(dataset: Dataset, *, iterations: int) -> dict[str, Any]:
    """What it ran on besides the machine."""
    size = dataset.size
    return {
        "accounts": size.accounts,
        "trades": size.trades,
        "days": size.days,
        "seed": size.seed,
        "account_days": dataset.account_days,
        "owner_days": dataset.owner_days,
        "iterations": iterations,
    }


def table(scenarios: Mapping[str, Any]) -> Iterable[str]:
    """A line for each way to each answer, in milliseconds."""
    yield f"{'milliseconds':<44}" + "".join(f"{name:>10}" for name in _COLUMNS)
    for name, times in scenarios.items():
        yield name
        for label, spread in _ways(times):
            yield f"  {label:<42}" + "".join(f"{spread[column]:>10.3f}" for column in _COLUMNS)


def ratios(scenarios: Mapping[str, Any]) -> Iterable[str]:
    """How far each answer is from the SQL by hand, and what HTTP adds."""
    yield f"{'':<34}{'cold / SQL':>22}{'HTTP - function, p50':>26}{'warm / Redis':>16}"
    yield f"{'':<34}{'p50':>11}{'p95':>11}{'cold':>13}{'warm':>13}{'p50':>16}"
    for name, times in scenarios.items():
        if "sql" not in times:
            continue
        function, http = times["function"], times["http"]
        line = f"{name:<34}" + "".join(
            f"{function['cold'][column] / times['sql'][column]:>11.2f}" for column in ("p50", "p95")
        )
        for state in ("cold", "warm"):
            added = f"{http[state]['p50'] - function[state]['p50']:.2f}" if http else "-"
            line += f"{added:>13}"
        kept = f"{function['warm']['p50'] / times['redis']['p50']:.2f}" if times["redis"] else "-"
        yield f"{line}{kept:>16}"


def reference(scenarios: Mapping[str, Any]) -> Iterable[str]:
    """The document's system at 100 accounts, for comparison."""
    yield "The document's own system at 100 accounts x 3,000 trades, ms (see docs/benchmark.md):"
    yield f"{'':<34}{'reported p95':>14}{'measured cold p50 / p95: Prisma 5.22':>40}{'Prisma 7':>18}"
    for name, (older, newer) in MEASURED.items():
        if name in scenarios:
            yield f"{name:<34}{REPORTED[name]:>14}{f'{older[0]} / {older[1]}':>40}{f'{newer[0]} / {newer[1]}':>18}"


def conclusion(found: list[Verdict]) -> Iterable[str]:
    """Every bar with its number, and how many are met."""
    yield from map(str, found)
    if found:
        yield f"{sum(verdict.is_met for verdict in found)} of {len(found)} bars are met."
    else:
        yield "No bar holds for this size."


def _ways(times: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, float]]]:
    for way in ("function", "http"):
        for state, spread in (times.get(way) or {}).items():
            yield f"{'HTTP' if way == 'http' else way}, {state}", spread
    for way, label in (("sql", "SQL by hand"), ("redis", "Redis GET")):
        if times.get(way):
            yield label, times[way]


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
