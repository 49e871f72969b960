"""Pages of what it means."""

from django.urls import path

from journal.views import (
    accounts,
    attachments,
    calendar,
    dashboard,
    days,
    everything,
    first_run,
    notes,
    playbooks,
    reports,
    tags,
    trades,
)

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
    path("playbooks/", playbooks.playbook_list, name="playbook_list"),
    path("playbooks/new/", playbooks.playbook_create, name="playbook_create"),
    path("playbooks/<uuid:id>/", playbooks.playbook_detail, name="playbook_detail"),
    path("playbooks/<uuid:id>/versions/", playbooks.playbook_versions, name="playbook_versions"),
    path("playbooks/<uuid:id>/edit/", playbooks.playbook_edit, name="playbook_edit"),
    path("playbooks/<uuid:id>/archive/", playbooks.playbook_archive, name="playbook_archive"),
    path("playbooks/<uuid:id>/restore/", playbooks.playbook_restore, name="playbook_restore"),
    path("playbooks/<uuid:id>/delete/", playbooks.playbook_delete, name="playbook_delete"),
    path("journal/", notes.note_list, name="note_list"),
    path("journal/new/", notes.note_create, name="note_create"),
    path("journal/preview/", notes.note_preview, name="note_preview"),
    path("journal/templates/", notes.note_template_list, name="note_template_list"),
    path("journal/templates/new/", notes.note_template_create, name="note_template_create"),
    path("journal/templates/<uuid:id>/edit/", notes.note_template_edit, name="note_template_edit"),
    path("journal/templates/<uuid:id>/delete/", notes.note_template_delete, name="note_template_delete"),
    path("journal/<uuid:id>/", notes.note_detail, name="note_detail"),
    path("journal/<uuid:id>/edit/", notes.note_edit, name="note_edit"),
    path("journal/<uuid:id>/delete/", notes.note_delete, name="note_delete"),
    path("drafts/", notes.draft_keep, name="draft_keep"),
    path("drafts/discard/", notes.draft_discard, name="draft_discard"),
    path("days/<str:date>/", days.day, name="day"),
    path("attachments/", attachments.attachment_list, name="attachment_list"),
    path("attachments/<uuid:id>/file/", attachments.attachment_file, name="attachment_file"),
    path("attachments/<uuid:id>/thumbnail/", attachments.attachment_thumbnail, name="attachment_thumbnail"),
    path("attachments/<uuid:id>/caption/", attachments.attachment_describe, name="attachment_describe"),
    path("attachments/<uuid:id>/delete/", attachments.attachment_delete, name="attachment_delete"),
    path("tags/", tags.tag_list, name="tag_list"),
    path("tags/options/", tags.tag_options, name="tag_options"),
    path("tags/<uuid:id>/edit/", tags.tag_edit, name="tag_edit"),
    path("tags/<uuid:id>/merge/", tags.tag_merge, name="tag_merge"),
    path("tags/<uuid:id>/delete/", tags.tag_delete, name="tag_delete"),
    path("tags/groups/", tags.tag_group_create, name="tag_group_create"),
    path("tags/groups/<uuid:id>/edit/", tags.tag_group_edit, name="tag_group_edit"),
    path("tags/groups/<uuid:id>/delete/", tags.tag_group_delete, name="tag_group_delete"),
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
