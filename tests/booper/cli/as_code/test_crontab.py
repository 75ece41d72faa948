"""A crontab as people have them: what its lines become, and in which words the others are refused."""

import base64
from pathlib import Path
from typing import Any

import pytest

from booper.cli.as_code import crontab
from booper.cli.as_code.crontab import Noted, Options, Refused, Taken

WILD = Path(__file__).with_name("in_the_wild.crontab").read_text(encoding="utf-8")

TAKEN: dict[str, dict[str, Any]] = {
    "blog.example.com-wp-cron.php": {
        "url": "https://blog.example.com/wp-cron.php?doing_wp_cron",
        "cron": "*/5 * * * *",
    },
    "shop.example.com-cron.php": {"url": "https://shop.example.com/cron.php", "cron": "*/15 * * * *"},
    "margin.example.com-tenminutecron.php": {
        "url": "http://margin.example.com/TenMinuteCron.php",
        "cron": "01,11,21,31,41,51 * * * *",
    },
    "shop.example.com-index.php": {
        "url": "https://shop.example.com/index.php?option=cron&task=clear_cart&secret=KEY",
        "cron": "0 3 * * *",
    },
    "cms.example.com-api-admin.php": {
        "url": "https://cms.example.com/api/admin.php?action=cron",
        "cron": "*/30 * * * *",
    },
    "wiki.example.com-rebuild": {"url": "https://wiki.example.com/rebuild", "cron": "5 4 * * sun"},
    "hc.example.com-5f3c1d2e": {
        "url": "https://hc.example.com/5f3c1d2e",
        "timeout": 10,
        "max_attempts": 6,
        "cron": "@daily",
    },
    "forum.example.com-cron": {
        "url": "https://forum.example.com/cron",
        "timeout": 300,
        "max_attempts": 1,
        "cron": "@hourly",
    },
    "api.example.com-reports": {
        "method": "post",
        "url": "https://api.example.com/reports",
        "headers": {"Content-Type": "application/json"},
        "body": {"report": "daily", "count": 3},
        "include_metadata": False,
        "cron": "0 9 * * MON-FRI",
    },
    "app.example.com-api-complaints-fetch": {
        "method": "post",
        "url": "https://app.example.com/api/complaints/fetch?key=s3cr3t",
        "cron": "0 */4 * * *",
    },
    "app.example.com-api-cron-expire-orders": {
        "url": "https://app.example.com/api/cron/expire-orders",
        "headers": {"Authorization": "Bearer s3cr3t"},
        "cron": "*/5 * * * *",
    },
    "billing.example.com-close-month": {
        "url": "https://billing.example.com/close-month",
        "headers": {"Authorization": f"Basic {base64.b64encode(b'cron:pa:ss').decode()}"},
        "cron": "30 2 1 * *",
    },
    "billing.example.com-half-year": {
        "method": "post",
        "url": "https://billing.example.com/half-year",
        "headers": {"Content-Type": "application/x-www-form-urlencoded"},
        "body": "year=2026&half=1",
        "body_format": "text",
        "cron": "15 14 1 jan,jul *",
    },
    "search.example.com-reindex": {
        "url": "https://search.example.com/reindex?a=1&q=two%20words",
        "cron": "0 0 1-7 * 1",
    },
    "slow.example.com-weekly": {"url": "https://slow.example.com/weekly", "timeout": 120, "cron": "45 23 * * 6"},
    "sync.example.com-run": {"url": "https://sync.example.com/run", "overlap": "skip", "cron": "*/10 8-18/2 * * 1-5"},
    "redirected.example.com-ping": {"url": "https://redirected.example.com/ping", "cron": "0 1 * * *"},
    "api.example.com-sessions-expired": {
        "method": "delete",
        "url": "https://api.example.com/sessions/expired",
        "headers": {"X-Tenant": "7"},
        "cron": "10 5 * * *",
    },
    "hooks.example.com-refresh": {
        "method": "post",
        "url": "https://hooks.example.com/refresh",
        "headers": {"Content-Type": "application/x-www-form-urlencoded"},
        "body": "token=abc",
        "body_format": "text",
        "cron": "20 5 * * *",
    },
    "api.example.com-progress": {"url": "https://api.example.com/progress?done=100%25", "cron": "25 5 * * *"},
    "stats.example.com-ping": {
        "url": "https://stats.example.com/ping",
        "headers": {"Cookie": "sid=1", "Referer": "https://example.com/"},
        "cron": "50 5 * * *",
    },
    "private.example.com-job": {
        "url": "https://private.example.com/job",
        "headers": {"Authorization": f"Basic {base64.b64encode(b'user:secret').decode()}"},
        "cron": "0 6 * * *",
    },
    "status.example.com-weekly": {"url": "http://status.example.com/weekly", "cron": "0 7 * * 7"},
    "news.example.com-digest": {"url": "https://news.example.com/digest", "cron": "0 12 * * *"},
    "json.example.com-ingest": {
        "method": "post",
        "url": "https://json.example.com/ingest",
        "body": {"n": 1},
        "include_metadata": False,
        "cron": "0 13 * * *",
    },
    "api.example.com-me": {
        "url": "https://api.example.com/me",
        "headers": {"Authorization": "Bearer tok"},
        "timeout": 1,
        "cron": "0 14 * * *",
    },
    "files.example.com-list": {
        "url": "https://files.example.com/list",
        "headers": {"Accept": "text/plain", "Authorization": f"Basic {base64.b64encode(b'u:p').decode()}"},
        "timeout": 15,
        "max_attempts": 3,
        "cron": "5 14 * * *",
    },
    "shop.example.com-cron.php-2": {"url": "https://shop.example.com/cron.php", "cron": "0 15 */2 * *"},
    "billing.example.com-month-end": {"url": "https://billing.example.com/month-end", "cron": "0 23 28-31 * *"},
    "quiet.example.com": {"url": "https://quiet.example.com/", "cron": "*/20 * * * *"},
    "market.example.com-open": {
        "url": "https://market.example.com/open",
        "cron": "30 9 * * 1-5",
        "timezone": "America/New_York",
    },
    "market.example.com-close": {
        "url": "https://market.example.com/close",
        "cron": "0 16 * * 1-5",
        "timezone": "America/New_York",
    },
}

