"""The tags of a job, as one column holds them: `,red,late,` with a comma before and after each, None without any."""

from collections.abc import Iterable

from django.db.models import Q, TextField, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan


def packed(tags: Iterable[str]) -> str | None:
    """`tags` without doubles; none of them has a comma in it."""
    kept = dict.fromkeys(tags)
    return f",{','.join(kept)}," if kept else None


def listed(column: str | None) -> list[str]:
    return column.strip(",").split(",") if column else []


def having(tags: Iterable[str]) -> Q:
    """The condition on a job that it has all `tags`, case and all; it names the index of jobs that have any."""
    condition = Q(tags__isnull=False)
    for tag in tags:
        place = StrIndex("tags", Value(f",{tag},", output_field=TextField()))
        condition &= Q(GreaterThan(place, 0))
    return condition
