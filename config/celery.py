"""The Celery application and what it does by the clock."""

import os

from celery import Celery
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("journal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(related_name="copy_tasks")
app.autodiscover_tasks(related_name="wallet_tasks")
app.conf.beat_schedule = {
    # The guarantee behind every lost message and killed worker.
    "sweep stale days": {"task": "journal.tasks.sweep_stale_days", "schedule": 10.0},
    "sweep unfinished imports": {"task": "trading.tasks.sweep_imports", "schedule": 10.0},
    "watch exit plans": {"task": "trading.tasks.watch_plans", "schedule": 2.0, "options": {"expires": 4}},
    "match what was left": {"task": "trading.tasks.match_left_orders", "schedule": 5.0, "options": {"expires": 5}},
    "expire orders": {"task": "trading.tasks.expire_orders", "schedule": 60.0},
    "send to brokers": {"task": "trading.tasks.send_waiting", "schedule": 2.0, "options": {"expires": 4}},
    "compare with brokers": {"task": "trading.tasks.reconcile_brokers", "schedule": 300.0, "options": {"expires": 300}},
    "measure excursions": {"task": "trading.tasks.measure_excursions", "schedule": 60.0},
    "judge breakers": {"task": "trading.tasks.sweep_risk", "schedule": 60.0},
    "read deliveries": {
        "task": "intelligence.wallet_tasks.read_deliveries",
        "schedule": 2.0,
        "options": {"expires": 4},
    },
    # The cadence of ADR-001; nothing is sent where nothing has changed.
    "sync wallets": {"task": "intelligence.wallet_tasks.sync_wallets", "schedule": 300.0},
    "catch up with wallets": {"task": "intelligence.wallet_tasks.catch_up", "schedule": 900.0},
    "refresh prices": {"task": "intelligence.wallet_tasks.refresh_prices", "schedule": 60.0},
    "process signals": {"task": "intelligence.copy_tasks.process_signals", "schedule": 2.0, "options": {"expires": 4}},
    "price copied tokens": {
        "task": "intelligence.copy_tasks.refresh_token_prices",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "sweep wallet performance": {"task": "intelligence.copy_tasks.sweep_performance", "schedule": 30.0},
    # The day of windows and of the documents begins at midnight UTC.
    "compute wallet performance": {
        "task": "intelligence.copy_tasks.refresh_all_performance",
        "schedule": crontab(minute="0", hour="0"),
    },
    "purge deliveries": {"task": "intelligence.wallet_tasks.purge_deliveries", "schedule": 3600.0},
    "sweep what was written": {"task": "journal.tasks.sweep_writing", "schedule": 3600.0},
    "sweep archives": {"task": "journal.tasks.sweep_archives", "schedule": 30.0},
    "fill the memory": {"task": "intelligence.tasks.fill_memory", "schedule": 10.0, "options": {"expires": 10}},
    "sweep the memory": {"task": "intelligence.tasks.sweep_memory", "schedule": 30.0, "options": {"expires": 30}},
    "sweep outcomes": {"task": "intelligence.tasks.sweep_outcomes", "schedule": 3600.0},
    "sweep decisions": {"task": "intelligence.tasks.sweep_decisions", "schedule": 3600.0},
    # Hourly, for the one that a machine which was off at night still owes: it makes one a day.
    "back up": {"task": "config.tasks.back_up", "schedule": 3600.0},
    "forget old requests": {"task": "accounts.tasks.forget_old_requests", "schedule": 3600.0},
}