REFUSED = {
    "@reboot /usr": "@reboot: nothing boots here",
    "@reboot sleep": "@reboot: nothing boots here",
    "0 2 * * * /usr/local/bin/backup.sh": "it runs '/usr/local/bin/backup.sh', and Booper makes requests",
    "0 2 * * * /usr/bin/mysqldump": "'$(' is for a shell",
    "0 4 * * * cd": "'&&' is for a shell",
    "* * * * * curl -f http://localhost": "'||' is for a shell",
    "0 5 * * 0 find": "it runs 'find'",
    "*/5 * * * * [": "'&&' is for a shell",
    "17 * * * * run-parts": "it runs 'run-parts'",
    "0 0 * * * certbot": "it runs 'certbot'",
    "0 8 * * 1 mail": "a % that has no backslash",
    "0 17 28-31": "'$(' is for a shell",
    "0 6 * * * curl -k": "certificates are checked here",
    "5 6 * * * curl": "the body is in a file of this machine",
    "10 6 * * * curl": "a multipart form is none of the bodies here",
    "15 6 * * * wget": "certificates are checked here",
    "20 6 * * * wget": "put a URL that has one in quotes",
    "25 6 * * * curl": "$UNKNOWN_URL is not set in the crontab",
    "30 6 * * * curl": "HEAD is none of the methods here",
    "61 * * * *": "'61' is out of range for the minute: use 0 to 59",
    "0 0 30 2 *": "never matches",
    "0 0 12 * * ?": "it runs '?'",
    "H/15": "a number at random is yours to choose here",
    "@every 5m": 'write repeat_every instead: [5, "minutes"]',
    "0 22-2": "write 22-23,0-2",
    "0 0 0 * *": "'0' is out of range for the day of the month",
    "CRON_TZ=Europe/Atlantis": "is not a known time zone",
    "nonsense": "it is neither NAME=value nor five fields and a command",
}


def read(text: str, **options: Any) -> list[crontab.Outcome]:
    return [*crontab.read(text, Options(**options))]


def test_the_lines_of_a_crontab_in_the_wild_become_schedules() -> None:
    outcomes = read(WILD)
    assert {each.key: each.fields for each in outcomes if isinstance(each, Taken)} == TAKEN
    assert len(TAKEN) + len(REFUSED) == 60


def test_its_other_lines_are_refused_in_words_with_their_numbers() -> None:
    refused = [each for each in read(WILD) if isinstance(each, Refused)]
    assert len(refused) == len(REFUSED)
    lines = WILD.split("\n")
    for each, (start, words) in zip(refused, REFUSED.items(), strict=True):
        assert each.text.startswith(start)
        assert words in each.reason
        assert lines[each.line - 1] == each.text


