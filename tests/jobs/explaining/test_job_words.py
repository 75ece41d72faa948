"""Small decisions of the admin, by tables: durations in words, what names a secret, what was typed into a search."""

from datetime import timedelta
from uuid import UUID

import pytest

from jobs.admin.kit import markup, search
from jobs.admin.kit.search import Term, TermKind
from jobs.explaining import job_words

ID = UUID("01a20bbe-73a9-7244-b2fa-53bada2bf86d")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (0.04, "0 s"),
        (0.36, "0.4 s"),
        (9.94, "9.9 s"),
        (12.2, "12 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (3605, "1 h"),
        (86_400 + 7200 + 61, "1 day 2 h"),
        (20 * 86_400, "20 days"),
        (-90, "1 min 30 s"),
    ],
)
def test_a_span_is_told_in_two_units_at_most(seconds: float, shown: str) -> None:
    assert job_words.span(timedelta(seconds=seconds)) == shown


@pytest.mark.parametrize(
    ("typed", "term"),
    [
        ("", None),
        ("   ", None),
        ("42", Term(TermKind.NUMBER, 42)),
        ("#42", Term(TermKind.NUMBER, 42)),
        (" 42 ", Term(TermKind.NUMBER, 42)),
        (str(ID), Term(TermKind.UUID, ID)),
        (ID.hex, Term(TermKind.UUID, ID)),
        ("Ada@", Term(TermKind.EMAIL, "ada@")),
        ("https://a.example/@ada", Term(TermKind.TEXT, "https://a.example/@ada")),
        ("ada @ home", Term(TermKind.TEXT, "ada @ home")),
        ("99999999999999999999", Term(TermKind.TEXT, "99999999999999999999")),
        ("٤٢", Term(TermKind.TEXT, "٤٢")),
    ],
)
def test_what_was_typed_is_read_as_what_it_looks_like(typed: str, term: Term | None) -> None:
    assert search.read(typed) == term


def test_text_is_escaped_cut_and_kept_whole_in_its_title() -> None:
    assert markup.text("<b>") == "<bdi>&lt;b&gt;</bdi>"
    assert markup.text("a" * 9, limit=5) == '<bdi title="aaaaaaaaa">aaaa…</bdi>'
    assert markup.text("a" * 5, limit=5) == "<bdi>aaaaa</bdi>"
    assert markup.text(None) == markup.text("") == markup.NOTHING
