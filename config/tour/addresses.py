"""Every address of the site, read from the URL configuration and never listed by hand."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

#: Addresses of the API, which is no page but its documentation.
_API = "api/v1/"


@dataclass(frozen=True, slots=True)
class Address:
    """One pattern of the URL configuration, by its name with the namespaces before it."""

    name: str
    route: str

    @property
    def is_admin(self) -> bool:
        return self.route.startswith("admin/")


def addresses() -> list[Address]:
    """Those that a browser may be sent to: all but the API's. What has no name goes by its path."""
    return [found for found in _walk(get_resolver().url_patterns, "", ()) if not found.route.startswith(_API)]


def _walk(patterns: list[Any], route: str, namespaces: tuple[str, ...]) -> Iterator[Address]:
    for pattern in patterns:
        longer = route + re.sub(r"\(\?P<([^>]+)>[^)]*\)", r"<\1>", str(pattern.pattern)).strip("^$\\Z")
        if isinstance(pattern, URLResolver):
            inner = (*namespaces, pattern.namespace) if pattern.namespace else namespaces
            yield from _walk(pattern.url_patterns, longer, inner)
        elif isinstance(pattern, URLPattern):
            yield Address(":".join((*namespaces, pattern.name or f"/{longer}")), longer)
