"""JSONTestSuite: what has to be read is read and goes out as it came in, and what has to be refused is refused."""

import json
from pathlib import Path

import pytest

from booper.content import exact_json, payloads
from jobs.intake import strict_json
from jobs.intake.refusals import InvalidInput

# JSON by its grammar, but it does not mean one thing to everybody, or no database holds it.
REFUSED_ON_PURPOSE = {
    "y_object_duplicated_key.json",
    "y_object_duplicated_key_and_value.json",
    "y_object_escaped_null_in_key.json",
    "y_string_null_escape.json",
}
MOST_LIKELY = 150


@pytest.fixture(scope="module")
def documents(suites: Path) -> dict[str, bytes]:
    file = suites / "json-test-suite" / "data" / "parsing.js"
    if not file.exists():
        pytest.skip("json-test-suite is not in the folder")
    listed = json.loads(file.read_text().partition("export default ")[2].rstrip().rstrip(";"))
    found = {case["name"]: case["input"].encode("utf-8", "surrogatepass") for case in listed}
    assert len(found) > MOST_LIKELY
    return found


def is_taken(document: bytes) -> bool:
    try:
        strict_json.parse(document)
    except InvalidInput:
        return False
    return True


def test_what_is_json_is_read(documents: dict[str, bytes]) -> None:
    refused = {name for name, document in documents.items() if name.startswith("y_") and not is_taken(document)}
    assert refused == REFUSED_ON_PURPOSE & documents.keys()


def test_what_is_no_json_is_refused(documents: dict[str, bytes]) -> None:
    assert [name for name, document in documents.items() if name.startswith("n_") and is_taken(document)] == []


def test_what_is_no_json_in_an_answer_stays_text(documents: dict[str, bytes]) -> None:
    # An answer of one space is no JSON either, and no text to speak of.
    cases = {name: document.decode("utf-8", "replace") for name, document in documents.items() if name[:2] == "n_"}
    assert [name for name, text in cases.items() if payloads.parsed(text)[0]] == []


def test_numbers_go_out_as_they_came_in(documents: dict[str, bytes]) -> None:
    numbers = {name: text for name, text in documents.items() if name.startswith(("y_number", "i_number"))}
    sent = {name: exact_json.dumps(strict_json.parse(text)) for name, text in numbers.items() if is_taken(text)}
    assert len(sent) > MOST_LIKELY / 10
    assert {name: b"".join(numbers[name].split()) for name in sent} == sent
