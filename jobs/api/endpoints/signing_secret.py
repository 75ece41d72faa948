"""/api/signing-secret: which secrets the caller's requests are signed with, and a new one."""

from datetime import datetime
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api import serializers
from jobs.api.endpoints.base import View, answer
from jobs.api.input.taken import takes
from jobs.api.schema.operations import guarding as operations
from jobs.database import clock
from jobs.guarding import signing
from jobs.intake import key as intake_key
from jobs.models import Scope, User


class SigningSecret(View):
    needs = Scope.ADMIN

    @operations.GET_SIGNING_SECRET
    def get(self, request: Request) -> Response:
        return answer(_shown(User.objects.get(id=self.owner_id), now=clock.now()))


class RotateSigningSecret(View):
    needs = Scope.ADMIN

    @operations.ROTATE_SIGNING_SECRET
    @takes(body=intake_key.OVERLAP_FIELDS)
    def post(self, request: Request) -> Response:
        now = clock.now()
        wanted = intake_key.rotation(self.sent_fields(is_optional=True), known=intake_key.OVERLAP_FIELDS, now=now)
        overlap = signing.DEFAULT_OVERLAP if wanted.overlap is None else wanted.overlap
        user, secret = signing.rotate(self.owner_id, overlap=overlap, actor=self.actor, now=now)
        return answer(_shown(user, now=now) | {"secret": secret}, status=201)


def _shown(user: User, *, now: datetime) -> dict[str, Any]:
    return serializers.signing_secrets(signing.in_force(user, now=now))
