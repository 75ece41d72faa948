"""Hands messages to services of fixed hosts by Apprise, in a process of its own that has a time-out."""
