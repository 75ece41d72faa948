"""Slack, Discord and Teams get what they take; what a message says stays text there."""

import json
from typing import Any

import pytest
from pytest_django import Settings

from jobs.alerting import formats

SLACK = "https://hooks.slack.com/services/T0/B0/x"
DISCORD = "https://discord.com/api/webhooks/1/x"
TEAMS = (
    "https://example.webhook.office.com/webhookb2/x",
    "https://prod-1.westus.logic.azure.com/workflows/x/triggers/manual/paths/invoke?sig=x",
    "https://default1.environment.api.powerplatform.com/powerautomate/automations/direct/workflows/x",
)
OTHERS = (
    "https://example.com/alerts",
    "https://hooks.slack.com.example.com/services/T0/B0/x",
    "https://example.com/?https://hooks.slack.com/services/",
    "https://hooks.slack.com/triggers/T0/1/x",
    "https://notdiscord.com/api/webhooks/1/x",
    "https://webhook.office.com.example.com/x",
)
JOB: dict[str, Any] = {
    "job_id": 7,
    "schedule_id": None,
    "name": "x",
    "state": "discarded",
    "error": "timeout",
    "tags": [],
}


@pytest.fixture(autouse=True)
def _public(settings: Settings) -> None:
    settings.BOOPER_PUBLIC_URL = "https://booper.example.com"


def message(kind: str = "alert.firing", **data: Any) -> dict[str, Any]:
    known = {"name": "nightly", "summary": "3 were discarded", "job": JOB, "again": False, "test": False}
    return {"type": kind, "timestamp": "2026-03-01T12:00:00Z", "data": known | data}


def sent(url: str, said: dict[str, Any]) -> Any:
    return json.loads(formats.body(url, said))


@pytest.mark.parametrize("url", OTHERS)
def test_other_addresses_get_the_message_as_it_is(url: str) -> None:
    assert sent(url, message()) == message()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (message(), "Firing: nightly. 3 were discarded"),
        (message(again=True), "Still firing: nightly. 3 were discarded"),
        (message("alert.resolved", summary="job 8 was completed"), "Over: nightly. job 8 was completed"),
        (message(test=True, job=None), "Test of the alert nightly: nothing is wrong."),
    ],
)
def test_it_is_said_in_one_line(said: dict[str, Any], words: str) -> None:
    assert formats.sentence(said) == words
    assert sent(SLACK, said)["text"].splitlines()[0] == words


def test_slack_mentions_nobody_and_leads_to_the_job() -> None:
    text = sent(SLACK, message(name="<!channel> & co"))["text"]
    assert text == ("Firing: &lt;!channel&gt; &amp; co. 3 were discarded\n<https://booper.example.com/jobs/7>")


def test_discord_mentions_nobody_and_makes_no_links() -> None:
    said = sent(DISCORD, message(name="@everyone [here](https://evil.example.com)"))
    assert said["allowed_mentions"] == {"parse": []}
    assert r"\@everyone \[here\]\(" in said["content"]
    assert len(sent(DISCORD, message(summary="*" * 5000))["content"]) < 2000


@pytest.mark.parametrize("url", TEAMS)
def test_teams_gets_a_card(url: str) -> None:
    [attached] = sent(url, message(name="[here](https://evil.example.com)"))["attachments"]
    card = attached["content"]
    assert attached["contentType"] == "application/vnd.microsoft.card.adaptive"
    # A TextRun is no markdown.
    assert card["body"][0]["inlines"][0]["type"] == "TextRun"
    assert card["actions"][0]["url"] == "https://booper.example.com/jobs/7"
    assert "actions" not in sent(url, message(job=None))["attachments"][0]["content"]
