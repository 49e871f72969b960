"""Pages of what it means."""

from django.urls import path

from journal.views import accounts, calendar, dashboard, reports, trades

urlpatterns = [
    # ------------------------------------------------------------ dashboard
    path("", dashboard.dashboard, name="dashboard"),
    path("definitions/", dashboard.metrics, name="metrics"),
    path("sample/load/", dashboard.sample_load, name="sample_load"),
    path("sample/remove/", dashboard.sample_remove, name="sample_remove"),
    # ------------------------------------------------------------ the frame of every page
    path("theme/", dashboard.theme, name="theme"),
    # ------------------------------------------------------------ trades
    path("trades/", trades.trade_list, name="trade_list"),
    path("trades/export/", trades.trade_export, name="trade_export"),
    # ------------------------------------------------------------ accounts
    path("accounts/", accounts.account_list, name="account_list"),
    path("accounts/options/", accounts.account_options, name="account_options"),
    path("accounts/compare/", accounts.account_compare, name="account_compare"),
    path("accounts/<uuid:id>/", accounts.account_detail, name="account_detail"),
    # ------------------------------------------------------------ calendar and days
    path("calendar/", calendar.calendar, name="calendar"),
    # ------------------------------------------------------------ notes, playbooks, attachments
    # ------------------------------------------------------------ reports
    path("reports/", reports.breakdown, name="breakdown"),
    # ------------------------------------------------------------ first run, export of everything
]
