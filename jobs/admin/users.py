"""Users: create them, set their password, deactivate them. Their rows stay, for their jobs do."""

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jobs.admin import usage
from jobs.admin.kit import markup, search
from jobs.admin.kit.filters import BeforeFilter
from jobs.admin.kit.read_only import BoundedAdmin
from jobs.database import clock
from jobs.guarding import audit, holdings, reading_as, second_factor
from jobs.guarding.limits import OF_USERS, Limit
from jobs.models import User

_MOST_AT_ONCE = 500
_POWERS = ("is_staff", "is_superuser", "groups", "user_permissions")


def _free_address(form: Any) -> str:
    """The address in lower case, as it is kept and logged in with."""
    email: str = form.cleaned_data["email"].lower()
    if User.objects.filter(email=email).exclude(pk=form.instance.pk).exists():
        raise ValidationError(f"email is {email!r}, which another user has: choose another address.")
    return email


class NewUserForm(AdminUserCreationForm):  # type: ignore[type-arg]
    usable_password = AdminUserCreationForm.create_usable_password_field(
        "Without a password they have API keys only, and cannot log in here."
    )

    class Meta:
        model = User
        fields = ("email",)

    def clean_email(self) -> str:
        return _free_address(self)


def _of(limit: Limit) -> str:
    """The name of its field."""
    return f"limit_{limit.name}"


_LIMIT_FIELDS = {
    _of(limit): forms.IntegerField(
        label=limit.name.replace("_", " "),
        required=False,
        min_value=0,
        max_value=10**15,
        help_text=f"{limit.what.capitalize()}. Empty: {limit.setting}. 0: no limit.",
    )
    for limit in OF_USERS
}
LimitsForm = type("LimitsForm", (forms.Form,), dict(_LIMIT_FIELDS))


