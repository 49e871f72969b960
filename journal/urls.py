"""Pages of what it means."""

from django.urls import path

from journal import views

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("calendar/", views.calendar, name="calendar"),
    path("reports/", views.breakdown, name="breakdown"),
    path("trades/", views.trade_list, name="trade_list"),
    path("trades/export/", views.trade_export, name="trade_export"),
    path("accounts/", views.account_list, name="account_list"),
    path("accounts/options/", views.account_options, name="account_options"),
    path("accounts/compare/", views.account_compare, name="account_compare"),
    path("accounts/<uuid:id>/", views.account_detail, name="account_detail"),
    path("definitions/", views.metrics, name="metrics"),
    path("sample/load/", views.sample_load, name="sample_load"),
    path("sample/remove/", views.sample_remove, name="sample_remove"),
    path("theme/", views.theme, name="theme"),
]
