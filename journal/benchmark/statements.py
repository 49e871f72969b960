"""The best hand-written SQL for each scenario's answer, over the same stored sums. Parameters: the owner and the like.

They know what the reports must find out: that all is in one currency, and that nothing is filtered. So they are what
no report can be faster than, unless it has kept its answer.
"""

from journal.metrics.rollups import ROW_SUMS

_ACCOUNT = (
    "a.id, a.public_id, a.name, a.broker, a.number, a.kind, a.status, a.currency, a.time_zone, a.day_start, "
    "a.cost_method, a.initial_balance, a.color, a.description, a.archived_at, a.created_at, a.updated_at, "
    "a.allows_short"
)
_TOTAL = "(SELECT count(*) FROM accounts_account WHERE owner_id = %(owner)s AND archived_at IS NULL)"
_PAGE = (
    "(SELECT * FROM accounts_account WHERE owner_id = %(owner)s AND archived_at IS NULL "
    "ORDER BY created_at DESC, id DESC LIMIT 51) a"
)
_STATS = "coalesce(s.trade_count, 0), coalesce(s.net_pnl, 0), s.last_day"

ACCOUNTS = f"SELECT {_ACCOUNT}, {_TOTAL} FROM {_PAGE} ORDER BY a.created_at DESC, a.id DESC"  # noqa: S608

ACCOUNTS_AFTER = f"""
SELECT {_ACCOUNT}, {_TOTAL} FROM accounts_account a
WHERE a.owner_id = %(owner)s AND a.archived_at IS NULL AND (a.created_at, a.id) < (%(at)s, %(id)s)
ORDER BY a.created_at DESC, a.id DESC LIMIT 51
"""  # noqa: S608

ACCOUNTS_WITH_STATS = f"""
SELECT {_ACCOUNT}, {_STATS}, {_TOTAL} FROM {_PAGE} LEFT JOIN journal_accounttotals s ON s.account_id = a.id
ORDER BY a.created_at DESC, a.id DESC
"""  # noqa: S608

ACCOUNT = f"SELECT {_ACCOUNT} FROM accounts_account a WHERE a.owner_id = %(owner)s AND a.public_id = %(account)s"  # noqa: S608

ACCOUNT_STATS = f"""
SELECT {_STATS} FROM accounts_account a LEFT JOIN journal_accounttotals s ON s.account_id = a.id
WHERE a.owner_id = %(owner)s AND a.public_id = %(account)s
"""  # noqa: S608

BROKERS = "SELECT broker, count(*) FROM accounts_account WHERE owner_id = %(owner)s GROUP BY broker ORDER BY broker"

# What the metrics are made of: the sums; what the order of days decides; every account.
SUMS = f"SELECT {ROW_SUMS} FROM journal_ownerday r WHERE r.owner_id = %(owner)s"  # noqa: S608
SERIES = """
WITH balance AS MATERIALIZED (
    SELECT sum(initial_balance) AS start FROM accounts_account WHERE owner_id = %(owner)s
), traded AS MATERIALIZED (
    SELECT day, net_pnl, sign(net_pnl) AS side, sum(net_pnl) OVER running AS cumulative,
        row_number() OVER running - row_number() OVER (PARTITION BY sign(net_pnl) ORDER BY day) AS streak
    FROM journal_ownerday WHERE owner_id = %(owner)s WINDOW running AS (ORDER BY day)
), fallen AS (
    SELECT greatest(max(cumulative) OVER (ORDER BY day), 0) - cumulative AS drawdown,
        start + cumulative - net_pnl AS equity, net_pnl / (start + cumulative - net_pnl) AS made
    FROM traded, balance
), figures AS MATERIALIZED (
    SELECT count(*) AS days, max(drawdown) AS drawdown, min(equity) AS least, sum(made) AS made,
        sum(made * made) AS squares, sum(made * made) FILTER (WHERE made < 0) AS falls FROM fallen
), streaks AS MATERIALIZED (
    SELECT side, count(*) AS length, max(day) AS last FROM traded GROUP BY side, streak
), longest AS (
    SELECT coalesce(max(length) FILTER (WHERE side > 0), 0) AS wins,
        coalesce(max(length) FILTER (WHERE side < 0), 0) AS losses, max(last) AS last FROM streaks
), span AS (
    SELECT min(day) AS first, max(day) AS last FROM traded
), weekdays AS MATERIALIZED (
    SELECT count(*) AS n FROM span, generate_series(first, last, interval '1 day') AS day
    WHERE extract(isodow FROM day) < 6
)
SELECT days, drawdown, wins, losses, now.side, now.length,
    CASE WHEN least > 0 THEN
        round(made / n * sqrt(252.0) / nullif(sqrt((squares - made * made / n) / nullif(n - 1, 0)), 0), 6) END,
    CASE WHEN least > 0 THEN round(made / n * sqrt(252.0) / sqrt(falls / n), 6) END,
    best.day, best.net_pnl, worst.day, worst.net_pnl
FROM figures, weekdays, longest JOIN streaks now ON now.last = longest.last,
    (SELECT day, net_pnl FROM traded ORDER BY net_pnl DESC, day LIMIT 1) best,
    (SELECT day, net_pnl FROM traded ORDER BY net_pnl, day LIMIT 1) worst
"""
ACCOUNT_ROWS = """
SELECT a.public_id, a.name, a.broker, a.currency, coalesce(s.trade_count, 0), coalesce(s.win_count, 0),
    coalesce(s.net_pnl, 0)
FROM accounts_account a LEFT JOIN journal_accounttotals s ON s.account_id = a.id
WHERE a.owner_id = %(owner)s ORDER BY a.name, a.id
"""

CURVE = """
SELECT day, net_pnl, cumulative,
    greatest(max(cumulative) OVER (ORDER BY day ROWS UNBOUNDED PRECEDING), 0) - cumulative
FROM (
    SELECT day, net_pnl, sum(net_pnl) OVER (ORDER BY day ROWS UNBOUNDED PRECEDING) AS cumulative
    FROM journal_ownerday WHERE owner_id = %(owner)s
) running ORDER BY day
"""

CURVES_BY_ACCOUNT = """
SELECT a.public_id, a.name, day, net_pnl, cumulative,
    greatest(max(cumulative) OVER (PARTITION BY account_id ORDER BY day ROWS UNBOUNDED PRECEDING), 0) - cumulative
FROM (
    SELECT account_id, day, net_pnl,
        sum(net_pnl) OVER (PARTITION BY account_id ORDER BY day ROWS UNBOUNDED PRECEDING) AS cumulative
    FROM journal_dayrollup WHERE owner_id = %(owner)s
) running JOIN accounts_account a ON a.id = account_id ORDER BY a.name, account_id, day
"""

_TRADES = """
SELECT t.id, t.public_id, t.account_id, a.name, i.symbol, t.side, t.status, t.opened_at, t.closed_at, t.opened_on,
    t.closed_on, t.activity_at, t.quantity, t.entry_price, t.exit_price, t.gross_pnl, t.fees, t.net_pnl, t.outcome,
    t.note
FROM trading_trade t JOIN accounts_account a ON a.id = t.account_id
JOIN trading_instrument i ON i.id = t.instrument_id
WHERE t.owner_id = %(owner)s
"""
_TRADES_ORDER = "ORDER BY t.activity_at DESC, t.id DESC LIMIT 51"
TRADES = f"{_TRADES} {_TRADES_ORDER}"
TRADES_AFTER = f"{_TRADES} AND (t.activity_at, t.id) < (%(at)s, %(id)s) {_TRADES_ORDER}"
