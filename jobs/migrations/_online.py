"""Operations for migrations of tables that are in use: PostgreSQL builds and drops the index beside what goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import ProjectState

_IS_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"


def _is_postgresql(schema_editor: BaseDatabaseSchemaEditor) -> bool:
    return schema_editor.connection.vendor == "postgresql"


@contextmanager
def _patience(schema_editor: BaseDatabaseSchemaEditor) -> Iterator[None]:
    """Without a time-out for locks: building waits for transactions that are open, and holds up nobody meanwhile."""
    if schema_editor.collect_sql:
        yield
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        before = cursor.fetchone()[0]
        cursor.execute("SET lock_timeout = 0")
        yield
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [before])


class AddIndexOnline(migrations.AddIndex):
    """AddIndex without a lock that anybody notices, in a Migration with `atomic = False`.

    What a try that failed has left behind is dropped, and what one has finished is kept.
    """

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if not _is_postgresql(schema_editor):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model: Any = to_state.apps.get_model(app_label, self.model_name)
        is_valid = None if schema_editor.collect_sql else self._is_valid(schema_editor)
        if is_valid is False:
            schema_editor.remove_index(model, self.index, concurrently=True)  # type: ignore[call-arg]
        if not is_valid:
            with _patience(schema_editor):
                schema_editor.add_index(model, self.index, concurrently=True)  # type: ignore[call-arg]

    def _is_valid(self, schema_editor: BaseDatabaseSchemaEditor) -> bool | None:
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(_IS_VALID, [self.index.name])
            found = cursor.fetchone()
        return None if found is None else bool(found[0])

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        model: Any = from_state.apps.get_model(app_label, self.model_name)
        if _is_postgresql(schema_editor):
            schema_editor.remove_index(model, self.index, concurrently=True)  # type: ignore[call-arg]
        else:
            super().database_backwards(app_label, schema_editor, from_state, to_state)


class RemoveIndexOnline(migrations.RemoveIndex):
    """RemoveIndex without a lock that anybody notices, in a Migration with `atomic = False`."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if not _is_postgresql(schema_editor):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model: Any = from_state.apps.get_model(app_label, self.model_name)
        index = from_state.models[app_label, self.model_name_lower].get_index_by_name(self.name)
        schema_editor.remove_index(model, index, concurrently=True)  # type: ignore[call-arg]


class AddConstraintOnline(migrations.AddConstraint):
    """AddConstraint, of a UniqueConstraint with a condition, without a lock that anybody notices.

    In a Migration with `atomic = False`. What a try that failed has left behind is dropped.
    """

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if not _is_postgresql(schema_editor):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model: Any = to_state.apps.get_model(app_label, self.model_name)
        statement = str(self.constraint.create_sql(model, schema_editor))
        drop = f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(self.constraint.name)}"
        with _patience(schema_editor):
            schema_editor.execute(drop, params=None)
            schema_editor.execute(statement.replace("UNIQUE INDEX", "UNIQUE INDEX CONCURRENTLY", 1), params=None)


class AddCheckOnline(migrations.AddConstraint):
    """AddConstraint, of a CheckConstraint: new rows are held to it at once, those there are by ValidateCheck later."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if not _is_postgresql(schema_editor):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model: Any = to_state.apps.get_model(app_label, self.model_name)
        statement = str(self.constraint.create_sql(model, schema_editor))
        schema_editor.execute(f"{statement} NOT VALID", params=None)


class ValidateCheck(migrations.operations.base.Operation):
    """Looks through the rows there are, beside what goes on, in a migration of its own. Nothing to do on SQLite."""

    reduces_to_sql = True

    def __init__(self, *, model_name: str, name: str) -> None:
        self.model_name = model_name
        self.name = name

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        pass

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if not _is_postgresql(schema_editor):
            return
        model: Any = to_state.apps.get_model(app_label, self.model_name)
        table, name = schema_editor.quote_name(model._meta.db_table), schema_editor.quote_name(self.name)
        schema_editor.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}", params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        pass

    def describe(self) -> str:
        return f"Validate constraint {self.name} on model {self.model_name}"
