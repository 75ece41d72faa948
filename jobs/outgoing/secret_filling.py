"""Requests with the secrets put in that they refer to. What is logged and shown has the references instead."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from booper.content import secret_references
from booper.content.secret_references import Resolve
from booper.outcomes.outcome import Request
from jobs.database.claimed_delivery import AnyDelivery
from jobs.database.claimed_job import Claimed
from jobs.guarding import secrets
from jobs.guarding.secrets import NoSuchSecret, Vault
from jobs.models import Schedule
from jobs.models.sealed_json_field import UnreadableHeaders
from jobs.outgoing import requests

_PARTS = ("headers", "query", "body")


@dataclass(frozen=True, slots=True)
class Filled:
    """What is sent, what is shown of it, and the secrets in it, which are to be hidden in what comes back."""

    request: Request
    shown: dict[str, Any]
    secrets: tuple[str, ...] = ()


def vaults(jobs: Iterable[Claimed]) -> dict[UUID, Vault]:
    """The secrets of the owners of those that may refer to any: no query where none does, else one."""
    owners = {job.user_id for job in jobs if job.may_have_secrets}
    return {**secrets.vaults(owners)} if owners else {}


def delivery_vaults(deliveries: Iterable[AnyDelivery]) -> dict[UUID, Vault]:
    owners = {delivery.user_id for delivery in deliveries if secret_references.MARK in delivery.url}
    return {**secrets.vaults(owners)} if owners else {}


def of_job(
    job: Claimed, *, vault: Vault | None, schedule: Schedule | None, signed_with: Sequence[str], now: datetime
) -> Filled:
    """Makes the request as requests.of_job does, with secrets put in. Raises NoSuchSecret too.

    Rendered twice where there are secrets, each time with references of both kinds in the job alone: what a target
    answered is put in after the secrets were, so it can't ask for any.
    """
    if isinstance(job.args.get("headers"), UnreadableHeaders):
        raise NoSuchSecret("its headers are encrypted with a key that this instance does not have any more")
    if not job.may_have_secrets:
        return Filled(*requests.of_job(job, schedule=schedule, secrets=signed_with, now=now))
    used: dict[str, str] = {}
    resolve = _noting(secrets.resolver(vault or {}, host=host_of(job.url)), used)
    request, _ = requests.of_job(_with(job, resolve), schedule=schedule, secrets=signed_with, now=now)
    as_written = _with(job, secret_references.as_written)
    _, shown = requests.of_job(as_written, schedule=schedule, secrets=signed_with, now=now)
    # The same as it is logged where there are no secrets: nothing of it is encoded.
    shown["url"] = secret_references.filled(job.url, secret_references.as_written)
    return Filled(request, shown, tuple(used.values()))


def of_delivery(delivery: AnyDelivery, *, vault: Vault | None, signed_with: Sequence[str], now: datetime) -> Request:
    """Makes the request as requests.of_delivery does, with secrets put in. Raises NoSuchSecret too."""
    request = requests.of_delivery(delivery, secrets=signed_with, now=now)
    if secret_references.MARK not in delivery.url:
        return request
    resolve = secrets.resolver(vault or {}, host=host_of(delivery.url))
    return replace(request, url=secret_references.filled_url(delivery.url, resolve))


def host_of(url: str) -> str:
    """The host in the spelling of targets: in lower case, an A-label, an address without brackets."""
    return urlsplit(url).hostname or ""


def _noting(resolve: Resolve, used: dict[str, str]) -> Resolve:
    def note(name: str) -> str:
        used[name] = resolve(name)
        return used[name]

    return note


def _with(job: Claimed, resolve: Resolve) -> Claimed:
    args = job.args | {name: secret_references.filled(job.args[name], resolve) for name in _PARTS if name in job.args}
    return replace(job, args=args, url=secret_references.filled_url(job.url, resolve))
