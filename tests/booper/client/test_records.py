"""The types of what is answered are those of the OpenAPI document, and each call says which one it answers."""

import inspect
import re
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest
from django.test import Client
from pytest_django import DjangoDbBlocker

from booper.client import AsyncScheduler, Scheduler, awaited_calls, records
from booper.client.inputs import JobInput
from booper.client.resources import Resource
from jobs.api.schema.components import whole
from jobs.api.schema.components.shapes import Schema
from tests.booper.client import test_client, test_guarding
from tests.booper.client.uses import Use
from tests.fake_api import API_KEY

# The document has these where they stand, without a name.
_INLINE = {
    "JobStatus": ("Job", "job"),
    "RefusedJob": ("BatchItem", 1),
    "Reason": ("Timeline", "reason"),
    "TimelineEntry": ("Timeline", "entries"),
    "PreviewedRequest": ("Preview", "request"),
    "DeliveryError": ("Delivery", "error"),
    "Rate": ("Queue", "rate"),
    "SigningSecretInForce": ("SigningSecret", "in_force"),
    "SecretUses": ("Secret", "used_by"),
}
_PLAIN = {"string": str, "integer": int, "number": float, "boolean": bool}

RECORDS = {name: each for name, each in vars(records).items() if is_typeddict(each)}


def schema_of(name: str) -> Schema:
    if name not in _INLINE:
        return resolved(whole.SCHEMAS[name])
    parent, place = _INLINE[name]
    within = whole.SCHEMAS[parent]
    return resolved(within["anyOf"][place] if isinstance(place, int) else within["properties"][place])


def resolved(schema: Schema) -> Schema:
    """The schema itself, of a list that of its items."""
    if "$ref" in schema:
        return whole.SCHEMAS[schema["$ref"].rpartition("/")[2]]
    return resolved(schema["items"]) if schema.get("type") == "array" else schema


def agrees(annotation: Any, schema: Schema) -> bool:
    """Whether a type takes what the schema describes, and nothing of another kind."""
    options = get_args(annotation) if get_origin(annotation) in {Union, types.UnionType} else (annotation,)
    if schema.get("nullable") and annotation is not Any and type(None) not in options:
        return False
    if not schema.get("nullable") and type(None) in options:
        return False
    [*kinds] = [option for option in options if option is not type(None)]
    kind = kinds[0]
    if is_typeddict(kind):
        return without_words(schema_of(kind.__name__)) == without_words(resolved(schema))
    if get_origin(kind) is Literal:
        return set(get_args(kind)) == set(schema.get("enum", ()))
    return len(kinds) > 1 or takes(kind, schema)


def without_words(schema: Schema) -> Schema:
    return {name: each for name, each in schema.items() if name not in {"description", "nullable"}}


def takes(kind: Any, schema: Schema) -> bool:
    if kind is Any:
        return True
    if get_origin(kind) is list:
        return schema.get("type") == "array" and agrees(get_args(kind)[0], schema["items"])
    if get_origin(kind) is dict:
        return schema.get("type") == "object" or "anyOf" in schema
    return _PLAIN.get(schema.get("type", "")) is kind


@pytest.mark.parametrize("name", RECORDS)
def test_a_type_has_the_fields_of_the_document_and_their_types(name: str) -> None:
    schema, hints = schema_of(name), get_type_hints(RECORDS[name])
    assert set(hints) == set(schema["properties"])
    assert RECORDS[name].__required_keys__ == set(schema["required"])
    wrong = [field for field, hint in hints.items() if not agrees(hint, schema["properties"][field])]
    assert wrong == []


def test_the_type_of_what_is_sent_for_a_job_has_all_that_a_job_may_say() -> None:
    assert set(get_type_hints(JobInput)) == set(whole.SCHEMAS["JobInput"]["properties"])


def test_what_a_type_says_is_compared_indeed() -> None:
    assert not agrees(str, {"type": "integer"})
    assert not agrees(str, {"type": "string", "nullable": True})
    assert not agrees(str | None, {"type": "string"})
    assert not agrees(list[str], {"type": "array", "items": {"type": "integer"}})
    assert not agrees(records.Scope, {"type": "string", "enum": ["read", "write"]})
    assert not agrees(records.JobError, whole.SCHEMAS["Job"])


