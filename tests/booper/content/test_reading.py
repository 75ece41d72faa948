"""What comes back is read as it says, and nothing of it is lost."""

import base64
import codecs

import pytest

from booper.content import reading
from booper.content.reading import Reading


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        *((name, "Zoë, 5 €") for name in ("windows-1252", "Windows-1252", "cp1252", "utf-8", "utf-16", "utf-16le")),
        *((name, "Zoë") for name in ("iso-8859-1", "latin1", "ISO_8859-1", "iso-8859-15", "macintosh")),
        *((name, "Привет") for name in ("koi8-r", "windows-1251", "iso-8859-5", "koi8-u", "ibm866")),
        *((name, "日本語") for name in ("shift_jis", "euc-jp", "iso-2022-jp", "x-sjis", "windows-31j")),
        ("euc-kr", "한국어"),
        ("gb18030", "汉语"),
        ("gb2312", "汉语"),
        ("big5", "漢語"),
        ("utf-32", "𝄞"),
        ("us-ascii", "plain"),
    ],
)
def test_text_is_read_by_the_character_set_that_the_header_names(charset, text):
    name = {"x-sjis": "shift_jis", "windows-31j": "cp932"}.get(charset, charset)
    for header in (f"text/plain; charset={charset}", f'text/html;x=y; CharSet = "{charset}"'):
        assert reading.read(text.encode(name), content_type=header) == Reading(text)
        said = f'{{"a": "{text}"}}'
        assert reading.read(said.encode(name), content_type=header) == Reading({"a": text}, is_json=True)


@pytest.mark.parametrize("charset", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_it_where_the_header_does_not_and_is_no_part_of_the_text(charset):
    assert reading.read("Zoë".encode(charset)) == Reading("Zoë")
    assert reading.read('{"$set": {"a": 1}}'.encode(charset)) == Reading({"$set": {"a": 1}}, is_json=True)


def test_a_byte_order_mark_beside_a_header_is_no_part_of_the_text():
    for charset in ("utf-8", "windows-1252"):
        said = reading.read(codecs.BOM_UTF8 + b"{}", content_type=f"application/json; charset={charset}")
        assert said == Reading({}, is_json=True)


def test_a_header_that_is_wrong_gives_way_to_utf_8():
    assert reading.read("Zoë".encode(), content_type="text/plain; charset=us-ascii") == Reading("Zoë")
    assert reading.read("Zoë".encode(), content_type="text/plain; charset=klingon") == Reading("Zoë")


@pytest.mark.parametrize("charset", ["utf-16", "utf-32"])
@pytest.mark.parametrize("body", [b"{}", b"ab\x00c", b"\x00\x00\x00a"])
def test_a_part_of_an_answer_whose_mark_is_missing_is_read_all_the_same(charset, body):
    said = reading.read(body, content_type=f"text/plain; charset={charset}", is_cut=True)
    assert said.is_base64 or said.text is not None


@pytest.mark.parametrize("body", [b"\xff\xd8\xff\xe0JFIF", b"caf\xe9", b"a\x00b", b"\x80"])
def test_bytes_that_are_no_text_come_as_base64_with_a_mark(body):
    said = reading.read(body, content_type="text/plain")
    assert said.is_base64
    assert base64.b64decode(said.value) == body


@pytest.mark.parametrize("name", ["hex", "rot13", "punycode", "idna", "unicode_escape", "utf-7", "zlib", "x" * 50_000])
def test_what_is_no_character_set_is_not_asked_of_python(name):
    assert reading.read(b"+AGE- \\u0061", content_type=f"text/plain; charset={name}") == Reading("+AGE- \\u0061")


@pytest.mark.parametrize("text", ["naïve", "日本", "𝄞𝄞"])
@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "shift_jis", "gb18030"])
def test_a_cut_goes_through_no_character(text, charset):
    if charset == "shift_jis" and text != "日本":
        return
    body = text.encode(charset)
    for length in range(1, len(body)):
        said = reading.read(body[:length], content_type=f"text/plain; charset={charset}", is_cut=True)
        assert not said.is_base64
        assert text.startswith(said.value)


@pytest.mark.parametrize("text", ["42", '"hello"', "1e5", "null", "true", "-0.0"])
def test_a_plain_value_is_json_where_it_is_called_so_or_nothing(text):
    for kind in ("", "application/json", "application/problem+json; charset=utf-8", "text/json"):
        assert reading.read(text.encode(), content_type=kind).is_json
    for kind in ("text/plain", "text/html; charset=utf-8", "application/octet-stream"):
        assert reading.read(text.encode(), content_type=kind) == Reading(text)


def test_an_object_is_json_whatever_it_is_called():
    assert reading.read(b'{"a": [1]}', content_type="text/html") == Reading({"a": [1]}, is_json=True)


def test_nothing_is_neither():
    assert reading.read(b"", content_type="application/json") == Reading(None)
