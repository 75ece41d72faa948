"""The bytes of an answer become JSON, text or base64, by what its header says, and nothing is lost on the way."""

import base64
import codecs
import re
from dataclasses import dataclass, field
from encodings.aliases import aliases
from typing import Any

from booper.content import payloads

# The Encoding standard's, and some beside. Others that Python has are not character sets, or take their time.
_CHARSETS = {
    *("ascii", "latin_1", "utf_8", "utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le"),
    *(f"iso8859_{number}" for number in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)),
    *(f"cp{number}" for number in (437, 850, 852, 866, 874, 932, 949, 950, *range(1250, 1259))),
    *("koi8_r", "koi8_u", "mac_roman", "mac_cyrillic", "tis_620"),
    *("shift_jis", "euc_jp", "iso2022_jp", "euc_kr", "iso2022_kr", "gb2312", "gbk", "gb18030", "big5", "big5hkscs"),
}
# What is called so is written with the characters of its successor.
_SUCCESSORS = {"shift_jis": "cp932", "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949", "big5": "big5hkscs"}
_BOMS = (
    (codecs.BOM_UTF8, "utf_8"),
    (codecs.BOM_UTF32_LE, "utf_32_le"),
    (codecs.BOM_UTF32_BE, "utf_32_be"),
    (codecs.BOM_UTF16_LE, "utf_16_le"),
    (codecs.BOM_UTF16_BE, "utf_16_be"),
)
_BOM_STARTS = {mark[0] for mark, _ in _BOMS}
_MORE_NAMES = {"x_sjis": "shift_jis", "windows_31j": "cp932", "iso_8859_8_i": "iso8859_8", "x_gbk": "gbk"}
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([\w.:+-]{1,40})", re.IGNORECASE | re.ASCII)
_LONGEST_TYPE = 256
_JSON_SPACE = " \t\n\r"
# Of objects and lists.
_OPENINGS = ("{", "[")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a body says. `value` is None for an empty one, and text where it is no JSON."""

    value: Any
    is_json: bool = False
    is_base64: bool = False
    """The bytes are not text: `value` has them in base64."""
    text: str | None = field(default=None, compare=False, repr=False)
    """All of it, where it is text."""


def read(body: bytes, *, content_type: str = "", is_cut: bool = False) -> Reading:
    """`body` as its `content_type` says; of one that is cut, without the character that the cut went through.

    JSON is told by itself, whatever it is called; but a number, a string, true, false and null are JSON only where
    they are called so, or nothing at all: of a text, `1e5` is three characters.
    """
    if not body:
        return Reading(None)
    text = _text(body, content_type=content_type[:_LONGEST_TYPE], is_cut=is_cut)
    if text is None:
        return in_base64(body)
    # What is no JSON is costly to try, and most that is not does not look like it either.
    if text.lstrip(_JSON_SPACE)[:1] in _OPENINGS or _may_be_json(content_type):
        found, value = payloads.parsed(text)
        if found:
            return Reading(value, is_json=True, text=text)
    return Reading(text, text=text)


def in_base64(body: bytes) -> Reading:
    return Reading(base64.b64encode(body).decode(), is_base64=True)


def _text(body: bytes, *, content_type: str, is_cut: bool) -> str | None:
    """Gives a body's text; None if it is not text by its header, its byte order mark or UTF-8."""
    if not is_cut and ";" not in content_type and body[0] not in _BOM_STARTS:
        return _in_utf_8(body)
    said, marked = _charset(content_type), _of_bom(body) if body[0] in _BOM_STARTS else None
    # Nothing else begins with the mark of UTF-8.
    order = (marked, said) if marked == "utf_8" else (said, marked)
    tries = [charset for charset in (*order, "utf_8") if charset is not None]
    for charset in dict.fromkeys(tries):
        try:
            text = _decoded(body, charset, is_cut=is_cut)
        except UnicodeError:
            # Not each codec says what it can't read by UnicodeDecodeError: that of UTF-16 misses its mark by this one.
            continue
        # No database keeps these, and no text has them.
        if payloads.UNSTORABLE.search(text) is None:
            return text
    return None


def _in_utf_8(body: bytes) -> str | None:
    """What nearly all answers are: nothing else is said, and nothing marks it as anything else."""
    try:
        text = body.decode()
    except UnicodeError:
        return None
    return text if payloads.UNSTORABLE.search(text) is None else None


def _decoded(body: bytes, charset: str, *, is_cut: bool) -> str:
    """Raises UnicodeError."""
    if is_cut:
        return codecs.getincrementaldecoder(charset)().decode(body, False).removeprefix("\ufeff")
    return body.decode(charset).removeprefix("\ufeff")


def _charset(content_type: str) -> str | None:
    """Python's name of the character set that the header names, if it is one."""
    found = _CHARSET.search(content_type) if ";" in content_type else None
    if found is None:
        return None
    # Not asked of codecs.lookup, which keeps whatever name it is asked for.
    name = re.sub(r"[^a-z0-9]", "_", found[1].lower())
    name = _MORE_NAMES.get(name) or aliases.get(name, name)
    return _SUCCESSORS.get(name, name) if name in _CHARSETS else None


def _of_bom(body: bytes) -> str | None:
    return next((charset for mark, charset in _BOMS if body.startswith(mark)), None)


def _may_be_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return not kind or kind.endswith(("/json", "+json"))
