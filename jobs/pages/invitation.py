"""/invite/…: whoever was sent the link chooses a password, once, and is signed in."""

from typing import Any

from django.conf import settings
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpResponse

from jobs.database import clock
from jobs.guarding import audit, invitations


class Invitation(PasswordResetConfirmView):
    """The token moves from the address into the session at once, where no Referer tells it."""

    token_generator = invitations.tokens
    template_name = "pages/invitation.html"
    title = "Choose a password"
    post_reset_login = True

    def get_success_url(self) -> str:
        return f"{settings.BOOPER_BASE_PATH}/"

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        audit.note("password.chosen", user_id=form.user.pk, actor="whoever had the invitation", now=clock.now())
        return answer
