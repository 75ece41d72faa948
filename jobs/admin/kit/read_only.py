"""What all lists have in common: rows to look at, never a form to write them with, and a bound on what a page costs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import flatten, unquote
from django.contrib.admin.views.main import ChangeList
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from jobs.admin.kit import search
from jobs.admin.kit.changelist import BoundedChangeList
from jobs.admin.kit.paginator import BoundedPaginator


@dataclass(frozen=True, slots=True)
class Titled:
    """Stands for a row in the templates of Django's own that print it."""

    pk: Any
    title: str

    def __str__(self) -> str:
        return self.title


class BoundedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Django's class takes no parameter at run time
    """Lists of a table of any size: newest first, filtered and searched only as the class names it."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_max_show_all = 0
    ordering = ("-pk",)
    # No index sorts by any other column.
    sortable_by = ()
    # Columns that are not fetched for a list: each may be a megabyte.
    heavy_columns: tuple[str, ...] = ()
    # The columns that a text is looked for in where something of them is hidden, and how they are shown.
    shown_as: Mapping[str, Callable[[Any], str]] = {}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BoundedChangeList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allows only the filters that are there: others could go through whole tables, or feel for hidden values."""
        offered = {getattr(item, "parameter_name", item) for item in self.get_list_filter(request)}
        return lookup in offered or lookup.partition("__")[0] in offered

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search.read(search_term)
        return (queryset if term is None else queryset.filter(self.matching(term))), False

    def matching(self, term: search.Term) -> Q:
        """The rows that `term` stands for."""
        raise NotImplementedError

    def title_of(self, row: Any) -> str:
        """What the row is called at the head of its pages and in the history: nothing that is to be hidden."""
        return str(row)

    @admin.display(description=mark_safe('<input type="checkbox" id="action-toggle">'))
    def action_checkbox(self, obj: Any) -> SafeString:
        """Renders Django's box without its label, which would print the row as it is."""
        box = '<input type="checkbox" name="{}" value="{}" class="action-select" aria-label="Select {}">'
        return format_html(box, ACTION_CHECKBOX_NAME, obj.pk, self.title_of(obj))

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any) -> Any:
        """As Django has it, but for boxes that no list of ours has: by a key that is none the database fails."""
        if all(self._is_key(typed) for typed in request.POST.getlist(ACTION_CHECKBOX_NAME)):
            return super().response_action(request, queryset, *args, **kwargs)
        self.message_user(request, "Nothing was done: what was selected is no row of this list.", messages.ERROR)
        return None

    def _is_key(self, typed: str) -> bool:
        key = self.model._meta.pk
        try:
            key.run_validators(key.to_python(typed))
        except ValidationError:
            return False
        return True

    def log_together(self, request: HttpRequest, rows: Iterable[Any], message: str) -> None:
        """What somebody did to `rows`, for the history of each, in one statement."""
        kind = ContentType.objects.get_for_model(self.model)
        entries = [
            LogEntry(
                user_id=str(request.user.pk),
                content_type_id=kind.pk,
                object_id=str(row.pk),
                object_repr=self.title_of(row)[:200],
                action_flag=CHANGE,
                change_message=message,
            )
            for row in rows
        ]
        LogEntry.objects.bulk_create(entries)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        row = context.get("original")
        if row is not None:
            title = self.title_of(row)
            context |= {"subtitle": title, "original": Titled(row.pk, title)}
        return super().render_change_form(request, context, *args, **kwargs)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        if row is None:
            return super().history_view(request, object_id, extra_context)
        title = self.title_of(row)
        context = {"title": f"History: {title}", "object": Titled(row.pk, title), **(extra_context or {})}
        return super().history_view(request, object_id, context)


# The name of a column, or a function that makes HTML of the row.
Column = str | Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a row's page, line by line; a tuple of columns is a line of several."""

    title: str | None
    lines: Sequence[Column | tuple[Column, ...]]
    is_folded: bool = False


class ReadOnlyAdmin(BoundedAdmin):
    """Rows that only transitions may write: whoever may change them may look, and use the actions."""

    sections: Sequence[Section] = ()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [
            (section.title, {"fields": section.lines, "classes": ["collapse"] if section.is_folded else []})
            for section in self.sections
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        lines: list[Any] = [line for section in self.sections for line in section.lines]
        return flatten(lines)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        names = (f"{self.opts.app_label}.{verb}_{self.opts.model_name}" for verb in ("view", "change"))
        return any(request.user.has_perm(name) for name in names)
