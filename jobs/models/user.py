"""A tenant: logs in to the admin by e-mail address, owns jobs and the secret their requests are signed with."""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Value
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac

from booper.content import signatures
from jobs.models.encryption import EncryptedTextField
from jobs.models.identifiers import uuid7

# As AbstractBaseUser has it, so that the sessions there are stay good.
_SESSION_SALT = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Makes a user. Without a password the user has API keys only and cannot log in."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(max_length=254, unique=True)
    signing_secret = EncryptedTextField(default=signatures.new_secret, editable=False)
    # When the one above was made; null for the one that the user began with. Those before it sign until their `until`.
    signing_secret_made_at = models.DateTimeField(null=True, blank=True, editable=False)
    retired_secrets = models.JSONField(
        default=list, db_default=Value([], models.JSONField()), blank=True, editable=False
    )
    # Instead of the settings, by the names of limits; 0 for none.
    limits = models.JSONField(default=dict, db_default=Value({}, models.JSONField()), blank=True)
    suspended_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Since then nothing of theirs starts."
    )
    # Sessions from before then are good no more: signing out everywhere.
    signed_out_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Of which jobs_secondfactor has the secret; here, as every page reads this row.
    second_factor_since = models.DateTimeField(null=True, blank=True, editable=False)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False, help_text="May log in to the admin.")
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []

    class Meta:
        permissions = [("reset_second_factor", "Can turn off the second factor of users who have lost it")]
        indexes = [
            # Whom workers and beat pass over; they look once a second.
            models.Index("suspended_at", name="user_suspended", condition=models.Q(suspended_at__isnull=False)),
        ]
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_any_case")]

    def __str__(self) -> str:
        return self.email

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """What a session has to match: Django's own, until the user has signed out everywhere."""
        seed = f"{self.password}{self.signed_out_at.isoformat()}" if self.signed_out_at else self.password
        return salted_hmac(_SESSION_SALT, seed, secret=secret, algorithm="sha256").hexdigest()
