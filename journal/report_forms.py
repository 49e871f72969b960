"""Filters as people choose and read them: the fields of a comparison's two sides, and filters in words."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.errors import InvalidValue
from accounts.models import Account, AccountGroup, AccountTag, User
from journal import dimensions, filters
from journal.filters import MetricsFilter
from journal.models import Playbook, PlaybookRule, SavedView
from journal.templatetags.journal_format import day, short_month
from trading.models import Tag, TagRole

Words = str | Promise
#: Names that a list offers; more are typed.
_MOST_OFFERED = 300
#: Accounts that are named in words; the rest is counted.
_MOST_NAMED = 5

#: Filters that are no dimension, or mean another thing than it.
_WORDS: dict[str, Words] = {
    "account": _("Account"),
    "from": _("From"),
    "to": _("To"),
    "currency": _("Currency"),
    "kept": _("Rule kept"),
}
_YES_NO: dict[str, Words] = {"yes": _("Yes"), "no": _("No")}
#: The fields of a side, in the order in which they are offered.
_FIELDS = (
    "account", "broker", "group", "account_tag", "from", "to", "symbol", "side", "setup", "tag", "mistake", "playbook",
    "rule", "kept", "weekday", "entry_weekday", "hour", "holding", "size", "price", "r", "result", "outcome", "rating",
    "reviewed", "currency",
)  # fmt: skip
#: What of the frame's filters both sides begin with.
SHARED = ("account", "broker", "group", "account_tag", "from", "to", "currency")
SIDES = ("a", "b")


@dataclass(frozen=True, slots=True)
class Field:
    """One filter of one side. `kind` is date, choice, account or text; a choice has its options."""

    name: str
    words: Words
    kind: str
    value: str
    options: tuple[tuple[str, Words], ...] = ()

    @property
    def id(self) -> str:
        return self.name.replace(".", "-")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two sets that are compared: its fields, its filter, and what it says in words."""

    name: str
    fields: tuple[Field, ...]
    views: tuple[tuple[str, str], ...]
    view: str
    params: QueryDict
    wanted: MetricsFilter
    words: list[tuple[Words, str]] = field(default_factory=list)


def names_of_sides() -> tuple[str, ...]:
    """Every parameter that names a filter of a side."""
    return tuple(f"{side}.{name}" for side in SIDES for name in (*filters.NAMES, "view") if name != "unit")


def sides(params: QueryDict, *, user: User) -> tuple[Side, Side]:
    """Both sides as the address has them. Raises InvalidValue, whose pointer names the parameter."""
    offered = _offered(user)
    views = list(SavedView.objects.for_user(user).order_by("name").values_list("public_id", "name", "query")[:100])
    one, other = (_side(name, params, user=user, offered=offered, views=views) for name in SIDES)
    return one, other


def wanted_of(name: str, params: QueryDict, *, user: User) -> MetricsFilter:
    """The filter of one side, for whoever needs no form. Raises InvalidValue."""
    views = [
        row
        for row in SavedView.objects.for_user(user).values_list("public_id", "name", "query")
        if params.get(f"{name}.view")
    ]
    return _parsed(name, _params_of(name, params, user=user, views=views), user=user)


def _side(name: str, params: QueryDict, *, user: User, offered: Any, views: list[Any]) -> Side:
    chosen = _params_of(name, params, user=user, views=views)
    own = {key: params.get(f"{name}.{key}", "") for key in _FIELDS}
    own["account"] = _account_name(own["account"], user=user)
    return Side(
        name=name,
        fields=tuple(_field(name, key, own[key], offered) for key in _FIELDS),
        views=tuple((str(key), words) for key, words, _ in views),
        view=params.get(f"{name}.view", ""),
        params=chosen,
        wanted=_parsed(name, chosen, user=user),
        words=in_words(chosen, user=user),
    )


def _field(side: str, name: str, value: str, offered: dict[str, list[tuple[str, Words]]]) -> Field:
    words = _WORDS.get(name) or dimensions.BY_NAME[name].words
    if name in ("from", "to"):
        return Field(f"{side}.{name}", words, "date", value)
    if name == "account":
        return Field(f"{side}.{name}", words, "account", value)
    options: list[tuple[str, Words]] = list(offered.get(name, ()))
    if name == "kept":
        options = list(_YES_NO.items())
    elif name in dimensions.BY_NAME and dimensions.BY_NAME[name].labels:
        options = list(dimensions.BY_NAME[name].labels.items())
    if not options:
        return Field(f"{side}.{name}", words, "text", value)
    none = dimensions.BY_NAME[name].none if name in dimensions.BY_NAME else ""
    if none and (dimensions.NONE, none) not in options:
        options.append((dimensions.NONE, none))
    if value and value not in dict(options):
        options.append((value, value))
    return Field(f"{side}.{name}", words, "choice", value, tuple(options))


