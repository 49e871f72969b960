"""The panels of the dashboard, and how a person has arranged them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Self

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import preferences
from accounts.errors import InvalidValue
from accounts.models import User

PREFERENCE = "dashboard"


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `width` is its columns of twelve at wide, `room` how high it is at least, there yet or not.

    `is_first` ones are in the page itself; the others come after it, each by itself. `about` is the definition that
    explains it.
    """

    name: str
    words: str | Promise
    width: int
    room: str
    about: str = ""
    is_first: bool = False
    has_table: bool = True

    @property
    def template(self) -> str:
        return f"journal/panels/{'breakdown' if self.name in BREAKDOWNS else self.name}.html"


PANELS = {
    panel.name: panel
    for panel in (
        Panel("kpis", _("Key figures"), 12, "s", is_first=True),
        Panel("curve", _("Equity curve"), 8, "l", about="equity-curve", is_first=True),
        Panel("calendar", _("Calendar"), 4, "l", about="net-pnl", is_first=True),
        Panel("positions", _("Open positions"), 7, "m"),
        Panel("accounts", _("Accounts"), 5, "m"),
        Panel("trades", _("Recent trades"), 8, "m"),
        Panel("today", _("Today"), 4, "m", about="today"),
        Panel("symbol", _("By symbol"), 4, "m", about="net-pnl"),
        Panel("holding", _("By holding time"), 4, "m", about="holding-time"),
        Panel("weekday", _("By weekday"), 4, "m", about="trading-days"),
        Panel("hour", _("By hour of entry"), 8, "m", about="net-pnl"),
        Panel("streaks", _("Streaks"), 4, "m", about="streaks"),
        Panel("figures", _("More figures"), 12, "s", is_first=True, has_table=False),
    )
}
#: Panels that group trades by the property of their name.
BREAKDOWNS = ("symbol", "holding", "weekday", "hour")


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Which panels are shown, in which order; the hidden ones keep their place."""

    order: tuple[str, ...] = tuple(PANELS)
    hidden: frozenset[str] = frozenset()

    @property
    def shown(self) -> list[Panel]:
        return [PANELS[name] for name in self.order if name not in self.hidden]

    @property
    def put_away(self) -> list[Panel]:
        return [PANELS[name] for name in self.order if name in self.hidden]

    @property
    def is_default(self) -> bool:
        return self == type(self)()

    def moved(self, name: str, step: int) -> Self:
        """The panel changes places with the one shown before (-1) or after (1) it; at an end nothing changes."""
        shown = [panel.name for panel in self.shown]
        if name not in shown or not 0 <= shown.index(name) + step < len(shown):
            return self
        place = self.order.index(shown[shown.index(name) + step])
        rest = [each for each in self.order if each != name]
        # Without the panel, what stood behind it is one place further on: inserting there puts it after its neighbour.
        return replace(self, order=(*rest[:place], name, *rest[place:]))

    def hiding(self, name: str) -> Self:
        return replace(self, hidden=self.hidden | {name})

    def showing(self, name: str) -> Self:
        return replace(self, hidden=self.hidden - {name})

    def in_order(self, names: Iterable[str]) -> Self:
        """These panels first and in this order; what is not among them keeps its order behind them."""
        first = list(dict.fromkeys(name for name in names if name in PANELS))
        return replace(self, order=(*first, *(name for name in self.order if name not in first)))


def check(value: Any) -> dict[str, list[str]]:
    """An arrangement as it is kept. Panels that there are no longer fall out. Raises ValueError for another shape."""
    if not isinstance(value, dict) or set(value) != {"order", "hidden"}:
        raise ValueError("this is no arrangement of panels")
    kept = {}
    for part, names in value.items():
        if not isinstance(names, list) or len(names) > preferences.LONGEST_LIST:
            raise ValueError("panels are a list of names")
        kept[part] = list(dict.fromkeys(name for name in names if isinstance(name, str) and name in PANELS))
    return kept


def arrangement_of(user: User) -> Arrangement:
    """How the person has arranged the dashboard; panels that have come since stand at the end."""
    kept = preferences.get(user, PREFERENCE)
    if kept is None:
        return Arrangement()
    return Arrangement(hidden=frozenset(kept["hidden"])).in_order(kept["order"])


def arrange(user: User, *, act: str, name: str = "", order: Iterable[str] = ()) -> Arrangement:
    """The dashboard is arranged: `act` is up, down, hide or show of one panel, order of several, or reset.

    Returns how it is then. Raises InvalidValue for another act and for a panel that there is not.
    """
    if act == "reset":
        preferences.forget(user, PREFERENCE)
        return Arrangement()
    now = arrangement_of(user)
    if act == "order":
        after = now.in_order(order)
    elif name not in PANELS:
        raise InvalidValue(gettext("There is no such panel."), pointer="?panel", code="invalid_choice")
    elif act in ("up", "down"):
        after = now.moved(name, -1 if act == "up" else 1)
    elif act in ("hide", "show"):
        after = now.hiding(name) if act == "hide" else now.showing(name)
    else:
        raise InvalidValue(
            gettext("A panel goes up or down, or is hidden or shown."), pointer="?act", code="invalid_choice"
        )
    preferences.put(user, PREFERENCE, {"order": list(after.order), "hidden": sorted(after.hidden)})
    return after
