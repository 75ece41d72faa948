"""Runs of the command, for tests."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


URL = "https://example.com/hook"
