"""Single exchanges with a target in this process, for the tests of the sender."""

from booper.outcomes.outcome import Failure, Outcome, Response
from booper.sending.sender import FAILURE_CODES, send
from tests.loopback import (
    POLICY,
    a_request,
    answer_once,
    serving,
)

OK = b"HTTP/1.1 200 OK\r\n"


def response_of(outcome: Outcome) -> Response:
    assert outcome.failure is None, outcome.failure
    assert outcome.response is not None
    return outcome.response


def failure_of(outcome: Outcome) -> Failure:
    assert outcome.response is None
    assert outcome.failure is not None
    assert outcome.failure.code in FAILURE_CODES
    return outcome.failure


def answered(answer: bytes, *, timeout_seconds: float = 10.0) -> Outcome:
    """The outcome of a request that gets `answer`, and a closed connection after it."""
    with serving(answer_once(answer)) as server:
        return send(a_request(server.url(), timeout_seconds=timeout_seconds), policy=POLICY)
