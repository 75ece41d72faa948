"""Every path of the web process: the API, the admin, and what answers when there is nothing or something breaks."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from jobs.api.wire import problems
from jobs.pages.invitation import Invitation

urlpatterns = [
    path("", RedirectView.as_view(url=f"{settings.BOOPER_BASE_PATH}/api/docs")),
    path("api", problems.no_such_path),
    path("api/", include("jobs.api.urls")),
    path("admin/", admin.site.urls),
    path("invite/<uidb64>/<token>/", Invitation.as_view()),
]

handler400 = problems.bad_request
handler403 = problems.forbidden
handler404 = problems.not_found
handler500 = problems.server_error
