"""Statistics of what reports group trades by.

Without them PostgreSQL takes each trade for a group of its own, and sorts a million of them.
"""

from django.db import migrations

_EXPRESSIONS = {
    "holding": """
        CASE WHEN trading_trade.closed_on IS NULL THEN '9' WHEN trading_trade.closed_at -
            trading_trade.opened_at IS NULL THEN '8' ELSE width_bucket(extract(epoch FROM
            trading_trade.closed_at - trading_trade.opened_at), ARRAY[60, 300, 1800, 7200, 28800, 86400,
            604800]::numeric[])::text END
    """,
    "size": """
        lpad(width_bucket(abs(trading_trade.quantity * trading_trade.entry_price *
            trading_trade.multiplier), ARRAY[100, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000,
            250000, 500000, 1000000]::numeric[])::text, 2, '0')
    """,
    "price": """
        lpad(width_bucket(trading_trade.entry_price, ARRAY[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000,
            5000, 10000, 20000, 50000]::numeric[])::text, 2, '0')
    """,
    "r": """
        CASE WHEN trading_trade.realized_r IS NULL THEN 'none' ELSE
            lpad(width_bucket(trading_trade.realized_r, ARRAY[-3, -2, -1, -0.5, 0, 0.5, 1, 2, 3, 5,
            10]::numeric[])::text, 2, '0') END
    """,
    "result": """
        CASE WHEN trading_trade.closed_on IS NULL THEN 'open' ELSE lpad(width_bucket(trading_trade.net_pnl,
            ARRAY[-500000, -200000, -100000, -50000, -20000, -10000, -5000, -2000, -1000, -500, -200, -100,
            -50, -20, -10, 0, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000,
            200000, 500000]::numeric[])::text, 2, '0') END
    """,
    "reviewed": """
        CASE WHEN trading_trade.reviewed_at IS NULL THEN 'no' ELSE 'yes' END
    """,
}


class Migration(migrations.Migration):
    dependencies = [
        ("journal", "0011_names_of_many"),
        ("trading", "0028_strategies_of_one_length"),
    ]

    operations = [
        *(
            migrations.RunSQL(
                f"CREATE STATISTICS trade_by_{name} ON ({expression}) FROM trading_trade",
                f"DROP STATISTICS trade_by_{name}",
            )
            for name, expression in _EXPRESSIONS.items()
        ),
        migrations.RunSQL("ANALYZE trading_trade", migrations.RunSQL.noop),
    ]
