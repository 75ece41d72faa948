"""What strangers' servers answer is stored safely, whatever it is."""

import pytest

from booper.content import payloads


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        (b"", None),
        (b'{"a": [1, 2.5, null, true]}', {"a": [1, 2.5, None, True]}),
        (b'"text"', "text"),
        (b"plain", "plain"),
        (b"<html>", "<html>"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"a\x00b", "a\ufffdb"),
        (b'{"a": "\\u0000\\ud800"}', {"a": "\ufffd\ufffd"}),
        (b'{"a\\u0000": 1}', {"a\ufffd": 1}),
        (b'{"smile": "\\ud83d\\ude00"}', {"smile": "\U0001f600"}),
        (b"NaN", "NaN"),
        (b"[1e999]", "[1e999]"),
        (b"[1" + b"0" * 400 + b".0]", "[1" + "0" * 400 + ".0]"),
        (b"[-Infinity]", "[-Infinity]"),
    ],
)
def test_an_answer_is_stored_as_json_or_as_text(body, stored):
    assert payloads.decode(body) == stored


@pytest.mark.parametrize("depth", [101, 5_000, 100_000])
def test_an_answer_nested_too_deep_stays_text(depth):
    body = b"[" * depth + b"]" * depth
    assert payloads.decode(body) == body.decode()


def test_an_answer_nested_a_hundred_deep_is_json():
    body = b"[" * 100 + b"]" * 100
    assert isinstance(payloads.decode(body), list)


def test_a_number_of_ten_thousand_digits_stays_text():
    assert payloads.decode(b"9" * 10_000) == "9" * 10_000


@pytest.mark.parametrize("number", [b"1e308", b"-1E+308", b"2.5e-300"])
def test_numbers_with_exponents_are_json_however_many_they_are(number):
    body = b"[" + b",".join([number] * 20_000) + b"]"
    assert payloads.decode(body) == [float(number)] * 20_000
    assert payloads.encode(payloads.decode(body)) == body


def test_what_is_sent_is_small_and_utf_8():
    assert payloads.encode({"a": "é", "b": [1, None]}) == '{"a":"é","b":[1,null]}'.encode()
