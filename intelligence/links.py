"""What a decision says and is about now, as the verbs take it: what is not changed stays."""

from dataclasses import fields

from intelligence.decisions import GoneTrade, Links, Said
from intelligence.models import Decision
from trading.models import Trade


def said_of(decision: Decision) -> Said:
    """What the decision says now."""
    return Said(**{each.name: getattr(decision, each.name) for each in fields(Said)})


def links_of(decision: Decision) -> Links:
    """What the decision is about now; its instruments are loaded."""
    named = sorted(decision.named.all(), key=lambda each: (each.position, each.pk))
    trade, gone = None, None
    if decision.trade_key is not None:
        trade = Trade.objects.filter(owner_id=decision.owner_id, public_id=decision.trade_key).first()
        gone = GoneTrade(decision.trade_key, decision.account) if trade is None else None
    return Links(
        account=decision.account,
        instruments=[each.instrument for each in named],
        order=decision.order,
        managed_position=decision.managed_position,
        trade=trade,
        gone=gone,
    )
