"""How each page is reached: the path of a thing that the person has, or why an address is no page.

A new address needs a line here, in PAGES or in NOT_PAGES; without one the tour and its test fail.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from django.contrib import admin
from django.urls import reverse

from accounts.models import User
from config.tour import things
from config.tour.addresses import Address, addresses

#: Finds what the path names; None where this person has no such thing.
Find = Callable[[User], Mapping[str, str] | None]


@dataclass(frozen=True, slots=True)
class Page:
    """How a page is reached. `also` are further looks at the same page: a word for the picture, and its query."""

    find: Find = things.nothing
    query: str = ""
    also: tuple[tuple[str, str], ...] = ()
    is_public: bool = False
    is_for_operators: bool = False
    #: What the answer's status is, where it is not that of success.
    status: int = 200


@dataclass(frozen=True, slots=True)
class Stop:
    """One page of the tour: its name is the picture's, `who` is "nobody", "person" or "operator"."""

    name: str
    path: str
    who: str
    status: int = 200


_POST = "only takes what a form sends"
_PART = "a part of a page, fetched by it"
_FILE = "a file"

PAGES: dict[str, Page] = {
    # ------------------------------------------------------------ people
    "signup": Page(is_public=True),
    "login": Page(is_public=True),
    "password_reset": Page(is_public=True),
    "password_reset_done": Page(is_public=True),
    "password_reset_complete": Page(is_public=True),
    "password_reset_confirm": Page(things.reset_link, is_public=True),
    "password_change": Page(),
    "settings": Page(),
    "offline": Page(is_public=True),
    "activity_list": Page(also=(("filtered", "kind=trade"),)),
    "audit_list": Page(),
    # ------------------------------------------------------------ the frame of every page
    "view_list": Page(),
    "search": Page(also=(("found", "q=a"),)),
    # ------------------------------------------------------------ accounts
    "account_list": Page(),
    "account_create": Page(),
    "account_detail": Page(things.account),
    "account_edit": Page(things.account),
    "account_cash": Page(things.account),
    "account_connection": Page(things.account),
    "account_delete": Page(things.account),
    "account_bulk": Page(things.few_accounts, query=things.FEW_ACCOUNTS),
    "account_groups": Page(),
    "account_compare": Page(also=(("some", things.FEW_ACCOUNTS),)),
    # ------------------------------------------------------------ trades
    "trade_list": Page(also=(("filtered", "side=long"),)),
    "trade_create": Page(),
    "trade_review": Page(),
    "trade_detail": Page(things.trade),
    "trade_edit": Page(things.trade),
    # ------------------------------------------------------------ the imports
    "import_list": Page(),
    "import_detail": Page(things.batch),
    "import_rows": Page(things.batch),
    "import_undo": Page(things.batch),
    # ------------------------------------------------------------ the desk
    "desk": Page(),
    "order_list": Page(also=(("all", "tab=all"),)),
    "order_create": Page(),
    "order_detail": Page(things.order),
    "session_list": Page(),
    "session_detail": Page(things.session),
    "risk": Page(),
    "risk_flatten": Page(),
    "risk_config": Page(),
    "risk_limit_edit": Page(things.risk_limit),
    # ------------------------------------------------------------ the memory
    "memory": Page(also=(("found", "q=bought the dip at support"),)),
    "instrument_detail": Page(things.decided_instrument),
    "decision_create": Page(),
    "decision_detail": Page(things.decision),
    "decision_edit": Page(things.decision),
    "decision_read": Page(things.decision),
    "copying": Page(),
    "wallet_performance": Page(),
    # ------------------------------------------------------------ what people write
    "note_list": Page(),
    "note_create": Page(),
    "note_detail": Page(things.note),
    "note_edit": Page(things.note),
    "note_template_list": Page(),
    "note_template_create": Page(),
    "note_template_edit": Page(things.template),
    "day": Page(things.day),
    "attachment_list": Page(),
    "tag_list": Page(),
    "playbook_list": Page(),
    "playbook_create": Page(),
    "playbook_detail": Page(things.playbook),
    "playbook_versions": Page(things.playbook),
    "playbook_edit": Page(things.playbook),
    # ------------------------------------------------------------ exit plans
    "plan_list": Page(also=(("ended", "ended=1"),)),
    "plan_open": Page(),
    "plan_detail": Page(things.plan),
    "strategy_list": Page(),
    "strategy_create": Page(),
    "strategy_edit": Page(things.strategy),
    # ------------------------------------------------------------ wallets and signals
    "wallet_list": Page(),
    "wallet_create": Page(),
    "wallet_detail": Page(things.wallet),
    "wallet_edit": Page(things.wallet),
    "signal_list": Page(also=(("ignored", "verdict=ignored"),)),
    "signal_detail": Page(things.signal),
    "mint_list": Page(),
    "mint_detail": Page(things.mint),
    "delivery_list": Page(is_for_operators=True),
    "delivery_detail": Page(things.delivery, is_for_operators=True),
    # ------------------------------------------------------------ what it means
    "dashboard": Page(),
    "welcome": Page(),
    "reports": Page(),
    "report_distribution": Page(also=(("r", "unit=r"),)),
    "report_streaks": Page(),
    "report_drawdowns": Page(),
    "report_days": Page(),
    "report_excursions": Page(),
    "report_compare": Page(),
    "help_page": Page(lambda person: {"page": "trade_list"}),
    "metrics": Page(),
    "calendar": Page(),
    "breakdown": Page(also=(("weekday", "by=weekday"), ("account", "by=account"), ("hour", "by=hour"))),
    "sample_remove": Page(things.sample),
    "everything": Page(),
    "docs": Page(),
    "docs_group": Page(things.api_group),
}

