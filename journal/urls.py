"""Pages of what it means."""

from django.urls import path

from journal.views import (
    account_bulk,
    account_groups,
    accounts,
    calendar,
    dashboard,
    everything,
    first_run,
    panels,
    playbooks,
    reports,
    trades,
)

urlpatterns = [
    # ------------------------------------------------------------ dashboard
    path("", dashboard.dashboard, name="dashboard"),
    path("dashboard/panels/<slug:name>/", panels.panel, name="dashboard_panel"),
    path("dashboard/accounts/", panels.account_rows, name="dashboard_accounts"),
    path("dashboard/lines/", panels.line_options, name="dashboard_lines"),
    path("dashboard/arrange/", dashboard.arrange, name="dashboard_arrange"),
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
    path("accounts/rows/", accounts.account_rows, name="account_rows"),
    path("accounts/columns/", accounts.account_columns, name="account_columns"),
    path("accounts/bulk/", account_bulk.account_bulk, name="account_bulk"),
    path("accounts/groups/", account_groups.account_groups, name="account_groups"),
    path("accounts/groups/new/", account_groups.group_create, name="account_group_create"),
    path("accounts/groups/<uuid:id>/", account_groups.group_change, name="account_group_change"),
    path("accounts/groups/<uuid:id>/move/", account_groups.group_move, name="account_group_move"),
    path("accounts/groups/<uuid:id>/delete/", account_groups.group_delete, name="account_group_delete"),
    path("accounts/labels/new/", account_groups.tag_create, name="account_tag_create"),
    path("accounts/labels/<uuid:id>/", account_groups.tag_change, name="account_tag_change"),
    path("accounts/labels/<uuid:id>/delete/", account_groups.tag_delete, name="account_tag_delete"),
    path("accounts/options/", accounts.account_options, name="account_options"),
    path("accounts/compare/", accounts.account_compare, name="account_compare"),
    path("accounts/<uuid:id>/", accounts.account_detail, name="account_detail"),
    # ------------------------------------------------------------ calendar and days
    path("calendar/", calendar.calendar, name="calendar"),
    # ------------------------------------------------------------ notes, playbooks, attachments
    path("playbooks/", playbooks.playbook_list, name="playbook_list"),
    path("playbooks/new/", playbooks.playbook_create, name="playbook_create"),
    path("playbooks/<uuid:id>/", playbooks.playbook_detail, name="playbook_detail"),
    path("playbooks/<uuid:id>/versions/", playbooks.playbook_versions, name="playbook_versions"),
    path("playbooks/<uuid:id>/edit/", playbooks.playbook_edit, name="playbook_edit"),
    path("playbooks/<uuid:id>/archive/", playbooks.playbook_archive, name="playbook_archive"),
    path("playbooks/<uuid:id>/restore/", playbooks.playbook_restore, name="playbook_restore"),
    path("playbooks/<uuid:id>/delete/", playbooks.playbook_delete, name="playbook_delete"),
    path("trades/<uuid:id>/playbooks/", playbooks.trade_playbooks, name="trade_playbooks"),
    # ------------------------------------------------------------ reports
    path("reports/", reports.breakdown, name="breakdown"),
    # ------------------------------------------------------------ first run, export of everything
    path("welcome/", first_run.welcome, name="welcome"),
    path("welcome/dismiss/", first_run.first_run_dismiss, name="first_run_dismiss"),
    path("help/<slug:page>/", first_run.help_page, name="help_page"),
    path("everything/", everything.everything, name="everything"),
    path("everything/export/", everything.archive_export, name="archive_export"),
    path("everything/import/", everything.archive_import, name="archive_import"),
    path("everything/<uuid:id>/", everything.archive_progress, name="archive_progress"),
    path("everything/<uuid:id>/file/", everything.archive_download, name="archive_download"),
    path("everything/<uuid:id>/cancel/", everything.archive_cancel, name="archive_cancel"),
    path("everything/<uuid:id>/forget/", everything.archive_forget, name="archive_forget"),
]
