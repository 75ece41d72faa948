"""When: durations, cron, time zones, and the only judge of the next run."""
