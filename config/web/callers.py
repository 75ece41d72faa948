"""Whom a request at the door is counted to, before anybody has looked whether its key is good."""

from collections.abc import Mapping
from typing import Any

from jobs.api import authentication
from jobs.guarding import client_address


def of(environ: Mapping[str, Any]) -> str:
    """The tenant, if this process knows the key, so that many keys are no more than one. All else is its address's.

    What nobody has looked at may say anything: who makes up a key for each request is one caller all the same.
    """
    header = environ.get("HTTP_AUTHORIZATION", "")
    user_id = authentication.last_known_user(header) if header else None
    return client_address.counted(environ) if user_id is None else user_id.hex
