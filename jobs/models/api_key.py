"""A secret that stands for a user; only its hash is kept."""

import hashlib
import secrets
import string
import zlib
from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone

from jobs.models.identifiers import RandomUUID, uuid7

_ALPHABET = string.digits + string.ascii_letters
_RANDOM_LENGTH = 32
_CHECKSUM_LENGTH = 6
_PREFIX = "sk_"


def new_token() -> str:
    """`sk_`, 32 random characters (190 bits), 6 of checksum: a typing error is told without a query."""
    random_part = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))
    return _PREFIX + random_part + _checksum(random_part)


def is_well_formed(token: str) -> bool:
    body = token.removeprefix(_PREFIX)
    if body == token or len(body) != _RANDOM_LENGTH + _CHECKSUM_LENGTH or not body.isascii():
        return False
    return secrets.compare_digest(_checksum(body[:_RANDOM_LENGTH]), body[_RANDOM_LENGTH:])


def hash_token(token: str) -> str:
    """SHA-256 in hex. The token is random, so a slow hash with a salt would protect nothing more."""
    return hashlib.sha256(token.encode()).hexdigest()


def _checksum(random_part: str) -> str:
    number = zlib.crc32(random_part.encode())
    digits = []
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


class Scope(models.TextChoices):
    """What a key may do; each may do what those before it may."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    def covers(self, needed: "Scope") -> bool:
        order = list(Scope)
        return order.index(self) >= order.index(needed)


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self, now: datetime) -> "ApiKeyQuerySet":
        unexpired = models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=now)
        return self.filter(unexpired, revoked_at__isnull=True, user__is_active=True)

    def existing(self) -> "ApiKeyQuerySet":
        """The keys that were not revoked, expired or not."""
        return self.filter(revoked_at__isnull=True)


class ApiKey(models.Model):
    # What the API calls its id: the primary key would tell how many keys an instance has.
    uuid = models.UUIDField(default=uuid7, db_default=RandomUUID(), unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100, blank=True)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=12, editable=False, help_text="How the key begins, to tell one from another.")
    # Empty for keys that were made before the API showed them.
    last_four = models.CharField(max_length=4, blank=True, default="", db_default="", editable=False)
    scope = models.CharField(max_length=5, choices=Scope.choices, default=Scope.ADMIN, db_default=Scope.ADMIN.value)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.hint}… {self.name}".strip()

    @classmethod
    def issue(
        cls,
        user_id: object,
        *,
        name: str = "",
        scope: Scope = Scope.ADMIN,
        expires_at: datetime | None = None,
    ) -> tuple["ApiKey", str]:
        """A new key and its token, which is told only here."""
        token = new_token()
        key = cls.objects.create(
            user_id=user_id,
            name=name,
            scope=scope,
            token_hash=hash_token(token),
            hint=token[:9],
            last_four=token[-4:],
            expires_at=expires_at,
        )
        return key, token
