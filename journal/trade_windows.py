"""Windows into a person's list of trades: any hundred rows of a million, in any order, under every filter.

The keys of a stretch of the list are found once per version of the person's trades and kept; a window of it is then
read by key. A stretch is sought from the nearer end of the list, which an index serves for the usual orders without
reading a single trade.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Case, DateTimeField, F, Model, OuterRef, Prefetch, Q, Subquery, Sum, When
from django.db.models.expressions import Expression, ExpressionWrapper
from django.db.models.fields import DurationField
from django.db.models.functions import Cast, Coalesce
from django.http import QueryDict
from django.utils.translation import gettext as _

from accounts import answers, paging, versions
from accounts.errors import InvalidValue
from accounts.models import User
from journal import chosen_trades, filters, reports
from journal.filters import MetricsFilter
from trading.models import FillRole, Tag, Trade, TradeFill, TradeQuerySet, TradeStatus

#: Rows of one answer, and at most.
WINDOW, LARGEST_WINDOW = 60, 100
#: Keys that are kept together; a page's neighbours are then there already.
STRETCH = 2000
#: As many where most trades that are passed are not wanted.
SHORT_STRETCH = 400
#: As many where the order has to be sorted for: once for a large piece of the list, not again for each jump in it.
LONG_STRETCH = 20_000
#: The parameters of a list that choose no trades.
OWN = ("order", "offset", "limit", "format")
USUAL_ORDER = "-activity_at"


@dataclass(frozen=True, slots=True)
class Sort:
    """By what a list can be sorted. What has no value comes last in either direction."""

    by: str | Expression
    may_lack: bool = False


def _on(at: str, day: str) -> Expression:
    """An instant, for what has a date only its midnight."""
    return Coalesce(at, Cast(day, DateTimeField()))


#: By the name of the parameter's value.
SORTS = {
    "activity_at": Sort("activity_at"),
    "opened": Sort(_on("opened_at", "opened_on")),
    "closed": Sort(_on("closed_at", "closed_on"), may_lack=True),
    "symbol": Sort("instrument__symbol"),
    "side": Sort("side"),
    "status": Sort("status"),
    "account": Sort("account__name"),
    "broker": Sort("account__broker"),
    "quantity": Sort("quantity"),
    "entry_price": Sort("entry_price"),
    "exit_price": Sort("exit_price", may_lack=True),
    "gross_pnl": Sort("gross_pnl"),
    "fees": Sort("fees"),
    "net_pnl": Sort("realized", may_lack=True),
    "r": Sort("realized_r", may_lack=True),
    "planned_r": Sort("planned_r", may_lack=True),
    "holding": Sort(ExpressionWrapper(F("closed_at") - F("opened_at"), output_field=DurationField()), may_lack=True),
    "fills": Sort("fill_count"),
    "rating": Sort("rating", may_lack=True),
    "reviewed": Sort("reviewed_at", may_lack=True),
    "mae": Sort("mae", may_lack=True),
    "mfe": Sort("mfe", may_lack=True),
    "outcome": Sort("outcome", may_lack=True),
    "currency": Sort("currency"),
}


@dataclass(frozen=True, slots=True)
class TradeList:
    """A person's trades under a filter, in an order. `asked` is the filter as it was asked for, to keep answers by."""

    user: User
    wanted: MetricsFilter
    order: str
    version: int
    asked: list[list[Any]] = field(default_factory=list)

    @property
    def trades(self) -> TradeQuerySet:
        """All of them, in no order."""
        return chosen_trades.trades_of(self.user, self.wanted)

    @property
    def is_usual(self) -> bool:
        """Whether the order is that of the last fills, which an index has."""
        return self.order.removeprefix("-") == "activity_at"

    @property
    def stretch(self) -> int:
        """How many keys are kept together."""
        if not self.is_usual:
            return LONG_STRETCH
        return SHORT_STRETCH if self.wanted.by_trade else STRETCH

    def kept(self, name: str, build: Any, *parts: object) -> Any:
        """What `build` returns, once per version."""
        return answers.get(
            "stats", self.user.pk, version=self.version, parts=["trades", name, self.asked, *parts], build=build
        )


