"""The tasks of a Django project, for its backend's tests."""

from typing import Any

from django_tasks import task

made: list[Any] = []


@task(backend="booper")
def greet(name: str, *, times: int = 1) -> dict[str, Any]:
    made.append((name, times))
    return {"greeting": f"Hi {name}!" * times}


@task(backend="booper", takes_context=True)
def count(context: Any) -> int:
    return int(context.attempt)


@task(backend="booper")
def fail() -> None:
    raise LookupError("no such user")


def not_a_task() -> None:
    made.append("must not run")
