"""/api/secrets: set and deleted by name, listed without their values."""

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api import serializers
from jobs.api.endpoints.base import View, answer, answer_page
from jobs.api.input import query
from jobs.api.input.taken import takes
from jobs.api.schema.operations import guarding as operations
from jobs.database import clock
from jobs.guarding import secrets
from jobs.intake import secret as intake_secret
from jobs.models import Scope, Secret


class Secrets(View):
    needs = Scope.ADMIN

    @operations.LIST_SECRETS
    @takes(query=query.PAGE_FIELDS)
    def get(self, request: Request) -> Response:
        given = query.read(request, known=query.PAGE_FIELDS)
        paging = query.paging(given, model=Secret, columns=query.SECRET_COLUMNS)
        given.finish()
        page = paging.page_of(secrets.of_user(self.owner_id).defer("value"))
        used_by = secrets.uses(self.owner_id) if page.rows else {}
        return answer_page([serializers.secret(row, used_by=used_by.get(row.name)) for row in page.rows], page)


class SecretDetail(View):
    needs = Scope.ADMIN

    @operations.SET_SECRET
    @takes(body=intake_secret.FIELDS)
    def put(self, request: Request, name: str) -> Response:
        intake_secret.require_name(name)
        new = intake_secret.new(self.sent_fields())
        secret, is_new = secrets.put(
            self.owner_id, name, value=new.value, hosts=new.hosts, actor=self.actor, now=clock.now()
        )
        return answer(self._shown(secret), status=201 if is_new else 200)

    @operations.DELETE_SECRET
    def delete(self, request: Request, name: str) -> Response:
        secret = secrets.of_user(self.owner_id).filter(name=name).first() if len(name) <= 64 else None
        if secret is None:
            raise Http404(f"there is no secret {name[:40]!a} of yours: GET /api/secrets lists those there are")
        shown = self._shown(secret)
        secrets.delete(secret, actor=self.actor, now=clock.now())
        return answer(shown)

    def _shown(self, secret: Secret) -> dict[str, object]:
        return serializers.secret(secret, used_by=secrets.uses(self.owner_id).get(secret.name))