@dataclass(frozen=True, slots=True)
class Window:
    """Some rows of a list, and how long it is."""

    trades: Sequence[Trade]
    offset: int
    total: int


def of(user: User, params: QueryDict, *, also: Collection[str] = ()) -> TradeList:
    """The list that a query string asks for. Names in `also` are left to the caller.

    Raises InvalidValue for what cannot be meant.
    """
    version = versions.current(user.pk)
    wanted = filters.parse(params, user=user, also=(*OWN, *also))
    order = paging.order_of(params.get("order") or None, allowed=tuple(SORTS), default=USUAL_ORDER)
    left_out = {*OWN, *also, "unit"}
    asked = [[name, sorted(values)] for name, values in sorted(params.lists()) if name not in left_out and any(values)]
    return TradeList(user, wanted, order, version, asked)


def bounds_of(params: QueryDict) -> tuple[int, int]:
    """The offset and limit that a query string asks for. Raises InvalidValue."""
    return (
        _number(params, "offset", default=0, least=0, most=10**9),
        _number(params, "limit", default=WINDOW, least=1, most=LARGEST_WINDOW),
    )


def _number(params: QueryDict, name: str, *, default: int, least: int, most: int) -> int:
    text = params.get(name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and least <= int(text) <= most):
        raise InvalidValue(
            _("%(name)s is a whole number from %(least)s to %(most)s.") % {"name": name, "least": least, "most": most},
            pointer=f"?{name}",
        )
    return int(text)


def total(listed: TradeList) -> int:
    """How many trades the list has: from stored sums where the filter allows, else counted once per version."""
    return int(listed.kept("total", lambda: _counted(listed)))


def _counted(listed: TradeList) -> int:
    if not listed.wanted.is_by_day:
        # What the sums above the list say of closed trades, and the few that are open.
        sums = reports.aggregate_metrics(listed.user, listed.wanted)
        if not sums.stale and sums.as_of == listed.version:
            return sums.counts.trade_count + listed.trades.filter(status=TradeStatus.OPEN).count()
    return chosen_trades.count_of(listed.user, listed.wanted)


def window(listed: TradeList, *, offset: int, limit: int) -> Window:
    """The rows from `offset` on, at most `limit` of them, with all that a list shows of them."""
    length = total(listed)
    keys: list[int] = []
    first, last = offset // listed.stretch, (offset + limit - 1) // listed.stretch
    for number in range(first, last + 1):
        if number * listed.stretch >= length:
            break
        stretch = listed.kept("keys", lambda at=number: _stretch(listed, at, length), listed.order, number)
        keys += stretch[max(0, offset - number * listed.stretch) : offset + limit - number * listed.stretch]
    return Window(_shown(keys), offset, length)


def _stretch(listed: TradeList, number: int, length: int) -> list[int]:
    """The keys of one stretch, sought from the nearer end of the list."""
    start = number * listed.stretch
    end = min(start + listed.stretch, length)
    rows = _sortable(listed)
    if start <= length - end:
        return list(rows.order_by(*ordering(listed.order)).values_list("pk", flat=True)[start:end])
    backwards = rows.order_by(*ordering(listed.order, is_backwards=True)).values_list("pk", flat=True)
    return list(backwards[length - end : length - start])[::-1]


def ordering(order: str, *, is_backwards: bool = False) -> list[Any]:
    """The expressions of an order, ties broken by the key in the same direction, so that one index serves both."""
    sort = SORTS[order.removeprefix("-")]
    descending = order.startswith("-") is not is_backwards
    by = F(sort.by) if isinstance(sort.by, str) else sort.by
    # Only where it is needed: an index of a column that is never empty does not serve "nulls last".
    place: dict[str, bool] = {}
    if sort.may_lack:
        place = {"nulls_first": True} if is_backwards else {"nulls_last": True}
    pk = F("pk")
    return [by.desc(**place), pk.desc()] if descending else [by.asc(**place), pk.asc()]


