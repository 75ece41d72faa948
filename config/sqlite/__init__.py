"""Django's backend for SQLite, with a line for those who wait to write that moves on."""
