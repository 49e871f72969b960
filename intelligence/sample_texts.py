"""What the invented trader thought: decisions, what was learned from some, news and analyses. Pure.

No two decisions read alike, so that a search by meaning has something to tell apart.
"""

from dataclasses import dataclass
from typing import Any

#: By which sample analyses are known.
MODEL = "Sample model"
#: Strategy, why, and what the market was like.
Thought = tuple[str, str, str]

LONG: tuple[Thought, ...] = (
    ("Pullback", "First pullback to the 20-period average after a strong push. Sellers dried up on the way down, so I "
     "buy where the last buyers came in; wrong below the swing low.", "Trend day up, breadth above 70%."),
    ("Opening range", "Opening range broke on three times the usual volume and held the retest. First target is "
     "yesterday's high.", "Gap up on no news."),
    ("Reversal", "Third test of support with less volume each time, and the last push failed to make a new low. Small "
     "size, as this is against the trend.", "Two red days in a row."),
    ("Breakout", "Tight flag under the high of the month, volume contracts. Adding above the high, out if it falls "
     "back into the flag.", "Sector leads the market."),
    ("VWAP reclaim", "Flushed the stops under the morning low and got back above VWAP within minutes; shorts are "
     "trapped.", "Choppy morning, news at ten."),
    ("Earnings drift", "Good quarter, raised guidance and the first dip was bought. Holding for days, half size over "
     "the weekend.", "Index near its high."),
    ("Pullback", "Inside day at the rising 50-day line. The risk is one average range, the prize is the old high.",
     "Quiet week, nothing on the calendar until Thursday."),
    ("Reversal", "Capitulation: the widest range in a month on the heaviest volume, and it closed in the upper third. "
     "Somebody had to sell, and is done.", "Fear gauge at its high of the quarter."),
    ("Breakout", "Six weeks of sideways and the range got narrower each of them. Buying the close above it, not the "
     "poke during the day.", "Dollar weak, metals firm."),
    ("Opening range", "Second try: the first break failed and nobody followed through on the downside either. The "
     "higher low gives the stop.", "Calm open after a holiday."),
    ("Mean reversion", "Four closes down in a row and more than two deviations under the mean. These bounce more often "
     "than not within three days; out on time, not on price.", "Range-bound since a month."),
    ("VWAP reclaim", "Held above the anchored VWAP of the earnings gap for three days. Whoever bought the gap is not "
     "under water and has no reason to sell.", "Analysts raise their targets."),
    ("Relative strength", "The index makes a new low and this does not. When the selling stops it should go first.",
     "Index down 1.5%, everything red but this."),
    ("Pullback", "Runs on the news, gives back half, and the volume of the give-back is a third of that of the run. "
     "Nobody leaves.", "Takeover talk in the sector."),
    ("Gap and go", "Gapped over a two-year base. There is nobody left above who waits to get out even.",
     "Heavy pre-market, on real news."),
    ("Seasonal", "Inventories fall at this time of the year in eight of ten, and the curve went into backwardation "
     "this week.", "Driving season begins."),
    ("Relative strength", "Strongest of its group over twenty days and the group is the strongest of the market. "
     "Buying what is already going up, with a wide stop.", "Rotation out of defensives."),
    ("Mean reversion", "Spike down on a headline that was denied an hour later. The level from before the headline is "
     "the target, and half an hour is the limit.", "Thin market at lunch."),
    ("Trend following", "Close above the 55-day high. No opinion; the rule says buy, a twentieth of a percent of the "
     "account to the stop.", "Volatility low and rising."),
    ("Trend following", "Adding the second unit half an average range above the first, as the plan says, and moving "
     "the stop of both.", "Six green days of eight."),
)  # fmt: skip
SHORT: tuple[Thought, ...] = (
    ("Fade", "Third push into resistance with the spread widening; buyers look exhausted. Covering half at the "
     "average.", "Extended, far above the bands."),
    ("Breakdown", "Lost the neckline on volume and failed to get back in. Measured move is the target, wrong above "
     "the last lower high.", "Weak breadth, yields up."),
    ("Gap fill", "Gap up with no news behind it stalls at the high of the overnight session. Target is yesterday's "
     "close.", "Quiet calendar."),
    ("Failed auction", "Poked above the value area and found nobody there. Short back into it, stop above the poke.",
     "Balanced for three days."),
    ("Fade", "Parabolic: each day's range larger than the one before, and today it opened on the high. Only with a "
     "stop that is in the market.", "Everybody talks about it."),
    ("Breakdown", "Support was tested five times in a fortnight and every bounce was smaller. Walls do not get "
     "stronger by being hit.", "Sector lags, credit spreads widen."),
    ("Trend following", "Close below the 55-day low, the moving averages point down. The rule says sell and the size "
     "is the smallest there is.", "Stronger dollar all week."),
    ("Lower high", "Bounced to the falling 20-day line on less and less volume and was turned away at noon.",
     "Relief rally in a downtrend."),
    ("Failed auction", "Took out yesterday's high by a tick, ran no stops and came straight back. Whoever wanted to "
     "buy has bought.", "Slow afternoon before a holiday."),
    ("Gap fill", "Third gap in a row in the same direction. The last one of a run is the one that is filled.",
     "Overnight futures thin."),
    ("Earnings drift", "Missed, cut the outlook, and the first bounce died under the gap. Funds take weeks to get out "
     "of such a thing.", "Weak season for the whole industry."),
    ("Lower high", "The squeeze ended where the last sellers sat. Shorting with their stop, which is now everyone's.",
     "Short interest down by half."),
    ("Pairs", "Its twin did not confirm the new high. Short this, and long the other in the other account.",
     "The spread is at its widest since spring."),
    ("Fade", "Central bank said what was expected and it jumped all the same. The jump of the first minute is "
     "usually given back within the hour.", "Rate decision, as forecast."),
    ("Breakdown", "A hammer yesterday that nobody bought today: trapped buyers under the low will have to sell.",
     "New lows outnumber new highs."),
    ("Pairs", "The premium over the cash market is twice its usual. It goes when the delivery month comes.",
     "Roll week."),
)  # fmt: skip
#: Action, strategy and why nothing was traded.
PASSED: tuple[tuple[str, str, str], ...] = (
    ("PASS", "Event risk", "The central bank speaks in an hour and the spread has doubled. No edge in guessing a "
     "headline: nothing today."),
    ("PASS", "Correlation", "The setup is there, but I hold three others that move with it. One loss would be four."),
    ("HOLD", "Review", "Most losses of the week came in the first five minutes. The plan stays, the open is left "
     "alone."),
    ("PASS", "Liquidity", "Looks right on the chart, but the book is so thin that getting out would cost more than "
     "the stop."),
    ("HOLD", "Trend following", "It gave back half of the open profit and the rule still says stay. I write this down "
     "so that I do not sell out of boredom."),
    ("ADJUST", "Risk", "Drawdown reached half of what the account may lose: size goes to a half until it is back."),
    ("PASS", "Breakout", "Third breakout of the same level in a week; the first two failed. I wait for one that is "
     "retested."),
    ("CLOSE", "Risk", "Flat before the long weekend. Three days of headlines are not paid for."),
)  # fmt: skip
LEARNED: tuple[str, ...] = (
    "The entry was right, the stop too close for this volatility.",
    "Waiting for the retest was worth it.",
    "Took it because I had missed the one before. That is no reason.",
    "Half was sold too early, out of relief rather than by the plan.",
)