def _sortable(listed: TradeList) -> TradeQuerySet:
    rows = listed.trades
    return rows.annotate(realized=realized(listed.wanted)) if listed.order.removeprefix("-") == "net_pnl" else rows


def realized(wanted: MetricsFilter) -> Any:
    """What a trade realized on the filter's days; nothing where it realized nothing yet."""
    if not wanted.is_by_day:
        return Case(When(first_exit_on__isnull=False, then=F("net_pnl")), default=None)
    exits = TradeFill.objects.filter(trade=OuterRef("pk"), role=FillRole.EXIT).filter(chosen_trades.on_days(wanted))
    part = Subquery(exits.order_by().values("trade").annotate(realized=Sum("net_pnl")).values("realized"))
    # All exits of most trades are on one day, and that is one of the filter's, or the trade would not be here.
    return Case(When(first_exit_on=F("last_exit_on"), then=F("net_pnl")), default=part)


def shown(rows: TradeQuerySet) -> TradeQuerySet:
    """The rows with all that lists show of them."""
    tags = Prefetch("tags", Tag.objects.select_related("group").order_by("name", "id"))
    return rows.select_related("account", "instrument").prefetch_related(tags)


def _shown(keys: Sequence[int]) -> list[Trade]:
    found = {trade.pk: trade for trade in Trade.objects.filter(pk__in=keys).select_related("account", "instrument")}
    return [found[key] for key in keys if key in found]


def keys_of(listed: TradeList, *, most: int, leaving_out: Collection[Any] = ()) -> list[int]:
    """The keys of the trades of the list, but of those with these outside ids; one more than `most` at most."""
    rows = listed.trades.exclude(public_id__in=list(leaving_out)) if leaving_out else listed.trades
    return list(rows.order_by("-activity_at", "-pk").values_list("pk", flat=True)[: most + 1])


def neighbours(listed: TradeList, trade: Trade) -> tuple[Trade | None, Trade | None]:
    """The trades above and below this one in the list; None at its ends."""
    return _next_to(listed, trade, is_backwards=True), _next_to(listed, trade, is_backwards=False)


def _next_to(listed: TradeList, trade: Trade, *, is_backwards: bool) -> Trade | None:
    sort = SORTS[listed.order.removeprefix("-")]
    descending = listed.order.startswith("-") is not is_backwards
    by = F(sort.by) if isinstance(sort.by, str) else sort.by
    own = _sortable(listed).model._default_manager.filter(pk=trade.pk)
    if listed.order.removeprefix("-") == "net_pnl":
        own = own.annotate(realized=realized(listed.wanted))
    value = own.annotate(place=by).values_list("place", flat=True).first()
    rows = _sortable(listed).annotate(place=by)
    beyond, side = ("lt", "lt") if descending else ("gt", "gt")
    if value is None:
        following = Q(place__isnull=True, **{f"pk__{side}": trade.pk})
        # What has a value stands before all that has none.
        following = following | Q(place__isnull=False) if is_backwards else following
    else:
        following = Q(**{f"place__{beyond}": value}) | Q(**{"place": value, f"pk__{side}": trade.pk})
        if sort.may_lack and not is_backwards:
            following |= Q(place__isnull=True)
        elif not sort.may_lack:
            # Implied by the rest; PostgreSQL can only seek by it.
            rows = rows.filter(**{f"place__{beyond}e": value})
    ordered = rows.filter(following).order_by(*ordering(listed.order, is_backwards=is_backwards))
    found: Model | None = ordered.select_related("instrument").first()
    assert found is None or isinstance(found, Trade)
    return found
