"""Expressions of other schedulers are refused with what says the same here."""

from typing import Any

import pytest

from booper.timing import cron
from booper.timing.cron import InvalidCron


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("@every 5m", 'is Go\'s form: write repeat_every instead: [5, "minutes"]'),
        ("@EVERY 1h30m", 'write repeat_every instead: [90, "minutes"]'),
        ("@every 0s", 'write repeat_every instead: [5, "minutes"]'),
        ("*/10 * * * * *", 'is by the second: write repeat_every instead: [10, "seconds"]'),
        ("0/30 * * ? * * *", 'is by the second: write repeat_every instead: [30, "seconds"]'),
        ("0 0 12 * * ?", "6 fields: write '0 12 * * *'"),
        ("0 0 12 ? * 2-6", "6 fields: write '0 12 * * 1-5'"),
        ("0 0/5 14 * * ? 2030", "write '0/5 14 * * *', with starts_at and ends_at for its years"),
        ("0 10 * * ? *", "6 fields: write '0 10 * * *'"),
        ("H/15 * * * *", "a number at random is yours to choose here"),
        ("0~59 * * * *", "a number at random is yours to choose here"),
        ("cron(0 10 * * ? *)", "is EventBridge's form: write '0 10 * * *'"),
        ("cron(15 12 * * ? 2027)", "write '15 12 * * *', with starts_at and ends_at for its years"),
        ("cron(0/15 8-17 ? * MON-FRI *)", "write '0/15 8-17 * * MON-FRI'"),
        ("cron(0 9 ? * 6L *)", "write '0 9 * * 5L'"),
        ("cron(0 9 ? * 2#1 *)", "write '0 9 * * 1#1'"),
        ("cron(0 0 ? * L *)", "write '0 0 * * 6'"),
        ("cron(0 0 15W * ? *)", "write '0 0 15W * *'"),
        ("cron(99 0 * * ? *)", "write its first five fields, * for ? and weekdays from 0 for Sunday"),
        ("rate(1 hour)", 'write repeat_every instead: [1, "hours"]'),
        ("rate(often)", 'write repeat_every instead: as in [5, "minutes"]'),
        ("at(2026-12-24T18:00:00)", "write scheduled_at instead: '2026-12-24T18:00:00Z'"),
        ("at(noon)", "write scheduled_at instead: as in '2026-12-24T18:00:00Z'"),
        (
            {"minutes": [0, 30], "hours": [-1], "mdays": [-1], "months": [-1], "wdays": [1, 2]},
            "it is cron-job.org's form: write '0,30 * * * 1,2'",
        ),
        ({"minutes": [0], "hours": [9]}, "it is cron-job.org's form: write '0 9 * * *'"),
        ({"minutes": [0], "mdays": [30], "months": [2]}, "it is cron-job.org's form: write five fields in one string"),
        ({"minutes": [75]}, "is not a cron expression: write a string"),
        ({"minutes": [True]}, "is not a cron expression: write a string"),
        ({"minutes": []}, "is not a cron expression: write a string"),
        ({"a": 1}, "is not a cron expression: write a string"),
        ("0 0 12 * * *", "6 fields: if the first are seconds, write '0 12 * * *'"),
        ("cron(0 9 ? * 2-6 *)", "is EventBridge's form: write '0 9 * * 1-5'"),
        ("rate(5 minutes)", "write repeat_every instead"),
        ("at(2026-12-24T18:00:00)", "write scheduled_at instead"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_meant_for_another_scheduler_is_refused_with_the_nearest_right_one(expression: Any, says: str) -> None:
    with pytest.raises(InvalidCron) as refusal:
        cron.parse(expression)
    assert says in str(refusal.value)
