"""How often passwords and codes may be guessed: of one account from one address, and of either in all.

An attempt is taken before the password is looked at, so that many at once don't get past the count, and given back if
it was right: only failures add up. They slide out of the last quarter of an hour, so nobody is locked out for good.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from jobs.guarding import audit, client_address, rates
from jobs.guarding.limits import LimitReached
from jobs.guarding.rates import Rate, Standing
from jobs.models import Usage, User

# Of the setting. An office shares one address; and one who guesses from many addresses needs a bound as well.
_TIMES_OF_ADDRESS = 5
_TIMES_OF_ACCOUNT = 10
# Wrong codes of an account from one address, where the setting has no limit.
_MOST_CODES = 10
# For so long an address from which an account was signed in to is not held to what others fail at elsewhere.
_KNOWN_FOR = timedelta(days=30)
_KNOWN = "signed_in_from"


@dataclass(frozen=True, slots=True)
class _Taken:
    rate: Rate
    subject: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class Attempt:
    """One that may go on: whoever began it says how it went."""

    email: str
    address: str
    taken: tuple[_Taken, ...]
    now: datetime

    def succeeded(self, *, is_all: bool = True) -> None:
        """Gives it back. Unless `is_all`, a code is asked for next, and decides whether the address is known."""
        self.give_back()
        if self.taken and is_all:
            Usage.objects.update_or_create(
                name=_KNOWN, subject=_pair(self.email, self.address), defaults={"at": self.now + _KNOWN_FOR}
            )

    def give_back(self) -> None:
        for each in self.taken:
            each.rate.give_back(each.subject, now=self.now)

    def failed(self) -> None:
        """Writes down each limit that this failure has reached: the next attempt is refused."""
        full = [each.standing.limit.name for each in self.taken if each.standing.remaining == 0]
        if not full:
            return
        # What was typed is not written down unless it is a user's address: it may be a password.
        user_id = User.objects.filter(email=self.email).values_list("id", flat=True).first()
        for name in full:
            audit.note(
                "sign_in.locked_out",
                user_id=user_id,
                actor="somebody",
                now=self.now,
                address=self.address,
                limit=name,
            )


def begin(email: str, meta: Mapping[str, Any], *, is_code: bool = False, now: datetime) -> Attempt:
    """Takes one attempt at the account of `email` from where a request's META says. Raises LimitReached.

    Codes of six digits (`is_code`) are never without a limit: they could be tried out within hours.
    """
    allowed, email = settings.BOOPER_SIGN_IN_FAILURES or (_MOST_CODES if is_code else 0), email.strip().lower()
    address = client_address.counted(meta)
    if not allowed:
        return Attempt(email, address, (), now)
    limits = [
        # First, as accounts may be made up: an address that is over then writes nothing.
        (rates.sign_ins_of_address, address, allowed * _TIMES_OF_ADDRESS),
        (rates.sign_ins, _pair(email, address), allowed),
        (rates.sign_ins_of_account, hashed(email), allowed * _TIMES_OF_ACCOUNT),
    ]
    # A process remembers for a moment who is over: that costs no query.
    limits.sort(key=lambda each: not each[0].is_refused(each[1], now=now))
    taken: list[_Taken] = []
    for rate, subject, most in limits:
        standing = rate.take(subject, allowed=most, now=now)
        if not standing.is_over:
            taken.append(_Taken(rate, subject, standing))
        elif rate is not rates.sign_ins_of_account or not _is_known(email, address, now=now):
            for each in taken:
                each.rate.give_back(each.subject, now=now)
            standing.require()
    return Attempt(email, address, tuple(taken), now)


def begin_by_provider(meta: Mapping[str, Any], *, now: datetime) -> Attempt:
    """Takes one of those of the address: whose account it will be is not known yet. Raises LimitReached."""
    address = client_address.counted(meta)
    allowed = (settings.BOOPER_SIGN_IN_FAILURES or _MOST_CODES) * _TIMES_OF_ADDRESS
    standing = rates.sign_ins_of_address.take(address, allowed=allowed, now=now)
    standing.require()
    return Attempt("", address, (_Taken(rates.sign_ins_of_address, address, standing),), now)


def words(reached: LimitReached) -> str:
    """What the page says, the same for accounts that there are and that there are not."""
    minutes = math.ceil(reached.wait / 60)
    return (
        "Too many wrong passwords or codes for this account or from your network. "
        f"Try again in {minutes} minute{'' if minutes == 1 else 's'}."
    )


def _is_known(email: str, address: str, *, now: datetime) -> bool:
    """Whether the account was signed in to from there: strangers elsewhere then lock nobody out of it."""
    return Usage.objects.filter(name=_KNOWN, subject=_pair(email, address), at__gt=now).exists()


def _pair(email: str, address: str) -> str:
    return hashed(f"{email}\n{address}")


def hashed(typed: str) -> str:
    """As long as a subject may be, and nothing that a dump tells: people type passwords where their address goes."""
    return salted_hmac("jobs.guarding.sign_in_attempts", typed, algorithm="sha256").hexdigest()
