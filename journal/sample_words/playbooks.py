"""Two playbooks that changed over the two years, and how the trades kept to them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from accounts.models import User
from journal.models import Playbook, PlaybookRule, PlaybookVersion, RuleCheck, TradePlaybook
from journal.sample_words.made import Made
from journal.sample_words.trades import Marked, draw
from trading.models import Outcome, Trade

#: Trades of one playbook that are held against it.
MOST = 200
_SPACE = uuid.UUID("0b6f5a9e-3c1d-4a7e-9f52-5d1c1f0f7a11")


@dataclass(frozen=True, slots=True)
class _Plan:
    """A playbook as it is written: the setups whose trades follow it, and the rules of each version."""

    name: str
    color: str
    description: str
    setups: tuple[str, ...]
    versions: tuple[tuple[tuple[str, str, str], ...], ...]  #: of each version: key, group, words


_OPENING = _Plan(
    "Opening range breakout",
    "#4c6ef5",
    "Index futures in the first hour. The range of the first fifteen minutes breaks with the trend of the day before.",
    ("Opening drive", "Trend day"),
    (
        (
            ("range", "Before the open", "The range of the evening is marked"),
            ("close", "Entry", "A five-minute bar closed outside the range"),
            ("stop", "Risk", "The stop lies behind the other side of the bar"),
            ("half", "Exit", "Half is sold at 1R"),
        ),
        (
            ("range", "Before the open", "The ranges of the evening and of yesterday are marked"),
            ("news", "Before the open", "No news within ten minutes"),
            ("close", "Entry", "A five-minute bar closed outside the range"),
            ("stop", "Risk", "The stop lies behind the other side of the bar"),
            ("half", "Exit", "Half is sold at 1R"),
        ),
        (
            ("range", "Before the open", "The ranges of the evening and of yesterday are marked"),
            ("news", "Before the open", "No news within ten minutes"),
            ("close", "Entry", "A five-minute bar closed outside the range"),
            ("chase", "Entry", "Not more than four ticks above the break"),
            ("stop", "Risk", "The stop lies behind the other side of the bar, and stays there"),
            ("half", "Exit", "Half is sold at 1R, the rest trails behind each new low"),
        ),
    ),
)
_FADE = _Plan(
    "Fade to the average",
    "#12b886",
    "Against a stretched move, back to the day's average price. Only in a range.",
    ("VWAP fade", "News scalp"),
    (
        (
            ("range", "Market", "The average price is flat"),
            ("stretch", "Entry", "Two deviations away from the average"),
            ("stop", "Risk", "The stop is one deviation further"),
        ),
        (
            ("range", "Market", "The average price is flat for half an hour"),
            ("stretch", "Entry", "Two deviations away from the average"),
            ("turn", "Entry", "A bar turned before the entry"),
            ("stop", "Risk", "The stop is one deviation further"),
            ("once", "Risk", "One attempt per side and day"),
        ),
    ),
)


def write(owner: User, marked: Sequence[Marked], *, made: Made) -> None:
    """Both playbooks are there with their versions, and trades of their setups were held against the one of then."""
    for plan in (_OPENING, _FADE):
        if Playbook.objects.for_user(owner).filter(name=plan.name).exists():
            continue  # the person has one of this name
        playbook = Playbook.objects.create(owner=owner, name=plan.name, color=plan.color, description=plan.description)
        made.note("playbook", [playbook])
        chosen = [each.trade for each in marked if each.setup in plan.setups and each.trade.opened_at]
        versions = _versions(playbook, plan, chosen)
        _hold(owner, playbook, versions, chosen[:: max(1, -(-len(chosen) // MOST))])


def remove(owner: User, made: Made) -> None:
    """The playbooks are gone with all that was held against them, but those that a trade of one's own follows."""
    own = Trade.objects.for_user(owner).values("public_id")
    for playbook in Playbook.objects.for_user(owner).filter(pk__in=made.of("playbook")):
        held = TradePlaybook.objects.filter(playbook=playbook.pk)
        held.exclude(trade_key__in=own).delete()
        if not held.exists():
            playbook.delete()


def _versions(playbook: Playbook, plan: _Plan, chosen: Sequence[Trade]) -> list[PlaybookVersion]:
    """The versions, each from an equal share of the trades on."""
    made = []
    for place, rules in enumerate(plan.versions):
        version = PlaybookVersion.objects.create(playbook=playbook, number=place + 1)
        since = _since(chosen, place, len(plan.versions))
        PlaybookVersion.objects.filter(pk=version.pk).update(created_at=since)
        version.created_at = since
        PlaybookRule.objects.bulk_create(
            PlaybookRule(
                version=version,
                key=uuid.uuid5(_SPACE, f"{playbook.public_id} {key}"),
                group=group,
                text=text,
                position=position,
            )
            for position, (key, group, text) in enumerate(rules)
        )
        made.append(version)
    Playbook.objects.filter(pk=playbook.pk).update(created_at=made[0].created_at)
    return made


def _since(chosen: Sequence[Trade], place: int, count: int) -> datetime:
    if not chosen:
        return datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=90 * place)
    return chosen[len(chosen) * place // count].activity_at - timedelta(days=1)


def _hold(owner: User, playbook: Playbook, versions: Sequence[PlaybookVersion], chosen: Sequence[Trade]) -> None:
    playbook.refresh_from_db()
    held = TradePlaybook.objects.bulk_create(
        TradePlaybook(owner=owner, trade_key=trade.public_id, playbook=playbook, version=_then(versions, trade))
        for trade in chosen
    )
    rules = {version.pk: list(version.rules.order_by("position")) for version in versions}
    RuleCheck.objects.bulk_create(
        (
            RuleCheck(trade_playbook=of, rule=rule, is_kept=_is_kept(trade, rule))
            for of, trade in zip(held, chosen, strict=True)
            for rule in rules[of.version_id]
            if draw(12, trade, str(rule.position), "looked at") != 0
        ),
        batch_size=2_000,
    )


def _then(versions: Sequence[PlaybookVersion], trade: Trade) -> PlaybookVersion:
    """The version that held when the trade was opened."""
    return [versions[0], *(each for each in versions[1:] if each.created_at <= trade.activity_at)][-1]


def _is_kept(trade: Trade, rule: PlaybookRule) -> bool:
    """Rules are kept more often in trades that went well: that is what the reports are to show."""
    often = 88 if trade.outcome == Outcome.WIN else 70
    return draw(100, trade, str(rule.position), rule.group, "kept") < often
