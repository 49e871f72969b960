"""The API of connections to brokers: keys are taken, tried and sealed, and shown by nothing here."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.errors import Conflict
from accounts.models import BrokerConnection
from accounts.serializers import page_of
from accounts.viewsets import CURSOR, LIMIT, OwnViewSet
from trading import connections
from trading.api.rows import Json, _instant
from trading.connection_serializers import (
    ChangeConnectionSerializer,
    ConnectionSerializer,
    KeptConnectionSerializer,
    NewConnectionSerializer,
)
from trading.connections import Keys
from trading.serializers import read
from trading.venues import trying_keys


class BrokerConnectionViewSet(OwnViewSet):
    """Which of one's own accounts are traded at which broker."""

    queryset = BrokerConnection.objects.none()
    serializer_class = ConnectionSerializer
    # How a stream is changes by itself.
    unversioned_actions = frozenset({"list", "retrieve"})
    bodyless = frozenset({"disable"})
    query_parameters = {"list": ("limit", "cursor")}

    def _own(self) -> Any:
        return BrokerConnection.objects.for_user(self.person).select_related("account")

    @extend_schema(parameters=[LIMIT, CURSOR], responses=page_of(ConnectionSerializer))
    def list(self, request: Request) -> Response:
        """Connections, the oldest first."""
        return self.page(self._own(), name="broker-connections", order="id", shown=connection_json)

    @extend_schema(request=NewConnectionSerializer, responses={201: KeptConnectionSerializer})
    def create(self, request: Request) -> Response:
        """Connect an account: its orders go to the broker from now on.

        The keys are tried first. 422 `keys_refused` where the broker says no; where it cannot be reached they are kept,
        with a `warning`. 409 where the account is connected, or its orders wait elsewhere.
        """
        asked = read(NewConnectionSerializer, request.data, person=self.person)
        account = asked["account"]
        if BrokerConnection.objects.filter(account=account).exists():
            raise Conflict("This account is connected: change its connection.", code="connected")
        keys = Keys(asked["key_id"], asked["secret"])
        return _answer(trying_keys.keep(account, environment=asked["environment"], keys=keys), status=201)

    @extend_schema(responses=ConnectionSerializer)
    def retrieve(self, request: Request, id: str) -> Response:
        """How a connection stands."""
        return Response(connection_json(get_object_or_404(self._own(), public_id=id)))

    @extend_schema(request=ChangeConnectionSerializer, responses=KeptConnectionSerializer)
    def partial_update(self, request: Request, id: str) -> Response:
        """Other keys, or another environment, tried as new ones are. What is not given stays."""
        row = get_object_or_404(self._own(), public_id=id)
        asked = read(ChangeConnectionSerializer, request.data, person=self.person, partial=True)
        now = connections.keys_of(row)
        keys = Keys(asked.get("key_id", now.key_id), asked.get("secret", now.secret))
        return _answer(
            trying_keys.keep(row.account, environment=asked.get("environment", row.environment), keys=keys), status=200
        )

    @extend_schema(request=None, responses={204: None})
    @action(methods=["post"], detail=True)
    def disable(self, request: Request, id: str) -> Response:
        """Disconnect the account: the keys are forgotten, and its orders are paper again. 409 while some wait there."""
        return self._disconnected(id)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, id: str) -> Response:
        """The same as `disable`."""
        return self._disconnected(id)

    def _disconnected(self, id: str) -> Response:
        connections.disconnect(get_object_or_404(self._own(), public_id=id).account)
        return Response(status=204)


def _answer(kept: trying_keys.Kept, *, status: int) -> Response:
    return Response(connection_json(kept.connection) | {"warning": kept.warning}, status=status)


def connection_json(row: BrokerConnection) -> Json:
    """A connection as `ConnectionSerializer` describes it; its account is loaded."""
    return {
        "id": str(row.public_id),
        "account": str(row.account.public_id),
        "venue": row.venue,
        "environment": row.environment,
        "key_hint": row.key_hint,
        "broker_account": row.broker_account,
        "stream_state": row.stream_state,
        "stream_at": _instant(row.stream_at),
        "stream_error": row.stream_error,
        "reconciled_at": _instant(row.reconciled_at),
        "differences": row.differences,
        "created_at": _instant(row.created_at),
        "updated_at": _instant(row.updated_at),
    }
