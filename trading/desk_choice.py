"""Which accounts the pages of the desk are about: those of the filter in the top bar."""

import uuid
from typing import Any

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _

from accounts.errors import InvalidValue
from accounts.models import Account, User
from trading.filters import LARGEST_CHOICE, NO_BROKER

#: What stands for accounts without a group or label.
_NONE = "none"


def accounts_of(params: QueryDict, *, person: User) -> QuerySet[Account] | None:
    """This person's accounts that the address names by id, broker, group or label; None where it names none.

    Raises InvalidValue for what is no id, and for too many.
    """
    own = Account.objects.for_user(person)
    given, broker = params.getlist("account"), params.get("broker", "")
    group, label = params.get("group", ""), params.get("account_tag", "")
    if not (given or broker or group or label):
        return None
    if len(given) > LARGEST_CHOICE:
        raise InvalidValue(_("At most %(most)s accounts can be chosen.") % {"most": LARGEST_CHOICE}, pointer="?account")
    if given:
        own = own.filter(public_id__in=[_id(text) for text in given])
    if broker:
        own = own.filter(broker__in=[broker, ""] if broker == NO_BROKER else [broker])
    if group:
        own = own.filter(group__isnull=True) if group == _NONE else own.filter(_called("group", group))
    if label:
        own = own.filter(tags__isnull=True) if label == _NONE else own.filter(_called("tags", label))
    return own


def of_chosen(rows: Any, params: QueryDict, *, person: User) -> Any:
    """The rows of the accounts that are meant; all of them where none is named. Raises InvalidValue."""
    chosen = accounts_of(params, person=person)
    return rows if chosen is None else rows.filter(account__in=chosen.values("pk"))


def _called(field: str, text: str) -> Q:
    found = _uuid(text)
    return Q(**{f"{field}__public_id": found}) if found else Q(**{f"{field}__name": text.removeprefix("=")})


def _id(text: str) -> uuid.UUID:
    found = _uuid(text)
    if found is None:
        raise InvalidValue(_("An account is named by its id, a UUID."), pointer="?account")
    return found


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
