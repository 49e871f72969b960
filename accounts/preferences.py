"""How a person likes to see things. A name and what it may hold is said here; what is not kept has its default."""

from collections.abc import Callable, Collection
from typing import Any

from django.utils.translation import gettext as _

from accounts.errors import InvalidValue
from accounts.models import Preference, User

#: Of each preference the check of its value, which returns it as it is kept or raises ValueError.
_KNOWN: dict[str, Callable[[Any], Any]] = {}
LONGEST_LIST = 100


def register(name: str, check: Callable[[Any], Any]) -> None:
    """There is a preference of this name; an app says so at its start."""
    _KNOWN[name] = check


def names_of(*allowed: str) -> Callable[[Any], list[str]]:
    """A check for an ordered choice out of these names, each at most once."""

    def check(value: Any) -> list[str]:
        if not isinstance(value, list) or len(value) > LONGEST_LIST or len(set(map(str, value))) != len(value):
            raise ValueError("this is not a list of different names")
        if unknown := [each for each in value if each not in allowed]:
            raise ValueError(f"{str(unknown[0])[:40]!r} is not one of them")
        return list(value)

    return check


def one_of(*allowed: Any) -> Callable[[Any], Any]:
    """A check for one of these values."""

    def check(value: Any) -> Any:
        if value not in allowed:
            raise ValueError(f"it is one of {', '.join(map(str, allowed))}")
        return value

    return check


def get(user: User, name: str, default: Any = None) -> Any:
    """What the person chose, or the default; also where what was kept is no longer a choice."""
    found = Preference.objects.filter(owner=user, name=name).values_list("value", flat=True).first()
    try:
        return default if found is None else _KNOWN[name](found)
    except ValueError:
        return default


def several(user: User, names: Collection[str]) -> dict[str, Any]:
    """Of these the ones that the person chose, in one query; what is no longer a choice is left out."""
    found: dict[str, Any] = {}
    for name, value in Preference.objects.filter(owner=user, name__in=names).values_list("name", "value"):
        try:
            found[name] = _KNOWN[name](value)
        except ValueError:
            continue
    return found


def put(user: User, name: str, value: Any) -> None:
    """The person's choice is kept. Raises InvalidValue for an unknown name or a value that it cannot hold."""
    check = _KNOWN.get(name)
    if check is None:
        raise InvalidValue(_("There is no such preference."), pointer="/name")
    try:
        kept = check(value)
    except ValueError as error:
        raise InvalidValue(f"{error}.".capitalize(), pointer="/value") from error
    Preference.objects.update_or_create(owner=user, name=name, defaults={"value": kept})


def forget(user: User, name: str) -> None:
    """The person has the default again."""
    Preference.objects.filter(owner=user, name=name).delete()
