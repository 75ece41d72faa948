"""API keys: issue one (its token is shown this once), name it, let it expire, revoke it. Hashes are never shown."""

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from jobs.admin.kit import columns, markup, search
from jobs.admin.kit.filters import BeforeNumberFilter, OwnerFilter
from jobs.admin.kit.read_only import BoundedAdmin
from jobs.database import clock
from jobs.guarding import audit, keys
from jobs.models import ApiKey, Scope


@admin.display(description="state")
def state(key: ApiKey) -> str:
    """What would become of a request made with it."""
    if key.revoked_at is not None:
        return markup.badge("revoked")
    if key.expires_at is not None and key.expires_at <= clock.now():
        return markup.badge("expired")
    return markup.badge("usable" if key.user.is_active else "owner-inactive")


@admin.display(description="key")
def hint(key: ApiKey) -> str:
    return f"{key.hint}…"


@admin.display(description="name")
def name(key: ApiKey) -> str:
    return markup.text(key.name, limit=60)


@admin.display(description="created")
def created(key: ApiKey) -> str:
    return markup.moment(key.created_at)


@admin.display(description="last used")
def last_used(key: ApiKey) -> str:
    return markup.moment(key.last_used_at)


@admin.display(description="expires")
def expires(key: ApiKey) -> str:
    return markup.moment(key.expires_at)


@admin.display(description="revoked")
def revoked(key: ApiKey) -> str:
    return markup.moment(key.revoked_at)


@admin.register(ApiKey)
class ApiKeyAdmin(BoundedAdmin):
    list_display = (hint, name, "scope", state, columns.owner, created, last_used, expires)
    list_filter = (OwnerFilter, BeforeNumberFilter)
    list_select_related = ("user",)
    search_fields = ("id",)
    search_help_text = "How a key begins, an owner's e-mail address (its beginning is enough), or a part of a name."
    autocomplete_fields = ("user",)
    actions = ("revoke_selected",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ("user", "name", "scope", "expires_at")
        return (hint, state, columns.owner_page, "name", "scope", "expires_at", created, last_used, revoked)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ()
        return (hint, state, columns.owner_page, "scope", created, last_used, revoked)

    def matching(self, term: search.Term) -> Q:
        if term.kind == search.TermKind.EMAIL:
            return Q(user_id__in=search.owner_ids(str(term.value)))
        if term.kind == search.TermKind.UUID:
            return Q(user_id=term.value)
        typed = str(term.value)
        # A whole token that is pasted here finds its key too.
        return Q(name__icontains=typed) | Q(hint__startswith=typed[:9])

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: a key that is revoked stays, so that it can be told what it was."""
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            # Those alone that were edited: the key may have been used, or revoked, since the form was fetched.
            obj.save(update_fields=form.changed_data)
            return
        key, token = keys.issue(
            obj.user_id,
            name=obj.name,
            scope=Scope(obj.scope),
            expires_at=obj.expires_at,
            actor=audit.operator(request.user),
            now=clock.now(),
        )
        obj.pk, obj.hint = key.pk, key.hint
        told = format_html("The key, shown this once: <code>{}</code>", token)
        self.message_user(request, told, messages.WARNING)

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        with transaction.atomic():
            valid = list(queryset.filter(revoked_at__isnull=True).select_for_update(of=("self",)))
            ApiKey.objects.filter(pk__in=[key.pk for key in valid]).update(revoked_at=clock.now())
            for key in valid:
                keys.note_revoked(key, actor=audit.operator(request.user), now=clock.now())
            self.log_together(request, valid, "Revoked.")
        what = "it" if len(valid) == 1 else "them"
        self.message_user(request, f"{len(valid)} revoked. Requests made with {what} are refused within seconds.")
