"""What each figure means, in the words of pages; docs/metrics.md has the same with examples and sources."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Words = str | Promise


@dataclass(frozen=True, slots=True)
class Definition:
    """One figure. `key` finds it on the page of definitions, `section` in docs/metrics.md."""

    key: str
    title: Words
    words: Words
    formula: Words = ""
    population: Words = ""
    exclusions: Words = ""
    section: str = ""


_CLOSED = _("Closed trades: those that went from flat to flat and closed on one of the days in question.")
_EXITS = _("Exits on the days in question, also those of trades that are still open.")
_UNCONVERTED = _("Money without a rate into the currency shown; it is listed beside the total.")
_NO_BREAKEVEN = _("Breakeven trades, and money without a rate into the currency shown.")

_ALL = (
    Definition(
        "net-pnl",
        _("Net P&L"),
        _(
            "Money realized by exits, after commissions and all other fees. It belongs to the trading day of the exit "
            "fill; a part of a trade that is still open counts with what its exits made."
        ),
        _("Σ (gross P&L of an exit − its costs)"),
        _EXITS,
        _UNCONVERTED,
        "totals",
    ),
    Definition(
        "gross-pnl",
        _("Gross P&L"),
        _(
            "The same exits before costs: (exit price − entry price) × quantity × multiplier, with the sign turned for "
            "a short."
        ),
        section="totals",
    ),
    Definition(
        "fees",
        _("Fees"),
        _(
            "Gross P&L less net P&L: commissions, exchange fees and swaps that belong to the exits, with the entry "
            "fees of the units that they closed. Rebates and credits count against them."
        ),
        section="totals",
    ),
    Definition(
        "trades",
        _("Trades"),
        _(
            "Closed trades: those that went from flat to flat and closed on one of the days in question. An open trade "
            "is not counted, though what its exits made is in the net P&L."
        ),
    ),
    Definition(
        "outcome",
        _("Win, loss, breakeven"),
        _(
            "A trade is breakeven when its gross result is within the tolerance of its instrument, or its net is "
            "exactly zero; else it is a win when its net is above zero and a loss when it is below."
        ),
        section="outcome",
    ),
    Definition(
        "win-rate",
        _("Win rate"),
        _(
            "Winning trades divided by all closed trades, breakeven ones included. The decisive win rate leaves "
            "breakeven trades out. Undefined without a closed trade, the decisive one without a win or a loss. The "
            "95% interval is Wilson’s; it takes trades for independent, which copies of one decision are not."
        ),
        _("wins ÷ (wins + losses + breakeven)"),
        _CLOSED,
        _("Nothing; the decisive win rate leaves out breakeven trades."),
        "win-rate",
    ),
    Definition(
        "profit-factor",
        _("Profit factor"),
        _("The net profit of all winners divided by the net loss of all losers. Undefined when nothing was lost."),
        _("Σ net of winners ÷ |Σ net of losers|"),
        _CLOSED,
        _NO_BREAKEVEN,
        "profit-factor",
    ),
    Definition(
        "payoff",
        _("Payoff ratio"),
        _("Average win divided by average loss. Undefined without a win or without a loss."),
        section="payoff-ratio",
    ),
    Definition(
        "expectancy",
        _("Expectancy"),
        _(
            "The mean net P&L of all closed trades, breakeven ones included. Undefined without a closed trade. The "
            "95% interval is the normal one; below some 30 trades it is narrower than the truth."
        ),
        _("Σ net of closed trades ÷ their number"),
        _CLOSED,
        _UNCONVERTED,
        "expectancy",
    ),
    Definition(
        "average-win",
        _("Average win"),
        _("The mean net P&L of the winning trades. Undefined without one."),
        _("Σ net of winners ÷ wins"),
        _("Winning trades that closed on one of the days in question."),
        _NO_BREAKEVEN,
        "average-win",
    ),
    Definition(
        "average-loss",
        _("Average loss"),
        _("The mean net P&L of the losing trades. Undefined without one."),
        _("Σ net of losers ÷ losses"),
        _("Losing trades that closed on one of the days in question."),
        _NO_BREAKEVEN,
        "average-loss",
    ),
    Definition(
        "largest",
        _("Largest win and loss"),
        _(
            "The highest net P&L of a winning trade and the lowest of a losing one. Undefined without a winner or "
            "without a loser."
        ),
    ),
    Definition(
        "standard-deviation",
        _("Standard deviation"),
        _(
            "How far the net P&L of closed trades spreads around its mean: √((Σx² − (Σx)²/n) ÷ (n − 1)), in money. "
            "Undefined below two trades."
        ),
        section="standard-deviation",
    ),
    Definition(
        "r",
        _("R"),
        _(
            "Net P&L in multiples of what the trade risked: the distance from the entry to the initial stop, times "
            "quantity and multiplier. Undefined without a stop and while the trade is open. Average R is the mean of "
            "the closed trades that have one; n says how many."
        ),
        section="realized-r",
    ),
    Definition(
        "planned-r",
        _("Planned R"),
        _(
            "The distance from entry to target divided by that from entry to stop. Undefined without either. The "
            "average is that of the closed trades that have one."
        ),
        section="planned-r",
    ),
    Definition(
        "sqn",
        _("SQN"),
        _(
            "System quality number: √min(n, 100) × mean R ÷ standard deviation of R. Undefined below 30 closed trades "
            "with an R and where all are equal."
        ),
        section="sqn",
    ),
    Definition(
        "kelly",
        _("Kelly"),
        _(
            "p − (1 − p) ÷ b with the decisive win rate p and the payoff ratio b: a fraction of capital, an upper "
            "bound of theory and no advice; below zero it says not to bet. Undefined without a win or without a loss."
        ),
        section="kelly",
    ),
    Definition(
        "holding-time",
        _("Average holding time"),
        _(
            "The mean time from the first entry to the last exit, over closed trades of which both times are known. "
            "Undefined without one."
        ),
        section="average-holding-time",
    ),
    Definition(
        "trading-days",
        _("Trading days"),
        _(
            "Days with an exit. A day is that of the account, in its time zone and from the hour at which its day "
            "starts."
        ),
    ),
    Definition(
        "best-day",
        _("Best and worst day"),
        _(
            "The trading day with the highest net P&L of all accounts together and the one with the lowest. Undefined "
            "without a trading day."
        ),
    ),
    Definition(
        "streaks",
        _("Days in a row"),
        _(
            "The longest run of trading days with a profit and the longest with a loss, over all accounts together; a "
            "day at exactly zero ends either. “Now” is the run that the last day belongs to."
        ),
        section="streaks",
    ),
    Definition(
        "equity-curve",
        _("Equity curve"),
        _(
            "The running sum of the daily net P&L, from zero. The drawdown of a day is how far it is below the highest "
            "point before it. The lines of single accounts are the same for each, in the currency of the whole."
        ),
        section="equity-curve",
    ),
    Definition(
        "max-drawdown",
        _("Max drawdown"),
        _(
            "The largest fall of closed equity from a peak, by trading day. In percent of the equity at the peak where "
            "every account in question has a starting balance. Undefined without a trading day."
        ),
        _("max (highest running sum so far − running sum)"),
        _("The daily net P&L of the days in question, from zero."),
        _("What happened within a day and to open positions."),
        "max-drawdown",
    ),
    Definition(
        "today",
        _("Today"),
        _(
            "The net P&L of exits on today’s trading day, where today is the date in your time zone. The filters "
            "apply, except the range of days."
        ),
        _("Σ net of the exits of today"),
        _("Exits on today’s trading day, also those of trades that are still open."),
        _UNCONVERTED,
        "totals",
    ),
    Definition(
        "previous-period",
        _("Change against the period before"),
        _(
            "The period before has as many days and ends on the day before the first one. Days that are still to come "
            "are not counted, so that the month so far stands against as many days before it. All time has no period "
            "before."
        ),
        section="previous-period",
    ),
    Definition(
        "units",
        _("Money, percent and R"),
        _(
            "Percent is the amount divided by what all accounts in scope held before the first day: starting balances "
            "and what was realized before. R is the sum of realized R of the trades that closed; a trade without a "
            "stop has none."
        ),
        section="units",
    ),
    Definition(
        "daily-returns",
        _("Daily returns"),
        _(
            "The net P&L of a day divided by equity before it, over the days from Monday to Friday, those without a "
            "trade included. Undefined unless every account in question has a starting balance, and where equity is "
            "used up."
        ),
        section="daily-returns",
    ),
    Definition(
        "sharpe",
        _("Sharpe"),
        _(
            "Mean of the daily returns ÷ their standard deviation × √252, without a risk-free rate. Undefined where "
            "daily returns are, below two of them and where all are equal."
        ),
        section="sharpe",
    ),
    Definition(
        "sortino",
        _("Sortino"),
        _(
            "Mean of the daily returns ÷ √(sum of the squares of the negative ones ÷ number of all) × √252. Undefined "
            "where daily returns are, below two of them and without a negative one."
        ),
        section="sortino",
    ),
    Definition(
        "broker-difference",
        _("Difference to the broker"),
        _(
            "Our net P&L less the broker’s own, over the exits for which its file states one. Undefined where it "
            "states none; anything but zero is worth a look."
        ),
        section="broker-difference",
    ),
    Definition(
        "currencies",
        _("Currencies"),
        _(
            "Totals over several currencies are converted at each day’s reference rate into the reporting currency. "
            "What has no rate is listed beside the total and never guessed."
        ),
        section="currencies",
    ),
)

#: Every definition by its key, in the order of the page.
DEFINITIONS = {each.key: each for each in _ALL}
