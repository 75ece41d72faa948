"""The admin site dressed as Booper's, with the dashboard on its front page."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from jobs.admin import dashboard, sign_in_form, usage
from jobs.database import clock

IndexView = Callable[..., TemplateResponse]


def with_dashboard(index: IndexView) -> IndexView:
    """The front page, with what its reader may see of how the instance is doing."""

    def dashboard_index(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return index(request, {**dashboard_context(request), **(extra_context or {})})

    return dashboard_index


def dashboard_context(request: HttpRequest) -> dict[str, Any]:
    """A None for each part that the reader has no permission to view."""
    now = clock.now()
    may_see = {name: _may_see(request, name) for name in ("job", "delivery", "process", "logevent", "user")}
    jobs = dashboard.jobs(now) if may_see["job"] else None
    alive = dashboard.processes(now) if may_see["process"] else None
    return {
        "jobs": jobs,
        "deliveries": dashboard.deliveries(now) if may_see["delivery"] else None,
        "processes": alive,
        "lately": dashboard.lately(now) if jobs else None,
        "tenants": usage.busiest(since=now - dashboard.LATELY) if may_see["user"] else None,
        "failures": dashboard.failures() if may_see["logevent"] else None,
        "alarms": dashboard.alarms(overview=jobs, alive=alive),
        "docs_url": f"{settings.BOOPER_BASE_PATH}/api/docs",
        "flower_url": _flower_url(request),
    }


def _may_see(request: HttpRequest, model_name: str) -> bool:
    return any(request.user.has_perm(f"jobs.{verb}_{model_name}") for verb in ("view", "change"))


def _flower_url(request: HttpRequest) -> str:
    """FLOWER_URL where the settings have one; else Flower's usual port on the host that this page came from."""
    host = request.get_host().rsplit(":", 1)[0] if not request.get_host().endswith("]") else request.get_host()
    return settings.FLOWER_URL or f"{request.scheme}://{host}:{settings.FLOWER_PORT}/"


def change_password(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
    """Leads to /account, which bounds wrong passwords, writes the change down and ends other sessions."""
    return HttpResponseRedirect(reverse("pages:account"))


def dress(site: admin.AdminSite) -> None:
    """The default site and none of our own: django-celery-beat registers its models there."""
    site.site_header = site.site_title = "Booper"
    site.index_title = "Dashboard"
    site.site_url = f"{settings.BOOPER_BASE_PATH}/home"
    site.index_template = "admin/jobs/index.html"
    site.index = with_dashboard(site.index)  # type: ignore[method-assign]
    site.password_change = change_password  # type: ignore[method-assign,assignment]
    site.login_form = sign_in_form.SignInForm
    site.login = sign_in_form.guarded(site.login)  # type: ignore[method-assign]


dress(admin.site)
