"""An alert's message as its address takes it: Slack, Discord and Teams by their webhook URLs, others as JSON of ours.

What a message says is text, and stays that: no name of a job mentions a channel, or becomes a link.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from booper.content import payloads
from jobs.guarding import public_links

_SLACK_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
_DISCORD_HOSTS = ("discord.com", "discordapp.com", "canary.discord.com", "ptb.discord.com")
_TEAMS_HOSTS = (".webhook.office.com", ".logic.azure.com", ".api.powerplatform.com")
# Discord takes 2,000 characters.
_LONGEST = 1500
_MARKDOWN = re.compile(r"([\\`*_~|>#\[\]()<@-])")
_NO_EMBEDS = 1 << 2

Format = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def body(url: str, message: Mapping[str, Any]) -> bytes:
    """The body for `url` of `message`, which is `{"type", "timestamp", "data"}`."""
    make = _format_of(url)
    return payloads.encode(dict(message if make is None else make(message)))


def sentence(message: Mapping[str, Any]) -> str:
    """What it says, in one line."""
    data = message["data"]
    name, summary = data["name"], data["summary"][:_LONGEST]
    if data["test"]:
        return f"Test of the alert {name}: nothing is wrong."
    if message["type"] == "alert.resolved":
        return f"Over: {name}. {summary}"
    return f"{'Still firing' if data['again'] else 'Firing'}: {name}. {summary}"


def link(message: Mapping[str, Any]) -> str | None:
    """The page of the job that showed it."""
    job = message["data"]["job"]
    return None if job is None else public_links.to(f"/jobs/{job['job_id']}")


def _format_of(url: str) -> Format | None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in _SLACK_HOSTS and parts.path.startswith("/services/"):
        return _slack
    if host in _DISCORD_HOSTS and parts.path.startswith("/api/webhooks/"):
        return _discord
    return _teams if host.endswith(_TEAMS_HOSTS) else None


def _slack(message: Mapping[str, Any]) -> Mapping[str, Any]:
    text = sentence(message).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    page = link(message)
    return {"text": text if page is None else f"{text}\n<{page}>", "unfurl_links": False}


def _discord(message: Mapping[str, Any]) -> Mapping[str, Any]:
    text, page = _MARKDOWN.sub(r"\\\1", sentence(message))[:_LONGEST], link(message)
    content = text if page is None else f"{text}\n<{page}>"
    return {"content": content, "allowed_mentions": {"parse": []}, "flags": _NO_EMBEDS}


def _teams(message: Mapping[str, Any]) -> Mapping[str, Any]:
    page = link(message)
    run = {"type": "TextRun", "text": sentence(message)}
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "RichTextBlock", "inlines": [run]}],
    }
    if page is not None:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "The job", "url": page}]
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "contentUrl": None, "content": card}]}
