"""Who walks through the pages: a person who has just come, the demo's, the benchmark's, and an operator."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command

from accounts import people
from accounts.models import Account, User
from config import demo_people
from journal.benchmark import dataset
from journal.benchmark.dataset import Say, Size

NEWCOMER = "newcomer@example.com"
SIZES = ("empty", "demo", "large")
LARGE = Size(accounts=1_000, trades=1_000_000)


def person_of(size: str, *, large: Size, say: Say) -> User:
    """The person who has as much as this size says; what is missing is made, which takes minutes where it is large."""
    if size == "demo":
        call_command("demo", no_serve=True, verbosity=0)
        return demo_people.trader()
    if size == "large":
        return dataset.prepare(large, say=say).owner
    return _newcomer()


def operator() -> User:
    """Somebody who may do everything in the admin."""
    demo_people.logins(settings.VAR_DIR / "demo_logins.json")
    return User.objects.get(email=demo_people.ADMIN)


def _newcomer() -> User:
    found = User.objects.filter(email=NEWCOMER).first()
    if found is not None and not Account.objects.for_user(found).exists():
        return found
    if found is not None:
        raise ValueError(f"{NEWCOMER} has accounts, and is to be somebody who has just come")
    return people.sign_up(email=NEWCOMER, password=secrets.token_urlsafe(16))


@contextmanager
def signed_in(user: User) -> Iterator[str]:
    """The key of a session of this person, which ends with the block."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    try:
        yield str(session.session_key)
    finally:
        session.delete()
