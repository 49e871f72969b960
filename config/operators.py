"""The admin's site: an index by what an operator is looking for, not by the folder that a table lives in."""

from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext_lazy as _

from config import database_report

#: What is shown together, by the names of the tables. What is in no group comes last.
GROUPS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (_("People and access"), ("user", "group", "apitoken", "loginattempt", "preference", "savedview")),
    (_("Accounts and cash"), ("account", "accountgroup", "accounttag", "accountnumber", "portfolio", "ledgerentry",
                                "brokerconnection")),
    (_("Imports and exports"), ("importbatch", "importrow", "columnmapping", "archive")),
    (_("Fills, trades and positions"), ("execution", "trade", "tradefill", "position", "tag", "taggroup")),
    (
        _("Risk"),
        ("riskconfig", "riskconfigrevision", "systemsetting", "risklimit", "breakerstate", "breakerevent"),
    ),
    (_("Orders"), ("order", "orderevent", "ordercommand", "orderattempt", "tradingsession")),
    (_("Exit plans"), ("exitstrategy", "managedposition", "planexit", "planrevision")),
    (_("Instruments and prices"), ("instrument", "futuresroot", "bar", "barprogress", "quote", "fxrate")),
    (
        _("What people wrote"),
        ("note", "notetemplate", "draft", "attachment", "playbook", "playbookversion", "playbookrule", "tradeplaybook",
         "rulecheck"),
    ),
    (
        _("Wallets and signals"),
        ("wallet", "signal", "signaloutcome", "signalcheck", "signalretry", "token", "tokenlisting", "webhookdelivery",
         "webhookregistration"),
    ),
    (
        _("Copies"),
        ("copysettings", "copiedposition", "tokeninstrument", "walletperformance", "performancerefresh"),
    ),
    (
        _("Memory"),
        ("decision", "decisionrevision", "decisionoutcome", "embedding", "embeddingmodel", "newsarticle",
         "stockanalysis"),
    ),
    (
        _("Stored sums"),
        (
            "dayversion",
            "dayrollup",
            "ownerday",
            "accounttotals",
            "facetversion",
            "remarkversion",
            "facetday",
            "resultday",
            "runday",
        ),
    ),
    (_("History and upkeep"), ("auditevent", "activityentry", "idempotencykey", "ownerversion")),
)  # fmt: skip


class OperatorsSite(AdminSite):
    """Django's own site under the journal's name."""

    site_header = _("Trading journal: operators")
    site_title = _("Operators")
    index_title = _("What there is")

    def get_urls(self) -> list[Any]:
        """Django's, and the report of the database, which is for superusers."""
        report = path("database/", self.admin_view(self.database_report), name="database_report")
        return [report, *super().get_urls()]

    def database_report(self, request: HttpRequest) -> HttpResponse:
        if not request.user.is_superuser:
            raise PermissionDenied
        context = {**self.each_context(request), "title": _("Database"), "sections": list(database_report.sections())}
        return TemplateResponse(request, "admin/database_report.html", context)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Of the index the groups; of one app its tables, as Django has them."""
        apps: list[Any] = super().get_app_list(request, app_label)
        if app_label is not None:
            return apps
        found = {str(each["object_name"]).lower(): (app, each) for app in apps for each in app["models"]}
        grouped = []
        for name, tables in GROUPS:
            if chosen := [found.pop(table) for table in tables if table in found]:
                grouped.append({**chosen[0][0], "name": name, "models": [each for _app, each in chosen]})
        if found:
            app = next(iter(found.values()))[0]
            grouped.append({**app, "name": _("Others"), "models": [each for _app, each in found.values()]})
        return grouped
