"""The index of the API: every app's viewsets, below /api/v1/."""

from typing import Any

from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import DefaultRouter

from accounts.api import ActivityViewSet, AuditViewSet, TokenViewSet
from accounts.grouping_api import AccountGroupViewSet, AccountTagViewSet
from intelligence.api.copying import CopySettingsViewSet, WalletPerformanceViewSet
from intelligence.api.decisions import DecisionViewSet
from intelligence.api.following import SignalViewSet, WalletViewSet
from intelligence.api.following import TokenViewSet as MintViewSet
from intelligence.api.news import AnalysisViewSet, NewsViewSet
from intelligence.views import webhooks
from journal.api.accounts import AccountWithStatsViewSet
from journal.api.aggregate import AggregateViewSet
from journal.api.archives import ArchiveViewSet
from journal.api.notes import AttachmentViewSet, NoteTemplateViewSet, NoteViewSet, SearchViewSet
from journal.api.playbooks import PlaybookViewSet
from journal.api.trades import JournalTradeViewSet
from trading.api.bars import BarViewSet
from trading.api.connections import BrokerConnectionViewSet
from trading.api.executions import ExecutionViewSet, PositionViewSet
from trading.api.exit_strategies import ExitStrategyViewSet
from trading.api.imports import ImportViewSet
from trading.api.managed_positions import ManagedPositionViewSet
from trading.api.orders import OrderViewSet
from trading.api.quotes import QuoteViewSet, SnapshotViewSet
from trading.api.reference import FxRateViewSet, InstrumentViewSet
from trading.api.risk import BreakerEventViewSet, BreakerViewSet, RiskConfigViewSet, RiskLimitViewSet
from trading.api.sessions import SessionViewSet
from trading.api.tag_groups import TagGroupViewSet
from trading.api.tags import TagViewSet


class Router(DefaultRouter):
    """A router whose index names what has no list as well: the answers of `aggregate/`, each by its own path."""

    def get_api_root_view(self, api_urls: Any = None) -> Any:
        list_name = self.routes[0].name
        names = {prefix: list_name.format(basename=basename) for prefix, _, basename in self.registry}
        actions: list[Any] = AggregateViewSet.get_extra_actions()
        for each in actions:
            names[f"aggregate/{each.url_path}"] = f"aggregate-{each.url_name}"
        return self.APIRootView.as_view(api_root_dict=names)


# Paths with converters: `lookup_value_converter = "uuid"` in a viewset takes ids in canonical form only.
router = Router(use_regex_path=False)
router.include_format_suffixes = False
# First, as its addresses are asked for most, and are looked through in this order.
router.register("orders", OrderViewSet, basename="order")
router.register("accounts", AccountWithStatsViewSet, basename="account")
router.register("account-groups", AccountGroupViewSet, basename="account-group")
router.register("account-tags", AccountTagViewSet, basename="account-tag")
router.register("aggregate", AggregateViewSet, basename="aggregate")
router.register("archives", ArchiveViewSet, basename="archive")
router.register("auth/tokens", TokenViewSet, basename="token")
router.register("activity", ActivityViewSet, basename="activity")
router.register("audit", AuditViewSet, basename="audit")
router.register("trades", JournalTradeViewSet, basename="trade")
router.register("executions", ExecutionViewSet, basename="execution")
router.register("positions", PositionViewSet, basename="position")
router.register("exit-strategies", ExitStrategyViewSet, basename="exit-strategy")
router.register("managed-positions", ManagedPositionViewSet, basename="managed-position")
router.register("tags", TagViewSet, basename="tag")
router.register("tag-groups", TagGroupViewSet, basename="tag-group")
router.register("notes", NoteViewSet, basename="note")
router.register("note-templates", NoteTemplateViewSet, basename="note-template")
router.register("playbooks", PlaybookViewSet, basename="playbook")
router.register("attachments", AttachmentViewSet, basename="attachment")
router.register("search", SearchViewSet, basename="search")
router.register("instruments", InstrumentViewSet, basename="instrument")
router.register("bars", BarViewSet, basename="bar")
router.register("quotes", QuoteViewSet, basename="quote")
router.register("snapshots", SnapshotViewSet, basename="snapshot")
router.register("broker-connections", BrokerConnectionViewSet, basename="broker-connection")
router.register("sessions", SessionViewSet, basename="session")
router.register("wallets", WalletViewSet, basename="wallet")
router.register("tokens", MintViewSet, basename="mint")
router.register("signals", SignalViewSet, basename="signal")
router.register("fx-rates", FxRateViewSet, basename="fx-rate")
router.register("imports", ImportViewSet, basename="import")
router.register("news", NewsViewSet, basename="news")
router.register("analyses", AnalysisViewSet, basename="analysis")
router.register("decisions", DecisionViewSet, basename="decision")
router.register("risk-limits", RiskLimitViewSet, basename="risk-limit")
router.register("breaker", BreakerViewSet, basename="breaker")
router.register("wallet-performance", WalletPerformanceViewSet, basename="wallet-performance")
router.register("breaker-events", BreakerEventViewSet, basename="breaker-event")

# One thing, not a list of them.
_CONFIG = RiskConfigViewSet.as_view({"get": "retrieve", "patch": "partial_update"})

_COPYING = CopySettingsViewSet.as_view({"get": "retrieve", "patch": "partial_update"})

urlpatterns: list[URLPattern | URLResolver] = [
    path("risk-config/", _CONFIG, name="risk-config"),
    path("copy-settings/", _COPYING, name="copy-settings"),
    # Senders, not people: they prove who they are in ways of their own, and answers are constant.
    path("webhooks/helius/", webhooks.helius, name="webhook-helius"),
    path("webhooks/<slug:source>/", webhooks.other, name="webhook"),
    *router.urls,
]