def test_what_is_not_as_it_was_is_said() -> None:
    outcomes = read(WILD)
    said = [note for each in outcomes if isinstance(each, Taken) for note in each.notes]
    assert [words.split(":")[0].split(",")[0] for words in said] == [
        "flock became overlap",
        "redirects are not followed here",
        "User-Agent is Booper's own",
    ]
    assert [each.text for each in outcomes if isinstance(each, Noted)] == ['MAILTO="ops@example.com"']


def test_a_user_stands_before_the_command_where_it_is_said() -> None:
    text = (
        "17 *\t* * *\troot    curl -s https://example.com/a\n@daily www-data curl https://example.com/b\n0 1 * * * root"
    )
    first, second, third = read(text, has_user=True)
    assert isinstance(first, Taken)
    assert first.fields == {"url": "https://example.com/a", "cron": "17 * * * *"}
    assert isinstance(second, Taken)
    assert second.fields == {"url": "https://example.com/b", "cron": "@daily"}
    assert isinstance(third, Refused)


def test_other_commands_go_to_an_address_where_there_is_one() -> None:
    text = "0 2 * * * root /opt/back up.sh && echo done\n@reboot root x\n0 3 * * * root curl 'unfinished"
    first, second, third = read(
        text, has_user=True, url="https://run.example.com/{user}/{name}?line={line}", prefix="a-"
    )
    assert isinstance(first, Taken)
    assert (first.key, first.fields) == (
        "a-back",
        {
            "method": "post",
            "url": "https://run.example.com/root/back?line=1",
            "body": {"command": "/opt/back up.sh && echo done", "user": "root"},
            "cron": "0 2 * * *",
        },
    )
    assert isinstance(second, Refused)
    assert isinstance(third, Refused)
    assert third.reason.startswith("its quotes don't match")


def test_a_zone_holds_from_its_line_on_and_before_it_the_one_that_is_given() -> None:
    text = "@daily curl https://a.example\nTZ=Asia/Tokyo\n@daily curl https://b.example\n"
    first, noted, second = read(text, timezone="Europe/Berlin")
    assert isinstance(first, Taken)
    assert isinstance(noted, Noted)
    assert isinstance(second, Taken)
    assert (first.fields["timezone"], second.fields["timezone"]) == ("Europe/Berlin", "Asia/Tokyo")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("curl", "it has no URL"),
        ("curl https://a https://b", "it has 2 URLs"),
        ("curl -m", "-m has no value"),
        ("curl -m never https://a", "'never' is no number of seconds"),
        ("curl --retry x https://a", "'x' is no number of attempts"),
        ("curl --teleport https://a", "the option --teleport is not known here"),
        ("curl -sJ~ https://a", "the option -~ is not known here"),
        ("curl -H nonsense https://a", "is no header"),
        ("curl -X OPTIONS https://a", "OPTIONS is none of the methods here"),
        ("curl -H 'Content-Type: application/json' -d '{' https://a", "called JSON and is none"),
        ("curl -b cookies.txt https://a", "cookies are in a file"),
        ("curl --data-urlencode x@file https://a", "in a file of this machine"),
        ("curl http://[", "is no URL"),
        ("wget -r https://a", "a job is one request"),
        ("wget -i list", "its URLs are in a file"),
        ("wget --teleport=1 https://a", "the option --teleport=1 is not known here"),
        ("wget -t", "-t has no value"),
        ("timeout 30", "timeout runs nothing in it"),
        ("`date`", "'`' is for a shell"),
        ("curl https://a | sh", "'|' is for a shell"),
        ("(curl https://a)", "'(' is for a shell"),
        ("curl https://a > /etc/passwd; rm x", "is for a shell"),
    ],
)
def test_a_command_that_can_not_be_a_request_is_refused_in_words(command: str, words: str) -> None:
    [outcome] = read(f"@daily {command}")
    assert isinstance(outcome, Refused)
    assert words in outcome.reason


def test_a_crontab_has_its_bounds() -> None:
    [refused] = read("\n" * 10_000 + "@daily curl https://a")
    assert isinstance(refused, Refused)
    [refused] = read("@daily curl https://a/" + "a" * 10_000)
    assert isinstance(refused, Refused)
