"""What trades taken by a playbook came to, and what keeping or breaking each of its rules made of them.

The sums are made by the rules of every other figure (`journal.day_rows`), so that they agree with the list of trades
and the metrics of the same filter.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from journal import day_rows, reading, series
from journal.chosen_trades import Sql
from journal.conversion import Conversion, Unconverted
from journal.dimensions import BY_NAME
from journal.figures import Answer, Figures
from journal.filters import MetricsFilter
from journal.metrics.rollups import COLUMNS
from journal.models import Playbook, PlaybookRule

_TAKEN = "JOIN journal_tradeplaybook tp ON tp.trade_key = t.public_id AND tp.owner_id = t.owner_id"
_OF_ONE = f"{_TAKEN} AND tp.playbook_id = %s"
_CHECKS = "JOIN journal_rulecheck c ON c.trade_playbook_id = tp.id JOIN journal_playbookrule pr ON pr.id = c.rule_id"
_CHECKED = f"{_OF_ONE} {_CHECKS}"
#: As sums by rule keep it.
_VERDICT = "pr.key::text || CASE WHEN c.is_kept THEN ':k' ELSE ':b' END"
_BY_PLAYBOOK, _BY_RULE = BY_NAME["playbook"], BY_NAME["rule"]


@dataclass(frozen=True, slots=True)
class RuleResult:
    """A rule in its newest words, with the trades that kept it and those that broke it, over all versions."""

    key: uuid.UUID
    group: str
    text: str
    is_current: bool
    kept: Figures
    broken: Figures

    @property
    def expectancy_difference(self) -> Decimal | None:
        """How much more a trade made that kept the rule; None without trades on both sides."""
        return _difference(self.kept.expectancy, self.broken.expectancy)

    @property
    def r_difference(self) -> Decimal | None:
        return _difference(self.kept.expectancy_r, self.broken.expectancy_r)

    @property
    def kept_share(self) -> Decimal | None:
        """Of the closed trades that were looked at, the fraction that kept the rule."""
        count = self.kept.trade_count + self.broken.trade_count
        return Decimal(self.kept.trade_count) / count if count else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybookResults(Answer):
    """All trades of one playbook, and its rules in the order of the newest version, retired ones last."""

    currency: str | None
    whole: Figures
    rules: tuple[RuleResult, ...]
    unconverted: tuple[Unconverted, ...]


def _difference(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else one - other


def results(user: User, playbook: Playbook, wanted: MetricsFilter | None = None) -> PlaybookResults:
    """What the playbook's trades among those of the filter came to, whole and by rule kept and broken."""
    wanted = wanted or MetricsFilter()
    kept = reading.answer(
        "aggregate",
        user,
        parts=["playbook", wanted, str(playbook.public_id)],
        build=lambda: _results(user, playbook, wanted),
        parts_read=(*day_rows.parts_read(wanted, _BY_PLAYBOOK), *day_rows.parts_read(wanted, _BY_RULE)),
    )
    nothing = [kept["currency"], *[None] * len(COLUMNS)]
    found = {key: [kept["currency"], *sums] for key, *sums in kept["rows"]}

    def figures(key: str) -> Figures:
        return Figures.of(found.get(key, nothing))

    return PlaybookResults(
        as_of=kept["as_of"],
        stale=kept["stale"],
        missing_days=kept["missing_days"],
        currency=kept["currency"],
        whole=figures(str(playbook.pk)),
        rules=tuple(
            RuleResult(
                key=rule.key,
                group=rule.group,
                text=rule.text,
                is_current=is_current,
                kept=figures(f"{rule.key}:k"),
                broken=figures(f"{rule.key}:b"),
            )
            for rule, is_current in _rules(playbook)
        ),
        unconverted=series.unconverted_of(kept["unconverted"]),
    )


def of_each(user: User, wanted: MetricsFilter | None = None) -> Mapping[int, Figures]:
    """What the trades of each playbook came to, by the playbook's key; those without trades are left out."""
    wanted = wanted or MetricsFilter()
    kept = reading.answer(
        "aggregate",
        user,
        parts=["playbooks", wanted],
        build=lambda: _of_each(user, wanted),
        parts_read=day_rows.parts_read(wanted, _BY_PLAYBOOK),
    )
    return {int(key): Figures.of([kept["currency"], *sums]) for key, *sums in kept["rows"]}


def table_of_each(found: Iterable[tuple[Playbook, Figures | None]]) -> tuple[list[str], list[list[object]]]:
    """The headings and the rows of playbooks with what each came to."""
    headings = [
        _("Playbook"), _("Trades"), _("Net P&L"), _("Currency"), _("Win rate"), _("Expectancy"), _("Average R"),
        _("Archived"),
    ]  # fmt: skip
    return headings, [[playbook.name, *_values(figures), playbook.archived_at] for playbook, figures in found]


