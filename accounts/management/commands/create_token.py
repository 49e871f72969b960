"""Makes an API token for a person and prints its secret once."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts import tokens
from accounts.errors import DomainError
from accounts.models import TokenScope, User


class Command(BaseCommand):
    help = (
        "Makes an API token and prints its secret, which is shown this once, alone on standard output. "
        "Exit codes: 0 made, 1 refused, 2 wrong arguments."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True, help="whose token it is")
        parser.add_argument("--name", default="command line", help="what people tell it apart by")
        parser.add_argument("--scope", choices=TokenScope.values, default=TokenScope.READ.value)
        parser.add_argument("--days", type=int, help="how long it is valid; for ever when left out")

    def handle(self, *args: Any, **options: Any) -> None:
        owner = User.objects.filter(email__iexact=options["email"], is_active=True).first()
        if owner is None:
            raise CommandError(f"nobody active has the address {options['email']}")
        now = timezone.now()
        expires_at = None
        if options["days"] is not None:
            if not 1 <= options["days"] <= 3650:
                raise CommandError("--days is a whole number from 1 to 3650", returncode=2)
            expires_at = now + timedelta(days=options["days"])
        try:
            token, secret = tokens.create(
                owner=owner, name=options["name"], scope=options["scope"], at=now, expires_at=expires_at
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        until = f"until {expires_at:%Y-%m-%d %H:%M} UTC" if expires_at else "until it is revoked"
        self.stderr.write(f"{token.name}: may {token.scope}, {until}")
        self.stdout.write(secret)
