"""The API of wallets, tokens and signals."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import paging
from accounts.serializers import page_of
from accounts.viewsets import CURSOR, LIMIT, OwnViewSet, page_json
from intelligence import signal_lists, tokens, wallet_lists, wallets
from intelligence.models import Signal, SignalCheck, SignalOutcome, SignalRetry, Token, Wallet
from intelligence.signal_lists import ShownSignal
from intelligence.wallet_lists import ShownWallet
from intelligence.wallet_serializers import (
    BanReasonSerializer,
    KnownTokenSerializer,
    NewWalletSerializer,
    SignalSerializer,
    WalletChangesSerializer,
    WalletSerializer,
)
from trading.api.lists import asked
from trading.api.rows import Json, _day, _instant, _number
from trading.serializers import read


def _words(*names: str) -> list[OpenApiParameter]:
    return [OpenApiParameter(name, str) for name in names]


class WalletViewSet(OwnViewSet):
    """Wallets that one watches; archived, never deleted."""

    queryset = Wallet.objects.none()
    serializer_class = WalletSerializer
    # Health moves with the clock, and what is heard with the chain.
    unversioned_actions = frozenset({"list", "retrieve"})
    bodyless = frozenset({"pause", "activate", "archive", "restore"})
    query_parameters = {"list": ("limit", "cursor", "order", "status", "mode", "sync_status", "search")}

    def _one(self, id: str) -> Wallet:
        rows = Wallet.objects.for_user(self.person)
        return get_object_or_404(
            rows.select_related("exit_strategy", "simulation_account", "live_account"), public_id=id
        )

    def _shown(self, wallet: Wallet, *, status: int = 200) -> Response:
        wallet = self._one(str(wallet.public_id))
        return Response(wallet_json(wallet_lists.shown([wallet], at=timezone.now())[0]), status=status)

    @extend_schema(
        parameters=[LIMIT, CURSOR, *_words("order", "status", "mode", "sync_status", "search")],
        responses=page_of(WalletSerializer),
    )
    def list(self, request: Request) -> Response:
        params = request.query_params
        order = paging.order_of(params.get("order"), allowed=["created_at", "label"], default="-created_at")
        page = paging.page_of(
            wallet_lists.chosen(self.person, params.dict()),
            listing=paging.Listing(self.person.pk, "wallets", order, asked(params)),
            limit=paging.limit_of(params.get("limit")),
            cursor=params.get("cursor"),
        )
        return Response(page_json(page, map(wallet_json, wallet_lists.shown(page.results, at=timezone.now()))))

    @extend_schema(request=NewWalletSerializer, responses={201: WalletSerializer})
    def create(self, request: Request) -> Response:
        """Watch an address; 409 where one does so already.

        With `mode` as `live` it has to come with `confirm` as true, or is 422 `needs_confirmation`.
        """
        values = read(NewWalletSerializer, request.data, person=self.person)
        confirmed = values.pop("confirm", False)
        made = wallets.register(owner=self.person, at=timezone.now(), confirmed=confirmed, **values)
        return self._shown(made, status=201)

    def retrieve(self, request: Request, id: str) -> Response:
        return self._shown(self._one(id))

    @extend_schema(request=WalletChangesSerializer, responses=WalletSerializer)
    def partial_update(self, request: Request, id: str) -> Response:
        """Describe it otherwise. Mode, strategy and accounts are those of new copies; open ones keep theirs.

        From simulation to `live` it has to come with `confirm` as true, or is 422 `needs_confirmation`.
        """
        wallet = self._one(id)
        values = read(WalletChangesSerializer, request.data, person=self.person, partial=True)
        confirmed = values.pop("confirm", False)
        return self._shown(wallets.update(wallet, confirmed=confirmed, **values))

    @extend_schema(request=None, responses=WalletSerializer)
    @action(methods=["post"], detail=True)
    def pause(self, request: Request, id: str) -> Response:
        """Copy nothing new from it."""
        return self._shown(wallets.pause(self._one(id)))

    @extend_schema(request=None, responses=WalletSerializer)
    @action(methods=["post"], detail=True)
    def activate(self, request: Request, id: str) -> Response:
        """Follow it again; it is pending until the next push."""
        return self._shown(wallets.activate(self._one(id), at=timezone.now()))

    @extend_schema(request=None, responses=WalletSerializer)
    @action(methods=["post"], detail=True)
    def archive(self, request: Request, id: str) -> Response:
        """Take it out of the lists; its signals and positions stay."""
        return self._shown(wallets.archive(self._one(id), at=timezone.now()))

    @extend_schema(request=None, responses=WalletSerializer)
    @action(methods=["post"], detail=True)
    def restore(self, request: Request, id: str) -> Response:
        """Put it into the lists again, paused."""
        return self._shown(wallets.restore(self._one(id)))


class TokenViewSet(OwnViewSet):
    """Tokens that one's wallets traded, with what is known of each and who said it."""

    queryset = Token.objects.none()
    serializer_class = KnownTokenSerializer
    unversioned_actions = frozenset({"list", "retrieve"})
    query_parameters = {"list": ("limit", "cursor", "address", "symbol", "is_blacklisted")}

    @extend_schema(
        parameters=[LIMIT, CURSOR, *_words("address", "symbol"), OpenApiParameter("is_blacklisted", bool)],
        responses=page_of(KnownTokenSerializer),
    )
    def list(self, request: Request) -> Response:
        params = request.query_params
        rows = Token.objects.for_user(self.person)
        for name in ("address", "symbol"):
            if value := params.get(name):
                rows = rows.filter(**{name: value})
        if banned := params.get("is_blacklisted"):
            rows = rows.filter(
                is_blacklisted=signal_lists.one_of(banned, "is_blacklisted", ["true", "false"]) == "true"
            )
        return self.page(rows, name="tokens", order="-id", shown=_shown_now(), filters=asked(params))

    def retrieve(self, request: Request, id: str) -> Response:
        return Response(_shown_now()(get_object_or_404(Token.objects.for_user(self.person), public_id=id)))

    @extend_schema(request=BanReasonSerializer, responses=KnownTokenSerializer)
    @action(methods=["post"], detail=True)
    def blacklist(self, request: Request, id: str) -> Response:
        """Ban it for everybody here; for operators."""
        token, values = self._bannable(id), read(BanReasonSerializer, request.data, person=self.person)
        made = tokens.blacklist(token.address, reason=values["reason"], at=timezone.now(), by=self.person)
        return Response(_shown_now()(made))

    @extend_schema(request=BanReasonSerializer, responses=KnownTokenSerializer)
    @action(methods=["post"], detail=True)
    def lift(self, request: Request, id: str) -> Response:
        """Correct a ban that was a mistake, with the reason; for operators, and audited."""
        token, values = self._bannable(id), read(BanReasonSerializer, request.data, person=self.person)
        return Response(_shown_now()(tokens.lift(token, reason=values["reason"], at=timezone.now(), by=self.person)))

    def _bannable(self, id: str) -> Token:
        if not self.person.has_perm("intelligence.change_token"):
            raise Http404
        return get_object_or_404(Token.objects.all(), public_id=id)


