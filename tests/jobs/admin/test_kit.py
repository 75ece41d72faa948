"""Small decisions of the admin, by tables: what was typed into a search, and how text is shown."""

from uuid import UUID

import pytest

from jobs.admin.kit import markup, search
from jobs.admin.kit.search import Term, TermKind

ID = UUID("01a20bbe-73a9-7244-b2fa-53bada2bf86d")


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
