"""What the times are held against: the document's own system as measured, and the bars that follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from journal.benchmark.dataset import Size

#: What the document reports itself: p95 in milliseconds of ten warm calls at 100 accounts, machine not stated.
REPORTED = {
    "getAccounts": 156,
    "getAccountsWithStats": 197,
    "getAccountById": 120,
    "getAccountStats": 99,
    "getUserBrokers": 128,
    "getAggregateMetrics": 584,
    "getAggregateEquityCurve": 816,
}

#: The document's own system, cold, 100 accounts: p50 and p95 in milliseconds of each of its two versions.
#: Medians of 3 runs of 200 on 2 cores of an AMD EPYC, 24 GiB, Debian 12, PostgreSQL 18.4, Redis 7.0.15, 2026-11-20:
#: Prisma 5.22 (its query engine compiled to WebAssembly) and Prisma 7.10.
MEASURED = {
    "getAccounts": ((3.51, 8.10), (1.75, 6.85)),
    "getAccountsWithStats": ((14.04, 17.45), (4.12, 6.98)),
    "getAccountById": ((0.817, 1.98), (0.554, 2.17)),
    "getAccountStats": ((0.844, 1.64), (0.518, 1.21)),
    "getUserBrokers": ((0.954, 1.94), (0.485, 1.48)),
    "getAggregateMetrics": ((67.20, 80.76), (19.22, 29.81)),
    "getAggregateEquityCurve": ((65.59, 80.24), (24.67, 29.92)),
}
#: How many times faster than the better of the two a cold answer has to be.
TIMES_FASTER = {"getAccountsWithStats": 3, "getAggregateMetrics": 5, "getAggregateEquityCurve": 5}

#: Bars in milliseconds.
WARM_P50, HTTP_ADDS, CHANGE_ADDS, LARGE_WARM_P50 = 1.0, 10.0, 30.0, 2.0
LARGE_COLD_P95 = {"getAggregateMetrics": 25.0, "getAggregateEquityCurveCombined": 10.0}
#: Bars as ratios.
TIMES_SQL, DEEP_PAGE = 3.0, 1.5
#: Below this nothing can be told from noise: round trips alone differ by as much.
NOISE = 0.1

SMALL, LARGE = (100, 3_000), (1_000, 1_000_000)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One bar, and the number that was held against it."""

    what: str
    number: float
    bar: float
    unit: str = "ms"

    @property
    def is_met(self) -> bool:
        return self.number <= self.bar

    def __str__(self) -> str:
        sign = "pass" if self.is_met else "FAIL"
        return f"{sign}  {self.what}: {self.number:.3g} {self.unit} (at most {self.bar:.3g})"


def verdicts(scenarios: Mapping[str, Any], *, size: Size) -> list[Verdict]:
    """Every bar that holds at this size, in the order of the scenarios. `scenarios` is what `--json` prints of them."""
    found: list[Verdict] = []
    for name, times in scenarios.items():
        if (size.accounts, size.trades) == SMALL and name in MEASURED:
            found += _small(name, times)
        if (size.accounts, size.trades) == LARGE and name in LARGE_COLD_P95:
            found += _large(name, times)
        if times.get("http") and times["function"].get("cold"):
            found += [
                Verdict(
                    f"{name}: HTTP adds, {state} p50",
                    times["http"][state]["p50"] - times["function"][state]["p50"],
                    HTTP_ADDS,
                )
                for state in ("cold", "warm")
            ]
    if "oneChangedTrade" in scenarios:
        function = scenarios["oneChangedTrade"]["function"]
        for name in ("p50", "p95"):
            more = function["changed"][name] - function["unchanged"][name]
            found.append(Verdict(f"one changed trade: the next dashboard costs more, {name}", more, CHANGE_ADDS))
    return found + _pages(scenarios)


def _small(name: str, times: Mapping[str, Any]) -> list[Verdict]:
    faster = TIMES_FASTER.get(name, 1)
    bar = min(p95 for _, p95 in MEASURED[name]) / faster
    what = f"{name}: cold p95" + (f", {faster} times faster than the document's system" if faster > 1 else "")
    return [
        Verdict(what, times["function"]["cold"]["p95"], bar),
        Verdict(f"{name}: warm p50", times["function"]["warm"]["p50"], WARM_P50),
    ]


def _large(name: str, times: Mapping[str, Any]) -> list[Verdict]:
    function, sql = times["function"], times["sql"]
    return [
        Verdict(f"{name}: cold p95", function["cold"]["p95"], LARGE_COLD_P95[name]),
        Verdict(f"{name}: cold p50 over SQL", function["cold"]["p50"] / sql["p50"], TIMES_SQL, "times"),
        Verdict(f"{name}: cold p95 over SQL", function["cold"]["p95"] / sql["p95"], TIMES_SQL, "times"),
        Verdict(f"{name}: warm p50", function["warm"]["p50"], LARGE_WARM_P50),
    ]


def _pages(scenarios: Mapping[str, Any]) -> list[Verdict]:
    found = []
    for kind in ("accountsPageDepth", "tradesPageDepth"):
        pages = {int(name.removeprefix(kind)): times for name, times in scenarios.items() if name.startswith(kind)}
        if len(pages) < 2:
            continue
        first, deep = min(pages), max(pages)
        shallow, slow = (pages[depth]["function"]["cold"]["p50"] for depth in (first, deep))
        ratio = slow / shallow if slow - shallow > NOISE else 1.0
        found.append(Verdict(f"{kind}{deep} over {kind}{first}, cold p50", ratio, DEEP_PAGE, "times"))
    return found
