"""The panel that chooses trades: its fields, and what is chosen as chips that can be taken away."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from journal.dimensions import BY_NAME, NONE
from journal.models import Playbook, PlaybookRule
from trading.models import Tag, TagRole

#: Options of one field that a page shows; of more a name can still be typed into the address.
MOST_OPTIONS = 300
_KEPT = {"yes": gettext_lazy("kept"), "no": gettext_lazy("broken")}
#: Of the fields below so many stand in the bar itself; the rest unfolds.
ALWAYS_SHOWN = 3
_FIELDS = (
    "side", "status", "outcome", "setup", "mistake", "tag", "playbook", "rule", "reviewed", "rating", "holding",
    "hour", "weekday", "entry_weekday", "size", "price", "r", "result",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a field."""

    value: str
    words: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the panel; groups of options have a heading, "" for those without."""

    name: str
    words: str | Promise
    groups: list[tuple[str, list[Option]]]

    @property
    def is_set(self) -> bool:
        return any(option.is_chosen for _, options in self.groups for option in options)


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter that is set, and the query string without it."""

    words: str
    without: str


def fields(user: User, params: QueryDict) -> list[Field]:
    """The fields of the panel, filled in as the address has them."""
    tags = list(Tag.objects.for_user(user).select_related("group").order_by("name", "id")[:MOST_OPTIONS])
    return [Field(name, BY_NAME[name].words, _groups(user, name, params.get(name, ""), tags)) for name in _FIELDS]


def _groups(user: User, name: str, chosen: str, tags: list[Tag]) -> list[tuple[str, list[Option]]]:
    dimension = BY_NAME[name]
    if dimension.labels:
        return [("", [Option(key, str(words), key == chosen) for key, words in dimension.labels.items()])]
    if name == "tag":
        found = _tags_by_group(tags, chosen)
    elif name in (TagRole.SETUP, TagRole.MISTAKE):
        of_role = [tag for tag in tags if tag.group is not None and tag.group.role == name]
        found = [("", _named(((str(tag.public_id), tag.name) for tag in of_role), chosen))]
    elif name == "playbook":
        books = Playbook.objects.filter(owner=user).order_by("name", "id").values_list("public_id", "name")
        found = [("", _named(((str(key), name) for key, name in books[:MOST_OPTIONS]), chosen))]
    else:
        found = _rules(user, chosen)
    none = [Option(NONE, str(dimension.none), chosen == NONE)] if dimension.none else []
    return [(heading, options) for heading, options in [*found, ("", none)] if options]


def _named(pairs: Iterable[tuple[str, str]], chosen: str) -> list[Option]:
    return [Option(key, name, chosen in (key, name)) for key, name in pairs]


def _tags_by_group(tags: list[Tag], chosen: str) -> list[tuple[str, list[Option]]]:
    grouped: dict[str, list[Option]] = {}
    for tag in tags:
        heading = tag.group.name if tag.group is not None else ""
        grouped.setdefault(heading, []).extend(_named([(str(tag.public_id), tag.name)], chosen))
    return sorted(grouped.items())


def _rules(user: User, chosen: str) -> list[tuple[str, list[Option]]]:
    """Every rule once, as its latest version words it, below its playbook."""
    rows = (
        PlaybookRule.objects.filter(version__playbook__owner=user)
        .order_by("key", "-version__number")
        .distinct("key")
        .values_list("key", "text", "version__playbook__name")[:MOST_OPTIONS]
    )
    grouped: dict[str, list[Option]] = {}
    for key, text, book in rows:
        grouped.setdefault(book, []).append(Option(str(key), text[:60], chosen == str(key)))
    return sorted(grouped.items())


def chips(panel: Iterable[Field], params: QueryDict) -> list[Chip]:
    """What is chosen, each with the query string that lacks it."""
    found = []
    if symbol := params.get("symbol"):
        found.append(_chip(params, "symbol", BY_NAME["symbol"].words, symbol.removeprefix("=")))
    for each in panel:
        value = params.get(each.name, "")
        if not value:
            continue
        names = [option.words for _heading, options in each.groups for option in options if option.is_chosen]
        words = names[0] if names else value.removeprefix("=")
        if each.name == "rule" and (kept := _KEPT.get(params.get("kept", ""))):
            words = f"{words}: {kept}"
        found.append(_chip(params, each.name, each.words, words))
    days = [(name, value) for name in ("month", "entry_day") if (value := params.get(name) or "")]
    return found + [_chip(params, name, BY_NAME[name].words, value) for name, value in days]


def _chip(params: QueryDict, name: str, label: Any, words: str) -> Chip:
    left_out = {name, "offset", "cursor", *(["kept"] if name == "rule" else [])}
    rest = [(key, value) for key, values in params.lists() if key not in left_out for value in values if value]
    return Chip(_("%(filter)s: %(value)s") % {"filter": label, "value": words}, f"?{urlencode(rest)}")
