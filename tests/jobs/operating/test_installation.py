"""What the doctor finds about settings, the database and the machine."""

import base64
import os
import shutil
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from pytest_django import Settings

from jobs.operating import installation
from tests.factories import NOON, make_user
from tests.jobs.operating.looks import HOUR, found, levels, troubles
from tests.runs import take_lease

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _sound_settings(settings: Settings) -> None:
    settings.DEBUG = False
    settings.SECRET_KEY = "a-random-text-of-more-than-thirty-two-characters"
    settings.ALLOWED_HOSTS = ["localhost"]


def test_settings_that_are_not_fit_for_production_are_named(settings: Settings):
    settings.DEBUG, settings.SECRET_KEY, settings.ALLOWED_HOSTS = True, "short", ["*"]
    findings = [finding for finding in found() if finding.check == "safety"]
    assert [finding.level.value for finding in findings] == ["error", "error", "warning"]
    assert [finding.message.split()[0] for finding in findings] == ["DEBUG", "SECRET_KEY", "ALLOWED_HOSTS"]


def test_what_django_would_stop_at_is_among_it(settings: Settings):
    settings.JOB_RETENTION_DAYS = 1
    assert "booper.W001" in troubles()["system checks"]


def test_several_machines_need_a_database_and_a_broker_that_all_of_them_reach(settings: Settings):
    take_lease(name="worker@one")
    take_lease(name="worker@two")
    settings.BROKER_URL = "redis+socket:///tmp/redis.sock"
    messages = [finding.message for finding in found() if finding.check == "machines"]
    assert any("embedded broker" in message for message in messages)
    assert any("SQLite" in message for message in messages) == (connection.vendor == "sqlite")
    settings.BROKER_URL = "redis://broker"
    take_lease(name="worker@two", now=NOON - HOUR)
    assert all("embedded broker" not in finding.message for finding in found())


def test_several_machines_need_encryption_keys_that_all_of_them_have(settings: Settings, tmp_path: Path):
    settings.DATA_DIR = tmp_path
    key = os.urandom(32)
    (tmp_path / "encryption_keys").write_text(base64.urlsafe_b64encode(key).decode() + "\n")
    settings.BOOPER_ENCRYPTION_KEYS = (key,)
    take_lease(name="worker@one")
    assert not any("encryption keys" in finding.message for finding in found())
    take_lease(name="worker@two")
    assert any("encryption keys" in finding.message for finding in found() if finding.check == "machines")
    settings.BOOPER_ENCRYPTION_KEYS = (os.urandom(32),)
    assert not any("encryption keys are of this one" in finding.message for finding in found())


def test_an_encryption_key_that_is_missed_is_found(settings: Settings):
    make_user()
    assert levels("encryption") == ["ok"]
    settings.BOOPER_ENCRYPTION_KEYS = (os.urandom(32),)
    assert "signing secrets can't be read" in troubles()["encryption"]


def test_a_disk_that_is_nearly_full_is_found(monkeypatch: pytest.MonkeyPatch):
    for free, level in ((2 * 1024**3, "ok"), (500 * 1024**2, "warning"), (1024**2, "error")):
        usage = SimpleNamespace(free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda _, usage=usage: usage)
        assert levels("disk") == [level]


def test_migrations_that_are_missing_are_named_and_nothing_else_is_looked_at(monkeypatch: pytest.MonkeyPatch):
    pending = [(SimpleNamespace(app_label="jobs", name="0099_more"), False)]
    monkeypatch.setattr(MigrationExecutor, "migration_plan", lambda *_: pending)
    assert troubles()["migrations"] == "not applied: jobs.0099_more"
    assert "workers" not in {finding.check for finding in found()}


def test_clocks_that_are_apart_are_found(monkeypatch: pytest.MonkeyPatch):
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL has a clock of its own")

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Tomorrow":
            return cls.fromtimestamp(datetime.now(tz).timestamp() + 86_400, tz)

    assert levels("clocks") == ["ok"]
    monkeypatch.setattr(installation, "datetime", Tomorrow)
    assert "s apart" in troubles()["clocks"]
