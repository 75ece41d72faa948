"""Columns that a dump must not tell: encrypted with the first of BOOPER_ENCRYPTION_KEYS, read with any of them.

AES-256-GCM. What was written before there was a key is read as it is, and encrypted when it is written again.
"""

import base64
import hashlib
import logging
import os
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import models

logger = logging.getLogger(__name__)

# No client can write it into what is encrypted here: signing secrets begin with whsec_, and others are never clear.
PREFIX = "enc1:"
_NONCE_BYTES = 12
_ID_LENGTH = 8


class UnknownKeyError(Exception):
    """A value was encrypted with a key that is not among those there are."""


def encrypt(text: str) -> str:
    """`enc1:`, which key, and the ciphertext."""
    key_id, cipher = next(iter(_ciphers(settings.BOOPER_ENCRYPTION_KEYS).items()))
    nonce = os.urandom(_NONCE_BYTES)
    sealed = nonce + cipher.encrypt(nonce, text.encode(), None)
    return f"{PREFIX}{key_id}:{base64.b64encode(sealed).decode()}"


def decrypt(text: str) -> str:
    """The clear text, also of what is not encrypted. Raises UnknownKeyError."""
    if not text.startswith(PREFIX):
        return text
    key_id, _, sealed = text.removeprefix(PREFIX).partition(":")
    cipher = _ciphers(settings.BOOPER_ENCRYPTION_KEYS).get(key_id)
    if cipher is None:
        raise UnknownKeyError(f"there is no encryption key {key_id}: add it to BOOPER_ENCRYPTION_KEYS again")
    raw = base64.b64decode(sealed)
    try:
        return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], None).decode()
    except InvalidTag as error:
        raise UnknownKeyError(f"what encryption key {key_id} has encrypted was altered, or the key was") from error


def is_current(text: str) -> bool:
    """Whether it is encrypted with the key that encrypts now."""
    return text.startswith(f"{PREFIX}{next(iter(_ciphers(settings.BOOPER_ENCRYPTION_KEYS)))}:")


@lru_cache(maxsize=8)
def _ciphers(keys: tuple[bytes, ...]) -> dict[str, AESGCM]:
    """The ciphers by the ids of their keys, which say nothing of the keys."""
    return {hashlib.sha256(b"booper key id:" + key).hexdigest()[:_ID_LENGTH]: AESGCM(key) for key in keys}


class Unreadable(str):
    """Stands for a text whose key is not there: empty, and written back as it was stored."""

    __slots__ = ("sealed",)
    sealed: str

    def __new__(cls, sealed: str) -> "Unreadable":
        text = super().__new__(cls, "")
        text.sealed = sealed
        return text


def complain(sealed: str) -> None:
    """Once for each key and process: a key that was lost may have encrypted a million values."""
    key_id = sealed.removeprefix(PREFIX).partition(":")[0]
    if key_id not in _missed:
        _missed.add(key_id)
        logger.error("what encryption key %s has encrypted can't be read: add it to BOOPER_ENCRYPTION_KEYS", key_id)


_missed: set[str] = set()


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """Text that is encrypted in the database and nowhere else. It can't be searched for.

    What can't be decrypted reads as Unreadable: one lost key must not stop what needs no secret.
    """

    def get_prep_value(self, value: Any) -> Any:
        if value is None or isinstance(value, Unreadable):
            return None if value is None else value.sealed
        return encrypt(str(value))

    def from_db_value(self, value: Any, *_: Any) -> Any:
        if value is None:
            return None
        try:
            return decrypt(value)
        except UnknownKeyError:
            complain(value)
            return Unreadable(value)
