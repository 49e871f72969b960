"""The API of playbooks: rules, versions, which trades were taken by them, and what that came to."""

import uuid
from typing import Any

from django.db import transaction
from django.db.models import Count, Prefetch
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.errors import InvalidValue
from accounts.serializers import page_of
from accounts.viewsets import CURSOR, LIMIT, OwnViewSet
from journal import filters, playbook_results, playbooks
from journal.models import Playbook, PlaybookVersion, TradePlaybook
from journal.playbooks import WrittenRule
from journal.writing_serializers import (
    PlaybookSerializer,
    PlaybookVersionsSerializer,
    TradePlaybookSerializer,
    TradePlaybookShownSerializer,
    playbook_json,
    results_json,
    taken_json,
    version_json,
)
from trading.serializers import read


class PlaybookViewSet(OwnViewSet):
    """Ways of trading as rules, in versions that never change once a trade was held against them."""

    queryset = Playbook.objects.none()
    serializer_class = PlaybookSerializer
    query_parameters = {"list": ("limit", "cursor"), "results": filters.NAMES}
    repeatable_parameters = frozenset({"account"})

    def _own(self) -> Any:
        versions = PlaybookVersion.objects.order_by("-number").prefetch_related("rules")
        return Playbook.objects.for_user(self.person).prefetch_related(Prefetch("versions", versions))

    def _one(self, id: str) -> Playbook:
        found: Playbook = get_object_or_404(self._own(), public_id=id)
        return found

    def _shown(self, playbook: Playbook, status: int = 200) -> Response:
        return Response(_json(self._own().get(pk=playbook.pk)), status=status)

    @extend_schema(parameters=[LIMIT, CURSOR], responses=page_of(PlaybookSerializer))
    def list(self, request: Request) -> Response:
        """All playbooks by name, archived ones included, with the rules of now."""
        return self.page(self._own(), name="playbooks", order="name", shown=_json)

    @extend_schema(responses={201: PlaybookSerializer})
    def create(self, request: Request) -> Response:
        """Write a playbook down."""
        asked = read(PlaybookSerializer, request.data, person=self.person)
        rules = _rules(asked.pop("rules", []))
        return self._shown(playbooks.create(owner=self.person, rules=rules, **asked), 201)

    def retrieve(self, request: Request, id: str) -> Response:
        return Response(_json(self._one(id)))

    def partial_update(self, request: Request, id: str) -> Response:
        """Change a playbook. `rules` replaces all; a rule with a key continues that rule in other words."""
        playbook = self._one(id)
        asked = read(PlaybookSerializer, request.data, person=self.person, partial=True)
        rules = _rules(asked.pop("rules")) if "rules" in asked else None
        return self._shown(playbooks.edit(playbook, rules=rules, **asked))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, id: str) -> Response:
        """Delete a playbook that no trade was taken by; others are archived."""
        playbooks.delete(self._one(id))
        return Response(status=204)

    @extend_schema(request=None, responses=PlaybookSerializer)
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, id: str) -> Response:
        """Offer it for no more trades."""
        playbook = self._one(id)
        playbooks.archive(playbook)
        return self._shown(playbook)

    @extend_schema(request=None, responses=PlaybookSerializer)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, id: str) -> Response:
        """Offer it again."""
        playbook = self._one(id)
        playbooks.restore(playbook)
        return self._shown(playbook)

    @extend_schema(responses=PlaybookVersionsSerializer)
    @action(detail=True)
    def versions(self, request: Request, id: str) -> Response:
        """Every version, the newest first, with its rules and the number of trades held against it."""
        playbook = self._one(id)
        counts = dict(
            TradePlaybook.objects.filter(playbook=playbook).order_by().values_list("version").annotate(Count("pk"))
        )
        found = [version_json(each, trades=counts.get(each.pk, 0)) for each in playbook.versions.all()]
        return Response({"results": found})

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=True)
    def results(self, request: Request, id: str) -> Response:
        """What its trades came to, whole and by rule kept and broken, with the filters of every figure."""
        playbook = self._one(id)
        wanted = filters.parse(request.query_params, user=self.person)
        return Response(results_json(playbook_results.results(self.person, playbook, wanted)))

    @extend_schema(request=TradePlaybookSerializer, responses=TradePlaybookShownSerializer)
    @action(detail=True, methods=["post"], url_path="trades")
    def take(self, request: Request, id: str) -> Response:
        """Hold a trade against it, in its version of now unless it is already, and tick rules by their keys."""
        playbook = self._one(id)
        asked = read(TradePlaybookSerializer, request.data, person=self.person)
        with transaction.atomic():
            taken = playbooks.assign(asked["trade"], playbook=playbook)
            if asked.get("rules"):
                playbooks.check(taken, kept={_key(key): value for key, value in asked["rules"].items()})
        found = TradePlaybook.objects.select_related("playbook", "version").prefetch_related("checks", "version__rules")
        return Response(taken_json(found.get(pk=taken.pk)))

    @extend_schema(responses={204: None})
    @action(detail=True, methods=["delete"], url_path="trades/<uuid:trade>")
    def drop(self, request: Request, id: str, trade: uuid.UUID) -> Response:
        """Take it off a trade, with all that was ticked."""
        rows = TradePlaybook.objects.for_user(self.person).select_related("playbook")
        playbooks.unassign(get_object_or_404(rows, playbook=self._one(id), trade_key=trade))
        return Response(status=204)


def _json(playbook: Playbook) -> dict[str, Any]:
    return playbook_json(playbook, playbook.versions.all()[0])


def _rules(asked: list[dict[str, Any]]) -> list[WrittenRule]:
    return [WrittenRule(rule["text"], rule.get("group", ""), rule.get("key")) for rule in asked]


def _key(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise InvalidValue("A rule is named by its key, a UUID.", pointer="/rules") from error
