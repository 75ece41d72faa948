"""What is logged: not each mistake of a stranger's, who would fill the log at will."""

import logging

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("path", "fields", "host"),
    [
        ("/sign-in", {"email": "a\x00b"}, "localhost"),
        ("/api/ping", {}, "evil.example"),
        ("/jobs?q=%00", {}, "localhost"),
    ],
)
def test_what_a_stranger_sends_writes_no_traceback(
    web: Client, caplog: pytest.LogCaptureFixture, path: str, fields: dict[str, str], host: str
) -> None:
    with caplog.at_level(logging.INFO):
        answered = web.post(path, fields, headers={"Host": host}) if fields else web.get(path, headers={"Host": host})
    assert answered.status_code == 400
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
