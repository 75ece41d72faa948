"""The admin's sign-in form, which takes no more wrong passwords than the owners' page does."""

import math
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from jobs.database import clock
from jobs.guarding import admission, passwords, sign_in_attempts
from jobs.guarding.limits import LimitReached

LoginView = Callable[..., HttpResponse]


class SignInForm(AdminAuthenticationForm):
    lock_out: LimitReached | None = None

    def clean(self) -> dict[str, Any]:
        email = self.cleaned_data.get("username")
        if not email or not self.cleaned_data.get("password"):
            # Nothing is looked at then, so nothing is counted.
            return dict(super().clean())
        meta = {} if self.request is None else self.request.META
        try:
            attempt = sign_in_attempts.begin(email, meta, now=clock.now())
        except LimitReached as reached:
            self.lock_out = reached
            raise ValidationError(sign_in_attempts.words(reached), code="locked_out") from reached
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            # A right password that is no operator's is right all the same.
            if self.get_user() is None:
                attempt.failed()
            else:
                attempt.succeeded(is_all=self.get_user().second_factor_since is None)
            raise
        attempt.succeeded(is_all=self.get_user().second_factor_since is None)
        return cleaned


def guarded(login: LoginView) -> LoginView:
    """The page of that form, which answers 429 instead of 200 to whoever has to wait.

    Who has to give the code of a second factor, or to set one up, is led to the page for it.
    """

    def guarded_login(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not passwords.are_taken() and (request.method == "POST" or not request.user.is_authenticated):
            query = urlencode({"next": request.GET.get("next", reverse("admin:index"))})
            return HttpResponseRedirect(f"{reverse('pages:sign_in')}?{query}")
        waiting = admission.waiting(request) if request.method == "GET" else None
        if waiting is not None:
            query = urlencode({"next": request.GET.get("next", reverse("admin:index"))})
            return HttpResponseRedirect(f"{reverse(waiting[1].value)}?{query}")
        answer = login(request, extra_context)
        form = (getattr(answer, "context_data", None) or {}).get("form")
        if isinstance(form, SignInForm) and form.lock_out is not None:
            answer.status_code = 429
            answer.headers["Retry-After"] = str(math.ceil(form.lock_out.wait))
        return answer

    return guarded_login
