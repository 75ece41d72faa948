"""What is counted and said: counters, metrics, log records."""
