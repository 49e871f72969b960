"""What the containers of production are told."""

import ast
import json
import re
from pathlib import Path

from django.conf import settings
from django.urls import reverse

ROOT = Path(settings.BASE_DIR)


#: What the image says itself, and what nobody running it is to set.
OF_THE_IMAGE = {"EMBEDDED_SERVICES", "STATIC_MANIFEST", "VAR_DIR", "MEDIA_ROOT", "BACKUP_DIR"}
#: The owner's address is the migrations' own `DATABASE_URL`.
NOT_TOLD = {"DEBUG", "EMBEDDED_THROWAWAY", "MIGRATION_DATABASE_URL"}
#: Safer in production than on a laptop.
OTHERWISE = {"HTTPS": "1", "SIGN_UP_OPEN": "0", "PROXY_COUNT": "1", "ALLOWED_HOSTS": "localhost"}
#: For compose itself.
OF_COMPOSE = {"SITE_HOST", "LISTEN", "POSTGRES_SHARED_BUFFERS", "POSTGRES_CACHE", "VALKEY_MEMORY"}


def read_by_settings() -> dict[str, str | None]:
    """Every variable that the settings read, with its default as one would write it; None for one that is computed."""
    found: dict[str, str | None] = {}
    for call in ast.walk(ast.parse((ROOT / "config" / "settings.py").read_text())):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id.startswith("env_"):
            name, *rest = (*call.args, *(each.value for each in call.keywords))
            assert isinstance(name, ast.Constant)
            default = rest[0].value if rest and isinstance(rest[0], ast.Constant) else None if rest else ""
            found[str(name.value)] = (
                default if default is None else str(int(default) if default in (True, False) else default)
            )
    return found


def test_every_variable_that_the_settings_read_reaches_the_containers_with_the_same_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    shared = text[text.index("environment: &environment") : text.index("secrets: [")]
    told = dict(re.findall(r'^    ([A-Z_]+): "?(.*?)"?$', shared, re.MULTILINE))
    image = set(re.findall(r"\b([A-Z_]+)=\S", (ROOT / "Dockerfile").read_text()))
    asked = read_by_settings()

    assert len(asked) > 60
    assert asked.keys() - {name.removesuffix("_FILE") for name in told} == (OF_THE_IMAGE | NOT_TOLD) - {"BACKUP_DIR"}
    assert image >= OF_THE_IMAGE
    assert {name.removesuffix("_FILE") for name in told} - asked.keys() == set(), "told what nobody reads"
    passed = {name: value for name, value in told.items() if "${" + name in value}
    # Compose hands an empty value on where nothing is set: it has to be the default, or what the settings take for it.
    wrong = {
        name: value for name, value in passed.items() if value != f"${{{name}:-{OTHERWISE.get(name, asked[name])}}}"
    }
    assert wrong == {}
    assert told.keys() - passed.keys() - {name for name in told if name.endswith("_FILE")} == {
        "REDIS_URL", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "BACKUP_DIR",
    }  # fmt: skip


def test_every_variable_that_the_settings_read_is_in_the_example_and_no_other_is() -> None:
    listed = re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)

    assert len(listed) == len(set(listed))
    assert set(listed) - OF_COMPOSE == read_by_settings().keys() - {"EMBEDDED_THROWAWAY"}
    assert set(listed) >= OF_COMPOSE
    said = re.findall(r"`([A-Z]+(?:_[A-Z]+)+)[`=]", (ROOT / "docs" / "operations.md").read_text())
    assert {name for name in said if name not in listed} <= {"NAME_FILE", "DESK_OPERATIONS", "DESK_REQUESTS"}


def test_the_proxy_lets_through_what_the_settings_take() -> None:
    text = (ROOT / "config" / "proxy" / "nginx.conf").read_text()
    asked = read_by_settings()

    assert re.findall(r"^    client_max_body_size (\d+)m;", text, re.MULTILINE) == [asked["IMPORT_MAX_MEGABYTES"]]
    larger = re.findall(r"location = (\S+) \{\n *client_max_body_size (\d+)m;", text)
    assert larger == [(reverse(name), asked["ARCHIVE_MAX_MEGABYTES"]) for name in ("archive_import", "archive-list")]


def test_one_address_brings_two_archives_at_a_time_and_no_more_connections_than_elsewhere() -> None:
    text = (ROOT / "config" / "proxy" / "nginx.conf").read_text()
    large = re.findall(r"location = \S+ \{([^}]*client_max_body_size[^}]*)\}", text)

    # A place with limits of its own has none of those around it.
    assert [re.findall(r"limit_conn (\w+ \d+);", each) for each in large] == [["per_address 50", "archives 2"]] * 2
    assert "limit_conn_zone $binary_remote_addr zone=archives:" in text


def test_the_log_of_requests_holds_no_query() -> None:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
    command = json.loads(next(line for line in text.splitlines() if line.startswith("CMD"))[4:])
    (form,) = (word for word in command if word.startswith("--access-logformat="))

    assert "%(U)s" in form
    # The whole line, the query and where somebody came from.
    assert not set(re.findall(r"%\((\w+)\)s", form)) & {"r", "q", "f"}
