"""Where somebody who signs in was on the way to: within this instance, wherever a link or a cookie says."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from jobs.guarding.admission import Due


def wanted(request: HttpRequest) -> str:
    return ours(request.POST.get("next") or request.GET.get("next", ""))


def ours(path: str) -> str:
    """A path of ours; home otherwise."""
    is_ours = url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if is_ours and path.startswith("/") else reverse("pages:home")


def by_way_of(due: Due | None, path: str) -> HttpResponse:
    """There, or first to the page that takes what is due."""
    return HttpResponseRedirect(path if due is None else f"{reverse(due.value)}?{urlencode({'next': path})}")
