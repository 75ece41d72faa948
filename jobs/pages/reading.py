"""Pages of a tenant that an operator reads: which are shown, what is refused, and how it ends."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from jobs.database import clock
from jobs.guarding import reading_as
from jobs.pages.shell import Page


class StopReading(Page):
    is_of_the_reader = True

    def post(self, request: HttpRequest) -> HttpResponse:
        reading_as.end(request, now=clock.now())
        messages.success(request, "You read your own pages again.")
        return HttpResponseRedirect(reverse("pages:home"))
