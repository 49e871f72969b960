"""Prints the figures of a filter, as the pages and the API have them."""

import json
from argparse import ArgumentParser
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.core.management.base import BaseCommand, CommandError
from django.http import QueryDict

from accounts.decimals import plain
from accounts.errors import DomainError
from accounts.models import Account, User
from journal import breakdowns, dimensions, filters, reports
from journal.figures import Figures
from journal.filters import MetricsFilter
from journal.rendering import breakdown_json, metrics_json

_NO_OPTION = ("unit", "account")


class Command(BaseCommand):
    help = (
        "Print the figures of one person's trades, those that the filters let through, in full: every digit, ratios as "
        "fractions, a dash for what is undefined (docs/metrics.md). With --by, those of each group. The filters are "
        "those of the pages and the API; days are YYYY-MM-DD. Exit code 0 when the figures are complete, 1 when some "
        "days are not computed yet, 2 when the call itself is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True, help="whose trades")
        parser.add_argument("--json", action="store_true", help="as the API answers")
        parser.add_argument("--by", choices=dimensions.NAMES, metavar="DIMENSION", help=", ".join(dimensions.NAMES))
        parser.add_argument("--account", action="append", metavar="ID|NAME", help="only this one; may be repeated")
        for name in filters.NAMES:
            if name not in _NO_OPTION:
                parser.add_argument(f"--{name.replace('_', '-')}", dest=f"only_{name}", metavar="VALUE")

    def handle(self, *args: Any, **options: Any) -> None:
        person = User.objects.filter(email__iexact=options["email"]).first()
        if person is None:
            raise CommandError(f"Nobody has the e-mail address {options['email']}.", returncode=2)
        try:
            wanted = self._wanted(person, options)
        except DomainError as error:
            name = error.pointer.removeprefix("?")
            raise CommandError(f"--{name}: {error.message}" if name else error.message, returncode=2) from error
        if options["by"]:
            self._show_groups(person, wanted, options)
        else:
            self._show(person, wanted, options)

    def _wanted(self, person: User, options: dict[str, Any]) -> MetricsFilter:
        asked = [("account", _id_of(person, text)) for text in options["account"] or []]
        asked += [(name, value) for name in filters.NAMES if (value := options.get(f"only_{name}")) is not None]
        return filters.parse(QueryDict(urlencode(asked)), user=person)

    def _show(self, person: User, wanted: MetricsFilter, options: dict[str, Any]) -> None:
        found = reports.aggregate_metrics(person, wanted)
        values = metrics_json(found)
        if options["json"]:
            self.stdout.write(_json(values))
        else:
            shown = {name: value for name, value in values.items() if not isinstance(value, (dict, list))}
            width = max(map(len, shown))
            for name, value in shown.items():
                self.stdout.write(f"{name:<{width}}  {_text(value)}")
            for each in found.unconverted:
                self.stdout.write(f"without a rate: {plain(each.net_pnl)} {each.currency} on {each.days} days")
        _complete(found.missing_days)

    def _show_groups(self, person: User, wanted: MetricsFilter, options: dict[str, Any]) -> None:
        found = breakdowns.breakdown(person, wanted, by=options["by"])
        if options["json"]:
            self.stdout.write(_json(breakdown_json(found)))
        else:
            self._table([_HEADINGS, *([row.key, row.label, *_columns(row.figures)] for row in found.rows)])
        _complete(found.missing_days)

    def _table(self, rows: list[list[str]]) -> None:
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            text = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            self.stdout.write("  ".join(text).rstrip())


_HEADINGS = ["key", "label", "trades", "net P&L", "win rate", "profit factor", "expectancy", "R"]


def _columns(figures: Figures) -> list[str]:
    values = (
        figures.trade_count,
        figures.net_pnl,
        figures.win_rate,
        figures.profit_factor,
        figures.expectancy,
        figures.expectancy_r,
    )
    return [_text(value) for value in values]


def _id_of(person: User, text: str) -> str:
    """The id of the account of this name; what is no name is left as it is."""
    found = Account.objects.for_user(person).filter(name=text).first()
    return str(found.public_id) if found else text


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return plain(value) if isinstance(value, Decimal) else str(value)


def _json(values: Any) -> str:
    return json.dumps(values, default=_text, indent=2, ensure_ascii=False)


def _complete(missing: int) -> None:
    if missing:
        raise CommandError(f"{missing} account-days are not computed yet; recompute_metrics does it.", returncode=1)
