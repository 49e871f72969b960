"""Which accounts and views a person is offered to choose from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.urls import NoReverseMatch, Resolver404, resolve, reverse

from accounts import answers, versions
from accounts.models import Account, AccountGroup, AccountTag, User
from journal import saved_views
from journal.dimensions import NO_BROKER, NONE
from journal.models import AccountTotals, SavedView

_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to pick accounts, with the number of them."""

    key: str
    words: str
    count: int


def accounts(user: User, params: Mapping[str, str]) -> QuerySet[Account]:
    """The person's current accounts whose name, number, broker or group holds what was typed, within the choices."""
    found = Account.objects.for_user(user).current()
    for word in params.get("q", "").replace("\0", "")[:_LONGEST].split():
        found = found.filter(
            Q(name__icontains=word)
            | Q(number__icontains=word)
            | Q(broker__icontains=word)
            | Q(group__name__icontains=word)
        )
    if broker := params.get("broker", ""):
        found = found.filter(broker__in=[broker, ""] if broker == NO_BROKER else [broker])
    if group := params.get("group", ""):
        found = found.filter(group=None) if group == NONE else found.filter(group__in=_named(AccountGroup, user, group))
    if tag := params.get("account_tag", ""):
        labelled = Account.tags.through.objects.filter(accounttag__in=_named(AccountTag, user, tag))
        found = found.filter(pk__in=labelled.values("account"))
    return found


def _named(model: type[AccountGroup] | type[AccountTag], user: User, text: str) -> list[int]:
    rows = model.objects.for_user(user)
    return [row.pk for row in rows if str(row.public_id) == text or row.name == text.removeprefix("=")]


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person's accounts can be chosen by: their brokers, groups in their order, labels; and their currencies."""

    brokers: list[Choice]
    groups: list[Choice]
    labels: list[Choice]
    currencies: list[str]


def choices(user: User) -> Choices:
    """Every page's top bar offers them: they are kept until something of the person changes."""
    kept = answers.get(
        "accounts", user.pk, version=versions.current(user.pk), parts=["choices"], build=lambda: _choices(user)
    )
    named = {name: [Choice(*each) for each in kept[name]] for name in ("brokers", "groups", "labels")}
    return Choices(**named, currencies=kept["currencies"])


def _choices(user: User) -> dict[str, list[Any]]:
    current = Account.objects.for_user(user).current()
    brokers = current.values("broker").annotate(count=Count("pk")).order_by("broker")
    of_accounts = Count("accounts", filter=Q(accounts__archived_at=None))
    groups = AccountGroup.objects.for_user(user).annotate(count=of_accounts).order_by("position", "name", "id")
    labels = AccountTag.objects.for_user(user).annotate(count=of_accounts).order_by("name", "id")
    currencies = AccountTotals.objects.filter(owner=user).values_list("currency", flat=True)
    return {
        "brokers": [[row["broker"] or NO_BROKER, row["broker"] or NO_BROKER, row["count"]] for row in brokers],
        "groups": [[str(row.public_id), row.name, row.count] for row in groups],
        "labels": [[str(row.public_id), row.name, row.count] for row in labels],
        "currencies": sorted(set(currencies)),
    }


@dataclass(frozen=True, slots=True)
class Offered:
    """A saved view with its address."""

    view: SavedView
    address: str


def views(user: User) -> list[Offered]:
    """The person's saved views, by name."""
    return [Offered(view, address_of(view)) for view in saved_views.listed(user)]


def address_of(view: SavedView) -> str:
    """The page that the view is about, with its filters; the dashboard for one that fits every page."""
    try:
        path = reverse(view.page or "dashboard")
    except NoReverseMatch:
        path = reverse("dashboard")
    return f"{path}?{view.query}"


def page_at(path: str) -> str:
    """The name of the page at a path, where the name alone leads back to it; else ""."""
    try:
        name = resolve(path).url_name or ""
        return name if reverse(name) == path else ""
    except (Resolver404, NoReverseMatch):
        return ""
