"""argparse as this command uses it: nouns, verbs, lists and their filters."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from booper.cli.columns import Columns
from booper.cli.exits import USAGE, Misuse
from booper.cli.output import Render
from booper.client import Scheduler
from booper.timing import suggestions

Handler = Callable[[Scheduler, argparse.Namespace], Any]
_PAGE_FILTERS = {
    "limit": "rows in the page: 10, at most 100",
    "offset": "rows to skip",
    "order_by": "a field and asc or desc, as in inserted_at,asc; newest first by default",
}


class Parser(argparse.ArgumentParser):
    """argparse that reports a mistake in one line, with what may have been meant.

    It takes no abbreviation, which a later option could break.
    """

    usual_verb: str | None = None
    """What a noun without a verb stands for."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **settings})

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}; see '{self.prog} --help'\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        found, unknown = super().parse_known_args(self._with_verb(args), namespace)
        for each in unknown:
            option = each.partition("=")[0]
            near = suggestions.nearest(option, self._option_string_actions) if option.startswith("-") else None
            if near is not None:
                self.error(f"there is no option {option}: did you mean {near}?")
        return found, unknown

    def _with_verb(self, args: Sequence[str]) -> Sequence[str]:
        if self.usual_verb is None or {"-h", "--help"} & set(args):
            return args
        if args and not args[0].startswith("-"):
            return args
        verbs = {name for action in self._actions for name in (action.choices or ()) if action.dest == "command"}
        return args if verbs & set(args) else [self.usual_verb, *args]

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Raises ArgumentError, which argparse turns into a call of `error`."""
        if action.choices is None or value in action.choices:
            return
        known = [str(choice) for choice in action.choices]
        near = suggestions.nearest(str(value), known)
        what = "command" if action.dest == "command" else "choice"
        hint = f"did you mean {near}?" if near else f"use one of {', '.join(known)}"
        shown = None if what == "command" else action
        raise argparse.ArgumentError(shown, f"there is no {what} {value!r}: {hint}")


class Group:
    """The verbs of one noun: `booper jobs …`, or of none."""

    def __init__(self, parser: Parser, *, common: Parser) -> None:
        self._common = common
        self._parser = parser
        self._verbs = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)

    def noun(self, name: str, *, about: str) -> Group:
        parser = self._verbs.add_parser(name, help=about, description=about, parents=[self._common])
        return Group(parser, common=self._common)

    def verb(
        self,
        name: str,
        handler: Handler,
        *,
        about: str,
        columns: Columns | None = None,
        render: Render | None = None,
        shows_itself: bool = False,
        aliases: Sequence[str] = (),
    ) -> Parser:
        """One command. One that `shows_itself` has printed all that there is to when its handler returns."""
        parser: Parser = self._verbs.add_parser(
            name, help=about, description=about, parents=[self._common], aliases=aliases
        )
        parser.set_defaults(
            handler=handler,
            columns=columns,
            render=render,
            shows_itself=shows_itself,
            needs_no_profile=False,
            may_be_refused_in_part=False,
        )
        return parser

    def verb_on_id(
        self, name: str, handler: Handler, *, about: str, metavar: str = "ID", what: str | None = None, **settings: Any
    ) -> Parser:
        """A command on one row; `what` says what to call it by."""
        parser = self.verb(name, handler, about=about, **settings)
        parser.add_argument("id", metavar=metavar, help=what)
        return parser

    def on_many(self, name: str, call: Callable[[Scheduler], Any], *, about: str, filters: Mapping[str, str]) -> None:
        """A verb on all that the list's filters would list; `call` gives what the client calls it."""

        def handler(scheduler: Scheduler, args: argparse.Namespace) -> Any:
            given = filters_of(args)
            if not (args.all or any(value is not None for value in given.values())):
                raise Misuse("filters: none given; --name 'daily report' takes what has that name, --all everything")
            return call(scheduler)(all=args.all, dry_run=args.dry_run, **given)

        parser = self.verb(name, handler, about=about)
        parser.add_argument("--all", action="store_true", help="everything, if there is no filter")
        parser.add_argument("--dry-run", action="store_true", help="only say how many match")
        add_filters(parser, filters)

    def listing(self, handler: Handler, *, about: str, columns: Columns | None, filters: Mapping[str, str]) -> None:
        self._parser.usual_verb = "list"
        parser = self.verb("list", handler, about=about, columns=columns)
        offered = {**filters, **_PAGE_FILTERS}
        add_filters(parser, offered)


def add_filters(parser: Parser, offered: Mapping[str, str]) -> None:
    parser.set_defaults(filters=tuple(offered))
    for name, meaning in offered.items():
        parser.add_argument(flag_of(name), metavar=name.rpartition("_")[2].upper(), help=meaning)


def filters_of(args: argparse.Namespace) -> dict[str, str | None]:
    return {name: getattr(args, name) for name in args.filters}


def flag_of(name: str) -> str:
    return "--" + name.replace("_", "-")
