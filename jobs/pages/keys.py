"""/keys: API keys, made, rotated and revoked. A key itself is shown once."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from jobs.database import clock
from jobs.guarding import keys, limits, stocks
from jobs.guarding.limits import LimitReached
from jobs.intake import key as intake_key
from jobs.intake.refusals import InvalidInput
from jobs.models import ApiKey, Scope
from jobs.models.api_key import ApiKeyQuerySet
from jobs.pages.shell import Page

_SHOWN = 200


class _KeysPage(Page):
    entry = "keys"

    def mine(self) -> ApiKeyQuerySet:
        return ApiKey.objects.existing().filter(user_id=self.owner_id)

    def find(self, key_id: UUID) -> ApiKey:
        found = self.mine().filter(uuid=key_id).first()
        if found is None:
            raise Http404("there is no such key of yours")
        return found

    def shown(self, *, token: str = "", refusal: str = "", status: int = 200) -> HttpResponse:
        context: dict[str, Any] = {
            "rows": self.mine().order_by("-id")[:_SHOWN],
            "scopes": Scope.values,
            "usual": Scope.WRITE.value,
            "token": token,
            "refusal": refusal,
            "now": clock.now(),
        }
        return self.page("keys.html", title="Keys", status=status, **context)


class Keys(_KeysPage):
    is_shown_to_operators = True

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.shown()

    def post(self, request: HttpRequest) -> HttpResponse:
        now = clock.now()
        typed = {name: request.POST.get(name, "").strip() for name in intake_key.FIELDS}
        try:
            new = intake_key.new({name: value for name, value in typed.items() if value}, now=now)
            stocks.require_room(limits.KEYS, self.mine(), user_id=self.owner_id)
        except (InvalidInput, LimitReached) as refusal:
            return self.shown(refusal=str(refusal), status=400)
        _, token = keys.issue(
            self.owner_id, name=new.name, scope=new.scope, expires_at=new.expires_at, actor=self.actor, now=now
        )
        return self.shown(token=token, status=201)


class RevokeKey(_KeysPage):
    def post(self, request: HttpRequest, key_id: UUID) -> HttpResponse:
        key = self.find(key_id)
        keys.revoke(key, actor=self.actor, now=clock.now())
        messages.success(request, f"The key {key.name} …{key.last_four} is good no more, everywhere within a minute.")
        return HttpResponseRedirect(reverse("pages:keys"))


class RotateKey(_KeysPage):
    def post(self, request: HttpRequest, key_id: UUID) -> HttpResponse:
        key = self.find(key_id)
        try:
            stocks.require_room(limits.KEYS, self.mine(), user_id=self.owner_id)
        except LimitReached as refusal:
            return self.shown(refusal=str(refusal), status=400)
        now = clock.now()
        rotated = keys.rotate(key, overlap=keys.DEFAULT_OVERLAP, expires_at=None, actor=self.actor, now=now)
        if rotated is None:
            return self.shown(refusal="It has expired or was revoked: make a new one.", status=400)
        return self.shown(token=rotated[1], status=201)
