"""The `booper` command: the SDK for a shell, with tables for people, JSON for programs and an exit code for both."""

from booper.cli.command import main

__all__ = ["main"]
