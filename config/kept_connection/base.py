"""Django's PostgreSQL, which asks a kept connection whether it is alive only where there is a sign that it is not.

`CONN_HEALTH_CHECKS` sends `SELECT 1` before the first statement of every request: one statement of the ten of an order.
A server that ended, or cut this session, has closed the socket, and a closed socket is readable; so is one with a last
word in it. Where there is nothing to read, there is nothing to ask. A network that went silent is told by neither.
"""

import select
from typing import Any

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """What `ENGINE` in the settings names."""

    # Of Django, whose stubs do not know them.
    health_check_enabled: bool
    health_check_done: bool
    pool: Any

    def close_if_health_check_failed(self) -> None:
        """As Django's own, without a statement where the socket is open and silent."""
        is_asked = self.connection is not None and self.health_check_enabled and not self.health_check_done
        if is_asked and not self.pool and not self._has_news():
            self.health_check_done = True
            return
        super().close_if_health_check_failed()

    def _has_news(self) -> bool:
        """Whether something lies in the socket that nobody asked for, or it is closed."""
        if self.connection.closed:
            return True
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN | select.POLLRDHUP)
        return bool(poll.poll(0))
