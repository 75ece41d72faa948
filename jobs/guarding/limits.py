"""The limits there are: what each is called, which setting has its default, and what a user may have instead."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

MINUTE_SECONDS = 60
QUARTER_HOUR_SECONDS = 900
HOUR_SECONDS = 3600
DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Limit:
    """`setting` has the default, 0 for no limit; `what` says in words what is counted."""

    name: str
    setting: str
    what: str


REQUESTS = Limit("requests", "BOOPER_REQUESTS_PER_MINUTE", "requests of an API key in a minute")
ANONYMOUS = Limit("anonymous", "BOOPER_ANONYMOUS_PER_MINUTE", "requests without a valid API key in a minute")
WAITING_JOBS = Limit("waiting_jobs", "BOOPER_MAX_WAITING_JOBS", "jobs that wait")
SCHEDULES = Limit("schedules", "BOOPER_MAX_SCHEDULES", "schedules")
QUEUES = Limit("queues", "BOOPER_MAX_QUEUES", "queues")
SECRETS = Limit("secrets", "BOOPER_MAX_SECRETS", "secrets")
KEYS = Limit("keys", "BOOPER_MAX_KEYS", "API keys")
ALERTS = Limit("alerts", "BOOPER_MAX_ALERTS", "alerts")
STORED_BYTES = Limit("stored_bytes", "BOOPER_STORED_BYTES_PER_DAY", "bytes of jobs in a day")
STARTS_PER_HOST = Limit("starts_per_host", "BOOPER_STARTS_PER_HOST", "starts of requests to one host in a second")
ON_THE_WIRE = Limit("on_the_wire", "BOOPER_ON_THE_WIRE_SHARE", "places of a worker in each lane")
SIGN_INS = Limit("sign_ins", "BOOPER_SIGN_IN_FAILURES", "wrong passwords of an account from one address")
SIGN_INS_OF_ADDRESS = Limit("sign_ins_of_address", "BOOPER_SIGN_IN_FAILURES", "wrong passwords from one address")
RESETS_OF_EMAIL = Limit("resets_of_email", "", "mails for another password to one address in an hour")
RESETS_OF_ADDRESS = Limit("resets_of_address", "", "mails for another password that one address asks for in an hour")
SIGN_INS_OF_ACCOUNT = Limit("sign_ins_of_account", "BOOPER_SIGN_IN_FAILURES", "wrong passwords of one account")

OF_USERS = (
    *(REQUESTS, WAITING_JOBS, SCHEDULES, QUEUES, SECRETS, KEYS, ALERTS, STORED_BYTES, STARTS_PER_HOST),
    ON_THE_WIRE,
)
"""Those that a user may have an override of."""


class LimitReached(Exception):
    """429. `wait_seconds` is after how long it is worth trying again."""

    def __init__(self, limit: Limit, *, allowed: int, used: int, wait_seconds: float) -> None:
        super().__init__(
            f"{limit.name}: {allowed} {limit.what} are allowed, and there are {used}: wait, or have an operator raise "
            f"{limit.setting} or your own limit"
        )
        self.limit = limit.name
        self.allowed = allowed
        self.used = used
        self.wait = max(1.0, wait_seconds)


def allowed(limit: Limit, overrides: Mapping[str, int]) -> int:
    """How much a user with these `overrides` may have of it; 0: no limit."""
    return int(overrides.get(limit.name, getattr(settings, limit.setting)))
