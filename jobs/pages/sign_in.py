"""/sign-in, by password or a link that is good once, and a code after either; /sign-out; / leads where one is to go."""

import math
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from jobs.database import clock
from jobs.guarding import (
    admission,
    audit,
    password_resets,
    passwords,
    reading_as,
    second_factor,
    sign_in_attempts,
    sign_in_links,
)
from jobs.guarding.admission import Due
from jobs.guarding.limits import LimitReached
from jobs.models import User
from jobs.pages import destinations
from jobs.pages.shell import Page, refuse_nul

_REFUSAL = (
    "There is no user with this email and password. Look for a slip in either, capitals in the password included."
)


REFUSED_CODE = (
    "This code is not good: it is another one by now, was used, or has a slip. Each is good once: wait for the next. "
    "If none is taken, set the clock of the device that shows them."
)
_TOO_LATE = (
    "More than ten minutes have gone since the password or the link, or the second factor was turned off: begin again."
)


class Root(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("pages:home" if request.user.is_authenticated else "pages:sign_in"))


@method_decorator(never_cache, name="dispatch")
class SignIn(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            return HttpResponseRedirect(destinations.wanted(request))
        waiting = admission.waiting(request)
        if waiting is None:
            return form(request)
        return destinations.by_way_of(waiting[1], destinations.wanted(request))

    def post(self, request: HttpRequest) -> HttpResponse:
        refuse_nul(request)
        if not passwords.are_taken():
            return form(request, refusal=passwords.REFUSAL, status=403)
        email, password = request.POST.get("email", "").strip(), request.POST.get("password", "")
        try:
            attempt = sign_in_attempts.begin(email, request.META, now=clock.now())
        except LimitReached as reached:
            return _locked_out(request, reached, email=email)
        user = authenticate(request, username=email, password=password)
        if user is None:
            attempt.failed()
            return form(request, email=email, refusal=_REFUSAL, status=401)
        login(request, user)
        due = admission.lacking(request.session, user)
        attempt.succeeded(is_all=due is not Due.CODE)
        return destinations.by_way_of(due, destinations.wanted(request))


@method_decorator(never_cache, name="dispatch")
class SignInCode(View):
    """What comes after the password, or a link, of who has a second factor."""

    def get(self, request: HttpRequest) -> HttpResponse:
        user = _who_owes_a_code(request)
        return _code_form(request) if user else HttpResponseRedirect(destinations.wanted(request))

    def post(self, request: HttpRequest) -> HttpResponse:
        refuse_nul(request)
        if "leave" in request.POST:
            logout(request)
            return HttpResponseRedirect(reverse("pages:sign_in"))
        user, now = _who_owes_a_code(request), clock.now()
        if user is None:
            return HttpResponseRedirect(destinations.wanted(request))
        if user.second_factor_since is None or not admission.is_in_time(request.session, now=now):
            logout(request)
            return form(request, refusal=_TOO_LATE, status=401)
        try:
            attempt = sign_in_attempts.begin(user.email, request.META, is_code=True, now=now)
        except LimitReached as reached:
            return waits(_code_form(request, refusal=sign_in_attempts.words(reached), status=429), reached)
        with transaction.atomic():
            by = second_factor.take(user, request.POST.get("code", ""), address=attempt.address, now=now)
            if by is not None:
                admission.let_in(request, user, by=by, now=now)
        if by is None:
            attempt.failed()
            return _code_form(request, refusal=REFUSED_CODE, status=401)
        attempt.succeeded()
        return HttpResponseRedirect(destinations.wanted(request))


@method_decorator(never_cache, name="dispatch")
class SignInLink(View):
    """What bin/up prints for its first user."""

    def get(self, request: HttpRequest, user_id: UUID, token: str) -> HttpResponse:
        user = User.objects.filter(id=user_id, is_active=True).first()
        if user is None or not sign_in_links.tokens.check_token(user, token):
            return render(request, "pages/link_gone.html", {"title": "Sign in"}, status=404)
        login(request, user)
        return HttpResponseRedirect(reverse("pages:home"))


class SignOut(Page):
    is_of_the_reader = True

    def post(self, request: HttpRequest) -> HttpResponse:
        now = clock.now()
        reading_as.end(request, now=now)
        if "everywhere" in request.POST:
            User.objects.filter(id=self.owner_id).update(signed_out_at=now)
            audit.note("signed_out.everywhere", user_id=self.owner_id, actor=self.actor, now=now)
        logout(request)
        return HttpResponseRedirect(reverse("pages:sign_in"))


def form(request: HttpRequest, *, status: int = 200, **context: Any) -> HttpResponse:
    given = request.POST.get("next") or request.GET.get("next", "")
    context |= {"title": "Sign in", "next": given, "base_path": settings.BOOPER_BASE_PATH}
    context |= {"sends_mail": password_resets.is_offered(), "takes_passwords": passwords.are_taken()}
    context["provider"] = settings.BOOPER_OIDC
    return render(request, "pages/sign_in.html", context, status=status)


def _code_form(request: HttpRequest, *, status: int = 200, **context: Any) -> HttpResponse:
    given = request.POST.get("next") or request.GET.get("next", "")
    context |= {"title": "Your code", "next": given, "base_path": settings.BOOPER_BASE_PATH}
    return render(request, "pages/sign_in_code.html", context, status=status)


def _who_owes_a_code(request: HttpRequest) -> User | None:
    waiting = admission.waiting(request)
    return waiting[0] if waiting is not None and waiting[1] is Due.CODE else None


def _locked_out(request: HttpRequest, reached: LimitReached, *, email: str) -> HttpResponse:
    return waits(form(request, email=email, refusal=sign_in_attempts.words(reached), status=429), reached)


def waits(answer: HttpResponse, reached: LimitReached) -> HttpResponse:
    answer.headers["Retry-After"] = str(math.ceil(reached.wait))
    return answer
