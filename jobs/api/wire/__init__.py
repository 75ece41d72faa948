"""Bytes to values and back: parsers, renderers, problems."""
