"""/api/signing-secret: which are in force, and a rotation during which both sign."""

from datetime import timedelta

import pytest
from standardwebhooks import Webhook

from booper.content import signatures
from jobs.guarding import signing
from jobs.models import AuditEvent, User
from jobs.outgoing import signing_secrets
from tests.api import Api, data_of, pointers_of
from tests.factories import NOON


@pytest.fixture(autouse=True)
def _nothing_remembered_by_workers() -> None:
    signing_secrets.forget_secrets()


def test_the_secret_itself_is_not_told_again(api: Api, user: User) -> None:
    told = data_of(api.get("/api/signing-secret"))
    assert [each["hint"] for each in told["in_force"]] == [user.signing_secret[-4:]]
    assert told["in_force"][0]["until"] is None
    assert user.signing_secret not in str(told)


def test_both_sign_for_the_overlap(api: Api, user: User) -> None:
    old = user.signing_secret
    rotated = data_of(api.post("/api/signing-secret/rotate", {"overlap": [2, "hours"]}), status=201)
    assert rotated["secret"].startswith("whsec_")
    assert [each["until"] for each in rotated["in_force"]] == [None, "2026-03-01T14:00:00Z"]
    for now, secrets in ((NOON, (rotated["secret"], old)), (NOON + timedelta(hours=2), (rotated["secret"],))):
        assert signing_secrets.signing_secrets([user.id], now=now) == {user.id: secrets}


def test_a_receiver_may_know_either(api: Api, user: User) -> None:
    new = data_of(api.post("/api/signing-secret/rotate"), status=201)["secret"]
    secrets = signing_secrets.signing_secrets([user.id], now=NOON)[user.id]
    timestamp = int(NOON.timestamp())
    headers = signatures.signed_headers(b"{}", secret=secrets, message_id="m", timestamp=timestamp)
    for known in (user.signing_secret, new):
        signatures.verify(b"{}", headers, secret=known, now=NOON)
    assert headers["webhook-signature"].split() == [
        Webhook(secret).sign("m", NOON, "{}") for secret in (new, user.signing_secret)
    ]


def test_without_an_overlap_it_is_a_day_and_with_none_all_before_it_end_at_once(api: Api, user: User) -> None:
    data_of(api.post("/api/signing-secret/rotate"), status=201)
    told = data_of(api.get("/api/signing-secret"))
    assert told["in_force"][1]["until"] == "2026-03-02T12:00:00Z"
    told = data_of(api.post("/api/signing-secret/rotate", {"overlap": 0}), status=201)
    assert len(told["in_force"]) == 1


def test_no_more_than_five_sign(api: Api, user: User) -> None:
    for _ in range(8):
        told = data_of(api.post("/api/signing-secret/rotate"), status=201)
    assert len(told["in_force"]) == signing.MOST_IN_FORCE


def test_what_makes_no_sense_rotates_nothing(api: Api, user: User) -> None:
    assert pointers_of(api.post("/api/signing-secret/rotate", {"overlap": "soon"})) == ["/overlap"]
    assert pointers_of(api.post("/api/signing-secret/rotate", {"expires_at": 5})) == ["/expires_at"]
    assert User.objects.get(id=user.id).signing_secret == user.signing_secret


def test_a_rotation_is_in_the_audit_trail(api: Api, user: User) -> None:
    secret = data_of(api.post("/api/signing-secret/rotate"), status=201)["secret"]
    event = AuditEvent.objects.get()
    assert (event.action, event.user_id) == ("signing_secret.rotated", user.id)
    assert secret not in str(event.details)


def test_a_user_who_never_rotated_costs_no_more_than_before(user: User, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert signing_secrets.signing_secrets([user.id], now=NOON) == {user.id: (user.signing_secret,)}
    with django_assert_num_queries(0):  # type: ignore[operator]
        signing_secrets.signing_secrets([user.id], now=NOON)