def table_of_rules(found: PlaybookResults) -> tuple[list[str], list[list[object]]]:
    """The headings and the rows of a playbook: the whole first, then each rule kept and each rule broken."""
    headings = [
        _("Group"), _("Rule"), _("Rule kept"), _("Trades"), _("Net P&L"), _("Currency"), _("Win rate"),
        _("Expectancy"), _("Average R"),
    ]  # fmt: skip
    rows: list[list[object]] = [["", _("All its trades"), "", *_values(found.whole)]]
    for rule in found.rules:
        rows.append([rule.group, rule.text, _("Yes"), *_values(rule.kept)])
        rows.append([rule.group, rule.text, _("No"), *_values(rule.broken)])
    return headings, rows


def _values(figures: Figures | None) -> list[object]:
    if figures is None:
        return [0, None, None, None, None, None]
    return [
        figures.trade_count,
        figures.net_pnl,
        figures.currency,
        figures.win_rate,
        figures.expectancy,
        figures.expectancy_r,
    ]


def _rules(playbook: Playbook) -> list[tuple[PlaybookRule, bool]]:
    """Each rule that the playbook ever had in its newest words, and whether it has it now."""
    newest: dict[uuid.UUID, PlaybookRule] = {}
    rules = PlaybookRule.objects.filter(version__playbook=playbook).select_related("version")
    for rule in rules.order_by("-version__number", "position"):
        newest.setdefault(rule.key, rule)
    last = max((rule.version.number for rule in newest.values()), default=0)
    latest = playbook.versions.order_by("-number").values_list("number", flat=True).first() or last
    return [(rule, rule.version.number == latest) for rule in newest.values()]


def _results(user: User, playbook: Playbook, wanted: MetricsFilter) -> dict[str, Any]:
    whole = day_rows.kept_by(user.pk, wanted, _BY_PLAYBOOK, keys=[str(playbook.pk)]) or day_rows.from_trades(
        user.pk, wanted, key="tp.playbook_id::text", joins=_OF_ONE, key_values=(playbook.pk,)
    )
    checked = _kept_by_rule(user, playbook, wanted) or day_rows.from_trades(
        user.pk, wanted, key=_VERDICT, joins=_CHECKED, key_values=(playbook.pk,)
    )
    with reading.one_snapshot():
        found = _conversion(user, wanted, whole)
        rows = [*_grouped(whole, found), *_grouped(checked, found)]
    return {"currency": found.currency, "rows": rows, "unconverted": series.kept_unconverted(found)}


def _kept_by_rule(user: User, playbook: Playbook, wanted: MetricsFilter) -> Sql | None:
    """The kept sums of the playbook's rules; None where another playbook has one of them too."""
    rules = PlaybookRule.objects.filter(version__playbook__owner=user)
    keys = set(rules.filter(version__playbook=playbook).values_list("key", flat=True))
    if rules.filter(key__in=keys).exclude(version__playbook=playbook).exists():
        return None
    verdicts = [f"{key}:{verdict}" for key in sorted(keys) for verdict in "kb"]
    return day_rows.kept_by(user.pk, wanted, _BY_RULE, keys=verdicts)


def _of_each(user: User, wanted: MetricsFilter) -> dict[str, Any]:
    keys = [str(key) for key in Playbook.objects.for_user(user).values_list("pk", flat=True)]
    source = day_rows.kept_by(user.pk, wanted, _BY_PLAYBOOK, keys=keys) or day_rows.from_trades(
        user.pk, wanted, key="tp.playbook_id::text", joins=_TAKEN
    )
    with reading.one_snapshot():
        found = _conversion(user, wanted, source)
        return {"currency": found.currency, "rows": _grouped(source, found)}


def _conversion(user: User, wanted: MetricsFilter, source: Sql) -> Conversion:
    """How the money of these rows comes into one currency: as `aggregate_metrics` has it for the same trades."""
    sql, values = source
    daily = reading.rows(
        f"SELECT r.currency, r.day, sum(r.net_pnl) FROM {sql} "  # noqa: S608 – our own text
        "GROUP BY r.currency, r.day ORDER BY r.currency, r.day",
        values,
    )
    return series.conversion_for(user, wanted, daily)


def _grouped(source: Sql, found: Conversion) -> list[list[Any]]:
    """The key and the sums of each group."""
    sql, values = source
    join, rates = found.join() if found.rates is not None else ("", [])
    sums = day_rows.sums(at_rates=found.rates is not None)
    rows = reading.rows(
        f"SELECT r.key, {sums} FROM (SELECT * FROM {sql}) r {join} GROUP BY 1 ORDER BY 1",  # noqa: S608
        [*values, *rates],
    )
    return [list(row) for row in rows]
