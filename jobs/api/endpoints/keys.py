"""/api/keys: the caller's own keys; made, rotated, revoked. A key itself is told once."""

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api import authentication, serializers
from jobs.api.endpoints.base import View, answer, answer_page
from jobs.api.input import identifiers, query
from jobs.api.input.taken import takes
from jobs.api.schema.operations import guarding as operations
from jobs.api.wire.problems import Conflict
from jobs.database import clock
from jobs.guarding import keys, limits, stocks
from jobs.intake import key as intake_key
from jobs.models import ApiKey, Scope
from jobs.models.api_key import ApiKeyQuerySet


class _KeysView(View):
    needs = Scope.ADMIN

    def get_queryset(self) -> ApiKeyQuerySet:
        return ApiKey.objects.existing().filter(user_id=self.owner_id)

    def find(self, key_id: str) -> ApiKey:
        """Finds a key by uuid. Raises Http404 for what is not there (any more) or somebody else's."""
        uuid = identifiers.uuid(key_id)
        found = None if uuid is None else self.get_queryset().filter(uuid=uuid).first()
        if found is None:
            raise Http404(f"there is no API key {key_id[:40]!a} of yours: GET /api/keys lists those there are")
        return found


class Keys(_KeysView):
    @operations.LIST_KEYS
    @takes(query=query.PAGE_FIELDS)
    def get(self, request: Request) -> Response:
        given = query.read(request, known=query.PAGE_FIELDS)
        paging = query.paging(given, model=ApiKey, columns=query.KEY_COLUMNS)
        given.finish()
        page = paging.page_of(self.get_queryset())
        return answer_page([serializers.api_key(row) for row in page.rows], page)

    @operations.CREATE_KEY
    @takes(body=intake_key.FIELDS)
    def post(self, request: Request) -> Response:
        now = clock.now()
        new = intake_key.new(self.sent_fields(is_optional=True), now=now)
        stocks.require_room(limits.KEYS, self.get_queryset(), user_id=self.owner_id)
        key, token = keys.issue(
            self.owner_id, name=new.name, scope=new.scope, expires_at=new.expires_at, actor=self.actor, now=now
        )
        return answer(serializers.api_key(key) | {"key": token}, status=201)


class KeyDetail(_KeysView):
    @operations.DELETE_KEY
    def delete(self, request: Request, key_id: str) -> Response:
        key = self.find(key_id)
        revoked = keys.revoke(key, actor=self.actor, now=clock.now()) or key
        authentication.known_keys.forget(key.token_hash)
        return answer(serializers.api_key(revoked))


class RotateKey(_KeysView):
    @operations.ROTATE_KEY
    @takes(body=intake_key.ROTATE_FIELDS)
    def post(self, request: Request, key_id: str) -> Response:
        key, now = self.find(key_id), clock.now()
        wanted = intake_key.rotation(self.sent_fields(is_optional=True), now=now)
        stocks.require_room(limits.KEYS, self.get_queryset(), user_id=self.owner_id)
        overlap = keys.DEFAULT_OVERLAP if wanted.overlap is None else wanted.overlap
        rotated = keys.rotate(key, overlap=overlap, expires_at=wanted.expires_at, actor=self.actor, now=now)
        if rotated is None:
            raise Conflict(f"API key {key_id} can't be rotated: it has expired or was revoked, so make a new one")
        authentication.known_keys.forget(key.token_hash)
        new, token = rotated
        return answer(serializers.api_key(new) | {"key": token}, status=201)
