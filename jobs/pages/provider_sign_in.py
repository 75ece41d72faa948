"""/sign-in/provider leads to the operator's provider of OpenID Connect, which leads back to /sign-in/provider/done.

Loaded where BOOPER_OIDC_ISSUER is set alone. What goes wrong is said on the page of /sign-in, and without what the
provider or the address says: whoever makes a link could have it say anything.
"""

import logging
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from booper.identity import provider
from booper.identity.client import Client, CodeRefused, NotSignedIn, Person
from jobs.database import clock
from jobs.guarding import admission, begun_sign_ins, client_address, identities, public_links, sign_in_attempts
from jobs.guarding.begun_sign_ins import Begun
from jobs.guarding.identities import NotAdmitted, Rules
from jobs.guarding.limits import LimitReached
from jobs.models import User
from jobs.pages import destinations, sign_in
from jobs.pages.shell import refuse_nul

logger = logging.getLogger(__name__)

_DONE = "/sign-in/provider/done"
_LONGEST_CODE = 4_096
_TOLD_EVERY_SECONDS = 1.0
_BEGIN_AGAIN = (
    "This sign-in was not begun in this browser, more than ten minutes ago, or was ended already: begin again. "
    "If that does not help, see that cookies are taken, and that the address begins with {address}."
)
_DENIED = "The provider has not let you in, or you have broken it off there."
_CODE_REFUSED = "The provider knows nothing of this sign-in any more: begin again."
_FAILED = (
    "The provider did not answer as it should, so nobody can be signed in by it at the moment. Try again in a while; "
    "whoever operates this instance finds the reason in its log."
)
_BUSY = "Many are signing in by the provider at this moment. Try again in a few seconds."


class _LastTold:
    at = -math.inf


class _Busy(Exception):
    """So many threads wait for the provider that another one would leave too few to everybody else."""


@method_decorator(never_cache, name="dispatch")
class Begin(View):
    """By a link and no form: a policy that lets forms lead here alone would not let one lead to the provider."""

    def get(self, request: HttpRequest) -> HttpResponse:
        refuse_nul(request)
        if request.user.is_authenticated:
            return HttpResponseRedirect(destinations.wanted(request))
        begun = begun_sign_ins.new(destinations.wanted(request))
        try:
            with _turn():
                url = provider.of(_client()).authorization_url(
                    redirect_uri=public_links.to(_DONE), state=begun.state, nonce=begun.nonce, verifier=begun.verifier
                )
        except (NotSignedIn, _Busy) as error:
            return _refused_by(error, request)
        answer = HttpResponseRedirect(url)
        begun_sign_ins.remember(answer, begun, now=clock.now())
        return answer


@method_decorator(never_cache, name="dispatch")
class Done(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        refuse_nul(request)
        answer = self._done(request)
        # Whatever came of it: a second time it is good for nothing.
        begun_sign_ins.forget(answer)
        return answer

    def _done(self, request: HttpRequest) -> HttpResponse:
        begun = begun_sign_ins.found(request, state=request.GET.get("state", ""), now=clock.now())
        code = request.GET.get("code", "")
        if begun is None or (not code and "error" not in request.GET):
            return sign_in.form(request, refusal=_BEGIN_AGAIN.format(address=public_links.to("/")), status=400)
        if "error" in request.GET:
            return _denied(request)
        try:
            attempt = sign_in_attempts.begin_by_provider(request.META, now=clock.now())
        except LimitReached as reached:
            return sign_in.waits(sign_in.form(request, refusal=sign_in_attempts.words(reached), status=429), reached)
        try:
            with _turn():
                user = _user(request, begun, code=code[: _LONGEST_CODE + 1])
        except CodeRefused as error:
            attempt.failed()
            return _refused_by(error, request)
        except (NotSignedIn, NotAdmitted, _Busy) as error:
            attempt.give_back()
            return _refused_by(error, request)
        return _signed_in(request, user, attempt, begun)


def _signed_in(request: HttpRequest, user: User, attempt: sign_in_attempts.Attempt, begun: Begun) -> HttpResponse:
    admission.begin_by_provider(request)
    login(request, user)
    due = admission.lacking(request.session, user)
    replace(attempt, email=user.email).succeeded(is_all=due is not admission.Due.CODE)
    return destinations.by_way_of(due, destinations.ours(begun.path))


def _user(request: HttpRequest, begun: Begun, *, code: str) -> User:
    """Raises NotSignedIn where the provider is not to be believed, NotAdmitted where they are not to be let in."""
    if len(code) > _LONGEST_CODE:
        raise CodeRefused("the code is too long to be one")
    asked = provider.of(_client())
    person = asked.person(code=code, verifier=begun.verifier, nonce=begun.nonce, redirect_uri=public_links.to(_DONE))
    rules = Rules(email_domains=_client().email_domains, makes_users=_client().makes_users)
    user = identities.known(issuer=person.issuer, subject=person.subject)
    if user is None:
        return _bound(request, asked.with_email(person), rules)
    identities.check(user, rules)
    return user


def _bound(request: HttpRequest, person: Person, rules: Rules) -> User:
    return identities.bind(
        issuer=person.issuer,
        subject=person.subject,
        email=person.email,
        is_email_verified=person.is_email_verified,
        rules=rules,
        address=client_address.of(request.META),
        now=clock.now(),
    )


def _denied(request: HttpRequest) -> HttpResponse:
    error = request.GET["error"]
    if error in ("access_denied", "login_required", "interaction_required", "consent_required"):
        return sign_in.form(request, refusal=_DENIED, status=403)
    # The word may be anybody's, as the address is: nobody is to make errors of ours by it, which Django logs each.
    word = error[:40] if error[:40].isidentifier() and error.isascii() else "something that is no word"
    _tell_operator(f"the provider has sent somebody back without a code: {word}")
    return sign_in.form(request, refusal=_FAILED, status=400)


def _refused_by(error: Exception, request: HttpRequest) -> HttpResponse:
    if isinstance(error, NotAdmitted):
        identities.note_refusal(error, address=client_address.of(request.META), now=clock.now())
        return sign_in.form(request, refusal=error.words, status=403)
    if isinstance(error, CodeRefused):
        return sign_in.form(request, refusal=_CODE_REFUSED, status=400)
    if isinstance(error, NotSignedIn):
        _tell_operator(f"nobody was signed in by the provider: {error.reason}")
        return sign_in.form(request, refusal=_FAILED, status=502)
    answer = sign_in.form(request, refusal=_BUSY, status=503)
    answer.headers["Retry-After"] = "5"
    return answer


def _tell_operator(message: str) -> None:
    """At most once a second: whoever likes to may begin a sign-in that goes wrong."""
    now = time.monotonic()
    if now - _LastTold.at >= _TOLD_EVERY_SECONDS:
        _LastTold.at = now
        logger.warning("%s", message)


def _client() -> Client:
    client: Client | None = settings.BOOPER_OIDC
    assert client is not None
    return client


@contextmanager
def _turn() -> Iterator[None]:
    """Half the threads may wait for the provider, so that one that hangs stops nobody else. Raises _Busy."""
    turns = _turns()
    if not turns.acquire(blocking=False):
        raise _Busy
    try:
        yield
    finally:
        turns.release()


def new_turns() -> threading.Semaphore:
    return threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 2))


_turns = cache(new_turns)
