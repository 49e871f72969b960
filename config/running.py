"""Runs a command as somebody typed it: what its surroundings lack is told in one line, and nothing was changed."""

import os
import sys
from collections.abc import Sequence

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError, ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor

#: Of the database, where what the statement names is not there.
_UNDEFINED = frozenset({"42P01", "42703", "42883"})
_PIPE = 141


def run(arguments: Sequence[str]) -> None:
    """The command has run. Ends the process with 2 where settings or tables are not those that it needs, with 1 where
    the database does not answer; `--traceback` shows where that was. With 141, as a shell does, where nobody reads on.
    """
    try:
        execute_from_command_line(list(arguments))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has seen enough, as `| head` does. What is left is not written at the end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_PIPE)
    except (ImproperlyConfigured, ProgrammingError, OperationalError) as error:
        lacks = None if "--traceback" in arguments else _what_lacks(error)
        if lacks is None:
            raise
        words, code = lacks
        sys.stderr.write(f"{words}\n")
        sys.exit(code)


def _what_lacks(error: Exception) -> tuple[str, int] | None:
    """The line and the exit code; None for a fault of our own."""
    if isinstance(error, ImproperlyConfigured):
        return f"The settings are wrong: {error}", 2
    state = getattr(error.__cause__, "sqlstate", None)
    if isinstance(error, OperationalError):
        return None if state else (f"The database does not answer: {str(error).strip().splitlines()[0]}", 1)
    if state in _UNDEFINED and _is_behind():
        return "The database has not the tables of this version. Run first: manage.py migrate", 2
    return None


def _is_behind() -> bool:
    """Whether migrations wait to be applied."""
    connection.close()
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