def _offered(user: User) -> dict[str, list[tuple[str, Words]]]:
    """What the person has given names to."""

    def names(rows: Any) -> list[tuple[str, Words]]:
        return [(name, name) for name in rows.order_by("name").values_list("name", flat=True)[:_MOST_OFFERED]]

    labels = list(Tag.objects.for_user(user).order_by("name").values_list("name", "group__role")[:_MOST_OFFERED])
    brokers = Account.objects.for_user(user).order_by("broker").values_list("broker", flat=True).distinct()
    rules = (
        PlaybookRule.objects.filter(version__playbook__owner=user)
        .order_by("key", "-version__number")
        .distinct("key")
        .values_list("key", "text")[:_MOST_OFFERED]
    )
    return {
        "broker": [(name or filters.NO_BROKER, name or filters.NO_BROKER) for name in brokers[:_MOST_OFFERED]],
        "group": names(AccountGroup.objects.for_user(user)),
        "account_tag": names(AccountTag.objects.for_user(user)),
        "tag": [(name, name) for name, _ in labels],
        "setup": [(name, name) for name, role in labels if role == TagRole.SETUP],
        "mistake": [(name, name) for name, role in labels if role == TagRole.MISTAKE],
        "playbook": names(Playbook.objects.for_user(user)),
        "rule": [(str(key), text) for key, text in rules],
    }


def _params_of(name: str, params: QueryDict, *, user: User, views: Iterable[Any]) -> QueryDict:
    """The parameters of one side alone: the frame's, over them those of a saved view, over them its own."""
    found = QueryDict(mutable=True)
    for key in SHARED:
        if values := [value for value in params.getlist(key) if value]:
            found.setlist(key, values)
    if view := params.get(f"{name}.view"):
        query = next((query for key, _, query in views if str(key) == view), None)
        if query is None:
            raise InvalidValue(gettext("There is no such view."), pointer=f"?{name}.view")
        for key, values in QueryDict(query).lists():
            if key in filters.NAMES and key != "unit":
                found.setlist(key, values)
    for key in filters.NAMES:
        if values := [value for value in params.getlist(f"{name}.{key}") if value]:
            found.setlist(key, _account_ids(name, values, user=user) if key == "account" else values)
    return found


def _account_ids(side: str, values: list[str], *, user: User) -> list[str]:
    """Accounts by id or by name. Raises InvalidValue for a name that none of the person's has."""
    found = []
    for value in values:
        try:
            found.append(str(uuid.UUID(value)))
        except ValueError:
            key = Account.objects.for_user(user).filter(name=value).values_list("public_id", flat=True).first()
            if key is None:
                raise InvalidValue(gettext("You have no account of this name."), pointer=f"?{side}.account") from None
            found.append(str(key))
    return found


def _account_name(value: str, *, user: User) -> str:
    """The name of the account that is named by its id; what names none stays, and so does the id of one of several."""
    try:
        key = uuid.UUID(value)
    except ValueError:
        return value
    mine = Account.objects.for_user(user)
    name = mine.filter(public_id=key).values_list("name", flat=True).first()
    return value if name is None or mine.filter(name=name).count() > 1 else name


def _parsed(name: str, params: QueryDict, *, user: User) -> MetricsFilter:
    try:
        return filters.parse(params, user=user)
    except InvalidValue as error:
        error.pointer = f"?{name}.{error.pointer.removeprefix('?')}"
        raise


def in_words(params: QueryDict, *, user: User) -> list[tuple[Words, str]]:
    """Each filter of an address as its name and what it chooses, for headings and for paper."""
    found: list[tuple[Words, str]] = []
    for name in filters.NAMES:
        values = [value for value in params.getlist(name) if value]
        if not values or name == "unit":
            continue
        words = _WORDS.get(name) or dimensions.BY_NAME[name].words
        found.append((words, _value_in_words(name, values, user=user)))
    return found


def _value_in_words(name: str, values: list[str], *, user: User) -> str:
    if name == "account":
        return _accounts_in_words(values, user=user)
    if name == "kept":
        return str(_YES_NO.get(values[0], values[0]))
    if name == "rule" and values[0] != dimensions.NONE:
        return _rule_in_words(values[0], user=user)
    if name in ("from", "to", "entry_day", "exit_day", "month"):
        try:
            return short_month(values[0]) if name == "month" else day(date.fromisoformat(values[0]))
        except ValueError:
            return values[0]
    if name in dimensions.BY_NAME:
        return dimensions.BY_NAME[name].label_of(values[0])
    return values[0]


def _rule_in_words(value: str, *, user: User) -> str:
    # The page of a refusal writes the filters too: they may be anything.
    try:
        key = uuid.UUID(value)
    except ValueError:
        return value
    rules = PlaybookRule.objects.filter(version__playbook__owner=user, key=key)
    return rules.order_by("-version__number").values_list("text", flat=True).first() or value


def _accounts_in_words(values: list[str], *, user: User) -> str:
    ids = []
    for value in values[:_MOST_NAMED]:
        try:
            ids.append(uuid.UUID(value))
        except ValueError:
            continue
    names = list(
        Account.objects.for_user(user).filter(public_id__in=ids).order_by("name").values_list("name", flat=True)
    )
    more = len(values) - len(names)
    if not names:
        return ngettext("%(count)s account", "%(count)s accounts", len(values)) % {"count": len(values)}
    text = ", ".join(names)
    return gettext("%(names)s and %(count)s more") % {"names": text, "count": more} if more > 0 else text
