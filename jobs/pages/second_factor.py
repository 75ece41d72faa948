"""/account/second-factor: turned on by a QR code and a right code, turned off, and its recovery codes, shown once."""

from collections.abc import Callable
from typing import Any

import segno
from django.contrib import messages
from django.contrib.auth.hashers import check_password
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from jobs.database import clock
from jobs.guarding import admission, passwords, recovery_codes, second_factor, sessions, sign_in_attempts
from jobs.guarding.admission import Due
from jobs.guarding.limits import LimitReached
from jobs.guarding.second_factor import Proposal
from jobs.guarding.sign_in_attempts import Attempt
from jobs.pages.shell import Page
from jobs.pages.sign_in import REFUSED_CODE

_WRONG_PASSWORD = "This is not your password. Look for a slip, capitals included."
_GONE = "The code that was shown is more than an hour old: begin again."


class _SecondFactorPage(Page):
    is_of_the_reader = True
    # Whether it is shown to somebody who has to set one up before anything else.
    is_alone = False

    def dispatch(self, request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponseBase:
        """Lets those in too, here and nowhere else, who have to set up a second factor."""
        waiting = None if request.user.is_authenticated else admission.waiting(request)
        if waiting is not None and waiting[1] is Due.SET_UP:
            request.user, self.is_alone = waiting[0], True
        return super().dispatch(request, *arguments, **named)

    def shown(self, *, status: int = 200, **context: Any) -> HttpResponse:
        shown: dict[str, Any] = {
            "around": "pages/alone.html" if self.is_alone else "pages/base.html",
            "is_alone": self.is_alone,
            "has_password": passwords.has_one(self.owner),
            "is_required": admission.is_required_of(self.owner),
        }
        if self.owner.second_factor_since is not None:
            shown["left"] = recovery_codes.left(self.owner_id)
        return self.page("second_factor.html", title="Second factor", status=status, **shown | context)

    def asked(self, act: Callable[[Attempt], HttpResponse | None], *, refusal: str) -> HttpResponse:
        """What `act` answers to the right password, counted with those at the sign-in; None is counted as wrong."""
        try:
            # Of a password alone too: who sets one up is asked once.
            attempt = sign_in_attempts.begin(self.owner.email, self.request.META, is_code=True, now=clock.now())
        except LimitReached as reached:
            return self.shown(refusal=sign_in_attempts.words(reached), status=429)
        # Not the user's own method, which may write another hash of it, and so end this session.
        is_right = not passwords.has_one(self.owner) or check_password(
            self.request.POST.get("password", ""), self.owner.password
        )
        answer = act(attempt) if is_right else None
        if answer is not None:
            attempt.succeeded()
            return answer
        attempt.failed()
        return self.shown(refusal=refusal if is_right else _WRONG_PASSWORD, status=400)

    def with_code(self, act: Callable[[], HttpResponse]) -> HttpResponse:
        """What `act` answers to the right password and a code that is good."""
        if self.owner.second_factor_since is None:
            return HttpResponseRedirect(reverse("pages:second_factor"))

        def taken(attempt: Attempt) -> HttpResponse | None:
            with transaction.atomic():
                # An ended session changes nothing, be it ended now.
                sessions.hold(self.request.session, self.owner)
                code = self.request.POST.get("code", "")
                by = second_factor.take(self.owner, code, address=attempt.address, now=clock.now())
                return None if by is None else act()

        return self.asked(taken, refusal=REFUSED_CODE)


class Shown(_SecondFactorPage):
    def get(self, request: HttpRequest) -> HttpResponse:
        return self.shown()


class Begin(_SecondFactorPage):
    def post(self, request: HttpRequest) -> HttpResponse:
        if self.owner.second_factor_since is not None:
            return HttpResponseRedirect(reverse("pages:second_factor"))
        return self.asked(lambda _: self.shown(**_of(second_factor.propose(self.owner, now=clock.now()))), refusal="")


class Confirm(_SecondFactorPage):
    def post(self, request: HttpRequest) -> HttpResponse:
        now = clock.now()
        if self.owner.second_factor_since is not None:
            return HttpResponseRedirect(reverse("pages:second_factor"))
        proposal = second_factor.proposed(self.owner, request.POST.get("proposed", ""), now=now)
        if proposal is None:
            return self.shown(refusal=_GONE, status=400)
        code = request.POST.get("code", "")
        codes = second_factor.turn_on(request, self.owner, proposal.secret, code, actor=self.actor, now=now)
        if codes is None:
            return self.shown(refusal=REFUSED_CODE, status=400, **_of(proposal))
        return self.shown(codes=codes, is_new=True, status=201)


class NewCodes(_SecondFactorPage):
    def post(self, request: HttpRequest) -> HttpResponse:
        def renewed() -> HttpResponse:
            codes = second_factor.renew_codes(self.owner, actor=self.actor, now=clock.now())
            return self.shown(codes=codes, status=201)

        return self.with_code(renewed)


class TurnOff(_SecondFactorPage):
    def post(self, request: HttpRequest) -> HttpResponse:
        def turned_off() -> HttpResponse:
            second_factor.turn_off(self.owner, actor=self.actor, now=clock.now())
            messages.success(request, "The second factor is off: your password alone signs you in.")
            return HttpResponseRedirect(reverse("pages:account"))

        return self.with_code(turned_off)


def _of(proposal: Proposal) -> dict[str, Any]:
    return {"proposal": proposal, "picture": _picture(proposal.uri)}


def _picture(uri: str) -> SafeString:
    """A QR code as SVG, black on white in dark pages too: not every camera reads it the other way round."""
    svg = segno.make_qr(uri, error="m").svg_inline(
        border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None
    )
    return mark_safe(svg)
