"""/sign-in/forgot, which has a link mailed, and /reset, where it leads: good once, an hour. Where mail is set alone."""

import math
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.forms import SetPasswordForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from jobs.database import clock
from jobs.guarding import password_resets
from jobs.guarding.limits import LimitReached
from jobs.pages.shell import refuse_nul

_COOKIE = "booper_reset"
_LONGEST_TOKEN = 100


@method_decorator(never_cache, name="dispatch")
class _ResetPage(View):
    def dispatch(self, request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponseBase:
        if not password_resets.is_offered():
            raise Http404("this instance sends no mail")
        refuse_nul(request)
        return super().dispatch(request, *arguments, **named)

    def alone(self, template: str, *, title: str, status: int = 200, **context: Any) -> HttpResponse:
        context |= {"title": title, "base_path": settings.BOOPER_BASE_PATH}
        return render(self.request, f"pages/{template}", context, status=status)


class Forgot(_ResetPage):
    def get(self, request: HttpRequest) -> HttpResponse:
        return self.alone("forgot.html", title="Forgot your password?")

    def post(self, request: HttpRequest) -> HttpResponse:
        typed = request.POST.get("email", "").strip()
        if not typed:
            return self.alone(
                "forgot.html", title="Forgot your password?", refusal="Write your e-mail address.", status=400
            )
        try:
            password_resets.ask(typed, request.META, now=clock.now())
        except LimitReached as reached:
            return self._waits(reached)
        return self.alone("forgot.html", title="Look into your mail", is_asked=True)

    def _waits(self, reached: LimitReached) -> HttpResponse:
        minutes = math.ceil(reached.wait / 60)
        refusal = (
            "There were too many such mails for this address or from your network. "
            f"Try again in {minutes} minute{'' if minutes == 1 else 's'}."
        )
        answer = self.alone("forgot.html", title="Forgot your password?", refusal=refusal, status=429)
        answer.headers["Retry-After"] = str(math.ceil(reached.wait))
        return answer


class ResetLink(_ResetPage):
    """What is mailed. It asks nobody: whatever goes wrong later, no log has the token in the path of what failed."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        answer = HttpResponseRedirect(reverse("pages:reset"))
        # Lax: browsers come here from a mailbox, and are to bring it along.
        answer.set_cookie(
            _COOKIE,
            quote(token[:_LONGEST_TOKEN], safe=""),
            max_age=password_resets.GOOD_FOR,
            path=reverse("pages:reset"),
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
        return answer


class Reset(_ResetPage):
    def get(self, request: HttpRequest) -> HttpResponse:
        found = password_resets.found(_token(request), now=clock.now())
        if found is None:
            return self._gone()
        return self.alone("reset.html", title="Choose another password", form=SetPasswordForm(found[1]), of=found[0].pk)

    def post(self, request: HttpRequest) -> HttpResponse:
        now = clock.now()
        found = password_resets.found(_token(request), now=now)
        # Another link may have been opened since, of another account: it is this form's alone that is meant.
        if found is None or request.POST.get("of") != str(found[0].pk):
            return self._gone()
        row, user = found
        form = SetPasswordForm(user, request.POST)
        if not form.is_valid():
            return self.alone("reset.html", title="Choose another password", form=form, of=row.pk, status=400)
        if not password_resets.choose(row, form.save(commit=False), request.META, now=now):
            return self._gone()
        messages.success(request, "The password is another one, and you are signed out everywhere. Sign in with it.")
        answer = HttpResponseRedirect(reverse("pages:sign_in"))
        answer.delete_cookie(_COOKIE, path=reverse("pages:reset"), samesite="Lax")
        return answer

    def _gone(self) -> HttpResponse:
        return self.alone("reset_gone.html", title="Choose another password", status=404)


def _token(request: HttpRequest) -> str:
    """As it was mailed; it has no character that a cookie would change."""
    return request.COOKIES.get(_COOKIE, "")[:_LONGEST_TOKEN]
