"""Booper measured beside its peers: `bin/bench`."""
