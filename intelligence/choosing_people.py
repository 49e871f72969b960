"""Whose things a command is about."""

from django.core.management.base import CommandError

from accounts.models import User


def person(email: str | None) -> User:
    """The person with this address; the only one there is, where none is given. Raises CommandError."""
    if email:
        found = User.objects.filter(email__iexact=email).first()
        if found is None:
            raise CommandError(f"Nobody has the e-mail address {email}.", returncode=2)
        return found
    people = list(User.objects.filter(is_superuser=False, is_active=True).order_by("id")[:2])
    if len(people) != 1:
        raise CommandError("Say whose they are: --email ADDRESS.", returncode=2)
    return people[0]
