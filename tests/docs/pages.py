"""The blocks of code of the README and of docs, and what is said of those that no test here runs."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "clients").glob("*/README.md")),
]
_MARK = r"(?:<!-- (?P<mark>not run|run by)[: ] ?(?P<why>[^\n]+) -->\n)?"
_FENCED = re.compile(
    rf"^{_MARK}(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE
)
# What is quoted stays, and what a comment stands behind.
_COMMENT = re.compile(r"""(?P<kept>'[^']*'|"[^"]*")|(?<!\S)#[^\n]*""")


@dataclass(frozen=True, slots=True)
class Block:
    """`not_run`: why not. `run_by`: the test that does."""

    page: str
    number: int
    language: str
    code: str
    not_run: str | None
    run_by: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.number}"

    @property
    def is_marked(self) -> bool:
        return bool(self.not_run or self.run_by)


def blocks() -> Iterator[Block]:
    for page in PAGES:
        for number, found in enumerate(_FENCED.finditer(page.read_text(encoding="utf-8")), start=1):
            said = {found["mark"]: found["why"]} if found["mark"] else {}
            yield Block(
                page=str(page.relative_to(ROOT)),
                number=number,
                language=found["language"],
                code=found["code"],
                not_run=said.get("not run"),
                run_by=said.get("run by"),
            )


def besides_blocks(page: Path) -> str:
    """What the page has besides them."""
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def commands(block: Block) -> list[list[str]]:
    """The command lines of what is for a shell, in words, each on its own; of a console what follows a prompt."""
    code = block.code.replace("\\\n", " ")
    if block.language == "console":
        typed = [line for line in code.splitlines() if line.startswith("$ ")]
        code = "\n".join(line.removeprefix("$ ") for line in typed)
    return [words for words in _split(_COMMENT.sub(lambda found: found["kept"] or "", code)) if words]


def _split(code: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(code, posix=True, punctuation_chars="|&;<>\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, ""
    words: list[str] = []
    for word in lexer:
        if set(word) <= set("|&;<>\n"):
            yield words
            words = []
        else:
            words.append(word)
    yield words
