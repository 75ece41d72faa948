"""A backend for Django's tasks: `task.enqueue(…)` becomes a job, and its request runs the task in the Django project.

For Django 6 (`django.tasks`) and, before it, for the package `django-tasks`. Settings of the project:

    TASKS = {"default": {"BACKEND": "booper.django_tasks.BooperBackend", "OPTIONS": {
        "URL": "https://app.example.com/booper-tasks/",  # where the view below is
        "SIGNING_SECRET": "whsec_…",
    }}}

and in its URLs `path("booper-tasks/", booper.django_tasks.run)`. API_KEY and API_URL are options too, and come from
BOOPER_API_KEY and BOOPER_API_URL; TIMEOUT (seconds) and MAX_ATTEMPTS are those of a job.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import traceback
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.module_loading import import_string
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from booper import webhooks
from booper.client import Json, NotFound, Scheduler
from booper.timing.timestamps import timestamp

if TYPE_CHECKING:
    import django_tasks as tasks
    from django_tasks import exceptions, signals
    from django_tasks.backends.base import BaseTaskBackend
    from django_tasks.base import Task, TaskContext, TaskError, TaskResult, TaskResultStatus
else:
    _PACKAGE = "django.tasks" if importlib.util.find_spec("django.tasks") else "django_tasks"
    tasks = importlib.import_module(_PACKAGE)
    exceptions, signals = (importlib.import_module(f"{_PACKAGE}.{name}") for name in ("exceptions", "signals"))
    BaseTaskBackend = importlib.import_module(f"{_PACKAGE}.backends.base").BaseTaskBackend
    _base = importlib.import_module(f"{_PACKAGE}.base")
    Task, TaskContext, TaskError = _base.Task, _base.TaskContext, _base.TaskError
    TaskResult, TaskResultStatus = _base.TaskResult, _base.TaskResultStatus

_STATUS = {
    "executing": TaskResultStatus.RUNNING,
    "completed": TaskResultStatus.SUCCESSFUL,
    "discarded": TaskResultStatus.FAILED,
    "cancelled": TaskResultStatus.FAILED,
}
_LONGEST_TRACEBACK = 16_384
_LONGEST_NAME = 255


class BooperBackend(BaseTaskBackend):
    """Results are found by the job's number for as long as the server keeps ended jobs."""

    supports_defer = True
    supports_async_task = True
    supports_get_result = True

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        super().__init__(alias, params)
        self.scheduler = Scheduler(self.options.get("API_KEY"), base_url=self.options.get("API_URL"))

    def enqueue(self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> TaskResult[Any]:
        """Makes the job. Raises a BooperError where the server can't be reached or refuses it.

        Inside of a transaction the task may begin before that is committed: `transaction.on_commit` is for that.
        """
        self.validate_task(task)
        body = {"task": task.module_path, "args": list(args), "kwargs": dict(kwargs)}
        job: dict[str, Any] = {
            "url": self.options["URL"],
            "method": "post",
            "body": body,
            "name": task.module_path[:_LONGEST_NAME],
            # So that the call can be repeated when its answer is lost, and makes one job.
            "idempotency_key": f"django-task-{uuid.uuid4()}",
        }
        if task.queue_name != tasks.DEFAULT_TASK_QUEUE_NAME:
            job["queue"] = task.queue_name
        if task.run_after is not None:
            job["scheduled_at"] = timestamp(task.run_after)
        for option in ("TIMEOUT", "MAX_ATTEMPTS"):
            if option in self.options:
                job[option.lower()] = self.options[option]
        result = self._result(task, self.scheduler.jobs.create(job))
        signals.task_enqueued.send(type(self), task_result=result)
        return result

    def get_result(self, result_id: str) -> TaskResult[Any]:
        """Raises TaskResultDoesNotExist for what is not there, or is not a task's."""
        try:
            job = self.scheduler.jobs.get(result_id)
        except NotFound as error:
            raise exceptions.TaskResultDoesNotExist(result_id) from error
        body = (job.get("args") or {}).get("body")
        task = _task_of(body.get("task")) if isinstance(body, dict) else None
        if task is None:
            raise exceptions.TaskResultDoesNotExist(result_id)
        result = self._result(task, job)
        if result.is_finished:
            self._add_outcome(result, job)
        return result

    def _result(self, task: Task[..., Any], job: Mapping[str, Any]) -> TaskResult[Any]:
        own = job["job"]
        body = job["args"]["body"]
        ends = (own.get(f"{state}_at") for state in ("completed", "discarded", "cancelled"))
        return TaskResult(
            task=task,
            id=str(job["job_id"]),
            status=_STATUS.get(own["state"], TaskResultStatus.READY),
            enqueued_at=_moment(job["inserted_at"]),
            started_at=_moment(own.get("attempted_at")),
            last_attempted_at=_moment(own.get("attempted_at")),
            finished_at=_moment(next((end for end in ends if end), None)),
            args=body["args"],
            kwargs=body["kwargs"],
            backend=self.alias,
            errors=[],
            worker_ids=["booper"] * int(job.get("attempt") or 0),
        )

    def _add_outcome(self, result: TaskResult[Any], job: Mapping[str, Any]) -> None:
        """What the view below answered at the last attempt."""
        rows = self.scheduler.logs.list(job_id=job["job_id"], event="worker.http.response", limit=1)
        said = rows[0]["payload"].get("body") if rows else None
        said = said if isinstance(said, dict) else {}
        if result.status == TaskResultStatus.SUCCESSFUL:
            object.__setattr__(result, "_return_value", said.get("return_value"))
            return
        error = job.get("error") or {}
        path = str(said.get("exception_class_path") or "builtins.RuntimeError")
        why = str(said.get("traceback") or f"{error.get('code')}: {error.get('message')}")
        result.errors.append(TaskError(exception_class_path=path, traceback=why))


@csrf_exempt
@require_POST
def run(request: HttpRequest) -> HttpResponse:
    """The view that jobs call: runs the task that is named in a request whose signature is right.

    401 for another signature; 500 with the traceback for a task that raises, which the job's retries follow.
    """
    backends = [tasks.task_backends[alias] for alias in tasks.task_backends]
    secrets = [each.options["SIGNING_SECRET"] for each in backends if isinstance(each, BooperBackend)]
    try:
        asked = webhooks.verify(request.body, request.headers, secrets)
    except (webhooks.InvalidSignature, webhooks.InvalidSecret) as error:
        return JsonResponse({"error": str(error)}, status=401)
    task = _task_of(asked.get("task")) if isinstance(asked, dict) else None
    if task is None:
        return JsonResponse({"error": "no task of Booper's backend has that name here"}, status=500)
    return _outcome_of(task, asked, request)


def _outcome_of(task: Task[..., Any], asked: Json, request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    result: TaskResult[Any] = TaskResult(
        task=task,
        id=request.headers.get("Booper-Job-Id", ""),
        status=TaskResultStatus.RUNNING,
        enqueued_at=None,
        started_at=now,
        last_attempted_at=now,
        finished_at=None,
        args=asked["args"],
        kwargs=asked["kwargs"],
        backend=task.backend,
        errors=[],
        worker_ids=["booper"] * _attempt(request),
    )
    sender = type(task.get_backend())
    signals.task_started.send(sender, task_result=result)
    answer, status = _called(result)
    object.__setattr__(result, "finished_at", timezone.now())
    signals.task_finished.send(sender, task_result=result)
    return JsonResponse(answer, status=status)


def _called(result: TaskResult[Any]) -> tuple[dict[str, Any], int]:
    task, context = result.task, [TaskContext(task_result=result)] if result.task.takes_context else []
    try:
        value = json.loads(json.dumps(task.call(*context, *result.args, **result.kwargs)))
    except Exception as error:
        path = f"{type(error).__module__}.{type(error).__qualname__}"
        why = "".join(traceback.format_exception(error))[-_LONGEST_TRACEBACK:]
        result.errors.append(TaskError(exception_class_path=path, traceback=why))
        object.__setattr__(result, "status", TaskResultStatus.FAILED)
        return {"exception_class_path": path, "traceback": why}, 500
    object.__setattr__(result, "_return_value", value)
    object.__setattr__(result, "status", TaskResultStatus.SUCCESSFUL)
    return {"return_value": value}, 200


def _task_of(path: object) -> Task[..., Any] | None:
    """The task of that name that uses this backend; None if there is none."""
    try:
        task = import_string(str(path))
    except (ImportError, ValueError):
        return None
    is_ours = isinstance(task, Task) and isinstance(task.get_backend(), BooperBackend)
    return task if is_ours else None


def _attempt(request: HttpRequest) -> int:
    text = request.headers.get("Booper-Attempt", "1")
    return int(text) if text.isdecimal() else 1


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
