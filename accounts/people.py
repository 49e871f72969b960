"""People: signing up, changing what is known of them, and what follows from a new password."""

import re
import zoneinfo
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import activity, audit, tokens, versions
from accounts.errors import Conflict, InvalidValue
from accounts.models import ActivityKind, ApiToken, Client, ClientStatus, User
from accounts.text import one_line

_OF_CLIENT = ("first_name", "last_name", "phone", "date_of_birth")
_OF_USER = ("reporting_currency", "time_zone", "theme", "language")
#: What answers are made of, so that a change makes them anew.
_IN_ANSWERS = frozenset({"reporting_currency", "time_zone"})
_CURRENCY = re.compile(r"[A-Z][A-Z0-9]{1,11}", re.ASCII)
_PHONE = re.compile(r"[ +()-]*[0-9][0-9 +()-]*", re.ASCII)
_FIRST_BIRTH = date(1900, 1, 1)


@transaction.atomic
def sign_up(*, email: str, password: str | None, time_zone: str = "UTC") -> User:
    """A new person with their client file, pending. Raises Conflict when the address is taken."""
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, password, time_zone=time_zone)
    except IntegrityError as error:
        raise Conflict(_("Someone has signed up with this address."), pointer="/email", code="email_taken") from error
    Client.objects.create(user=user, status=ClientStatus.PENDING)
    audit.written("person.sign_up", subject="person", subject_id=user.public_id, owner_id=user.pk)
    activity.noted(user.pk, ActivityKind.ACCESS, _("You signed up."))
    return user


@transaction.atomic
def update_profile(user: User, **fields: Any) -> User:
    """What is known of the person, and how they want to see things, is changed. Equal values are no change.

    Raises InvalidValue.
    """
    _check(fields)
    client, _made = Client.objects.get_or_create(user=user)
    client = Client.objects.select_for_update(of=("self",)).get(pk=client.pk)
    user = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    before = {name: getattr(client if name in _OF_CLIENT else user, name) for name in fields}
    changed = [name for name, value in fields.items() if value != before[name]]
    if not changed:
        return user
    for owner, names in ((client, _OF_CLIENT), (user, _OF_USER)):
        mine = [name for name in changed if name in names]
        for name in mine:
            setattr(owner, name, fields[name])
        if mine:
            owner.save(update_fields=mine)
    if _IN_ANSWERS.intersection(changed):
        versions.bump(user.pk)
    audit.written(
        "person.update",
        subject="person",
        subject_id=user.public_id,
        owner_id=user.pk,
        before={name: before[name] for name in changed},
        after={name: fields[name] for name in changed},
    )
    return user


@transaction.atomic
def password_changed(user: User, *, at: datetime) -> None:
    """Every token of the person is revoked; their other sessions ended with the old password."""
    for token in ApiToken.objects.filter(owner=user, revoked_at__isnull=True):
        tokens.revoke(token, at=at)
    audit.written("access.password", subject="person", subject_id=user.public_id, owner_id=user.pk)
    activity.noted(user.pk, ActivityKind.ACCESS, _("Your password was changed."))


def came_in(user: User) -> None:
    """The audit log says that the person signed in."""
    audit.identify(user)
    audit.written("access.login", subject="person", subject_id=user.public_id, owner_id=user.pk)


def was_refused(email: str) -> None:
    """The audit log says that somebody tried to sign in as this person, who may not exist."""
    audit.written("access.refused", subject="person", after={"email": email[:254]})


def _check(fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        if name not in (*_OF_CLIENT, *_OF_USER):
            raise TypeError(f"{name} is not a field that can be set")
        if isinstance(value, str):
            try:
                fields[name] = one_line(value)
            except ValueError as error:
                raise InvalidValue(f"{error}.", pointer=f"/{name}") from error
    if "time_zone" in fields and fields["time_zone"] not in zoneinfo.available_timezones():
        raise InvalidValue(_("This is not a time zone of the IANA database."), pointer="/time_zone")
    if "reporting_currency" in fields and not _CURRENCY.fullmatch(fields["reporting_currency"]):
        raise InvalidValue(_("A currency is 2 to 12 capital letters and digits."), pointer="/reporting_currency")
    if fields.get("phone") and not _PHONE.fullmatch(fields["phone"]):
        raise InvalidValue(
            _("A phone number is digits, with spaces, +, - and brackets between them."), pointer="/phone"
        )
    born = fields.get("date_of_birth")
    if born is not None and not _FIRST_BIRTH <= born <= timezone.now().date():
        raise InvalidValue(_("A date of birth is after 1900 and not ahead."), pointer="/date_of_birth")
