"""The limits of named queues: concurrency, rate, pause."""
