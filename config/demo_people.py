"""Who signs in to the demo: a trader, and somebody who may use the admin."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.hashers import check_password
from django.db import transaction
from django.utils import timezone

from accounts import people
from accounts.models import Client, ClientStatus, User

TRADER = "demo@example.com"
ADMIN = "admin@example.com"


@dataclass(frozen=True, slots=True)
class Login:
    """How somebody signs in; `password` is None where the person has set one that we do not know."""

    email: str
    password: str | None

    def __str__(self) -> str:
        return f"{self.email}  {self.password or '(the password that you have set)'}"


def logins(kept_in: Path) -> list[Login]:
    """The demo's people exist. Their passwords are made up once, and kept in this file for the next start."""
    known = json.loads(kept_in.read_text()) if kept_in.exists() else {}
    found = [_login(email, known.get(email), is_admin=email == ADMIN) for email in (TRADER, ADMIN)]
    passwords = {login.email: login.password for login in found if login.password}
    if passwords != known:
        descriptor = os.open(kept_in, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(passwords, file)
    return found


def trader() -> User:
    """The person whose accounts the demo fills."""
    return User.objects.get(email=TRADER)


def _login(email: str, known: str | None, *, is_admin: bool) -> Login:
    user = User.objects.filter(email=email).first()
    if user is not None and known is not None:
        return Login(email, known if check_password(known, user.password) else None)
    password = known or secrets.token_urlsafe(9)
    if user is None:
        _create(email, password, is_admin=is_admin)
    else:
        user.set_password(password)
        user.save(update_fields=["password"])
    return Login(email, password)


@transaction.atomic
def _create(email: str, password: str, *, is_admin: bool) -> None:
    user = people.sign_up(email=email, password=password)
    Client.objects.filter(user=user).update(status=ClientStatus.ACTIVE, verified_at=timezone.now())
    name = "Admin" if is_admin else "Demo"
    people.update_profile(user, first_name=name, last_name="Trader" if name == "Demo" else "")
    if is_admin:
        User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
