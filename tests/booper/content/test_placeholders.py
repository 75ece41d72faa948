"""Dynamic fields: references become values with their types, once; what a target asks to be stored is judged."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booper.content import placeholders
from booper.content.placeholders import Rendered, RenderTooLargeError

JOB = {"id": 73496, "attempt": 1}
PREVIOUS = {
    "sent": [1, 2, 3],
    "items": [{"id": "a"}, {"id": "b"}],
    "ok": True,
    "rate": 0.5,
    "nothing": None,
    "0": "zero",
}
STATE = {"cursor": {"page": 7, "content-type": "x"}, "seen": {}}


def render(
    body: Any = None,
    *,
    query: dict[str, Any] | None = None,
    headers: dict[str, Any] | None = None,
    previous: Any = PREVIOUS,
    state: dict[str, Any] | None = STATE,
    include_metadata: bool = False,
) -> Rendered:
    return placeholders.render(
        body=body,
        query=query,
        headers=headers,
        job=JOB,
        previous=previous,
        state=state,
        include_metadata=include_metadata,
    )


def nested(depth: int, innermost: Any) -> Any:
    value = innermost
    for level in range(depth):
        value = [value] if level % 2 else {"deeper": value}
    return value


def innermost(value: Any) -> Any:
    while isinstance(value, dict | list) and value:
        value = value["deeper"] if isinstance(value, dict) else value[0]
    return value


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("$job.id", 73496),
        ("$job", JOB),
        ("$previous", PREVIOUS),
        ("$previous.sent", [1, 2, 3]),
        ("$previous.sent.0", 1),
        ("$previous.items.1.id", "b"),
        ("$previous.ok", True),
        ("$previous.rate", 0.5),
        ("$previous.nothing", None),
        ("$previous.0", "zero"),
        ("$state", STATE),
        ("$state.cursor.page", 7),
        ("$state.cursor.content-type", "x"),
        ("$state.seen", {}),
    ],
)
def test_a_reference_becomes_its_value_with_the_type_kept(reference: str, value: Any) -> None:
    assert render(reference).body == value
    assert type(render(reference).body) is type(value)
    assert render({"deep": [{"er": reference}]}).body == {"deep": [{"er": value}]}


@pytest.mark.parametrize(
    "reference",
    [
        *("$job.nope", "$previous.nope", "$state.cursor.nope", "$previous.nope.deeper", "$previous.nothing.deeper"),
        *(
            "$previous.sent.3",
            "$previous.sent.-1",
            "$previous.sent.one",
            "$previous.sent.0x",
            "$previous.sent.\u0661",
            "$job.id.deeper",
        ),
        *("$previous.sent.99999999999999999999", "$previous.ok.real", "$previous.items.__class__", "$job.keys"),
        "$state." + "x." * 10_000 + "x",
    ],
    ids=lambda value: value[:30],
)
def test_a_reference_to_nothing_is_null_in_a_body_and_left_out_elsewhere(reference: str) -> None:
    rendered = render([reference], query={"a": reference, "b": "kept"}, headers={"A": reference, "B": "kept"})
    assert rendered == Rendered(body=[None], query={"b": "kept"}, headers={"B": "kept"})


@pytest.mark.parametrize(
    "text",
    [
        *("a $job.id", "$job.id stays", " $job.id", "$job.id ", "$job.id\n", "$job.id$job.id", "$job.id/more"),
        *("$jobs.id", "$JOB.id", "job.id", "$", "$job.", "$job..id", "$.job", "\\$job.id", "${job.id}"),
        *("$job.id,$job.id", "$previous.a b", "$set", "$100", "", "\x00", "\ud800"),
    ],
)
def test_a_string_that_is_not_exactly_a_reference_stays(text: str) -> None:
    assert render([text], query={"q": text}, headers={"H": text}) == Rendered([text], {"q": text}, {"H": text})


@pytest.mark.parametrize(
    ("text", "sent"), [("$$job.id", "$job.id"), ("$$", "$"), ("$$$state", "$$state"), ("$$5 each", "$5 each")]
)
def test_a_string_that_begins_with_two_dollar_signs_loses_one(text: str, sent: str) -> None:
    assert render([text], query={"q": text}, headers={"H": text}) == Rendered([sent], {"q": sent}, {"H": sent})


def test_references_are_replaced_in_query_and_headers_at_any_depth() -> None:
    rendered = render(
        query={"page": "$state.cursor.page", "ids": ["$job.id", "$job.nope", 5], "f": {"x": "$previous.ok"}, "n": None},
        headers={"X-Job": "$job.id", "X-Gone": "$job.nope"},
    )
    assert rendered.query == {"page": 7, "ids": [73496, 5], "f": {"x": True}}
    assert rendered.headers == {"X-Job": 73496}


def test_keys_are_never_references() -> None:
    body = {"$job.id": "$job.id", "$previous": {"$state": 1}}
    assert render(body, query={"$job.id": 1}).body == {"$job.id": 73496, "$previous": {"$state": 1}}
    assert render(query={"$job.id": 1}).query == {"$job.id": 1}


def test_the_three_keys_are_added_to_a_body_that_is_an_object() -> None:
    body = render({"content": "Hi"}, include_metadata=True).body
    assert body == {"content": "Hi", "$job": JOB, "$previous": PREVIOUS, "$state": STATE}


def test_the_three_keys_are_empty_objects_on_the_first_run() -> None:
    body = render({}, previous={}, state=None, include_metadata=True).body
    assert body == {"$job": JOB, "$previous": {}, "$state": {}}
    assert render("$previous", previous={}).body == {}


@pytest.mark.parametrize("answer", [42, "hello", None, True, 0.5, [1]])
def test_previous_is_whatever_json_the_run_before_was_answered_with(answer: Any) -> None:
    body = render({"a": "$previous", "b": "$previous.x"}, previous=answer, include_metadata=True).body
    assert (body["a"], body["b"], body["$previous"]) == (answer, None, answer)


@pytest.mark.parametrize("body", [None, [], ["$job.id"], "text", 5, True])
def test_a_body_that_is_no_object_gets_no_keys(body: Any) -> None:
    rendered = render(body, include_metadata=True).body
    assert rendered == ([73496] if body == ["$job.id"] else body)


def test_the_three_keys_are_left_out_when_that_is_asked_for() -> None:
    assert render({"id": "$job.id"}, include_metadata=False).body == {"id": 73496}


def test_the_clients_own_keys_of_these_names_give_way() -> None:
    assert render({"$job": "mine"}, include_metadata=True).body["$job"] == JOB
    assert render({"$job": "mine"}).body == {"$job": "mine"}


def test_a_body_that_is_a_reference_to_an_object_gets_no_keys() -> None:
    # They would be written into the response before itself.
    previous = {"sent": 1}
    assert render("$previous", previous=previous, include_metadata=True).body == {"sent": 1}
    assert previous == {"sent": 1}


def test_a_response_cannot_smuggle_in_references() -> None:
    hostile = {"text": "$state.secret", "list": ["$state.secret"], "object": {"k": "$job.id"}, "$job": "$state.secret"}
    state = {"secret": "s3cret", "echo": "$previous.text"}
    body = {"a": "$previous.text", "b": "$previous.list", "c": "$previous.object", "d": "$state.echo", "e": "$previous"}
    rendered = render(body, previous=hostile, state=state, query={"q": "$previous.text"}, headers={"H": "$state.echo"})
    assert rendered.body == {
        "a": "$state.secret",
        "b": ["$state.secret"],
        "c": {"k": "$job.id"},
        "d": "$previous.text",
        "e": hostile,
    }
    assert rendered.query == {"q": "$state.secret"}
    assert rendered.headers == {"H": "$previous.text"}


@pytest.mark.parametrize("previous", [[], [{"id": 1}], "text", 5, 0, False, ""])
def test_a_previous_response_may_be_any_json(previous: Any) -> None:
    assert render(["$previous", "$previous.0.id"], previous=previous).body[0] == previous


def test_the_arguments_are_not_changed() -> None:
    body, query, headers = {"a": ["$job.id", {"b": "$state"}]}, {"q": ["$job.id"]}, {"H": "$job.id"}
    before = copy.deepcopy((body, query, headers, JOB, PREVIOUS, STATE))
    render(body, query=query, headers=headers, include_metadata=True)
    assert (body, query, headers, JOB, PREVIOUS, STATE) == before


@pytest.mark.parametrize("depth", [100, 100_000])
def test_depth_is_no_matter(depth: int) -> None:
    body = render(nested(depth, "$job.id"), include_metadata=True).body
    body = body["deeper"] if isinstance(body, dict) else body
    assert innermost(body) == 73496
    # What a target answered may be as deep.
    assert innermost(render(["$previous"], previous=nested(depth, "end")).body) == "end"


@pytest.mark.timeout(10)
def test_a_small_body_cannot_ask_for_gigabytes() -> None:
    state = {"blob": "x" * 65_000}
    with pytest.raises(RenderTooLargeError, match="come to more than 1048576 bytes: use fewer"):
        render(["$state.blob"] * 100_000, state=state)
    with pytest.raises(RenderTooLargeError):
        render(query={"q": ["$state"] * 20}, headers={"H": "$state.blob"}, state=state)
    assert len(render(["$state.blob"] * 16, state=state).body) == 16


def test_a_long_number_counts_by_its_digits() -> None:
    with pytest.raises(RenderTooLargeError):
        render(["$previous"] * 1000, previous=10**4000)


def test_what_a_response_asks_to_be_stored_is_under_set() -> None:
    assert placeholders.extract_set({"$set": {"page": 2}, "other": 1}) == {"page": 2}
    responses: list[Any] = [{"set": {}}, {"$set": None}, {}, [], ["$set"], "$set", None, 5]
    for response in responses:
        assert placeholders.extract_set(response) is None


def test_set_keys_are_merged_into_the_state_and_the_others_kept() -> None:
    state = {"page": 1, "seen": {"a": 1}}
    merged = placeholders.merge_state(state, patch={"page": 2, "seen": {"b": 1}, "new": None})
    assert merged.refusal is None
    assert merged.state == {"page": 2, "seen": {"b": 1}, "new": None}
    assert state == {"page": 1, "seen": {"a": 1}}


def test_two_runs_that_set_different_keys_lose_neither_in_any_order() -> None:
    one, other = {"a": 1}, {"b": 2}
    for first, second in ((one, other), (other, one)):
        state = placeholders.merge_state({}, patch=first).state
        assert placeholders.merge_state(state, patch=second).state == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("patch", "says"),
    [
        ([], "$set must be an object, not a list"),
        ("text", "$set must be an object, not a string"),
        (5, "$set must be an object, not a number"),
        (True, "$set must be an object, not a boolean"),
        (None, "$set must be an object, not null"),
        ({"a": "x\x00"}, "NUL or a lone surrogate"),
        ({"a\x00": 1}, "NUL or a lone surrogate"),
        ({"a": [{"b": "\ud800"}]}, "NUL or a lone surrogate"),
        ({"a": float("nan")}, "has the number nan"),
        ({"a": [float("-inf")]}, "has the number -inf"),
        ({"a": 10**5000}, "more than 4000 digits"),
        ({"x": nested(100, 1)}, "nests deeper than 100"),
        ({"x": nested(100_000, 1)}, "nests deeper than 100"),
        ({"a": "x" * 65_536}, "would have 65553 bytes: 65536 are allowed"),
        ({"a": "\U0001f600" * 20_000}, "would have 80017 bytes"),
        ({str(key): key for key in range(10_000)}, "65536 are allowed"),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, str) else "",
)
def test_a_set_that_cannot_be_stored_is_refused_whole_with_the_reason(patch: Any, says: str) -> None:
    state = {"page": 1}
    merged = placeholders.merge_state(state, patch=patch)
    assert merged.refusal is not None
    assert says in merged.refusal
    assert merged.refusal.isprintable()
    assert merged.state == state


def test_the_limit_is_of_the_whole_state_to_the_byte() -> None:
    state = {"old": "x" * 10}
    room = 64 - len(json.dumps(state | {"new": ""}, separators=(",", ":")))
    assert placeholders.merge_state(state, patch={"new": "y" * room}, limit_bytes=64).refusal is None
    assert placeholders.merge_state(state, patch={"new": "y" * (room + 1)}, limit_bytes=64).refusal is not None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def without_dollars(value: Any) -> bool:
    return "$" not in json.dumps(value)


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(json_values.filter(without_dollars), json_values)
def test_what_has_no_references_comes_out_as_it_went_in(body: Any, previous: Any) -> None:
    assert render(body, previous=previous).body == body


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(st.dictionaries(st.text("abc", min_size=1), json_values, max_size=4), json_values)
def test_a_merged_state_is_storable_json_or_the_old_one(state: dict[str, Any], patch: Any) -> None:
    merged = placeholders.merge_state(state, patch=patch, limit_bytes=200)
    if merged.refusal is not None:
        assert merged.state == state
        return
    text = json.dumps(merged.state, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    assert len(text.encode()) <= 200
    assert json.loads(text) == merged.state == {**state, **patch}
