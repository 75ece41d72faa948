"""An error of the database is waited out, one of the data is not."""

import pytest
from django.db import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from psycopg import errors

from jobs.database import faults


def _raised(kind: type[Exception], cause: Exception | None = None) -> Exception:
    error = kind("it did not work")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        _raised(OperationalError),
        _raised(InterfaceError),
        _raised(InternalError),
        _raised(DatabaseError),
        _raised(NotSupportedError),
        _raised(Error),
        _raised(InternalError, errors.ReadOnlySqlTransaction()),
        _raised(InternalError, errors.IdleInTransactionSessionTimeout()),
        _raised(OperationalError, errors.DiskFull()),
        _raised(OperationalError, errors.TooManyConnections()),
        _raised(OperationalError, errors.AdminShutdown()),
        _raised(OperationalError, errors.QueryCanceled()),
        _raised(ProgrammingError, errors.UndefinedTable()),
        _raised(ProgrammingError, errors.InsufficientPrivilege()),
    ],
)
def test_whatever_a_database_answers_is_its_own_fault(error: Exception) -> None:
    assert faults.is_of_the_database(error)


@pytest.mark.parametrize(
    "error",
    [
        _raised(DataError),
        _raised(IntegrityError),
        _raised(DataError, errors.NumericValueOutOfRange()),
        _raised(OperationalError, errors.ProgramLimitExceeded()),
        _raised(ProgrammingError),
        ValueError("no database takes this"),
    ],
)
def test_what_no_database_takes_is_the_fault_of_the_data(error: Exception) -> None:
    assert not faults.is_of_the_database(error)
