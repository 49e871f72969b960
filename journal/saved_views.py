"""Filters under a name, and sets of accounts too large for an address.

A saved view keeps what stands behind the `?` of a page. A set keeps ids of accounts: an address names it as `view=…`,
which `journal.middleware` reads as if all of them stood there. Equal sets are one row, so that looking around makes
no heap of them.
"""

import hashlib
import uuid
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext as _

from accounts.errors import Conflict, InvalidValue
from accounts.models import Account, User
from accounts.text import one_line
from accounts.undo import Undone
from journal.models import SavedView

#: More than these are kept as a set: an address of fifty accounts has 2,300 characters.
LARGEST_IN_ADDRESS = 50
LARGEST_SET = 20_000
MOST_VIEWS = 200
#: Sets are kept as long as a view names them or they are among the newest.
SETS_KEPT = 100
LONGEST_NAME = 100
LONGEST_QUERY = 8_000
DELETED = "view.delete"
#: Stands as the page of what is a set; no page is called so.
_SET = "accounts"
_SET_NAME = "accounts:"


def listed(user: User) -> list[SavedView]:
    """The person's named views, by name."""
    return list(SavedView.objects.for_user(user).exclude(page=_SET).order_by("name", "id"))


@transaction.atomic
def save(*, owner: User, name: str, query: str, page: str = "") -> SavedView:
    """The filters are kept under this name; a view of the same name has them from now on.

    Raises InvalidValue for an empty or too long name and too many filters, Conflict where no more views fit.
    """
    name = _name(name)
    if len(query) > LONGEST_QUERY:
        raise InvalidValue(_("These are too many filters for one view."), pointer="/query")
    User.objects.select_for_update(of=("self",)).get(pk=owner.pk)
    mine = SavedView.objects.for_user(owner).exclude(page=_SET)
    if not mine.filter(name=name).exists() and mine.count() >= MOST_VIEWS:
        raise Conflict(_("You have %(most)s views; delete one first.") % {"most": MOST_VIEWS}, code="too_many_views")
    view, _made = SavedView.objects.update_or_create(owner=owner, name=name, defaults={"query": query, "page": page})
    return view


@transaction.atomic
def rename(view: SavedView, *, name: str) -> None:
    """The view has this name. Raises InvalidValue, and Conflict where another view has it."""
    name = _name(name)
    others = SavedView.objects.filter(owner_id=view.owner_id, name=name).exclude(pk=view.pk)
    User.objects.select_for_update(of=("self",)).get(pk=view.owner_id)
    if others.exists():
        raise Conflict(_("You have a view of this name."), pointer="/name", code="name_taken")
    SavedView.objects.filter(pk=view.pk).update(name=name)


@transaction.atomic
def delete(view: SavedView) -> dict[str, Any]:
    """The view is gone. Returns what brings it back."""
    SavedView.objects.filter(pk=view.pk).delete()
    return {"id": str(view.public_id), "name": view.name, "page": view.page, "query": view.query}


def undelete(user: User, payload: Mapping[str, Any]) -> Undone:
    """The view is back under its name and its id. Raises Conflict where another has that name now."""
    with transaction.atomic():
        User.objects.select_for_update(of=("self",)).get(pk=user.pk)
        key, name = uuid.UUID(payload["id"]), payload["name"]
        if SavedView.objects.filter(Q(owner=user, name=name) | Q(public_id=key)).exists():
            raise Conflict(_("You have a view of this name."), code="name_taken")
        SavedView.objects.create(owner=user, public_id=key, name=name, page=payload["page"], query=payload["query"])
    return Undone(_("The view %(name)s is back.") % {"name": name})


@transaction.atomic
def keep_set(user: User, ids: Collection[uuid.UUID]) -> SavedView:
    """The set of those of these accounts that are the person's. Raises InvalidValue for none of them or too many."""
    if len(ids) > LARGEST_SET:
        raise InvalidValue(_("At most %(most)s accounts can be chosen.") % {"most": LARGEST_SET}, pointer="/account")
    own = Account.objects.for_user(user).filter(public_id__in=ids).values_list("public_id", flat=True)
    kept = sorted(str(each) for each in own)
    if not kept:
        raise InvalidValue(_("None of these accounts is there."), pointer="/account")
    query = "&".join(f"account={each}" for each in kept)
    name = _SET_NAME + hashlib.sha256(query.encode()).hexdigest()
    User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    found, made = SavedView.objects.get_or_create(owner=user, name=name, defaults={"page": _SET, "query": query})
    if made:
        _forget_old_sets(user)
    return found


def accounts_of(user: User, key: uuid.UUID) -> list[str] | None:
    """The ids of the accounts in a set of this person; None where there is no such set."""
    query = SavedView.objects.for_user(user).filter(public_id=key, page=_SET).values_list("query", flat=True).first()
    return None if query is None else [part.removeprefix("account=") for part in query.split("&")]


def expanded(user: User, query: QueryDict) -> QueryDict | None:
    """The parameters with the accounts of the set in place of its `view`; None where there is no such set."""
    found = query.copy()
    if key := query.get("view"):
        try:
            ids = accounts_of(user, uuid.UUID(key))
        except ValueError:
            ids = None
        if ids is None:
            return None
        found.setlist("account", list(dict.fromkeys([*ids, *query.getlist("account")])))
    found.pop("view", None)
    return found


def key_of(value: Any) -> str:
    """The id of a view as a preference keeps it. Raises ValueError for anything else."""
    return str(uuid.UUID(str(value)))


def _forget_old_sets(user: User) -> None:
    sets = SavedView.objects.for_user(user).filter(page=_SET)
    old = list(sets.order_by("-id").values_list("pk", "public_id")[SETS_KEPT:])
    if not old:
        return
    named = " ".join(SavedView.objects.for_user(user).exclude(page=_SET).values_list("query", flat=True))
    sets.filter(pk__in=_unnamed(old, named)).delete()


def _unnamed(sets: Iterable[tuple[int, uuid.UUID]], named: str) -> list[int]:
    return [pk for pk, key in sets if str(key) not in named]


def _name(text: str) -> str:
    try:
        name = one_line(text)
    except ValueError as error:
        raise InvalidValue(_("A name is one line of plain text."), pointer="/name") from error
    if not 0 < len(name) <= LONGEST_NAME or name.startswith(_SET_NAME):
        raise InvalidValue(_("A name has 1 to %(most)s characters.") % {"most": LONGEST_NAME}, pointer="/name")
    return name
