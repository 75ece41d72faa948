"""Codes that take the place of the app's, good once each: kept as hashes, told when they are made."""

import hashlib
import secrets
from uuid import UUID

from jobs.models import RecoveryCode

COUNT = 10
_LENGTH, _GROUP = 16, 4
# Nothing that looks like something else on paper.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def renew(user_id: UUID) -> list[str]:
    """Ten new ones, which are told only here; those before them are good no more. Inside a transaction."""
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)) for _ in range(COUNT)]
    delete(user_id)
    RecoveryCode.objects.bulk_create(RecoveryCode(user_id=user_id, code_hash=_hash(code)) for code in codes)
    return ["-".join(code[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP)) for code in codes]


def take(user_id: UUID, code: str) -> bool:
    """Whether it was good, and is no more: of two who use it at once, one deletes it."""
    return RecoveryCode.objects.filter(user_id=user_id, code_hash=_hash(code)).delete()[0] == 1


def left(user_id: UUID) -> int:
    return RecoveryCode.objects.filter(user_id=user_id).count()


def delete(user_id: UUID) -> None:
    RecoveryCode.objects.filter(user_id=user_id).delete()


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
