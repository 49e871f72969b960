"""The schema of the API, and the page that shows it: made here from the schema, without a script."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.text import slugify
from django.views.decorators.http import require_safe
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import IsAuthenticated

from accounts.authentication import TokenAuthentication

_METHODS = ("get", "post", "put", "patch", "delete")
#: How deep a body is shown: what a field holds, and what that holds.
_DEPTH = 2


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of a body; `depth` is how far inside another it stands."""

    name: str
    kind: str
    words: str
    is_required: bool
    where: str = ""
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that the API does."""

    method: str
    path: str
    words: str
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    answers: tuple[tuple[str, str, tuple[Field, ...]], ...]

    @property
    def anchor(self) -> str:
        """Where it stands on the page."""
        return slugify(f"{self.method} {self.path.replace('/', '-')}")


class ApiSchema(SpectacularAPIView):
    """OpenAPI 3, as YAML or, with `?format=json`, as JSON."""

    authentication_classes = [TokenAuthentication, SessionAuthentication]
    permission_classes = [IsAuthenticated]


@login_required
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Every operation of the API, each leading to what it takes and answers."""
    return render(request, "accounts/api_docs.html", {"groups": groups()})


@login_required
@require_safe
def docs_group(request: HttpRequest, name: str) -> HttpResponse:
    """The operations about one thing with what they take and answer."""
    group, operations = next((each for each in groups() if each[0] == name), ("", ()))
    if not operations:
        raise Http404
    return render(request, "accounts/api_docs_group.html", {"name": group, "operations": operations})


@lru_cache(maxsize=1)
def groups() -> tuple[tuple[str, tuple[Operation, ...]], ...]:
    """The operations by the thing that they are about, in the order of their paths."""
    schema: Mapping[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    found: dict[str, list[Operation]] = {}
    for path, methods in schema["paths"].items():
        for method in _METHODS:
            if method in methods:
                operation = methods[method]
                name = (operation.get("tags") or ["api"])[0]
                found.setdefault(name, []).append(_operation(method, path, operation, schema))
    return tuple((name, tuple(operations)) for name, operations in found.items())


def _operation(method: str, path: str, operation: Mapping[str, Any], schema: Mapping[str, Any]) -> Operation:
    parameters = tuple(
        Field(
            each["name"],
            _kind(each.get("schema", {}), schema),
            each.get("description", ""),
            bool(each.get("required")),
            where=each["in"],
        )
        for each in operation.get("parameters", ())
    )
    answers = tuple(
        (status, answer.get("description", ""), tuple(_fields(_content(answer), schema)))
        for status, answer in operation.get("responses", {}).items()
    )
    body = tuple(each for each in _fields(_content(operation.get("requestBody", {})), schema, is_sent=True))
    return Operation(method.upper(), path, operation.get("description", ""), parameters, body, answers)


def _content(holder: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of what is sent or answered, whatever its content type is."""
    for content in holder.get("content", {}).values():
        found: Mapping[str, Any] = content.get("schema", {})
        return found
    return {}


def _resolved(each: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while True:
        if "$ref" in each:
            each = schema["components"]["schemas"][each["$ref"].rpartition("/")[2]]
        elif len(each.get("allOf", ())) == 1:
            each = {**each["allOf"][0], **{name: value for name, value in each.items() if name != "allOf"}}
        else:
            return each


def _fields(
    each: Mapping[str, Any], schema: Mapping[str, Any], *, is_sent: bool = False, depth: int = 0
) -> Iterator[Field]:
    each = _resolved(each, schema)
    if each.get("type") == "array":
        each = _resolved(each["items"], schema)
    required = set(each.get("required", ()))
    for name, held in each.get("properties", {}).items():
        inner = _resolved(held, schema)
        if is_sent and inner.get("readOnly"):
            continue
        yield Field(name, _kind(held, schema), inner.get("description", ""), name in required and is_sent, depth=depth)
        if depth + 1 < _DEPTH:
            yield from _fields(inner, schema, is_sent=is_sent, depth=depth + 1)


def _kind(each: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    each = _resolved(each, schema)
    if each.get("type") == "array":
        return f"[{_kind(each['items'], schema)}]"
    if "oneOf" in each:
        return " | ".join(kind for one in each["oneOf"] if (kind := _kind(one, schema)))
    if "enum" in each:
        return " | ".join(str(value) for value in each["enum"] if value not in ("", None))
    kind = str(each.get("format") or each.get("type") or "any")
    return f"{kind} | null" if each.get("nullable") else kind


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """What the schema says of personal tokens. Registers itself by being defined."""

    target_class = "accounts.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A personal token, made in the settings."}