class UserForm(UserChangeForm, LimitsForm):  # type: ignore[type-arg,misc,valid-type]
    """The user, and instead of settings their own limits, a field each."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for limit in OF_USERS:
            self.initial[_of(limit)] = self.instance.limits.get(limit.name)

    def limits(self) -> dict[str, int]:
        given = {limit.name: self.cleaned_data.get(_of(limit)) for limit in OF_USERS}
        return {name: value for name, value in given.items() if value is not None}

    def clean_email(self) -> str:
        return _free_address(self)


@admin.display(description="what they have")
def possessions(user: User) -> str:
    pages = {
        "jobs": "jobs_job",
        "schedules": "jobs_schedule",
        "queues": "jobs_queue",
        "log": "jobs_logevent",
        "deliveries": "jobs_delivery",
        "receivers": "jobs_receiver",
        "API keys": "jobs_apikey",
        "secrets": "jobs_secret",
    }
    if settings.BOOPER_OIDC is not None:
        pages["identities"] = "jobs_identity"
    links = (markup.link(f"{page}_changelist", query=f"?owner={user.pk}", label=label) for label, page in pages.items())
    return format_html_join(" · ", "{}", ((link,) for link in links))


@admin.display(description="joined")
def joined(user: User) -> str:
    return markup.moment(user.date_joined)


@admin.display(description="last login")
def last_login(user: User) -> str:
    return markup.moment(user.last_login)


@admin.display(description="second factor since")
def second_factor_since(user: User) -> str:
    return markup.moment(user.second_factor_since)


@admin.display(description="user")
def address(user: User) -> str:
    return markup.text(user.email, limit=40)


@admin.display(description="is")
def standing(user: User) -> str:
    said = {
        "deactivated": not user.is_active,
        "suspended": user.suspended_at is not None,
        "superuser": user.is_superuser,
        "staff": user.is_staff and not user.is_superuser,
    }
    return ", ".join(word for word, is_so in said.items() if is_so) or markup.NOTHING


@admin.display(description="in the last 24 hours")
def lately(user: Any) -> str:
    return usage.words(user.completed, user.discarded, user.failed)


@admin.display(description="how it went")
def went(user: User) -> SafeString:
    rows = [(span.words, usage.words(*counts)) for span, counts in usage.of_user(user.pk, now=clock.now())]
    return format_html('<table class="pairs">{}</table>', format_html_join("", "<tr><th>{}</th><td>{}</td></tr>", rows))


@admin.display(description="what they hold")
def held(user: User) -> SafeString:
    rows = [(each.label, usage.share(each.used, each.allowed)) for each in holdings.of_user(user)]
    return format_html('<table class="pairs">{}</table>', format_html_join("", "<tr><th>{}</th><td>{}</td></tr>", rows))


_USAGE = (went, held)
_FACTS = (possessions, "id", second_factor_since, joined, last_login)


@admin.register(User)
class UserAdmin(BoundedAdmin, DjangoUserAdmin):  # type: ignore[type-arg]
    form = UserForm
    add_form = NewUserForm
    list_display = (address, lately, standing, second_factor_since, last_login, joined)
    list_filter = ("is_active", "is_staff", "is_superuser", BeforeFilter)
    search_fields = ("email",)
    search_help_text = "A part of an e-mail address, or a user's UUID."
    ordering = ("-pk",)
    actions = ("reset_second_factor",)
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("email", "password", "is_active")}),
        ("Usage", {"fields": _USAGE}),
        ("What they may do in this admin", {"fields": _POWERS}),
        ("What they may have instead of what the settings say", {"fields": tuple(_LIMIT_FIELDS)}),
        ("Facts", {"fields": _FACTS}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "usable_password", "password1", "password2")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = usage.annotated(super().get_queryset(request), now=clock.now())
        return rows

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.read_view)
        return [path("<uuid:user_id>/read/", view, name="jobs_user_read"), *super().get_urls()]

    def read_view(self, request: HttpRequest, user_id: UUID) -> HttpResponse:
        """Leads to the pages of that user, to be read for a while."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        tenant = get_object_or_404(User, id=user_id)
        if not reading_as.may_read(request.user, tenant):
            raise PermissionDenied
        reading_as.begin(request, tenant, now=clock.now())
        return HttpResponseRedirect(reverse("pages:home"))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        user = kwargs.get("obj")
        context["can_read"] = isinstance(user, User) and reading_as.may_read(request.user, user)
        return super().render_change_form(request, context, *args, **kwargs)

    def matching(self, term: search.Term) -> Q:
        if term.kind == search.TermKind.UUID:
            return Q(pk=term.value)
        if term.kind == search.TermKind.EMAIL:
            return Q(pk__in=search.owner_ids(str(term.value)))
        return Q(email__contains=str(term.value).lower())

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Nobody gives themselves powers, or locks themselves out; who is not a superuser gives none to anybody."""
        if obj is not None and obj.pk == request.user.pk:
            return (*_FACTS, *_USAGE, "is_active", *_POWERS)
        return (*_FACTS, *_USAGE) if request.user.is_superuser else (*_FACTS, *_USAGE, *_POWERS)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A password set by somebody is an account taken over: those with powers are for superusers to edit."""
        if not super().has_change_permission(request, obj):
            return False
        is_weak = obj is None or not (obj.is_staff or obj.is_superuser)
        return is_weak or request.user.is_superuser or obj.pk == request.user.pk

    def has_reset_second_factor_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("jobs.reset_second_factor"))

    @admin.action(description="Turn the second factor of the selected users off", permissions=["reset_second_factor"])
    def reset_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """For who has lost theirs. Those with powers are for superusers; one's own goes by a code, at /account."""
        rows = queryset if request.user.is_superuser else queryset.filter(is_staff=False, is_superuser=False)
        reset = [
            user
            for user in rows.exclude(pk=str(request.user.pk))[:_MOST_AT_ONCE]
            if second_factor.reset(user, actor=audit.operator(request.user), now=clock.now())
        ]
        self.log_together(request, reset, "Turned the second factor off.")
        self.message_user(request, f"{len(reset)} turned off, and signed out everywhere.")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: a user's jobs, log and deliveries would go with them. Deactivate them instead."""
        return False

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            obj.save()
            return
        # Those alone that were edited: the password may have been set since the form was fetched.
        columns = {field.name for field in obj._meta.concrete_fields}
        obj.save(update_fields=[name for name in form.changed_data if name in columns])
        limits = form.limits() if isinstance(form, UserForm) else obj.limits
        if limits != obj.limits:
            audit.note(
                "limits.set",
                user_id=obj.pk,
                actor=audit.operator(request.user),
                now=clock.now(),
                before=obj.limits,
                limits=limits,
            )
            User.objects.filter(pk=obj.pk).update(limits=limits)
