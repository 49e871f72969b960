"""The API of what sorts accounts: groups and labels."""

from collections.abc import Callable
from typing import Any

from django.db.models import Count
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import account_groups
from accounts.models import AccountGroup, AccountTag
from accounts.serializers import AccountGroupSerializer, AccountTagSerializer, label_json
from accounts.viewsets import OwnViewSet


def group_json(group: Any) -> dict[str, Any]:
    """A group as `AccountGroupSerializer` describes it."""
    return {**label_json(group), "position": group.position, "accounts": group.accounts__count}


def tag_json(tag: Any) -> dict[str, Any]:
    """A label as `AccountTagSerializer` describes it."""
    return {**label_json(tag), "accounts": tag.accounts__count}


class _LabelViewSet(OwnViewSet):
    """What groups and labels of accounts have in common. A person has few enough of either to be told all at once."""

    model: Any
    rank: tuple[str, ...]
    query_parameters = {"list": ()}
    #: One of them as its serializer describes it.
    shown: Callable[[Any], dict[str, Any]]

    def own(self) -> Any:
        return self.model.objects.for_user(self.person).annotate(Count("accounts"))

    def one(self, id: str) -> Any:
        return get_object_or_404(self.own(), public_id=id)

    def asked(self, *, partial: bool) -> dict[str, Any]:
        fields = self.get_serializer(data=self.request.data, partial=partial)
        fields.is_valid(raise_exception=True)
        return dict(fields.validated_data)

    def list(self, request: Request) -> Response:
        rows = list(self.own().order_by(*self.rank))
        results = [self.shown(row) for row in rows]
        return Response({"results": results, "next": None, "has_more": False, "total": len(results)})

    def retrieve(self, request: Request, id: str) -> Response:
        return Response(self.shown(self.one(id)))


@extend_schema(responses=AccountGroupSerializer)
class AccountGroupViewSet(_LabelViewSet):
    """Groups of accounts, in the person's order; an account is in one at most."""

    model = AccountGroup
    rank = ("position", "id")
    queryset = AccountGroup.objects.none()
    serializer_class = AccountGroupSerializer

    shown = staticmethod(group_json)

    def create(self, request: Request) -> Response:
        asked = self.asked(partial=False)
        position = asked.pop("position", None)
        made = account_groups.create_group(owner=self.person, **asked)
        self._place(made, position)
        return Response(self.shown(self.one(str(made.public_id))), status=201)

    def partial_update(self, request: Request, id: str) -> Response:
        """Rename, recolour, or give it another place among the groups, counted from 0."""
        asked = self.asked(partial=True)
        position = asked.pop("position", None)
        group = account_groups.change(self.one(id), **asked)
        self._place(group, position)
        return Response(self.shown(self.one(id)))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, id: str) -> Response:
        """Its accounts stay, without a group."""
        account_groups.delete_group(self.one(id), at=timezone.now())
        return Response(status=204)

    def _place(self, group: AccountGroup, position: int | None) -> None:
        if position is None:
            return
        rows = AccountGroup.objects.for_user(self.person).exclude(pk=group.pk).order_by("position", "id")
        ids = list(rows.values_list("public_id", flat=True))
        ids.insert(position, group.public_id)
        account_groups.reorder_groups(owner=self.person, ids=ids)


@extend_schema(responses=AccountTagSerializer)
class AccountTagViewSet(_LabelViewSet):
    """Labels of accounts, by name; an account may carry several."""

    model = AccountTag
    rank = ("name", "id")
    queryset = AccountTag.objects.none()
    serializer_class = AccountTagSerializer

    shown = staticmethod(tag_json)

    def create(self, request: Request) -> Response:
        made = account_groups.create_tag(owner=self.person, **self.asked(partial=False))
        return Response(self.shown(self.one(str(made.public_id))), status=201)

    def partial_update(self, request: Request, id: str) -> Response:
        account_groups.change(self.one(id), **self.asked(partial=True))
        return Response(self.shown(self.one(id)))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, id: str) -> Response:
        """No account carries it any more."""
        account_groups.delete_tag(self.one(id), at=timezone.now())
        return Response(status=204)
