"""The curves of a few accounts, picked to be drawn over the one of all of them: in its currency, on its days."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from accounts.decimals import plain
from accounts.models import Account, User
from journal import conversion, day_rows, reading
from journal.filters import MetricsFilter

#: Lines that eyes can still tell apart.
MOST_LINES = 12


@dataclass(frozen=True, slots=True)
class AccountLine:
    """What one account made day by day, in the currency asked for and in R.

    `is_partial`: some of its money has no rate into that currency and is left out.
    """

    id: str
    name: str
    daily: list[tuple[date, Decimal]]
    in_r: dict[date, Decimal]
    is_partial: bool


def account_lines(user: User, wanted: MetricsFilter, picked: Sequence[UUID], *, currency: str) -> list[AccountLine]:
    """A line for each of the picked accounts that are this person's, in the order of picking.

    Every filter applies but those that choose accounts. An account that made nothing has an empty line.
    """
    accounts = list(
        Account.objects.for_user(user).filter(public_id__in=picked).values_list("pk", "public_id", "name")[:MOST_LINES]
    )
    if not accounts:
        return []
    accounts.sort(key=lambda each: picked.index(each[1]))
    narrowed = of_accounts(wanted, tuple(sorted(pk for pk, _, _ in accounts)))
    kept = reading.answer(
        "aggregate",
        user,
        parts=["lines", narrowed, currency],
        build=lambda: {"lines": _daily(user.pk, narrowed, currency)},
    )["lines"]
    return [
        AccountLine(
            id=str(key),
            name=name,
            daily=[(date.fromisoformat(day), Decimal(pnl)) for day, pnl in of_one["daily"]],
            in_r={date.fromisoformat(day): Decimal(r) for day, r in of_one["in_r"]},
            is_partial=of_one["is_partial"],
        )
        for pk, key, name in accounts
        for of_one in [kept.get(str(pk)) or {"daily": [], "in_r": [], "is_partial": False}]
    ]


def of_accounts(wanted: MetricsFilter, accounts: tuple[int, ...]) -> MetricsFilter:
    """The filter about these accounts instead of those that it chooses."""
    others = {name: None for name in ("broker", "group", "account_tag") if hasattr(wanted, name)}
    return replace(wanted, accounts=accounts, **others)


def _daily(owner_id: int, wanted: MetricsFilter, currency: str) -> dict[str, dict[str, Any]]:
    source, values = day_rows.by_account_and_day(owner_id, wanted)
    rows = reading.rows(
        "SELECT r.account_id, r.currency, r.day, sum(r.net_pnl), sum(r.r_sum), sum(r.r_count)::bigint "  # noqa: S608
        f"FROM {source} GROUP BY 1, 2, 3 ORDER BY 1, 3",
        values,
    )
    foreign = {(row[1], row[2]) for row in rows if row[1] != currency}
    rates = conversion.rates_into(currency, wanted=sorted(foreign)) if foreign else {}
    money: defaultdict[int, defaultdict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    in_r: defaultdict[int, defaultdict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    partial = set()
    for account_id, own, day, net_pnl, r_sum, r_count in rows:
        rate = Decimal(1) if own == currency else rates.get((own, day))
        if rate is None:
            partial.add(account_id)
        else:
            money[account_id][day] += net_pnl * rate
        if r_count:
            in_r[account_id][day] += r_sum
    return {
        str(account_id): {
            "daily": [[day.isoformat(), plain(pnl)] for day, pnl in money[account_id].items()],
            "in_r": [[day.isoformat(), plain(r)] for day, r in in_r[account_id].items()],
            "is_partial": account_id in partial,
        }
        for account_id in {row[0] for row in rows}
    }
