"""What bots and people call their decisions, in the six actions that are counted, with the word itself as the intent.

Pure: no Django. 154 real decisions held 51 such words; an action of six is what can be compared, and the word is kept.
"""

import re

BUY, SELL, HOLD, CLOSE, ADJUST, PASS = "BUY", "SELL", "HOLD", "CLOSE", "ADJUST", "PASS"
ACTIONS = (BUY, SELL, HOLD, CLOSE, ADJUST, PASS)

#: Words of several parts that mean something else than their parts.
_PHRASES = {
    "SELL_TO_CLOSE": CLOSE, "BUY_TO_CLOSE": CLOSE, "BUY_TO_COVER": CLOSE, "BUY_TO_OPEN": BUY, "SELL_TO_OPEN": SELL,
    "TAKE_PROFIT": CLOSE, "TAKE_PROFITS": CLOSE, "PROFIT_TAKING": CLOSE, "CUT_LOSS": CLOSE, "CUT_LOSSES": CLOSE,
    "STOP_LOSS": CLOSE, "STOPPED_OUT": CLOSE, "STOP_OUT": CLOSE, "CLOSE_OUT": CLOSE,
    "SELL_ALL": CLOSE, "SELL_HALF": ADJUST, "SELL_PARTIAL": ADJUST, "PARTIAL_SELL": ADJUST, "PARTIAL_CLOSE": ADJUST,
    "SCALE_IN": BUY, "SCALE_OUT": ADJUST, "NO_TRADE": PASS, "NO_ACTION": HOLD, "NO_GO": PASS, "DO_NOTHING": HOLD,
    "STAND_ASIDE": PASS, "STAND_DOWN": PASS, "STAY_OUT": PASS, "DO_NOT_BUY": PASS, "DO_NOT_TRADE": PASS,
    "HOLD_OFF": PASS, "MOVE_STOP": ADJUST, "SET_STOP": ADJUST, "RAISE_STOP": ADJUST, "TIGHTEN_STOP": ADJUST,
    "TRAIL_STOP": ADJUST, "CANCEL_ORDER": ADJUST, "WAIT_AND_SEE": HOLD, "RISK_OFF": ADJUST, "RISK_ON": BUY,
}  # fmt: skip

#: What one part of a word says, the stronger first: what ends or changes something, before what begins it.
_PARTS: tuple[tuple[str, str], ...] = (
    (PASS, "PASS SKIP VETO VETOED REJECT REJECTED DECLINE DECLINED AVOID ABSTAIN IGNORE BLOCK BLOCKED REFUSE DENY"),
    (CLOSE, "CLOSE CLOSED CLOSING EXIT EXITED LIQUIDATE LIQUIDATION FLATTEN COVER STOPPED EXPIRE EXPIRED ASSIGNED"),
    (ADJUST, "ADJUST ADJUSTMENT ROLL ROLLED HEDGE HEDGED TRIM TRIMMED REDUCE REDUCED REBALANCE RESIZE SCALE MODIFY "
             "TIGHTEN TRAIL TRAILING REPLACE AMEND ROTATE ROTATION UPDATE DELEVERAGE UNWIND CANCEL PARTIAL"),
    (HOLD, "HOLD HOLDING KEEP WAIT WAITING WATCH WATCHLIST MONITOR REVIEW PLAN PLANNING GAMEPLAN STRATEGY ANALYSIS "
           "ANALYZE RESEARCH SUMMARY REPORT NOTE NEUTRAL OBSERVE ALERT UPDATE PREP PREPARE LESSON LESSONS POSTMORTEM "
           "RECAP BRIEFING OUTLOOK ASSESSMENT CHECK STATUS JOURNAL REFLECTION RECOMMENDATION APPROVE APPROVED CONFIRM "
           "CONFIRMED VALIDATE CASH DEFENSIVE"),
    (BUY, "BUY BOUGHT LONG ADD ADDED ENTER ENTRY OPEN OPENED ACCUMULATE INITIATE REENTER DCA"),
    (SELL, "SELL SOLD SHORT SHORTED"),
)  # fmt: skip
_BY_PART = {part: action for action, parts in reversed(_PARTS) for part in parts.split()}
_ORDER = {action: place for place, (action, _parts) in enumerate(_PARTS)}
_NOT_A_WORD = re.compile(r"[^A-Z0-9]+")


def understood(word: str) -> tuple[str, str, bool]:
    """The action that a word means, the intent that is kept with it, and whether the word was known.

    An action itself has no intent. What nobody knows is HOLD, as nothing was traded, with the word as its intent.
    """
    plain = _NOT_A_WORD.sub("_", word.upper()).strip("_")
    if plain in ACTIONS:
        return plain, "", True
    intent = plain.lower()[:60]
    for phrase, action in _PHRASES.items():
        if plain == phrase or plain.startswith(f"{phrase}_") or plain.endswith(f"_{phrase}"):
            return action, intent, True
    found = [_BY_PART[part] for part in plain.split("_") if part in _BY_PART]
    if not found:
        return HOLD, intent, False
    # SELL_REVIEW is a review, CLOSE_LONG a close: the strongest part says it.
    return min(found, key=_ORDER.__getitem__), intent, True
