"""Connections whose statements are not compiled, and of which one that was idle is not asked whether it still is one.

That is seen by its socket: no `SELECT 1` before each request.

A server that has ended, or ended this session, has closed the socket or said so on it. One that has vanished without a
word is noticed by the next statement either way, within what `tcp_user_timeout` allows.
"""

import select
from typing import Any

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def init_connection_state(self) -> None:
        super().init_connection_state()
        # By statistics that count what is dead, PostgreSQL would compile for a third of a second what then reads seven
        # blocks. Every session of Booper may have it so, whichever a pooler hands out.
        with self.cursor() as cursor:
            cursor.execute("SET jit = off")

    def is_usable(self) -> bool:
        connection: Any = self.connection
        if connection is None or connection.closed:
            return False
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        return not poll.poll(0) or super().is_usable()
