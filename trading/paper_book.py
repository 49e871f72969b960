"""What meets an order that comes to the paper venue's book, as SQL: asked before it is stored and once it is there."""

#: Whether an order of somebody else waits or comes on the other side at a price that the limit order {order} takes, or
#: a quote of between %(since)s and %(until)s does. Each part is read from its own index, however long the book is.
MEETS = """
(CASE {order}.side WHEN 'buy' THEN (
    SELECT c.id FROM trading_order c WHERE c.instrument_id = {order}.instrument_id AND c.side = 'sell'
        AND c.limit_price <= {order}.limit_price AND c.owner_id <> {order}.owner_id
        AND c.venue = 'paper' AND c.status IN ('new', 'partially_filled')
    ORDER BY c.limit_price LIMIT 1
) ELSE (
    SELECT c.id FROM trading_order c WHERE c.instrument_id = {order}.instrument_id AND c.side = 'buy'
        AND c.limit_price >= {order}.limit_price AND c.owner_id <> {order}.owner_id
        AND c.venue = 'paper' AND c.status IN ('new', 'partially_filled')
    ORDER BY c.limit_price DESC LIMIT 1
) END IS NOT NULL OR EXISTS (
    SELECT FROM trading_order c WHERE c.instrument_id = {order}.instrument_id AND NOT c.is_resting
        AND c.side <> {order}.side AND c.owner_id <> {order}.owner_id
        AND c.venue = 'paper' AND c.status IN ('new', 'partially_filled')
) OR EXISTS (
    SELECT FROM trading_quote m WHERE m.instrument_id = {order}.instrument_id
        AND m.quoted_at BETWEEN %(since)s AND %(until)s
        AND CASE {order}.side WHEN 'buy' THEN coalesce(m.ask, m.last) <= {order}.limit_price
            ELSE coalesce(m.bid, m.last) >= {order}.limit_price END
))
"""
