"""Reads what was typed into a search field: a number, a UUID, an e-mail address, or some text to look for."""

import re
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from jobs.models import User

MOST_OWNERS = 20
_NUMBER = re.compile(r"#?([0-9]{1,19})")


class TermKind(Enum):
    NUMBER = "number"
    UUID = "uuid"
    EMAIL = "email"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Term:
    """`value` is an int, a UUID, the beginning of an e-mail address in lower case, or text."""

    kind: TermKind
    value: int | UUID | str


def read(query: str) -> Term | None:
    """Reads what was typed; None where nothing was. Only a TEXT is something that no index answers."""
    typed = query.strip()
    if not typed:
        return None
    if number := _NUMBER.fullmatch(typed):
        return Term(TermKind.NUMBER, int(number[1]))
    if (identifier := uuid(typed)) is not None:
        return Term(TermKind.UUID, identifier)
    if "@" in typed and "/" not in typed and " " not in typed:
        return Term(TermKind.EMAIL, typed.lower())
    return Term(TermKind.TEXT, typed)


def uuid(typed: str) -> UUID | None:
    try:
        return UUID(typed.strip())
    except ValueError:
        return None


def owner_ids(email: str) -> list[UUID]:
    """The users whose address begins like that, by index, `MOST_OWNERS` at most."""
    users = User.objects.filter(email__startswith=email).order_by("email")
    return list(users.values_list("id", flat=True)[:MOST_OWNERS])
