"""What the operator has said of the provider, and what comes of signing in there."""

from dataclasses import dataclass, field

# Where http:// is taken: a provider on this very machine.
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """This instance, as the provider knows it, and how far the provider's word goes here."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...]
    # What the button calls the provider.
    name: str
    # Only accounts with an address of these domains may come from there; empty: all may.
    email_domains: tuple[str, ...] = ()
    # Whether people without an account get one.
    makes_users: bool = False
    # Whether signing in there stands for the second factor here.
    is_second_factor: bool = False
    takes_passwords: bool = True
    # Certificates of those who may sign the provider's, in PEM; empty: those that signed the world's.
    ca_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who has signed in at the provider: `issuer` and `subject` are theirs for ever, an address is not."""

    issuer: str
    subject: str
    email: str = ""
    is_email_verified: bool = False
    # None where the ID token told the address, or said that it tells none.
    access_token: str | None = field(default=None, repr=False)


class NotSignedIn(Exception):
    """`reason` is for the operator's log: it has no code, no token and no secret in it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ProviderFailed(NotSignedIn):
    """The provider did not answer, or answered what makes no sense or can't be believed."""


class CodeRefused(NotSignedIn):
    """The provider does not know the code that the browser has brought: used, too old, or made up."""
