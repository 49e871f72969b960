"""`migrate` as the role that owns the tables: the application's own role may not change them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands import migrate
from django.db.migrations.state import ProjectState


class Command(migrate.Command):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *args: Any, **options: Any) -> None:
        with _quickly():
            super().handle(*args, **options)


@contextmanager
def _quickly() -> Iterator[None]:
    """Within it a model that gets an index or a constraint notes it; Django makes it, and all around it, anew.

    PostgreSQL makes both of what the operation says; rendering hundreds of times took most of setting up a database.
    """

    def append(self: ProjectState, app_label: str, model_name: str, option_name: str, found: Any) -> None:
        options = self.models[app_label, model_name].options
        options[option_name] = [*options[option_name], found]
        if "apps" in vars(self):
            meta = self.apps.get_model(app_label, model_name)._meta
            setattr(meta, option_name, [*getattr(meta, option_name), found])

    djangos = ProjectState._append_option  # type: ignore[attr-defined]
    ProjectState._append_option = append  # type: ignore[attr-defined]
    try:
        yield
    finally:
        ProjectState._append_option = djangos  # type: ignore[attr-defined]
