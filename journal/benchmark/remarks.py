"""What the benchmark's person has written and sorted: groups, labels, tags, playbooks; the same for a seed."""

from typing import Any

from django.db import connection

#: Accounts in each group, and with each label, are every so many.
GROUPS = ("Evaluations", "Funded", "Retirement", "Tests", "Copies")
LABELS = ("automated", "copied", "night", "paused", "reviewed weekly", "family")
SETUPS = ("Opening range", "Pullback", "Breakout", "Fade", "Gap", "News")
MISTAKES = ("Chased", "Too large", "No stop", "Left early")
PLAIN = ("A+", "earnings", "FOMC", "holiday", "lunch", "plan", "revenge", "scalp", "swing", "trend")
PLAYBOOKS = ("Opening drive", "Trend day", "Mean reversion")
RULES = ("With the higher trend", "Stop before entry", "No trade before news", "Half out at 1 R", "Size by risk")


def write(values: dict[str, Any]) -> None:
    """Accounts are grouped and labelled; of the trades, which table `benchmark_trade` holds, a tenth is tagged.

    A twentieth was taken by a playbook, with three of its five rules looked at.
    """
    values = {
        **values,
        "groups": list(GROUPS),
        "labels": list(LABELS),
        "setups": list(SETUPS),
        "mistakes": list(MISTAKES),
        "plain": list(PLAIN),
        "playbooks": list(PLAYBOOKS),
        "rules": list(RULES),
    }
    with connection.cursor() as cursor:
        for statement in (_GROUPS, _LABELS, _TAGS, _TAGGED, _PLAYBOOKS, _TAKEN, _TICKED):
            cursor.execute(statement, values)


_GROUPS = """
WITH made AS (
    INSERT INTO accounts_accountgroup (owner_id, name, color, position)
    SELECT %(owner)s, name, '#6b7fd7', place FROM unnest(%(groups)s::text[]) WITH ORDINALITY AS g (name, place)
    RETURNING id, position
), numbered AS (
    SELECT id, row_number() OVER (ORDER BY id) AS number FROM accounts_account WHERE owner_id = %(owner)s
)
UPDATE accounts_account a SET group_id = made.id FROM numbered JOIN made ON made.position = numbered.number %% 6
WHERE a.id = numbered.id
"""

_LABELS = """
WITH made AS (
    INSERT INTO accounts_accounttag (owner_id, name, color)
    SELECT %(owner)s, name, '#6b7fd7' FROM unnest(%(labels)s::text[]) AS g (name) RETURNING id, name
), numbered AS (
    SELECT id, row_number() OVER (ORDER BY id) AS number FROM accounts_account WHERE owner_id = %(owner)s
)
INSERT INTO accounts_account_tags (account_id, accounttag_id)
SELECT numbered.id, made.id FROM made JOIN unnest(%(labels)s::text[]) WITH ORDINALITY AS l (name, place) USING (name)
JOIN numbered ON numbered.number %% (3 + l.place) = 0
"""

_TAGS = """
WITH sorted AS (
    INSERT INTO trading_taggroup (owner_id, name, role, color, position)
    VALUES (%(owner)s, 'Setups', 'setup', '#6b7fd7', 1), (%(owner)s, 'Mistakes', 'mistake', '#6b7fd7', 2)
    RETURNING id, role
)
INSERT INTO trading_tag (owner_id, group_id, name, color, created_at)
SELECT %(owner)s, (SELECT id FROM sorted WHERE sorted.role = t.role), t.name, '#6b7fd7', now() FROM (
    SELECT unnest(%(setups)s::text[]) AS name, 'setup' AS role
    UNION ALL SELECT unnest(%(mistakes)s::text[]), 'mistake' UNION ALL SELECT unnest(%(plain)s::text[]), 'plain'
) t
"""

# Every tenth trade has a setup, every 30th a mistake besides, every 25th a label: no two the same on one trade.
_TAGGED = """
WITH t AS (
    SELECT tag.id, g.role, row_number() OVER (PARTITION BY g.role ORDER BY tag.id) - 1 AS number,
        count(*) OVER (PARTITION BY g.role) AS many
    FROM trading_tag tag LEFT JOIN trading_taggroup g ON g.id = tag.group_id WHERE tag.owner_id = %(owner)s
)
INSERT INTO trading_trade_tags (trade_id, tag_id)
SELECT b.trade_id, t.id FROM benchmark_trade b JOIN t
ON (t.role = 'setup' AND b.place %% 10 = 0 AND b.place / 10 %% t.many = t.number)
OR (t.role = 'mistake' AND b.place %% 30 = 0 AND b.place / 30 %% t.many = t.number)
OR (t.role IS NULL AND b.place %% 25 = 0 AND b.place / 25 %% t.many = t.number)
WHERE b.place %% 10 = 0 OR b.place %% 25 = 0
"""

_PLAYBOOKS = """
WITH books AS (
    INSERT INTO journal_playbook (owner_id, name, description, color, created_at)
    SELECT %(owner)s, name, '', '#6b7fd7', now() FROM unnest(%(playbooks)s::text[]) AS p (name) RETURNING id
), versions AS (
    INSERT INTO journal_playbookversion (playbook_id, number, created_at) SELECT id, 1, now() FROM books RETURNING id
)
INSERT INTO journal_playbookrule (version_id, key, "group", text, position)
SELECT versions.id, gen_random_uuid(), '', rule.text, rule.position
FROM versions, unnest(%(rules)s::text[]) WITH ORDINALITY AS rule (text, position)
"""

_TAKEN = """
WITH books AS (
    SELECT book.id, version.id AS version_id, row_number() OVER (ORDER BY book.id) - 1 AS number
    FROM journal_playbook book JOIN journal_playbookversion version ON version.playbook_id = book.id
    WHERE book.owner_id = %(owner)s
)
INSERT INTO journal_tradeplaybook (owner_id, trade_key, playbook_id, version_id)
SELECT %(owner)s, t.public_id, books.id, books.version_id
FROM benchmark_trade b JOIN trading_trade t ON t.id = b.trade_id
JOIN books ON books.number = b.place / 20 %% 3 WHERE b.place %% 20 = 0
"""

_TICKED = """
INSERT INTO journal_rulecheck (trade_playbook_id, rule_id, is_kept)
SELECT taken.id, rule.id, (taken.id + rule.position) %% 4 > 0
FROM journal_tradeplaybook taken JOIN journal_playbookrule rule ON rule.version_id = taken.version_id
WHERE taken.owner_id = %(owner)s AND (taken.id + rule.position) %% 5 < 3
"""

_FORGET = (
    "DELETE FROM journal_rulecheck WHERE trade_playbook_id IN "
    "(SELECT id FROM journal_tradeplaybook WHERE owner_id = %s)",
    "DELETE FROM journal_tradeplaybook WHERE owner_id = %s",
    "DELETE FROM trading_trade_tags WHERE tag_id IN (SELECT id FROM trading_tag WHERE owner_id = %s)",
)


def forget(owner_id: int) -> None:
    """What links to the person's trades is gone."""
    with connection.cursor() as cursor:
        for statement in _FORGET:
            cursor.execute(statement, [owner_id])
