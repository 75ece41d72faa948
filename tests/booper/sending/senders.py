"""One sender, and what it brings back, for tests."""

from booper.outcomes.outcome import Outcome
from booper.sending.sender import Sender
from tests.loopback import a_request


def outcomes_of(sender: Sender[str]) -> dict[str, Outcome]:
    """Polls until nothing is in flight."""
    outcomes: dict[str, Outcome] = {}
    while sender.in_flight:
        for key, outcome in sender.poll(10):
            assert key not in outcomes, f"{key} came back twice"
            outcomes[key] = outcome
    return outcomes


def one_after_the_other(sender: Sender[str], *urls: str, method: str = "GET", reuse: bool = True) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for url in urls:
        sender.submit(url, a_request(url, method=method, reuse_connection=reuse))
        outcomes += outcomes_of(sender).values()
    return outcomes


def code_of(outcome: Outcome) -> str | None:
    return outcome.failure.code if outcome.failure else None
