"""Whatever names an address of this instance says it as the world sees it, below the path where it stands."""

import pytest
from pytest_django import Settings

from jobs.alerting import formats
from jobs.guarding import inbox, public_links
from jobs.models import Inbox
from jobs.pages import code_samples


@pytest.fixture(params=["https://example.com/tools/booper", "https://example.com"], ids=["whole", "path apart"])
def below_a_path(request: pytest.FixtureRequest, settings: Settings) -> str:
    """BOOPER_PUBLIC_URL may have the path of BOOPER_BASE_PATH, and need not."""
    settings.BOOPER_PUBLIC_URL, settings.BOOPER_BASE_PATH = request.param, "/tools/booper"
    return "https://example.com/tools/booper"


def test_each_address_has_the_path_once(below_a_path: str) -> None:
    assert public_links.to("/home") == f"{below_a_path}/home"
    assert inbox.address_of(Inbox(token="t")) == f"{below_a_path}/in/t"
    assert formats.link({"data": {"job": {"job_id": 7}}}) == f"{below_a_path}/jobs/7"
    assert f"curl {below_a_path}/api/jobs " in code_samples.as_curl({})
    assert f"base_url='{below_a_path}'" in code_samples.as_python({})
