"""Schedules, queues, calendars and alerts as files: read with the place of each value, compared, put, and written."""
