"""Every path of the web process: API, admin, pages, and what answers when there is nothing or something breaks."""

from django.contrib import admin
from django.urls import include, path

from jobs.api.wire import problems

urlpatterns = [
    path("api", problems.no_such_path),
    path("api/", include("jobs.api.urls")),
    path("admin/", admin.site.urls),
    path("", include("jobs.pages.urls")),
]

handler400 = problems.bad_request
handler403 = problems.forbidden
handler404 = problems.not_found
handler500 = problems.server_error
