"""Django's backend for PostgreSQL, with one thing done without asking the server, and nothing compiled."""
