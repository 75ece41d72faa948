"""Whose fault an error of the database is: that of what was sent, or the database's own, which is waited out."""

from django.db import DataError, Error, IntegrityError, ProgrammingError

# SQLSTATE classes: a value that does not fit, a constraint, a limit that one row exceeds.
_OF_THE_DATA = ("22", "23", "54")


def is_of_the_database(error: BaseException) -> bool:
    """Whether the same statement may work later: the database is away, read-only, full, locked, not migrated yet.

    What a database may answer is unknown, so that every error counts which does not speak of the values it was sent.
    """
    if not isinstance(error, Error) or isinstance(error, DataError | IntegrityError):
        return False
    sqlstate = getattr(error.__cause__, "sqlstate", None)
    if sqlstate is not None:
        return not str(sqlstate).startswith(_OF_THE_DATA)
    # Without a SQLSTATE it comes from the driver: a value that it can't write down is ours.
    return not isinstance(error, ProgrammingError)
