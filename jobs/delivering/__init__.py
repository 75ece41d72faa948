"""The way of a callback or webhook: its transitions, and what a worker does with them."""
