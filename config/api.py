"""The index of the API: every app's viewsets, below /api/v1/."""

from django.urls import URLPattern, URLResolver
from rest_framework.routers import DefaultRouter

from accounts.api import ActivityViewSet, AuditViewSet, TokenViewSet
from journal.api import AccountWithStatsViewSet, AggregateViewSet
from trading.api.executions import ExecutionViewSet, PositionViewSet
from trading.api.imports import ImportViewSet
from trading.api.reference import FxRateViewSet, InstrumentViewSet
from trading.api.tags import TagViewSet
from trading.api.trades import TradeViewSet

# Paths with converters: `lookup_value_converter = "uuid"` in a viewset takes ids in canonical form only.
router = DefaultRouter(use_regex_path=False)
router.include_format_suffixes = False
router.register("accounts", AccountWithStatsViewSet, basename="account")
router.register("aggregate", AggregateViewSet, basename="aggregate")
router.register("auth/tokens", TokenViewSet, basename="token")
router.register("activity", ActivityViewSet, basename="activity")
router.register("audit", AuditViewSet, basename="audit")
router.register("trades", TradeViewSet, basename="trade")
router.register("executions", ExecutionViewSet, basename="execution")
router.register("positions", PositionViewSet, basename="position")
router.register("tags", TagViewSet, basename="tag")
router.register("instruments", InstrumentViewSet, basename="instrument")
router.register("fx-rates", FxRateViewSet, basename="fx-rate")
router.register("imports", ImportViewSet, basename="import")

urlpatterns: list[URLPattern | URLResolver] = [*router.urls]
