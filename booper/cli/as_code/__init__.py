"""Schedules, queues and calendars as files: read with the place of each value, compared, put, and written."""