@pytest.fixture(scope="module")
def paths(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Mapping[str, Any]:
    """The calls of the OpenAPI document."""
    with django_db_blocker.unblock():
        found: Mapping[str, Any] = Client().get("/api/openapi.json").json()["paths"]
    return found


NOUNS = {name: each for name, each in vars(Scheduler(API_KEY)).items() if not name.startswith("_")}


def row_of(noun: type[Resource[Any]]) -> str:
    bases = [base for each in noun.__mro__ for base in getattr(each, "__orig_bases__", ())]
    rows = [get_args(base)[0] for base in bases if get_args(base)]
    return next(str(row.__name__) for row in rows if is_typeddict(row))


def calls_of(noun: Any) -> dict[str, Any]:
    return {name: each for name, each in vars_of(noun).items() if not name.startswith("_") and callable(each)}


def vars_of(noun: Any) -> dict[str, Any]:
    return {name: getattr(noun, name) for name in dir(noun)}


@pytest.mark.parametrize("name", NOUNS)
def test_the_calls_for_asyncio_are_the_same_to_be_awaited(name: str) -> None:
    noun = type(NOUNS[name])
    awaited = getattr(awaited_calls, f"Async{noun.__name__}")
    calls = calls_of(noun)
    assert {each for each in vars(awaited) if not each.startswith("_")} == set(calls)
    for call, method in calls.items():
        other = getattr(awaited, call)
        assert inspect.iscoroutinefunction(other) == (call != "iterate")
        ours, theirs = inspect.signature(method), inspect.signature(other)
        assert ours.parameters == theirs.parameters
        answered = re.sub(r"\bRow\b", row_of(noun), ours.return_annotation)
        assert theirs.return_annotation == (f"Async{answered}" if call == "iterate" else answered)


def test_the_client_for_asyncio_says_so_of_each_noun() -> None:
    said = inspect.getsource(AsyncScheduler.__init__)
    for name, noun in NOUNS.items():
        assert f'self.{name} = cast("Async{type(noun).__name__}", Awaited(scheduler.{name}, self._run))' in said


def answered_by(scheduler: Scheduler, use: Use) -> str:
    """The type that a use of the client is said to be of."""
    said: list[str] = []

    class Noting:
        """A noun that notes what the call says it answers, and makes it."""

        def __init__(self, noun: Any) -> None:
            self._noun = noun

        def __getattr__(self, name: str) -> Any:
            method = getattr(type(self._noun), name)
            answered = inspect.signature(method).return_annotation
            said.append(re.sub(r"\bRow\b", row_of(type(self._noun)), answered))
            return getattr(self._noun, name)

    noting = types.SimpleNamespace(**{name: Noting(getattr(scheduler, name)) for name in NOUNS})
    noting.preview = scheduler.preview
    use(noting)  # type: ignore[arg-type]  # it does for what is used of it
    return said[0] if said else "Preview"


USES = [(call[0], call[1], call[2]) for call in (*test_client.CALLS, *test_guarding.CALLS)]


@pytest.mark.parametrize(("use", "method", "path"), USES, ids=[f"{use[1]} {use[2]}" for use in USES])
def test_a_call_answers_what_the_document_says_of_it(
    scheduler: Scheduler, paths: Mapping[str, Any], use: Use, method: str, path: str
) -> None:
    said = answered_by(scheduler, use)
    named = re.sub(r"^(?:Rows|Iterator)\[(.*)\]$", r"\1", said)
    answers = operation_of(paths, method, path)["responses"]
    schemas = [
        answer["content"]["application/json"]["schema"]["properties"]["data"]
        for status, answer in answers.items()
        if status.startswith("2")
    ]
    found = {str(names_in(schema)) for schema in schemas}
    wanted = {"BackfilledRun": {"Run", "Job"}}.get(named, {named})
    assert found == wanted
    assert (schemas[0].get("type") == "array") == said.startswith(("Rows", "Iterator"))


def names_in(schema: Schema) -> str:
    return str((schema.get("items") or schema)["$ref"].rpartition("/")[2])


def operation_of(paths: Mapping[str, Any], method: str, path: str) -> Any:
    """The operation whose path it is: the one with the fewest parameters in it."""
    fitting = [each for each in paths if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", each), path)]
    fitting = [each for each in fitting if method.lower() in paths[each]]
    return paths[min(fitting, key=lambda each: each.count("{"))][method.lower()]
