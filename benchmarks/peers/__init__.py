"""The same GET done by others: each module has what the peer's worker runs, and `put`, which queues N of them."""
