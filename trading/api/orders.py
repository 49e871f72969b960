"""The API of orders: place one or many, look, cancel, replace, and what happened to each."""

from collections.abc import Sequence

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import paging
from accounts.errors import DomainError
from accounts.serializers import page_of
from accounts.strict import choice
from accounts.viewsets import CURSOR, LIMIT, PAGING, OwnViewSet
from trading import joint_orders, orders
from trading.api.lists import ACCOUNT, PAGE, SYMBOL, accounts_asked, line_asked
from trading.api.rows import Json
from trading.attempt_serializers import AttemptSerializer, attempt_json
from trading.errors import OrderRefused
from trading.filters import instruments_of
from trading.models import Order, OrderAttempt, OrderEvent, OrderQuerySet
from trading.order_rows import Request as OrderRequest
from trading.order_rules.statuses import Status
from trading.order_rules.vocabulary import UnknownWord, read_status
from trading.order_serializers import (
    BulkOrderAnswerSerializer,
    BulkOrderSerializer,
    CancelSerializer,
    OrderEventSerializer,
    OrderSerializer,
    PlacedOrderSerializer,
    ReplaceSerializer,
    accounts_named,
    event_json,
    order_json,
    request_of,
    ticket_of_change,
)
from trading.serializers import read


class OrderViewSet(OwnViewSet):
    """Orders of one's own accounts."""

    queryset = Order.objects.none()
    serializer_class = OrderSerializer
    query_parameters = {
        "list": (*PAGING, "account", "status", "symbol", "live"),
        "attempts": ("limit", "cursor"),
        "events": ("limit", "cursor"),
    }
    repeatable_parameters = frozenset({"account"})

    def _own(self) -> OrderQuerySet:
        return Order.objects.for_user(self.person).select_related("account", "instrument", "parent", "replaces")

    @extend_schema(
        parameters=[
            *PAGE,
            OpenApiParameter("order", str, enum=["-created_at", "created_at"], default="-created_at"),
            ACCOUNT,
            OpenApiParameter("status", str, enum=[*Status], description="`cancelled` and `working` are understood."),
            OpenApiParameter("live", str, enum=["true", "false"], description="Only those that may still execute."),
            SYMBOL,
        ],
        responses=page_of(OrderSerializer),
    )
    def list(self, request: Request) -> Response:
        """Orders, the latest first."""
        params = request.query_params
        rows = self._own()
        accounts, symbol = accounts_asked(params), line_asked(params, "symbol")
        if accounts is not None:
            rows = rows.filter(account__public_id__in=accounts)
        if symbol is not None:
            rows = rows.filter(instrument__in=instruments_of(symbol))
        status = params.get("status")
        if status:
            try:
                rows = rows.filter(status=read_status(status))
            except UnknownWord:
                choice(status, parameter="status", allowed=[*Status])
        live = choice(params.get("live"), parameter="live", allowed=["true", "false"])
        if live is not None:
            rows = rows.live() if live == "true" else rows.ended()
        order = paging.order_of(params.get("order"), allowed=["created_at"], default="-created_at")
        filters = [accounts and sorted(map(str, accounts)), symbol, status, live]
        return self.page(rows, name="orders", order=order, shown=order_json, filters=filters)

    @extend_schema(request=PlacedOrderSerializer, responses={201: OrderSerializer, 200: OrderSerializer})
    def create(self, request: Request) -> Response:
        """Place an order. The same `client_order_id` again answers 200 with the order that it made first.

        The answer is the order once the venue has looked at it; under an idempotency key, as it was placed.
        """
        asked = request_of(read(PlacedOrderSerializer, request.data, person=self.person))
        stood = (
            self._looked_at([joint_orders.place_only(asked)])[0]
            if self.is_one_transaction
            else joint_orders.place(asked)
        )
        (order,) = self._as_they_stand([stood])
        if order.status == Status.REJECTED and order.reasons:
            raise OrderRefused(orders.reasons_of(order), order_id=str(order.public_id))
        return Response(order_json(order), status=201 if stood.placed.is_new else 200)

    @extend_schema(request=BulkOrderSerializer, responses=BulkOrderAnswerSerializer)
    @action(detail=False, methods=["post"], serializer_class=BulkOrderSerializer)
    def bulk(self, request: Request) -> Response:
        """Place up to 500 orders, each decided by itself, in this order."""
        known = accounts_named(request.data, person=self.person)
        given = read(BulkOrderSerializer, request.data, person=self.person, accounts=known)["orders"]
        asked = [_asked(each) for each in given]
        sound = [each for each in asked if isinstance(each, OrderRequest)]
        # What is looked at only once it is committed waits no sooner: see `joint_orders.place_only`.
        placed = iter(orders.place_many(sound, may_rest=not self.is_one_transaction))
        answers = [each if isinstance(each, orders.NotPlaced) else next(placed) for each in asked]
        made = iter(self._as_they_stand(self._looked_at([each for each in answers if isinstance(each, orders.Placed)])))
        results: list[Json] = []
        for answer in answers:
            if isinstance(answer, orders.NotPlaced):
                results.append({"order": None, "is_new": False, "errors": _why_not(answer.error)})
                continue
            order = next(made)
            errors = OrderRefused(orders.reasons_of(order)).errors() if order.reasons else []
            results.append({"order": order_json(order), "is_new": answer.is_new, "errors": errors})
        return Response({"results": results})

    def _looked_at(self, placed: Sequence[orders.Placed]) -> Sequence[joint_orders.Stood]:
        """The venue has looked at what is new, or will have once that is committed."""
        if not self.is_one_transaction:
            return joint_orders.looked_at(placed)
        self.afterwards = lambda: joint_orders.looked_at(placed)
        return [joint_orders.Stood(each, is_changed=not each.is_new) for each in placed]

    def _as_they_stand(self, stood: Sequence[joint_orders.Stood]) -> Sequence[Order]:
        """The orders as they are now; those that stand as they were placed need not be read again."""
        if not any(each.is_changed for each in stood):
            return [each.placed.order for each in stood]
        found = self._own().in_bulk([each.placed.order.pk for each in stood])
        return [found[each.placed.order.pk] for each in stood]

    @extend_schema(responses=OrderSerializer)
    def retrieve(self, request: Request, id: str) -> Response:
        """An order as it stands."""
        return Response(order_json(get_object_or_404(self._own(), public_id=id)))

    @extend_schema(request=CancelSerializer, responses=OrderSerializer)
    @action(detail=True, methods=["post"], serializer_class=CancelSerializer)
    def cancel(self, request: Request, id: str) -> Response:
        """Cancel what is left of an order. With `version`, only if it has not moved on since."""
        order = get_object_or_404(self._own(), public_id=id)
        asked = read(CancelSerializer, request.data, person=self.person)
        orders.cancel(order, version=asked.get("version"))
        return Response(order_json(self._own().get(pk=order.pk)))

    @extend_schema(request=ReplaceSerializer, responses={201: OrderSerializer, 200: OrderSerializer})
    @action(detail=True, methods=["post"], serializer_class=ReplaceSerializer)
    def replace(self, request: Request, id: str) -> Response:
        """Put another order in its place, which continues its chain. What is not given stays as it was.

        At a broker this is a request: 200 with the order as it is, and the successor stands once the broker has it.
        """
        order = get_object_or_404(self._own(), public_id=id)
        asked = read(ReplaceSerializer, request.data, person=self.person)
        made = orders.replace_order(
            order,
            ticket=ticket_of_change(order, asked),
            client_order_id=asked.get("client_order_id", ""),
            version=asked.get("version"),
        )
        (order,) = self._as_they_stand(self._looked_at([made]))
        return Response(order_json(order), status=201 if made.is_new else 200)

    @extend_schema(parameters=[LIMIT, CURSOR], responses=page_of(AttemptSerializer))
    @action(detail=True)
    def attempts(self, request: Request, id: str) -> Response:
        """Every request to its broker about an order, the first first; none on paper, where nobody has to be asked."""
        order = get_object_or_404(self._own(), public_id=id)
        rows = OrderAttempt.objects.for_user(self.person).filter(order=order).select_related("command")
        ordering = paging.order_of(None, allowed=["id"], default="id")
        return self.page(rows, name="order-attempts", order=ordering, shown=attempt_json, filters=str(id))

    @extend_schema(parameters=[LIMIT, CURSOR], responses=page_of(OrderEventSerializer))
    @action(detail=True)
    def events(self, request: Request, id: str) -> Response:
        """Everything that happened to an order or was said of it, the first first."""
        order = get_object_or_404(self._own(), public_id=id)
        rows = OrderEvent.objects.for_user(self.person).filter(order=order)
        ordering = paging.order_of(None, allowed=["id"], default="id")
        return self.page(rows, name="order-events", order=ordering, shown=event_json, filters=str(id))


def _asked(given: Json) -> OrderRequest | orders.NotPlaced:
    """What is asked for; why not, where its exit plan is none."""
    try:
        return request_of(given)
    except DomainError as error:
        return orders.NotPlaced(error)


def _why_not(error: DomainError) -> Sequence[Json]:
    """Every reason; also one that is about no field is told."""
    return error.errors() or [{"pointer": error.pointer, "code": error.code, "detail": str(error.message)}]
