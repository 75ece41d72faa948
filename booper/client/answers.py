"""An answer of the server, read: its JSON, or the error it stands for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from booper.client.errors import ERROR_OF_STATUS, APIError, ServerError
from booper.client.settings import API_URL_VARIABLE
from booper.client.shapes import Json, JsonList


@dataclass(frozen=True, slots=True)
class Answer:
    """What is read of a response, which would hold its connection open for as long as an error is kept with it."""

    url: str
    status: int
    reason: str
    headers: Mapping[str, str]
    content: bytes
    is_redirect: bool

    @classmethod
    def of(cls, response: requests.Response) -> Answer:
        return cls(
            url=response.url,
            status=response.status_code,
            reason=response.reason or "",
            headers=response.headers,
            content=response.content,
            is_redirect=response.is_redirect,
        )


def checked(answer: Answer) -> Json | None:
    """The JSON of an answer, None for an empty one. Raises the APIError of any status but 2xx."""
    body = _json_or_none(answer)
    if not 200 <= answer.status < 300:
        raise _api_error(answer, problem=body if isinstance(body, dict) else {})
    if not answer.content:
        return None
    if not isinstance(body, dict):
        detail = f"{answer.url} answered without JSON: is it a Booper server? {API_URL_VARIABLE} says where"
        raise APIError(answer.status, problem={}, title="Not Booper's answer", detail=detail, errors=[])
    return body


def _json_or_none(answer: Answer) -> Any:
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError):
        return None


def _api_error(answer: Answer, *, problem: Json) -> APIError:
    status = answer.status
    detail = str(problem.get("detail") or "")
    if answer.is_redirect:
        detail = f"redirected to {answer.headers['Location']}, which is not followed: set {API_URL_VARIABLE} to it"
    errors = problem.get("errors")
    seconds = answer.headers.get("Retry-After", "")
    return ERROR_OF_STATUS.get(status, ServerError if status >= 500 else APIError)(
        status,
        problem=problem,
        title=str(problem.get("title") or answer.reason or "Error"),
        detail=detail,
        errors=[error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else [],
        retry_after=float(seconds) if seconds.isascii() and seconds.isdigit() else None,
    )


def as_object(data: Any) -> Json:
    if not isinstance(data, dict):
        raise _unexpected(data, wanted="an object")
    return data


def as_objects(data: Any) -> JsonList:
    if not isinstance(data, list) or not all(isinstance(each, dict) for each in data):
        raise _unexpected(data, wanted="a list of objects")
    return data


def _unexpected(data: Any, *, wanted: str) -> APIError:
    detail = f"the answer's data is {type(data).__name__}, not {wanted}: is it a Booper server of this version?"
    return APIError(200, problem={}, title="Not Booper's answer", detail=detail, errors=[])
