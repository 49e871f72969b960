"""Totals and streaks by hand-worked numbers, and that any split of the trades merges to the whole."""

from decimal import Context, Decimal, localcontext
from itertools import groupby, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from journal.metrics.totals import ClosedTrade, Exit, Streaks, Totals
from trading.risk_reward import Outcome

D = Decimal
WIN, LOSS, BREAKEVEN = Outcome.WIN, Outcome.LOSS, Outcome.BREAKEVEN

FOUR_TRADES = [
    ClosedTrade(D("100"), WIN, D("2"), D("3"), 60),
    ClosedTrade(D("-40.5"), LOSS, D("-0.81"), None, 30),
    ClosedTrade(D("-2"), BREAKEVEN, None, D("1.5"), None),
    ClosedTrade(D("20"), WIN),
]
TWO_EXITS = [
    Exit(D("3"), D("105"), D("100"), broker_pnl=D("99.5")),
    Exit(D("0.5"), D("-40"), D("-40.5")),
]


def test_totals_count_and_sum_each_population() -> None:
    totals = Totals.from_trades(FOUR_TRADES, TWO_EXITS)

    assert totals == Totals(
        trade_count=4,
        win_count=2,
        loss_count=1,
        breakeven_count=1,
        gross_profit=D("120"),
        gross_loss=D("40.5"),
        breakeven_net=D("-2"),
        net_pnl=D("59.5"),
        gross_pnl=D("65"),
        fees=D("5.5"),
        broker_pnl=D("99.5"),
        broker_net=D("100"),
        broker_count=1,
        net_squares=D("12044.25"),
        r_sum=D("1.19"),
        r_squares=D("4.6561"),
        r_count=2,
        r_profit=D("2"),
        r_loss=D("0.81"),
        r_win_count=1,
        r_loss_count=1,
        planned_r_sum=D("4.5"),
        planned_r_count=2,
        holding_seconds=90,
        holding_count=2,
        largest_win=D("100"),
        largest_loss=D("-40.5"),
        volume=D("3.5"),
    )
    assert totals.closed_net == D("77.5")
    assert totals.broker_difference == D("0.5")


def test_a_trade_closed_over_two_days_counts_on_the_last_and_earns_on_both() -> None:
    first = Totals.from_trades([], [Exit(D(1), D("10"), D("9"))])
    last = Totals.from_trades([ClosedTrade(D("4"), WIN)], [Exit(D(1), D("-4"), D("-5"))])

    assert (first.trade_count, first.net_pnl, first.closed_net) == (0, D("9"), D(0))
    assert (last.trade_count, last.net_pnl, last.closed_net) == (1, D("-5"), D("4"))
    assert (first + last).net_pnl == (first + last).closed_net == D("4")


def test_nothing_adds_nothing() -> None:
    totals = Totals.from_trades(FOUR_TRADES, TWO_EXITS)

    assert Totals.zero() == Totals.merged([]) == Totals.from_trades([], [])
    assert totals + Totals.zero() == Totals.zero() + totals == totals
    assert Totals.zero().broker_difference is None


def test_a_trade_held_for_no_time_is_timed() -> None:
    totals = Totals.of_trade(ClosedTrade(D(1), WIN, holding_seconds=0))

    assert (totals.holding_seconds, totals.holding_count) == (0, 1)


def test_squares_of_r_are_rounded_half_up_at_the_stored_scale() -> None:
    totals = Totals.of_trade(ClosedTrade(D(1), WIN, realized_r=D("0.0000015")))

    # 2.25e-12
    assert totals.r_squares == D("2e-12")
    assert Totals.of_trade(ClosedTrade(D(1), WIN, D("0.00000158114"))).r_squares == D("3e-12")


def test_sums_do_not_depend_on_the_callers_context() -> None:
    parts = [Totals(net_pnl=D("123456789012.12345678")), Totals(net_pnl=D("0.00000001"))]

    with localcontext(Context(prec=5)):
        total = parts[0] + parts[1]

    assert total.net_pnl == D("123456789012.12345679")


def test_streaks_are_the_longest_runs_and_breakeven_ends_them() -> None:
    streaks = Streaks.from_outcomes([WIN, WIN, BREAKEVEN, WIN, LOSS, LOSS, LOSS, WIN])

    assert (streaks.longest_wins, streaks.longest_losses) == (2, 3)
    assert (streaks.leading_wins, streaks.leading_losses) == (2, 0)
    assert (streaks.trailing_wins, streaks.trailing_losses) == (1, 0)
    assert streaks.trade_count == 8


def test_a_streak_goes_on_from_one_period_into_the_next() -> None:
    earlier, later = Streaks.from_outcomes([LOSS, WIN, WIN]), Streaks.from_outcomes([WIN, WIN, LOSS])

    assert (earlier + later).longest_wins == 4
    assert (later + earlier).longest_losses == 2