NOT_PAGES: dict[str, str] = {
    "wallet_pause": _POST,
    "wallet_activate": _POST,
    "wallet_archive": _POST,
    "wallet_restore": _POST,
    "mint_ban": _POST,
    "mint_lift": _POST,
    "delivery_replay": _POST,
    "connection_remove": _POST,
    "account_paper_fills": _POST,
    "plan_override": _POST,
    "plan_close": _POST,
    "plan_let_go": _POST,
    "plan_retry": _POST,
    "strategy_default": _POST,
    "strategy_archive": _POST,
    "strategy_restore": _POST,
    "strategy_copy": _POST,
    "livez": "for machines",
    "readyz": "for machines",
    "schema": _FILE,
    "logout": _POST,
    "undo": _POST,
    "theme": _POST,
    "token_create": _POST,
    "token_revoke": _POST,
    "account_archive": _POST,
    "account_restore": _POST,
    "account_options": _PART,
    "trade_restore": _POST,
    "trade_annotate": _POST,
    "trade_delete": _POST,
    "trade_export": _FILE,
    "import_progress": _PART,
    "import_choose": _POST,
    "import_map": _POST,
    "import_start": _POST,
    "import_cancel": _POST,
    "import_replay": _POST,
    "order_check": _POST,
    "order_cancel": _POST,
    "orders_cancel": _POST,
    "order_replace": _POST,
    "session_end": _POST,
    "decision_delete": _POST,
    "memory_panel": _PART,
    "desk_symbols": _PART,
    "wallet_figures": _PART,
    "risk_activate": _POST,
    "risk_reset": _POST,
    "risk_limit_create": _POST,
    "risk_limit_delete": _POST,
    "sample_load": _POST,
    "service_worker": "a script",
    "home": "leads to the dashboard",
    "language": _POST,
    "switch": _POST,
    "account_choices": _PART,
    "account_set": _POST,
    "view_open": "leads to the page of the view",
    "view_rename": _POST,
    "view_delete": _POST,
    "view_first": _POST,
    "trade_rows": _PART,
    "trade_columns": _POST,
    "trade_bulk": _POST,
    "trade_review_act": _POST,
    "trade_mark": _POST,
    "account_rename": _POST,
    "account_cash_move": _POST,
    "account_cash_reverse": _POST,
    "dashboard_panel": _PART,
    "dashboard_accounts": _PART,
    "dashboard_lines": _PART,
    "dashboard_arrange": _POST,
    "account_rows": _PART,
    "account_columns": _POST,
    "account_group_create": _POST,
    "account_group_change": _POST,
    "account_group_move": _POST,
    "account_group_delete": _POST,
    "account_tag_create": _POST,
    "account_tag_change": _POST,
    "account_tag_delete": _POST,
    "note_preview": _PART,
    "note_template_delete": _POST,
    "note_delete": _POST,
    "draft_keep": _POST,
    "draft_discard": _POST,
    "attachment_file": _FILE,
    "attachment_thumbnail": _FILE,
    "attachment_describe": _POST,
    "attachment_delete": _POST,
    "tag_edit": _POST,
    "tag_merge": _POST,
    "tag_delete": _POST,
    "tag_group_edit": _POST,
    "tag_options": _PART,
    "tag_group_create": _POST,
    "tag_group_delete": _POST,
    "archive_export": _POST,
    "archive_import": _POST,
    "archive_progress": _PART,
    "archive_download": _FILE,
    "archive_cancel": _POST,
    "archive_forget": _POST,
    "playbook_archive": _POST,
    "playbook_restore": _POST,
    "playbook_delete": _POST,
    "trade_playbooks": _POST,
    "first_run_dismiss": _POST,
    "admin:logout": _POST,
    "admin:autocomplete": "answers in JSON",
    "admin:jsi18n": "a script",
    "admin:view_on_site": "leads elsewhere",
    "admin:login": "an operator is signed in",
}

