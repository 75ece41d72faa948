"""The Django admin: what an operator sees of every tenant, and the few things one may do there."""

from jobs.admin import (
    api_keys,
    audit_events,
    deliveries,
    identities,
    jobs,
    logs,
    periodic_tasks,
    processes,
    queues,
    receivers,
    schedules,
    secrets,
    sessions,
    sign_ins,
    site,
    users,
)

__all__ = [
    "api_keys",
    "audit_events",
    "deliveries",
    "identities",
    "jobs",
    "logs",
    "periodic_tasks",
    "processes",
    "queues",
    "receivers",
    "schedules",
    "secrets",
    "sessions",
    "sign_ins",
    "site",
    "users",
]