class SignalViewSet(OwnViewSet):
    """What one's wallets did, and what was made of it. Signals are written once, by webhooks."""

    queryset = Signal.objects.none()
    serializer_class = SignalSerializer
    unversioned_actions = frozenset({"list", "retrieve"})
    query_parameters = {"list": ("limit", "cursor", *signal_lists.FILTERS)}

    @extend_schema(
        parameters=[LIMIT, CURSOR, *_words(*signal_lists.FILTERS)],
        responses=page_of(SignalSerializer),
    )
    def list(self, request: Request) -> Response:
        """The newest first. `verdict` takes `waiting` as well, of what nothing was made yet."""
        params = request.query_params
        page = paging.page_of(
            signal_lists.chosen(self.person, params.dict()).select_related("replaces"),
            listing=paging.Listing(self.person.pk, "signals", "-id", asked(params)),
            limit=paging.limit_of(params.get("limit")),
            cursor=params.get("cursor"),
        )
        return Response(page_json(page, map(signal_json, signal_lists.shown(page.results))))

    def retrieve(self, request: Request, id: str) -> Response:
        """One signal with every check of every attempt, and the transaction as it came."""
        rows = Signal.objects.for_user(self.person).select_related("wallet", "replaces")
        signal = get_object_or_404(rows, public_id=id)
        outcomes = [outcome_json(outcome, checks) for outcome, checks in signal_lists.outcomes_of(signal)]
        shown = signal_json(signal_lists.shown([signal])[0])
        return Response({**shown, "outcomes": outcomes, "payload": signal.payload})


# ---------------------------------------------------------------- rows