def test_a_period_without_trades_does_not_end_a_streak() -> None:
    one = Streaks.from_outcomes([WIN])

    assert (one + Streaks() + one).longest_wins == 2


# Properties

money = st.integers(-(10**14), 10**14).map(lambda n: D(n).scaleb(-8))
ratio = st.integers(-(10**14), 10**14).map(lambda n: D(n).scaleb(-12))
trades_drawn = st.lists(
    st.builds(
        lambda net, is_scratch, r, planned, seconds: ClosedTrade(
            net, BREAKEVEN if is_scratch or not net else WIN if net > 0 else LOSS, r, planned, seconds
        ),
        money,
        st.booleans(),
        st.none() | ratio,
        st.none() | ratio.map(abs),
        st.none() | st.integers(0, 10**7),
    ),
    max_size=20,
)
exits_drawn = st.lists(st.builds(Exit, money.map(abs), money, money, st.none() | money), max_size=20)
examples = settings(deadline=None, max_examples=150)


@examples
@given(trades_drawn, exits_drawn, st.randoms(use_true_random=False))
def test_any_split_in_any_order_merges_to_the_whole(trades, exits, random) -> None:
    bins = [([], []) for _ in range(random.randint(1, 5))]
    for trade in random.sample(trades, len(trades)):
        random.choice(bins)[0].append(trade)
    for part in random.sample(exits, len(exits)):
        random.choice(bins)[1].append(part)
    parts = [Totals.from_trades(*pieces) for pieces in bins]

    assert Totals.merged(parts) == sum(parts, Totals.zero()) == Totals.from_trades(trades, exits)


@examples
@given(trades_drawn, exits_drawn)
def test_totals_agree_with_plain_sums(trades, exits) -> None:
    totals = Totals.from_trades(trades, exits)

    with localcontext(Context(prec=200)):
        assert totals.trade_count == totals.win_count + totals.loss_count + totals.breakeven_count == len(trades)
        assert totals.closed_net == sum((t.net_pnl for t in trades), D(0))
        assert totals.gross_profit == sum((t.net_pnl for t in trades if t.outcome is WIN), D(0))
        assert totals.gross_loss == -sum((t.net_pnl for t in trades if t.outcome is LOSS), D(0))
        assert totals.net_squares == sum((t.net_pnl**2 for t in trades), D(0))
        assert totals.r_sum == sum((t.realized_r for t in trades if t.realized_r is not None), D(0))
        assert totals.r_count == sum(t.realized_r is not None for t in trades)
        assert totals.holding_seconds == sum(t.holding_seconds or 0 for t in trades)
        assert totals.fees == totals.gross_pnl - totals.net_pnl
        assert totals.net_pnl == sum((e.net_pnl for e in exits), D(0))
        assert totals.volume == sum((e.quantity for e in exits), D(0))
        stated = [e for e in exits if e.broker_pnl is not None]
        assert totals.broker_count == len(stated)
        assert totals.broker_net - totals.broker_pnl == sum((e.net_pnl - e.broker_pnl for e in stated), D(0))
    wins = [t.net_pnl for t in trades if t.outcome is WIN]
    losses = [t.net_pnl for t in trades if t.outcome is LOSS]
    assert (totals.largest_win, totals.largest_loss) == (max(wins, default=None), min(losses, default=None))


outcomes_drawn = st.lists(st.sampled_from(Outcome), max_size=30)


@examples
@given(outcomes_drawn, st.lists(st.integers(0, 30), max_size=4))
def test_adjacent_stretches_join_to_the_streaks_of_the_whole(outcomes, cuts) -> None:
    edges = [0, *sorted(min(cut, len(outcomes)) for cut in cuts), len(outcomes)]
    pieces = [Streaks.from_outcomes(outcomes[a:b]) for a, b in pairwise(edges)]

    assert sum(pieces, Streaks()) == Streaks.from_outcomes(outcomes)


@examples
@given(outcomes_drawn)
def test_streaks_agree_with_grouped_runs(outcomes) -> None:
    runs = [(kind, len(list(run))) for kind, run in groupby(outcomes)]

    streaks = Streaks.from_outcomes(outcomes)

    assert streaks.longest_wins == max((length for kind, length in runs if kind is WIN), default=0)
    assert streaks.longest_losses == max((length for kind, length in runs if kind is LOSS), default=0)
    first = runs[0] if runs else (None, 0)
    last = runs[-1] if runs else (None, 0)
    assert (streaks.leading_wins, streaks.leading_losses) == tuple(
        first[1] if first[0] is kind else 0 for kind in (WIN, LOSS)
    )
    assert (streaks.trailing_wins, streaks.trailing_losses) == tuple(
        last[1] if last[0] is kind else 0 for kind in (WIN, LOSS)
    )