@dataclass(frozen=True, slots=True)
class SampleArticle:
    """An invented article: so many days old, of these symbols; sentiment from -1 to 1, relevance from 0 to 1."""

    days: int
    symbols: tuple[str, ...]
    title: str
    summary: str
    sentiment: str
    relevance: str


ARTICLES: tuple[SampleArticle, ...] = (
    SampleArticle(2, ("NVDA", "AMD"), "Chip makers see orders for data centres stretch into next year",
                  "Two suppliers reported longer lead times. Analysts differ on how much of it is bought ahead of "
                  "need.", "0.55", "0.9"),
    SampleArticle(3, ("AAPL",), "Phone shipments flat as buyers keep theirs for longer",
                  "A survey of shops finds that the average phone is now kept for 43 months, three more than a year "
                  "ago.", "-0.35", "0.8"),
    SampleArticle(5, ("TSLA", "F"), "Price cuts spread through the market for electric cars",
                  "A third maker lowered its list prices within a month. Margins of smaller makers are under "
                  "pressure.", "-0.6", "0.75"),
    SampleArticle(6, ("MSFT", "AMZN"), "Cloud growth slows less than feared",
                  "Customers have finished trimming their bills, say two resellers, and new projects begin.",
                  "0.4", "0.7"),
    SampleArticle(9, ("SAP", "SIE"), "Industrial orders in Germany rise for the second month",
                  "Software and automation lead; the car industry lags.", "0.3", "0.6"),
    SampleArticle(12, ("SPY",), "Central bank leaves rates where they are and sounds patient",
                  "The statement dropped a sentence on further tightening. Markets had expected as much.",
                  "0.1", "0.5"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SampleAnalysis:
    """An invented analysis; its prices are fractions of what the instrument costs."""

    days: int
    symbol: str
    action: str
    stop: str
    target: str
    parts: dict[str, Any]


ANALYSES: tuple[SampleAnalysis, ...] = (
    SampleAnalysis(
        1,
        "NVDA",
        "BUY",
        "0.94",
        "1.12",
        {
            "technical_analysis": {
                "trend": "bullish", "rsi": 61.5, "volume_ratio": 1.4, "timeframe": "1d",
                "summary": "Above all its averages, the pullback of last week held the 20-day line on falling volume.",
            },
            "news_sentiment": {"score": 0.55, "label": "bullish", "articles": 1,
                               "summary": "Orders stretch into next year."},
            "ai_recommendation": {
                "confidence": 0.66, "horizon": "10 days", "model": MODEL,
                "reasoning": "Strength of the group, a shallow pullback and no event before the target. Half size, as "
                             "the range is wide.",
                "risks": ["Orders may have been pulled forward", "Crowded"],
            },
        },
    ),
    SampleAnalysis(
        4,
        "AAPL",
        "HOLD",
        "0.95",
        "1.05",
        {
            "technical_analysis": {
                "trend": "neutral", "rsi": 47.0, "volume_ratio": 0.8, "timeframe": "1d",
                "summary": "Sideways for six weeks between two levels that everybody sees; volume dries up.",
            },
            "news_sentiment": {"score": -0.35, "label": "bearish", "articles": 1,
                               "summary": "Buyers keep their phones for longer."},
            "ai_recommendation": {
                "confidence": 0.58, "horizon": "until the next quarter", "model": MODEL,
                "reasoning": "No edge in the middle of a range. A close outside of it on volume would change that.",
                "risks": ["Earnings in three weeks"],
            },
        },
    ),
)  # fmt: skip