def wallet_json(row: ShownWallet) -> Json:
    """A wallet as `WalletSerializer` describes it; strategy and accounts are loaded."""
    wallet = row.wallet
    return {
        "id": str(wallet.public_id),
        "address": wallet.address,
        "label": wallet.label,
        "mode": wallet.mode,
        "exit_strategy": str(wallet.exit_strategy.public_id),
        "simulation_account": str(wallet.simulation_account.public_id) if wallet.simulation_account else None,
        "live_account": str(wallet.live_account.public_id) if wallet.live_account else None,
        "discovery_source": wallet.discovery_source,
        "discovery_date": _day(wallet.discovery_date),
        "discovery_notes": wallet.discovery_notes,
        "baseline_win_rate": _number(wallet.baseline_win_rate),
        "baseline_trades": wallet.baseline_trades,
        "baseline_average_pnl": _number(wallet.baseline_average_pnl),
        "baseline_days": wallet.baseline_days,
        "notes": wallet.notes,
        "is_active": wallet.is_active,
        "health": str(row.health),
        "sync_status": wallet.sync_status,
        "sync_error": wallet.sync_error,
        "synced_at": _instant(wallet.synced_at),
        "last_signal_at": _instant(wallet.last_signal_at),
        "signals_24h": row.signals_day,
        "signals_30d": row.signals_month,
        "archived_at": _instant(wallet.archived_at),
        "created_at": _instant(wallet.created_at),
    }


def _shown_now() -> Callable[[Token], Json]:
    now = timezone.now()
    return lambda token: token_json(token, at=now)


def token_json(token: Token, *, at: datetime) -> Json:
    """A token as `KnownTokenSerializer` describes it."""

    def said(value: Any, source: str, read_at: datetime | None) -> Json:
        return {"value": value, "source": source, "read_at": _instant(read_at)}

    return {
        "id": str(token.public_id),
        "address": token.address,
        "symbol": token.symbol,
        "name": token.name,
        "decimals": token.decimals,
        "price": _number(token.price),
        "price_at": _instant(token.price_at),
        "liquidity": said(_number(token.liquidity), token.liquidity_source, token.liquidity_at),
        "top_holders": said(_number(token.top_holders), token.top_holders_source, token.top_holders_at),
        "contract_score": said(_number(token.contract_score), token.contract_source, token.contract_at),
        "born_at": said(_instant(token.born_at), token.born_source, token.born_read_at),
        "findings": token.contract_findings,
        "is_fresh": token.is_fresh(at=at),
        "analyzed_at": _instant(token.analyzed_at),
        "analysis_source": token.analysis_source,
        "analysis_error": token.analysis_error,
        "is_blacklisted": token.is_blacklisted,
        "blacklist_reason": token.blacklist_reason,
        "blacklisted_at": _instant(token.blacklisted_at),
    }


def signal_json(row: ShownSignal) -> Json:
    """A signal as `SignalSerializer` describes it, but for what only its detail has."""
    signal = row.signal
    return {
        "id": str(signal.public_id),
        "wallet": str(signal.wallet.public_id) if signal.wallet else None,
        "wallet_address": signal.wallet_address,
        "token_address": signal.token_address,
        "token_symbol": row.token.symbol if row.token else "",
        "type": signal.type,
        "action": signal.action,
        "amount": _number(signal.amount),
        "price": _number(signal.price),
        "value": _number(signal.value),
        "currency": "USD",
        "base_token": signal.base_token,
        "base_amount": _number(signal.base_amount),
        "transaction": signal.transaction_id,
        "block": signal.block,
        "is_removed": signal.is_removed,
        "revision": signal.revision,
        "replaces": str(signal.replaces.public_id) if signal.replaces else None,
        "source": signal.source,
        "occurred_at": _instant(signal.occurred_at),
        "received_at": _instant(signal.received_at),
        "outcome": outcome_json(row.outcome) if row.outcome else None,
        "retry": retry_json(row.retry) if row.retry else None,
    }


def retry_json(retry: SignalRetry) -> Json:
    """A failed sale as `SignalRetrySerializer` describes it."""
    return {
        "attempts": retry.attempts,
        "problem": retry.problem,
        "next_attempt_at": _instant(retry.next_attempt_at),
    }


def outcome_json(outcome: SignalOutcome, checks: list[SignalCheck] | None = None) -> Json:
    """An outcome as `SignalOutcomeSerializer` describes it, with its checks where they are given."""
    shown = {
        "id": str(outcome.public_id),
        "attempt": outcome.attempt,
        "verdict": outcome.verdict,
        "action_taken": outcome.action_taken,
        "reason": outcome.reason,
        "mode": outcome.mode,
        "order": str(outcome.order_id) if outcome.order_id else None,
        "managed_position": str(outcome.plan_id) if outcome.plan_id else None,
        "decided_at": _instant(outcome.decided_at),
    }
    if checks is not None:
        shown["checks"] = [check_json(each) for each in checks]
    return shown


def check_json(check: SignalCheck) -> Json:
    """A check as `SignalCheckSerializer` describes it."""
    return {
        "name": check.name,
        "seen": check.seen,
        "limit": check.limit,
        "source": check.source,
        "age_seconds": check.age.total_seconds() if check.age is not None else None,
        "verdict": check.verdict,
        "note": check.note,
    }
