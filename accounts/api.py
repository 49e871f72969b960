"""The API of people, their accounts and cash.

`AccountViewSet` knows nothing of trades. The app that does extends it: a subclass overrides `list` to answer
`?stats=true` (adding "stats" to `query_parameters["list"]`), adds `stats` as a detail action, and is registered in its
place in config/api.py. `accounts_query` and `own_account` are there for it.
"""

from collections.abc import Sequence
from typing import Any

from django.db.models import prefetch_related_objects
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import activity, bulk_edits, ledger, paging, reports, tokens, trading_accounts
from accounts.bulk_edits import Change
from accounts.errors import InvalidValue
from accounts.models import (
    Account,
    AccountKind,
    AccountStatus,
    ActivityEntry,
    ActivityKind,
    ApiToken,
    AuditEvent,
    LedgerEntry,
    LedgerKind,
    Portfolio,
)
from accounts.reports import AccountFilters, AccountsQuery
from accounts.serializers import (
    AccountBatchSerializer,
    AccountBulkSerializer,
    AccountSerializer,
    ActivitySerializer,
    AuditSerializer,
    BrokerSerializer,
    BulkAnswerSerializer,
    CashSerializer,
    LedgerEntrySerializer,
    NewTokenSerializer,
    PortfolioSerializer,
    TokenSerializer,
    WrittenActivitySerializer,
    account_json,
    activity_json,
    audit_json,
    ledger_json,
    page_of,
    portfolio_json,
    token_json,
)
from accounts.strict import choice, public_id
from accounts.viewsets import CURSOR, LIMIT, PAGING, OwnViewSet, page_json

LONGEST_SEARCH = 200

_ORDER = OpenApiParameter("order", str, enum=[*reports.ORDERS, *(f"-{name}" for name in reports.ORDERS)])
_ARCHIVED = OpenApiParameter("archived", str, enum=["false", "true", "all"], default="false")
_LIST_PARAMETERS = [
    LIMIT,
    CURSOR,
    _ORDER,
    OpenApiParameter("broker", str),
    OpenApiParameter("search", str, description="Part of the name or account number."),
    OpenApiParameter("kind", str, enum=AccountKind.values),
    OpenApiParameter("status", str, enum=AccountStatus.values),
    OpenApiParameter("group", str, description="Name or id of a group, or none."),
    OpenApiParameter("tag", str, description="Name or id of a label."),
    _ARCHIVED,
]


