"""Celery's consumer in a worker, made to outlive whatever its transport raises while a lost broker is left."""

import logging

from celery.worker.consumer import Consumer

_log = logging.getLogger(__name__)


class LastingConsumer(Consumer):
    """CELERY_WORKER_CONSUMER: a connection that can't be closed is dropped, and the next one is made."""

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        try:
            super().on_connection_error_after_connected(exc)
        except Exception as error:
            # kombu tries to hand messages back through what it has closed before. They are hints, and come again.
            self.connection = None
            _log.warning("a connection that the broker has lost could not be closed: %r", error)
