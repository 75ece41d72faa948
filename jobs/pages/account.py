"""/account: where its reader is signed in, ended one by one or all others at once; and another password."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from jobs.database import clock
from jobs.guarding import audit, identities, passwords, sessions, sign_in_attempts
from jobs.guarding.limits import LimitReached
from jobs.pages.shell import Page

_SHOWN = 200


class _AccountPage(Page):
    is_of_the_reader = True

    def shown(self, *, refusals: list[str] | None = None, status: int = 200) -> HttpResponse:
        sessions.use(self.request.session, self.request.META, now=clock.now())
        context: dict[str, Any] = {
            "rows": sessions.of_user(self.owner)[:_SHOWN],
            "here": self.request.session.session_key,
            "has_password": self.owner.has_usable_password(),
            "takes_passwords": passwords.are_taken(),
            "provider": settings.BOOPER_OIDC,
            "refusals": refusals or [],
        }
        if settings.BOOPER_OIDC is not None:
            context["identities"] = identities.of_user(self.owner)
        return self.page("account.html", title="Account", status=status, **context)


class Account(_AccountPage):
    def get(self, request: HttpRequest) -> HttpResponse:
        return self.shown()


class EndSession(_AccountPage):
    def post(self, request: HttpRequest, session_id: UUID) -> HttpResponse:
        found = sessions.of_user(self.owner).filter(id=session_id).first()
        if found is None:
            raise Http404("you are not signed in there (any more)")
        if found.session_key == request.session.session_key:
            logout(request)
            return HttpResponseRedirect(reverse("pages:sign_in"))
        sessions.end(found, actor=self.actor, now=clock.now())
        place = f" at {found.address}" if found.address else ""
        messages.success(request, f"{found.browser[:1].upper()}{found.browser[1:]}{place} is signed out.")
        return HttpResponseRedirect(reverse("pages:account"))


class EndOtherSessions(_AccountPage):
    def post(self, request: HttpRequest) -> HttpResponse:
        sessions.end_others(request, self.owner, actor=self.actor, now=clock.now())
        messages.success(request, "You are signed out everywhere but here.")
        return HttpResponseRedirect(reverse("pages:account"))


class ChangePassword(_AccountPage):
    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            attempt = sign_in_attempts.begin(self.owner.email, request.META, now=clock.now())
        except LimitReached as reached:
            return self.shown(refusals=[sign_in_attempts.words(reached)], status=429)
        form = PasswordChangeForm(self.owner, request.POST)
        is_valid = form.is_valid()
        if "old_password" in form.errors:
            attempt.failed()
        else:
            attempt.succeeded()
        if not is_valid:
            refusals = [str(each) for errors in form.errors.values() for each in errors]
            return self.shown(refusals=refusals, status=400)
        # An ended session changes nothing, be it ended now.
        with transaction.atomic():
            sessions.hold(request.session, self.owner)
            # That column alone: an operator may have changed others meanwhile.
            form.save(commit=False).save(update_fields=["password"])
            # Every other session is good no more: what it has to match is made of the password.
            update_session_auth_hash(request, form.user)
            audit.note("password.changed", user_id=self.owner_id, actor=self.actor, now=clock.now())
        messages.success(request, "The password is another one, and you are signed out everywhere but here.")
        return HttpResponseRedirect(reverse("pages:account"))
