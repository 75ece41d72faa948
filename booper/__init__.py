"""Booper: HTTP jobs that run on time, once, and say why when they do not."""

__version__ = "0.1.0"
