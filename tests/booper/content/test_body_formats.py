"""Bodies as forms, text and bytes."""

from typing import Any

import pytest

from booper.content import body_formats, exact_json


@pytest.mark.parametrize(
    ("body", "form"),
    [
        ({"a": {"b": {"c": ["x", "y"]}}}, b"a%5Bb%5D%5Bc%5D%5B%5D=x&a%5Bb%5D%5Bc%5D%5B%5D=y"),
        ({"yes": True, "no": False, "none": None, "n": 1}, b"yes=true&no=false&n=1"),
        ({"text": "a b&c=ä"}, b"text=a+b%26c%3D%C3%A4"),
        ({"rows": [{"id": 1, "q": 2}, {"id": 3}]}, b"rows%5B0%5D%5Bid%5D=1&rows%5B0%5D%5Bq%5D=2&rows%5B1%5D%5Bid%5D=3"),
        ({"empty": [], "hollow": {}}, b""),
    ],
)
def test_an_object_is_sent_as_a_form(body: Any, form: bytes) -> None:
    assert body_formats.problem(body, "form") is None
    assert body_formats.encode(body, "form") == form


def test_numbers_of_a_form_are_sent_as_they_were_written() -> None:
    body = exact_json.loads('{"big": 1e16, "digits": 0.1234567890123456789, "zero": -0.0}')
    assert body_formats.encode(body, "form") == b"big=1e16&digits=0.1234567890123456789&zero=-0.0"


def test_an_object_that_nests_a_thousand_deep_is_no_trouble() -> None:
    body: Any = "x"
    for _ in range(1000):
        body = {"a": body}
    assert body_formats.encode(body, "form").endswith(b"=x")


def test_text_and_bytes_are_sent_as_they_are() -> None:
    assert body_formats.encode("Grüße $state", "text") == "Grüße $state".encode()
    assert body_formats.encode("AP/+", "base64") == b"\x00\xff\xfe"
    assert body_formats.encode({"a": 1}, "json") == b'{"a":1}'


@pytest.mark.parametrize(
    ("body", "body_format"),
    [
        ([1], "form"),
        ("a=1", "form"),
        (5, "text"),
        ({"a": 1}, "text"),
        ("a", "base64"),
        ("AP/+\n", "base64"),
        (1, "base64"),
    ],
)
def test_a_body_that_does_not_fit_its_format_is_told(body: Any, body_format: str) -> None:
    assert body_formats.problem(body, body_format) is not None


@pytest.mark.parametrize("body_format", body_formats.FORMATS)
def test_no_body_fits_every_format(body_format: str) -> None:
    assert body_formats.problem(None, body_format) is None
