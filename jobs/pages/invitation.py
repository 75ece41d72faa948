"""/invite/…: whoever was sent the link chooses a password, once, and is signed in."""

from typing import Any

from django.conf import settings
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse

from jobs.database import clock
from jobs.guarding import audit, invitations, passwords


class Invitation(PasswordResetConfirmView):
    """The token moves from the address into the session at once, where no Referer tells it."""

    token_generator = invitations.tokens
    template_name = "pages/invitation.html"
    title = "Choose a password"
    post_reset_login = True

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Leads on to the sign-in where no passwords are taken: who is invited may come from the provider then."""
        if not passwords.are_taken():
            return HttpResponseRedirect(reverse("pages:sign_in"))
        return super().dispatch(*args, **kwargs)

    def get_success_url(self) -> str:
        return f"{settings.BOOPER_BASE_PATH}/"

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        audit.note("password.chosen", user_id=form.user.pk, actor="whoever had the invitation", now=clock.now())
        return answer
