"""The Django app: jobs in the database, the doors to them, and what carries them out."""
