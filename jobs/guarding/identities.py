"""Who comes from the provider, as a user of this instance: bound once, by a verified address.

An address may change hands. So who has been bound is found by the provider's name for them alone, and an account that
is bound to somebody is nobody else's, whatever address they have.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from jobs.guarding import audit
from jobs.models import Identity, User

logger = logging.getLogger(__name__)


class NotAdmitted(Exception):
    """Somebody whom the provider knows, and who does not get in here. `words` are for them, `why` for the trail."""

    def __init__(self, words: str, *, why: str, user: User | None = None) -> None:
        super().__init__(words)
        self.words, self.why, self.user = words, why, user


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the operator has said: `email_domains`, if any, are those of the accounts that may come from there."""

    email_domains: tuple[str, ...]
    makes_users: bool


def known(*, issuer: str, subject: str) -> User | None:
    row = Identity.objects.filter(issuer=issuer, subject=subject).select_related("user").first()
    return None if row is None else row.user


def of_user(user: User) -> QuerySet[Identity]:
    return Identity.objects.filter(user=user).order_by("bound_at", "id")


def bind(
    *, issuer: str, subject: str, email: str, is_email_verified: bool, rules: Rules, address: str, now: datetime
) -> User:
    """The user who has this address, from now on known by `subject`. Raises NotAdmitted."""
    _check_email(email, is_email_verified=is_email_verified)
    _check_domain(email, rules)
    # Another request at this very moment may have made the user, and bound them: it is looked at once more then.
    for _ in range(2):
        try:
            with transaction.atomic():
                user = _having(email, rules, address=address, now=now)
                check(user, rules)
                Identity.objects.create(user=user, issuer=issuer, subject=subject, bound_at=now)
                audit.note("identity.bound", user_id=user.pk, actor=str(user), now=now, address=address, issuer=issuer)
            return user
        except IntegrityError:
            bound = known(issuer=issuer, subject=subject)
            if bound is not None:
                return bound
    raise NotAdmitted(
        "The account with your address belongs to somebody else at the provider, who had the address before, "
        "or to another account of yours there. An operator can part the two in the admin, under Identities.",
        why="bound to another",
        user=User.objects.filter(email=email).first(),
    )


def check(user: User, rules: Rules) -> None:
    """Raises NotAdmitted where this account may not be signed in to by the provider."""
    if not user.is_active:
        raise NotAdmitted(
            "Your account is switched off. Ask whoever operates this instance.", why="inactive", user=user
        )
    _check_domain(user.email, rules, user=user)


def remove(identity: Identity, *, actor: str, now: datetime) -> bool:
    """Parts a user from whom they are at the provider; False if they are parted already."""
    with transaction.atomic():
        was_there = bool(Identity.objects.filter(pk=identity.pk).delete()[0])
        if was_there:
            audit.note("identity.removed", user_id=identity.user_id, actor=actor, now=now, issuer=identity.issuer)
    return was_there


def note_refusal(refusal: NotAdmitted, *, address: str, now: datetime) -> None:
    """In the trail of the user, where there is one: strangers fill no table."""
    if refusal.user is not None:
        details = {"address": address, "by": "provider", "why": refusal.why}
        audit.note("sign_in.refused", user_id=refusal.user.pk, actor="somebody", now=now, **details)
    else:
        logger.info("somebody from the provider was not let in: %s", refusal.why)


def _having(email: str, rules: Rules, *, address: str, now: datetime) -> User:
    user = User.objects.filter(email=email).first()
    if user is not None:
        return user
    if not rules.makes_users:
        raise NotAdmitted(
            f"There is no account with the address {email} here. Have whoever operates this instance invite you.",
            why="no account",
        )
    user = User.objects.create_user(email)
    audit.note("user.made", user_id=user.pk, actor="the provider", now=now, address=address)
    return user


def _check_email(email: str, *, is_email_verified: bool) -> None:
    try:
        validate_email(email)
    except ValidationError:
        raise NotAdmitted(
            "The provider has told no e-mail address of yours, by which an account could be found. "
            "The operator may have to add a scope such as `email`.",
            why="no address",
        ) from None
    if not is_email_verified:
        raise NotAdmitted(
            f"The provider does not say that {email} is yours (email_verified): have it verified there first.",
            why="address not verified",
        )


def _check_domain(email: str, rules: Rules, *, user: User | None = None) -> None:
    if rules.email_domains and email.rpartition("@")[2] not in rules.email_domains:
        raise NotAdmitted(
            f"Only addresses of {', '.join(rules.email_domains)} sign in by the provider, and {email} is none.",
            why="domain not allowed",
            user=user,
        )
