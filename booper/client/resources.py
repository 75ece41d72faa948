"""What the nouns of the API have in common: a path, a list, one by its id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar, cast

from booper.client.answers import as_object, as_objects
from booper.client.errors import InvalidCall
from booper.client.shapes import Filter, Id, Rows
from booper.client.spelling import quoted
from booper.client.transport import Transport

PAGE_SIZE = 100
"""The most rows the API gives in one page."""


Row = TypeVar("Row")


class Resource(Generic[Row]):
    """The calls under one path of the API, most of which answer a Row."""

    path: str

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _one(self, method: str, path: str, **call: Any) -> Row:
        """The row that a call answers; takes what the transport's takes."""
        return cast("Row", as_object(self._transport.call(method, path, **call)))

    def _get(self, identity: Id, *more: str) -> Row:
        return self._one("GET", self._path_of(identity, *more), is_repeatable=True)

    def _post(self, identity: Id, verb: str, *, query: Mapping[str, Filter] | None = None) -> Row:
        return self._one("POST", self._path_of(identity, verb), query=query)

    def _delete(self, identity: Id) -> Row:
        return self._one("DELETE", self._path_of(identity), is_repeatable=True)

    def _made(self, path: str, **fields: Any) -> Any:
        """The object that a POST of the fields that are given made."""
        body = {name: each for name, each in fields.items() if each is not None}
        return as_object(self._transport.call("POST", path, body=body))

    def _many(self, verb: str, filters: Mapping[str, Filter], *, all: bool | None, dry_run: bool | None) -> Any:
        """Raises InvalidCall without a filter, unless `all` is meant: a slip is not to reach everything."""
        if not all and not any(value is not None for value in filters.values()):
            raise InvalidCall("filters: none given; name='daily report' takes what has that name, all=True everything")
        query = {**filters, "all": all or None, "dry_run": dry_run or None}
        return as_object(self._transport.call("POST", f"{self.path}/{verb}", query=query))

    def _path_of(self, identity: Id, *more: str) -> str:
        text = str(identity)
        if text.strip() in {"", ".", ".."}:  # each would name another resource than the one meant
            raise InvalidCall(f"id: {text!r} names nothing, use the one the API gave")
        return "/".join([self.path, quoted(text), *more])


class Listed(Resource[Row]):
    def list(self, **filters: Filter) -> Rows[Row]:
        """One page, newest first: `limit` (10, at most 100), `offset`, `order_by`, and the list's own filters."""
        rows = as_objects(self._transport.call("GET", self.path, query=filters, is_repeatable=True))
        return cast("Rows[Row]", rows)

    def iterate(self, *, page_size: int = PAGE_SIZE, **filters: Filter) -> Iterator[Row]:
        """Every row, page after page, as it is consumed; an `offset` says where to begin.

        Each page goes on after the last row of the one before, whatever arrives or leaves meanwhile: no row is given
        twice and none is passed over, and the last page takes no longer than the first.
        """
        cursor: str | None = ""
        while cursor is not None:
            rows, cursor = self._transport.page(self.path, query={**filters, "limit": page_size, "cursor": cursor})
            yield from cast("Rows[Row]", as_objects(rows))
            filters.pop("offset", None)


class Readable(Listed[Row]):
    def get(self, id: Id) -> Row:
        """One, by its id."""
        return self._get(id)
