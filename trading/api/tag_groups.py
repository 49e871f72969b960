"""The API of groups of tags."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.serializers import page_of
from accounts.strict import LineField, StrictSerializer
from accounts.viewsets import CURSOR, LIMIT, OwnViewSet
from trading import tag_groups
from trading.models import TagGroup, TagRole
from trading.serializers import read


class TagGroupSerializer(StrictSerializer):
    id = serializers.UUIDField(read_only=True)
    name = LineField(max_length=50)
    role = serializers.ChoiceField(TagRole.choices, required=False)
    color = serializers.RegexField(r"^#[0-9a-fA-F]{6}\Z", required=False)
    position = serializers.IntegerField(read_only=True)


def group_json(group: TagGroup) -> dict[str, object]:
    """A group as `TagGroupSerializer` describes it."""
    return {
        "id": str(group.public_id),
        "name": group.name,
        "role": group.role,
        "color": group.color,
        "position": group.position,
    }


class TagGroupViewSet(OwnViewSet):
    """Groups of tags; their role says whether they are setups, mistakes or plain labels."""

    queryset = TagGroup.objects.none()
    serializer_class = TagGroupSerializer
    query_parameters = {"list": ("limit", "cursor")}

    def _one(self, id: str) -> TagGroup:
        return get_object_or_404(TagGroup.objects.for_user(self.person), public_id=id)

    @extend_schema(parameters=[LIMIT, CURSOR], responses=page_of(TagGroupSerializer))
    def list(self, request: Request) -> Response:
        """All groups in their order."""
        rows = TagGroup.objects.for_user(self.person)
        return self.page(rows, name="tag-groups", order="position", shown=group_json)

    @extend_schema(responses={201: TagGroupSerializer})
    def create(self, request: Request) -> Response:
        """Make a group; its name is unique among one's own."""
        asked = read(TagGroupSerializer, request.data, person=self.person)
        return Response(group_json(tag_groups.create(owner=self.person, **asked)), status=201)

    def retrieve(self, request: Request, id: str) -> Response:
        return Response(group_json(self._one(id)))

    def partial_update(self, request: Request, id: str) -> Response:
        """Rename or recolour a group, or change what its tags are."""
        asked = read(TagGroupSerializer, request.data, person=self.person, partial=True)
        return Response(group_json(tag_groups.update(self._one(id), **asked)))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, id: str) -> Response:
        """Delete a group; its tags stay."""
        tag_groups.delete(self._one(id))
        return Response(status=204)
