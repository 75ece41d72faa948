"""A Booper for the tests of your own code: jobs in memory, time that you let pass, targets that are functions."""

from booper.testing.exchange import Handler, Reply, Request
from booper.testing.fake import FakeScheduler

__all__ = ["FakeScheduler", "Handler", "Reply", "Request"]