#: Pages that answer to no address of their own.
ERRORS = (
    Stop("error-404", "/nothing-is-here/", "person", 404),
    Stop("error-405", "/logout/", "person", 405),
    Stop("error-400", "/?start=never", "person", 400),
)


def unplaced() -> list[str]:
    """Names of addresses that are in neither list, and so would be forgotten."""
    return sorted({each.name for each in addresses() if not _is_placed(each)})


def names() -> set[str]:
    """What the pages of the tour can be called, whether or not somebody has what they show."""
    own = set(PAGES) | {f"{name}.{word}" for name, page in PAGES.items() for word, _ in page.also}
    its_admin = {"admin-index", "admin-database", "admin-password", "admin-password-done"}
    for model in admin.site._registry:
        table = f"admin-{model._meta.app_label}-{model._meta.model_name}"
        its_admin |= {f"admin-{model._meta.app_label}", table}
        its_admin |= {f"{table}-{part}" for part in ("add", "row", "history", "delete")}
    return own | its_admin | {stop.name for stop in ERRORS}


def stops(person: User, *, with_public: bool) -> Iterator[Stop | str]:
    """The pages of one person; of those that need something which the person has not, the name alone."""
    for name, page in PAGES.items():
        if page.is_public and not with_public:
            continue
        found = page.find(person)
        if found is None:
            yield name
            continue
        path = reverse(name, kwargs=dict(found))
        who = "operator" if page.is_for_operators else "nobody" if page.is_public else "person"
        yield Stop(name, path + (f"?{things.filled_in(page.query, person)}" if page.query else ""), who, page.status)
        for word, query in page.also:
            if asked := things.filled_in(query, person):
                yield Stop(f"{name}.{word}", f"{path}?{asked}", who)
    yield from ERRORS


def admin_stops() -> Iterator[Stop]:
    """The admin's pages: the index, each app, and of each table its list, its form, and the newest row of it."""
    yield Stop("admin-index", reverse("admin:index"), "operator")
    yield Stop("admin-database", reverse("admin:database_report"), "operator")
    yield Stop("admin-password", reverse("admin:password_change"), "operator")
    yield Stop("admin-password-done", reverse("admin:password_change_done"), "operator")
    for label in sorted({model._meta.app_label for model in admin.site._registry}):
        yield Stop(f"admin-{label}", reverse("admin:app_list", args=[label]), "operator")
    for model, its_admin in admin.site._registry.items():
        label, name = model._meta.app_label, model._meta.model_name
        where = f"admin:{label}_{name}"
        yield Stop(f"admin-{label}-{name}", reverse(f"{where}_changelist"), "operator")
        if things.may_add(its_admin):
            yield Stop(f"admin-{label}-{name}-add", reverse(f"{where}_add"), "operator")
        newest = model._default_manager.order_by("-pk").first()
        if newest is None:
            continue
        yield Stop(f"admin-{label}-{name}-row", reverse(f"{where}_change", args=[newest.pk]), "operator")
        yield Stop(f"admin-{label}-{name}-history", reverse(f"{where}_history", args=[newest.pk]), "operator")
        if things.may_delete(its_admin, newest):
            yield Stop(f"admin-{label}-{name}-delete", reverse(f"{where}_delete", args=[newest.pk]), "operator")


def _is_placed(address: Address) -> bool:
    if address.name in PAGES or address.name in NOT_PAGES:
        return True
    # The admin's own addresses come with each table, and are taken from its registry.
    return address.is_admin and not address.name.startswith("admin:/admin/api")
