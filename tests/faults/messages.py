"""Celery's messages as a test meddles with them: taken off the queue, put back once or many times."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from amqp.exceptions import ChannelError
from kombu import Connection
from kombu.simple import SimpleQueue

from tests.processes.harness.stack import Stack

_QUEUE = "booper"


def take_all(stack: Stack, *, at_least: int) -> list[Any]:
    """All messages that wait, `at_least` so many, off the queue. queue.Empty when fewer come within ten seconds."""
    with _queue(stack) as queue:
        taken = [queue.get(timeout=10) for _ in range(at_least)]
        taken += [queue.get(block=False) for _ in range(queue.qsize())]
        for message in taken:
            message.ack()
    return taken


def put(stack: Stack, messages: Sequence[Any], *, times: int) -> None:
    """The very same messages, identifiers and all, `times` each."""
    with _queue(stack) as queue:
        for message in list(messages) * times:
            queue.producer.publish(
                message.body,
                exchange="",
                routing_key=_QUEUE,
                headers=message.headers,
                content_type=message.content_type,
                content_encoding=message.content_encoding,
                correlation_id=message.properties.get("correlation_id"),
            )


def count(stack: Stack) -> int:
    """How many wait on the queue."""
    with _queue(stack) as queue:
        try:
            return int(queue.qsize())
        except ChannelError:
            # To Redis, an empty queue is none at all.
            return 0


@contextmanager
def _queue(stack: Stack) -> Iterator[SimpleQueue]:
    with Connection(stack.broker.url, connect_timeout=5) as connection:
        queue = connection.SimpleQueue(_QUEUE)
        try:
            yield queue
        finally:
            queue.close()
