"""The API of tags."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import paging
from accounts.viewsets import PAGING, OwnViewSet
from trading import tags
from trading.api.lists import PAGE, counted_page
from trading.api.rows import tag_json
from trading.models import Tag
from trading.serializers import TagSerializer, read, versioned_page_of


class TagViewSet(OwnViewSet):
    """One's own labels for trades."""

    queryset = Tag.objects.none()
    serializer_class = TagSerializer
    query_parameters = {"list": PAGING}

    @extend_schema(
        parameters=[*PAGE, OpenApiParameter("order", str, enum=["name", "-name"], default="name")],
        responses=versioned_page_of(TagSerializer),
    )
    def list(self, request: Request) -> Response:
        """All tags by name."""
        order = paging.order_of(request.query_params.get("order"), allowed=["name"], default="name")
        rows = Tag.objects.for_user(self.person).select_related("group")
        return counted_page(self, rows, name="tags", order=order, shown=lambda page: map(tag_json, page))

    @extend_schema(request=TagSerializer, responses={201: TagSerializer})
    def create(self, request: Request) -> Response:
        """Make a tag; its name is unique among one's own."""
        asked = read(TagSerializer, request.data, person=self.person)
        return Response(tag_json(tags.create(owner=self.person, **asked)), status=201)

    @extend_schema(request=TagSerializer, responses=TagSerializer)
    def partial_update(self, request: Request, id: str) -> Response:
        """Rename or recolour a tag on every trade that carries it."""
        tag = get_object_or_404(Tag.objects.for_user(self.person).select_related("group"), public_id=id)
        return Response(
            tag_json(tags.update(tag, **read(TagSerializer, request.data, person=self.person, partial=True)))
        )

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, id: str) -> Response:
        """Take a tag off every trade and away; the trades stay."""
        tags.delete(get_object_or_404(Tag.objects.for_user(self.person), public_id=id))
        return Response(status=204)