class AccountViewSet(OwnViewSet):
    """Trading accounts."""

    queryset = Account.objects.none()
    serializer_class = AccountSerializer
    key_required = frozenset({"deposits", "withdrawals", "adjustments"})
    query_parameters = {
        "list": (*PAGING, "broker", "search", "kind", "status", "group", "tag", "archived"),
        "destroy": ("confirm",),
        "ledger": ("limit", "cursor", "kind", "currency"),
    }
    bodyless = frozenset({"archive", "restore"})

    def accounts_query(self) -> AccountsQuery:
        """What the query string asks for. Raises what becomes a 400 for anything that it may not ask."""
        parameters = self.request.query_params
        search = parameters.get("search")
        if search is not None and len(search) > LONGEST_SEARCH:
            raise InvalidValue(f"A search has at most {LONGEST_SEARCH} characters.", pointer="?search")
        archived = choice(parameters.get("archived"), parameter="archived", allowed=["false", "true", "all"])
        filters = AccountFilters(
            broker=parameters.get("broker"),
            search=search,
            kind=choice(parameters.get("kind"), parameter="kind", allowed=AccountKind.values),
            status=choice(parameters.get("status"), parameter="status", allowed=AccountStatus.values),
            archived={None: False, "false": False, "true": True, "all": None}[archived],
            group=parameters.get("group"),
            tag=parameters.get("tag"),
        )
        return AccountsQuery(
            filters=filters,
            limit=paging.limit_of(parameters.get("limit")),
            cursor=parameters.get("cursor"),
            order=paging.order_of(parameters.get("order"), allowed=list(reports.ORDERS), default=reports.DEFAULT_ORDER),
        )

    def own_account(self) -> Account:
        """The account that the path names. Raises Http404 for one that is foreign as for one that is absent."""
        return get_object_or_404(Account.objects.for_user(self.person), public_id=self.kwargs["id"])

    @extend_schema(parameters=_LIST_PARAMETERS, responses=page_of(AccountSerializer))
    def list(self, request: Request) -> Response:
        page = reports.list_accounts(self.person, self.accounts_query())
        return Response(page_json(page, map(account_json, page.results)))

    @extend_schema(request=AccountSerializer, responses={201: AccountSerializer})
    def create(self, request: Request) -> Response:
        fields = self.get_serializer(data=request.data)
        fields.is_valid(raise_exception=True)
        account = trading_accounts.create(owner=self.person, **fields.validated_data)
        return Response(account_json(account), status=201)

    def retrieve(self, request: Request, id: str) -> Response:
        account = reports.get_account(self.person, str(id))
        if account is None:
            raise Http404
        return Response(account_json(account))

    def partial_update(self, request: Request, id: str) -> Response:
        account = self.own_account()
        fields = self.get_serializer(account, data=request.data, partial=True)
        fields.is_valid(raise_exception=True)
        return Response(account_json(trading_accounts.update(account, **fields.validated_data)))

    @extend_schema(
        parameters=[OpenApiParameter("confirm", str, enum=["true"], description="Its trades may go with it.")]
    )
    def destroy(self, request: Request, id: str) -> Response:
        confirmed = choice(request.query_params.get("confirm"), parameter="confirm", allowed=["true", "false"])
        trading_accounts.delete(self.own_account(), confirmed=confirmed == "true")
        return Response(status=204)

    @extend_schema(request=AccountBatchSerializer, responses={201: AccountSerializer(many=True)})
    @action(detail=False, methods=["post"], serializer_class=AccountBatchSerializer)
    def batch(self, request: Request) -> Response:
        """Up to 1,000 accounts, all or none."""
        fields = self.get_serializer(data=request.data)
        fields.is_valid(raise_exception=True)
        accounts = trading_accounts.create_many(owner=self.person, rows=fields.validated_data["accounts"])
        prefetch_related_objects(accounts, "tags")
        return Response({"results": [account_json(account) for account in accounts]}, status=201)

    @extend_schema(request=AccountBulkSerializer, responses=BulkAnswerSerializer)
    @action(detail=False, methods=["patch"], serializer_class=AccountBulkSerializer)
    def bulk(self, request: Request) -> Response:
        """One change to many accounts, all or none: those of `ids`, or all that `filters` find."""
        fields = self.get_serializer(data=request.data)
        fields.is_valid(raise_exception=True)
        accounts = self._meant(fields)
        asked = dict(fields.validated_data["changes"])
        tags = {name: asked.pop(name, ()) for name in ("add_tags", "remove_tags")}
        change = Change(values=asked, **tags)
        if fields.validated_data["dry_run"]:
            found: Any = bulk_edits.preview(self.person, accounts, change)
        else:
            found = bulk_edits.apply(owner=self.person, accounts=accounts, change=change, at=timezone.now())
        return Response({"total": found.total, "changed": found.changed})

    def _meant(self, fields: Any) -> Sequence[int]:
        asked = fields.validated_data
        if ("ids" in asked) == ("filters" in asked):
            raise InvalidValue("Name the accounts by ids or by filters.", pointer="/ids")
        if "filters" in asked:
            return reports.ids_of(self.person.pk, AccountFilters(**asked["filters"]))
        ids = set(asked["ids"])
        own = Account.objects.for_user(self.person).filter(public_id__in=ids).values_list("pk", flat=True)
        if len(own) != len(ids):
            raise InvalidValue("Some of these accounts are not there. Nothing was changed.", pointer="/ids")
        return list(own)

    @extend_schema(responses=BrokerSerializer(many=True))
    @action(detail=False, methods=["get"], serializer_class=BrokerSerializer)
    def brokers(self, request: Request) -> Response:
        """The brokers of all accounts, with how many there are at each."""
        counts = reports.brokers(self.person)
        return Response({"results": counts, "total": len(counts)})

    @extend_schema(request=None, responses=AccountSerializer)
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, id: str) -> Response:
        return Response(account_json(trading_accounts.archive(self.own_account(), at=timezone.now())))

    @extend_schema(request=None, responses=AccountSerializer)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, id: str) -> Response:
        return Response(account_json(trading_accounts.restore(self.own_account(), at=timezone.now())))

    @extend_schema(responses=PortfolioSerializer(many=True))
    @action(detail=True, methods=["get"], serializer_class=PortfolioSerializer)
    def portfolios(self, request: Request, id: str) -> Response:
        """The account's cash, one portfolio per currency."""
        rows = Portfolio.objects.filter(account=self.own_account()).order_by("currency", "id")
        results = [portfolio_json(row) for row in rows]
        return Response({"results": results, "next": None, "has_more": False, "total": len(results)})

    @extend_schema(
        parameters=[
            LIMIT,
            CURSOR,
            OpenApiParameter("kind", str, enum=LedgerKind.values),
            OpenApiParameter("currency", str),
        ],
        responses=page_of(LedgerEntrySerializer),
    )
    @action(detail=True, methods=["get"], serializer_class=LedgerEntrySerializer)
    def ledger(self, request: Request, id: str) -> Response:
        """Every change of the account's cash, the latest first."""
        rows = LedgerEntry.objects.filter(portfolio__account=self.own_account()).select_related("portfolio")
        parameters = request.query_params
        kind = choice(parameters.get("kind"), parameter="kind", allowed=LedgerKind.values)
        currency = parameters.get("currency")
        if kind is not None:
            rows = rows.filter(kind=kind)
        if currency is not None:
            rows = rows.filter(portfolio__currency=currency)
        return self.page(rows, name="ledger", order="-id", shown=ledger_json, filters=[str(id), kind, currency])

    @extend_schema(request=CashSerializer, responses={201: LedgerEntrySerializer})
    @action(detail=True, methods=["post"], serializer_class=CashSerializer)
    def deposits(self, request: Request, id: str) -> Response:
        return self._move_cash(ledger.deposit)

    @extend_schema(request=CashSerializer, responses={201: LedgerEntrySerializer})
    @action(detail=True, methods=["post"], serializer_class=CashSerializer)
    def withdrawals(self, request: Request, id: str) -> Response:
        return self._move_cash(ledger.withdraw)

    @extend_schema(request=CashSerializer, responses={201: LedgerEntrySerializer})
    @action(detail=True, methods=["post"], serializer_class=CashSerializer)
    def adjustments(self, request: Request, id: str) -> Response:
        """A signed correction of the available balance."""
        return self._move_cash(ledger.adjust)

    def _move_cash(self, verb: Any) -> Response:
        account = self.own_account()
        fields = CashSerializer(data=self.request.data)
        fields.is_valid(raise_exception=True)
        asked = fields.validated_data
        entry = verb(
            account,
            currency=asked["currency"],
            amount=asked["amount"],
            idempotency_key=self.request.headers["Idempotency-Key"],
            at=asked.get("at") or timezone.now(),
            note=asked["note"],
        )
        return Response(ledger_json(entry), status=201)


