"""Pages of what happened."""

from django.urls import path

from trading import import_views, risk_views, views

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
]
