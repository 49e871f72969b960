"""Pages of what happened."""

from django.urls import path

from trading import import_views, plan_views, risk_views, strategy_views, views

urlpatterns = [
    path("trades/new/", views.trade_create, name="trade_create"),
    path("trades/restore/", views.trade_restore, name="trade_restore"),
    path("trades/<uuid:id>/edit/", views.trade_edit, name="trade_edit"),
    path("trades/<uuid:id>/delete/", views.trade_delete, name="trade_delete"),
    path("imports/", import_views.import_list, name="import_list"),
    path("imports/<uuid:id>/", import_views.import_detail, name="import_detail"),
    path("imports/<uuid:id>/rows/", import_views.import_rows, name="import_rows"),
    path("imports/<uuid:id>/progress/", import_views.import_progress, name="import_progress"),
    path("imports/<uuid:id>/choices/", import_views.import_choose, name="import_choose"),
    path("imports/<uuid:id>/mapping/", import_views.import_map, name="import_map"),
    path("imports/<uuid:id>/start/", import_views.import_start, name="import_start"),
    path("imports/<uuid:id>/cancel/", import_views.import_cancel, name="import_cancel"),
    path("imports/<uuid:id>/undo/", import_views.import_undo, name="import_undo"),
    path("imports/<uuid:id>/replay/", import_views.import_replay, name="import_replay"),
    path("desk/risk/", risk_views.risk_page, name="risk"),
    path("desk/risk/stop/", risk_views.risk_activate, name="risk_activate"),
    path("desk/risk/breakers/<uuid:id>/reset/", risk_views.risk_reset, name="risk_reset"),
    path("desk/risk/limits/", risk_views.risk_limit_create, name="risk_limit_create"),
    path("desk/risk/limits/<uuid:id>/", risk_views.risk_limit_edit, name="risk_limit_edit"),
    path("desk/risk/limits/<uuid:id>/delete/", risk_views.risk_limit_delete, name="risk_limit_delete"),
    path("desk/risk/configuration/", risk_views.risk_config, name="risk_config"),
    path("desk/plans/", plan_views.plan_list, name="plan_list"),
    path("desk/plans/new/", plan_views.plan_open, name="plan_open"),
    path("desk/plans/<uuid:id>/", plan_views.plan_detail, name="plan_detail"),
    path("desk/plans/<uuid:id>/override/", plan_views.plan_override, name="plan_override"),
    path("desk/plans/<uuid:id>/close/", plan_views.plan_close, name="plan_close"),
    path("desk/plans/<uuid:id>/let-go/", plan_views.plan_let_go, name="plan_let_go"),
    path("desk/plans/<uuid:id>/retry/", plan_views.plan_retry, name="plan_retry"),
    path("desk/exit-strategies/", strategy_views.strategy_list, name="strategy_list"),
    path("desk/exit-strategies/new/", strategy_views.strategy_create, name="strategy_create"),
    path("desk/exit-strategies/<uuid:id>/edit/", strategy_views.strategy_edit, name="strategy_edit"),
    path("desk/exit-strategies/<uuid:id>/default/", strategy_views.strategy_default, name="strategy_default"),
    path("desk/exit-strategies/<uuid:id>/archive/", strategy_views.strategy_archive, name="strategy_archive"),
    path("desk/exit-strategies/<uuid:id>/restore/", strategy_views.strategy_restore, name="strategy_restore"),
    path("desk/exit-strategies/<uuid:id>/copy/", strategy_views.strategy_copy, name="strategy_copy"),
]
