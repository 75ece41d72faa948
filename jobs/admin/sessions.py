"""Where users and staff are signed in: to look at, and to end. What a session holds is shown nowhere."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from jobs.admin.kit import columns, markup, search
from jobs.admin.kit.filters import BeforeFilter, OwnerFilter
from jobs.admin.kit.read_only import ReadOnlyAdmin, Section
from jobs.database import clock
from jobs.guarding import audit, sessions
from jobs.models import SignIn

_MOST_AT_ONCE = 500


@admin.display(description="browser")
def browser(row: SignIn) -> str:
    return markup.text(row.browser, limit=60)


@admin.display(description="address")
def address(row: SignIn) -> str:
    return markup.text(row.address, limit=64)


@admin.display(description="since")
def since(row: SignIn) -> str:
    return markup.moment(row.began_at)


@admin.display(description="last used")
def last_used(row: SignIn) -> str:
    return markup.moment(row.used_at)


@admin.display(description="good")
def is_good(row: SignIn) -> str:
    """Whether the session would be let in: it is not after another password, or signing out everywhere."""
    return "yes" if row.user.is_active and row.stamp == sessions.stamp_of(row.user) else "no"


@admin.register(SignIn)
class SignInAdmin(ReadOnlyAdmin):
    list_display = (browser, columns.owner, address, since, last_used, is_good)
    list_filter = (OwnerFilter, BeforeFilter)
    list_select_related = ("user",)
    search_fields = ("id",)
    search_help_text = "An owner's e-mail address (its beginning is enough), their UUID, or an address."
    sections = (Section(None, (browser, columns.owner_page, address, since, last_used, is_good)),)
    actions = ("end_selected",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request) & SignIn.objects.lasting()

    def matching(self, term: search.Term) -> Q:
        if term.kind == search.TermKind.EMAIL:
            return Q(user_id__in=search.owner_ids(str(term.value)))
        if term.kind == search.TermKind.UUID:
            return Q(user_id=term.value)
        return Q(address=str(term.value))

    def has_end_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("jobs.change_signin"))

    @admin.action(description="End the selected sessions", permissions=["end"])
    def end_selected(self, request: HttpRequest, queryset: QuerySet[SignIn]) -> None:
        """Ends them but for those of superusers, where whoever asks is none."""
        rows = queryset if request.user.is_superuser else queryset.filter(user__is_superuser=False)
        ended = list(rows[:_MOST_AT_ONCE])
        for row in ended:
            sessions.end(row, actor=audit.operator(request.user), now=clock.now())
        self.message_user(request, f"{len(ended)} ended.")
