"""/secrets: what `{{secret:NAME}}` stands for: set and deleted by name. No page shows a value."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from jobs.database import clock
from jobs.guarding import secrets
from jobs.guarding.limits import LimitReached
from jobs.intake import secret as intake_secret
from jobs.intake.refusals import InvalidInput
from jobs.pages.shell import Page

_SHOWN = 100


class Secrets(Page):
    entry = "secrets"
    is_shown_to_operators = True

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._shown()

    def post(self, request: HttpRequest) -> HttpResponse:
        name, hosts = request.POST.get("name", "").strip(), request.POST.get("hosts", "").split()
        fields: dict[str, Any] = {"value": request.POST.get("value", "") or None}
        if hosts:
            fields["hosts"] = hosts
        try:
            intake_secret.require_name(name)
            new = intake_secret.new(fields)
            _, is_new = secrets.put(
                self.owner_id, name, value=new.value, hosts=new.hosts, actor=self.actor, now=clock.now()
            )
        except (InvalidInput, LimitReached) as refusal:
            return self._shown(refusal=str(refusal), name=name, hosts=" ".join(hosts), status=400)
        messages.success(request, f"{name} is {'there' if is_new else 'another one'} from now on.")
        return HttpResponseRedirect(reverse("pages:secrets"))

    def _shown(self, *, status: int = 200, **typed: str) -> HttpResponse:
        after = self.request.GET.get("after", "")
        found = list(
            secrets.of_user(self.owner_id).filter(name__gt=after).defer("value").order_by("name")[: _SHOWN + 1]
        )
        rows = found[:_SHOWN]
        used_by = secrets.uses(self.owner_id) if rows else {}
        shown = [{"secret": row, "used_by": used_by.get(row.name, {"schedules": [], "jobs": []})} for row in rows]
        more = rows[-1].name if len(found) > _SHOWN else ""
        return self.page(
            "secrets.html", title="Secrets", status=status, rows=shown, typed=typed, after=after, more=more
        )


class DeleteSecret(Page):
    entry = "secrets"

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        secret = secrets.of_user(self.owner_id).filter(name=name[:64]).first()
        if secret is None:
            raise Http404("there is no such secret of yours")
        secrets.delete(secret, actor=self.actor, now=clock.now())
        messages.success(request, f"{secret.name} is gone: what refers to it fails with no_such_secret.")
        return HttpResponseRedirect(reverse("pages:secrets"))
