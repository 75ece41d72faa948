"""The admin's sign-in form, which takes no more wrong passwords than the owners' page does."""

import math
from collections.abc import Callable
from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from jobs.database import clock
from jobs.guarding import sign_in_attempts
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
                attempt.succeeded()
            raise
        attempt.succeeded()
        return cleaned


def with_lock_outs(login: LoginView) -> LoginView:
    """The page of that form, which answers 429 instead of 200 to whoever has to wait."""

    def lockable_login(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        answer = login(request, extra_context)
        form = (getattr(answer, "context_data", None) or {}).get("form")
        if isinstance(form, SignInForm) and form.lock_out is not None:
            answer.status_code = 429
            answer.headers["Retry-After"] = str(math.ceil(form.lock_out.wait))
        return answer

    return lockable_login
