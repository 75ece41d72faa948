"""A job's way: its transitions, and what a worker does with them."""