class TokenViewSet(OwnViewSet):
    """Personal API tokens. The secret is in the answer to the POST and nowhere else."""

    queryset = ApiToken.objects.none()
    serializer_class = TokenSerializer
    keeps_answers = False
    unversioned_actions = frozenset({"list"})
    query_parameters = {"list": ("limit", "cursor")}

    @extend_schema(parameters=[LIMIT, CURSOR], responses=page_of(TokenSerializer))
    def list(self, request: Request) -> Response:
        rows = ApiToken.objects.for_user(self.person)
        return self.page(rows, name="tokens", order="-id", shown=token_json)

    @extend_schema(request=TokenSerializer, responses={201: NewTokenSerializer})
    def create(self, request: Request) -> Response:
        fields = self.get_serializer(data=request.data)
        fields.is_valid(raise_exception=True)
        token, secret = tokens.create(owner=self.person, at=timezone.now(), **fields.validated_data)
        return Response({**token_json(token), "secret": secret}, status=201)

    def destroy(self, request: Request, id: str) -> Response:
        token = get_object_or_404(ApiToken.objects.for_user(self.person), public_id=id)
        tokens.revoke(token, at=timezone.now())
        return Response(status=204)


class ActivityViewSet(OwnViewSet):
    """What happened to one's things, in words, the latest first; programs write lines of their own."""

    queryset = ActivityEntry.objects.none()
    serializer_class = ActivitySerializer
    unversioned_actions = frozenset({"list"})
    query_parameters = {"list": ("limit", "cursor", "kind", "account", "search")}

    @extend_schema(
        parameters=[
            LIMIT,
            CURSOR,
            OpenApiParameter("kind", str, enum=ActivityKind.values),
            OpenApiParameter("account", OpenApiTypes.UUID),
            OpenApiParameter("search", str, description="Part of the text."),
        ],
        responses=page_of(ActivitySerializer),
    )
    def list(self, request: Request) -> Response:
        rows = ActivityEntry.objects.for_user(self.person).select_related("account")
        asked = request.query_params
        named = asked.get("kind")
        kind = choice(named and named.lower(), parameter="kind", allowed=ActivityKind.values)
        account, search = asked.get("account"), asked.get("search")
        if kind is not None:
            rows = rows.filter(kind=kind)
        if account is not None:
            rows = rows.filter(account__public_id=public_id(account, parameter="account"))
        if search is not None:
            if len(search) > LONGEST_SEARCH:
                raise InvalidValue(f"A search has at most {LONGEST_SEARCH} characters.", pointer="?search")
            rows = rows.filter(text__icontains=search)
        filters = [kind, account, search]
        return self.page(rows, name="activity", order="-id", shown=activity_json, filters=filters)

    @extend_schema(request=WrittenActivitySerializer, responses={201: ActivitySerializer})
    def create(self, request: Request) -> Response:
        """Write a line into one's feed: what a bot saw, decided or did."""
        fields = WrittenActivitySerializer(data=request.data)
        fields.is_valid(raise_exception=True)
        asked = dict(fields.validated_data)
        named = asked.pop("account", None)
        account = Account.objects.for_user(self.person).filter(public_id=named).first() if named else None
        if named and account is None:
            raise InvalidValue("There is nothing of yours with this id.", pointer="/account")
        made = activity.write(owner=self.person, account=account, **asked)
        return Response(activity_json(made), status=201)


class AuditViewSet(OwnViewSet):
    """Who changed one's things, from where, and what they were before; the latest first."""

    queryset = AuditEvent.objects.none()
    serializer_class = AuditSerializer
    unversioned_actions = frozenset({"list"})
    query_parameters = {"list": ("limit", "cursor", "event")}

    @extend_schema(
        parameters=[LIMIT, CURSOR, OpenApiParameter("event", str, description="Such as account.update.")],
        responses=page_of(AuditSerializer),
    )
    def list(self, request: Request) -> Response:
        rows = AuditEvent.objects.for_user(self.person)
        event = request.query_params.get("event")
        if event is not None:
            rows = rows.filter(event=event)
        return self.page(rows, name="audit", order="-id", shown=audit_json, filters=[event])
