"""What a user's app makes codes of, as long as they have a second factor; and codes for when the app is gone."""

from django.conf import settings
from django.db import models

from jobs.models.encryption import EncryptedTextField


class SecondFactor(models.Model):
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", editable=False)
    secret = EncryptedTextField(editable=False)
    # Of half a minute each, since 1970: that whose code was taken last. It and those before it are good no more.
    last_step = models.BigIntegerField(editable=False)

    def __str__(self) -> str:
        return f"second factor of {self.user_id}"


class RecoveryCode(models.Model):
    """One that was not used: whoever uses it deletes it."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False, editable=False
    )
    # SHA-256 in hex: a code has 79 bits of chance, which nobody tries out.
    code_hash = models.CharField(max_length=64, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "code_hash"], name="recovery_code_of_user")]

    def __str__(self) -> str:
        return f"recovery code of {self.user_id}"
