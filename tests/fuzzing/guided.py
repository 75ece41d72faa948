"""Drives the properties of these tests by what their inputs reach, with atheris, instead of by chance: see bin/fuzz.

A property that takes one text, or bytes, is given the fuzzer's own, which begins with the examples of its file. The
others draw what they take from the fuzzer's bytes by hypothesis.
"""

import argparse
import importlib
import inspect
import os
import sys
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

import atheris
import django

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("tests.fuzzing.test_content", "tests.fuzzing.test_timing", "tests.fuzzing.test_wire")
# All that reads what others write; the rest is not looked into, as it would cost time and guide nobody.
_LOOKED_INTO = ["booper", "jobs", "icalendar", "recurring_ical_events", "dateutil", "cronsim", "encodings"]
_LONGEST_INPUT = 4096
# An input that takes longer is a fault by itself.
_SECONDS_OF_ONE = 10
_MEGABYTES = 2048

Property = Callable[..., Any]


def properties(module: ModuleType) -> dict[str, Property]:
    """Those of a file, by their names without `test_`."""
    found = {name.removeprefix("test_"): value for name, value in vars(module).items() if hasattr(value, "hypothesis")}
    return {name: value for name, value in found.items() if inspect.isfunction(value)}


def is_raw(tested: Property) -> type | None:
    """What the one argument of a property is, if that is text or bytes."""
    wanted = list(inspect.signature(tested.hypothesis.inner_test).parameters.values())  # type: ignore[attr-defined]
    return wanted[0].annotation if len(wanted) == 1 and wanted[0].annotation in (str, bytes) else None


def driver(tested: Property) -> Callable[[bytes], object]:
    """What takes one input of the fuzzer's."""
    kind, inner = is_raw(tested), tested.hypothesis.inner_test  # type: ignore[attr-defined]
    if kind is bytes:
        return inner  # type: ignore[no-any-return]
    if kind is str:
        return lambda data: inner(data.decode("utf-8", "surrogateescape"))
    one_input: Callable[[bytes], object] = tested.hypothesis.fuzz_one_input  # type: ignore[attr-defined]
    return one_input


def examples(module: ModuleType) -> set[bytes]:
    """All that stands in the lists of a file."""
    lists = [value for name, value in vars(module).items() if name.isupper() and isinstance(value, list)]
    texts = [item for values in lists for item in values if isinstance(item, str | bytes)]
    return {text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass") for text in texts}


def main() -> None:
    asked = _arguments()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    with tempfile.TemporaryDirectory() as data_dir:
        os.environ.setdefault("BOOPER_DATA_DIR", data_dir)
        with atheris.instrument_imports(include=[*_LOOKED_INTO, *asked.of], enable_loader_override=False):
            django.setup()
            modules = [importlib.import_module(name) for name in asked.of]
        known = {name: module for module in modules for name in properties(module)}
        if asked.name is None:
            sys.stdout.write("\n".join(known) + "\n")
            return
        names = [name for name in known if name == asked.name] or [
            name for name in known if name.startswith(asked.name)
        ]
        if len(names) != 1:
            sys.exit(f"{asked.name!r} is no property, or the beginning of several: " + ", ".join(names or known))
        _fuzz(names[0], known[names[0]], seconds=asked.seconds, folder=asked.folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/fuzz", description="Fuzzes one property of tests/fuzzing.")
    parser.add_argument("name", nargs="?", help="the property, or how its name begins; without it they are listed")
    parser.add_argument("--seconds", type=int, default=120, help="how long (default: 120)")
    parser.add_argument("--folder", type=Path, default=ROOT / ".fuzz", help="where inputs are kept (default: .fuzz)")
    parser.add_argument("--of", nargs="+", default=MODULES, metavar="MODULE", help="where properties are looked for")
    return parser.parse_args()


def _fuzz(name: str, module: ModuleType, *, seconds: int, folder: Path) -> None:
    """Never returns: the fuzzer ends the process, with 0 if it has found nothing."""
    tested = properties(module)[name]
    corpus, found = folder / name, folder / "found"
    for each in (corpus, found):
        each.mkdir(parents=True, exist_ok=True)
    if is_raw(tested):
        for text in examples(module):
            (corpus / sha256(text).hexdigest()).write_bytes(text)
    options = {
        "max_total_time": seconds,
        "max_len": _LONGEST_INPUT,
        "timeout": _SECONDS_OF_ONE,
        "rss_limit_mb": _MEGABYTES,
    }
    words = [f"-{option}={value}" for option, value in options.items()]
    atheris.Setup([sys.argv[0], *words, f"-artifact_prefix={found}/{name}-", str(corpus)], driver(tested))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
