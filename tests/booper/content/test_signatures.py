"""Signatures: what Booper signs, any Standard Webhooks library verifies, and the other way round."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from booper.content import signatures
from booper.content.signatures import InvalidSecret, InvalidSignature

# The test vector of the Standard Webhooks reference libraries.
VECTOR_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_" + "A" * 43 + "="
VECTOR_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
VECTOR_TIMESTAMP = 1614265330
VECTOR_PAYLOAD = b'{"test": 2432232314}'
VECTOR_SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

NOW = datetime.fromtimestamp(VECTOR_TIMESTAMP, tz=UTC)


def vector_headers(**changes: str) -> dict[str, str]:
    headers = {
        "webhook-id": VECTOR_ID,
        "webhook-timestamp": str(VECTOR_TIMESTAMP),
        "webhook-signature": VECTOR_SIGNATURE,
    }
    return headers | {name.replace("_", "-"): value for name, value in changes.items()}


def test_the_signature_is_that_of_the_reference_libraries() -> None:
    signature = signatures.sign(VECTOR_PAYLOAD, secret=VECTOR_SECRET, message_id=VECTOR_ID, timestamp=VECTOR_TIMESTAMP)

    assert signature == VECTOR_SIGNATURE


@pytest.mark.parametrize("payload", [b"{}", b"", "Zoë \U0001f600".encode(), b'{"a": "' + b"x" * 70_000 + b'"}'])
def test_the_library_verifies_what_is_signed_here(payload: bytes) -> None:
    secret = signatures.new_secret()
    headers = signatures.signed_headers(
        payload, secret=secret, message_id="msg_1", timestamp=int(datetime.now(UTC).timestamp())
    )

    Webhook(secret).verify(payload, headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(payload + b" ", headers, json_parse=False)


def test_what_the_library_signs_is_verified_here() -> None:
    secret = signatures.new_secret()
    signature = Webhook(secret).sign("msg_1", NOW, '{"a": "Zoë"}')
    headers = vector_headers(webhook_id="msg_1", webhook_signature=signature)

    signatures.verify('{"a": "Zoë"}'.encode(), headers, secret=secret, now=NOW)


def test_a_new_secret_is_32_random_bytes_with_the_prefix() -> None:
    first, second = signatures.new_secret(), signatures.new_secret()

    assert first != second
    assert first.startswith("whsec_")
    assert len(base64.b64decode(first.removeprefix("whsec_"), validate=True)) == 32


def test_bytes_that_are_not_utf8_are_signed_as_they_are() -> None:
    headers = signatures.signed_headers(b"\xff\x00", secret=VECTOR_SECRET, message_id="a", timestamp=VECTOR_TIMESTAMP)

    signatures.verify(b"\xff\x00", headers, secret=VECTOR_SECRET, now=NOW)
    with pytest.raises(InvalidSignature):
        signatures.verify(b"\xef\xbf\xbd\x00", headers, secret=VECTOR_SECRET, now=NOW)


def test_the_case_of_header_names_does_not_matter() -> None:
    headers = {name.title(): value for name, value in vector_headers().items()}

    signatures.verify(VECTOR_PAYLOAD, headers, secret=VECTOR_SECRET, now=NOW)


@pytest.mark.parametrize(
    "value",
    [
        f"v1,AAAA {VECTOR_SIGNATURE}",
        f"{VECTOR_SIGNATURE} v1,AAAA",
        f"v1a,ed25519 v2,x nonsense {VECTOR_SIGNATURE}",
    ],
)
def test_one_of_several_signatures_is_enough(value: str) -> None:
    signatures.verify(VECTOR_PAYLOAD, vector_headers(webhook_signature=value), secret=VECTOR_SECRET, now=NOW)


@pytest.mark.parametrize(
    "value",
    [
        "v1,AAAA",
        "v1,",
        "nonsense",
        VECTOR_SIGNATURE.removeprefix("v1,"),
        VECTOR_SIGNATURE.replace("v1,", "v2,"),
        VECTOR_SIGNATURE.replace("v1,", "v1a,"),
        VECTOR_SIGNATURE[:-1],
        "v1,\udcff é",
        "v1," * 1000,
    ],
)
def test_a_signature_that_does_not_fit_is_refused(value: str) -> None:
    with pytest.raises(InvalidSignature, match="webhook-signature"):
        signatures.verify(VECTOR_PAYLOAD, vector_headers(webhook_signature=value), secret=VECTOR_SECRET, now=NOW)


@pytest.mark.parametrize(
    ("payload", "changes"),
    [
        (VECTOR_PAYLOAD + b" ", {}),
        (VECTOR_PAYLOAD, {"webhook_id": "msg_other"}),
        (VECTOR_PAYLOAD, {"webhook_id": "\udcff"}),
        (VECTOR_PAYLOAD, {"webhook_timestamp": str(VECTOR_TIMESTAMP + 1)}),
    ],
)
def test_body_id_and_time_stamp_are_all_signed(payload: bytes, changes: dict[str, str]) -> None:
    with pytest.raises(InvalidSignature):
        signatures.verify(payload, vector_headers(**changes), secret=VECTOR_SECRET, now=NOW)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("is_there", [True, False])
def test_a_missing_or_empty_header_is_named(name: str, is_there: bool) -> None:
    headers = vector_headers()
    del headers[name]

    with pytest.raises(InvalidSignature, match=name):
        signatures.verify(VECTOR_PAYLOAD, headers | ({name: ""} if is_there else {}), secret=VECTOR_SECRET, now=NOW)


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_clock_may_be_five_minutes_off(seconds: int) -> None:
    now = NOW + timedelta(seconds=seconds)

    signatures.verify(VECTOR_PAYLOAD, vector_headers(), secret=VECTOR_SECRET, now=now)


@pytest.mark.parametrize(("seconds", "side"), [(301, "old"), (-301, "new")])
def test_a_message_from_another_time_is_refused(seconds: int, side: str) -> None:
    now = NOW + timedelta(seconds=seconds)

    with pytest.raises(InvalidSignature, match=side):
        signatures.verify(VECTOR_PAYLOAD, vector_headers(), secret=VECTOR_SECRET, now=now)


def test_the_tolerance_can_be_chosen() -> None:
    now = NOW + timedelta(hours=1)

    signatures.verify(VECTOR_PAYLOAD, vector_headers(), secret=VECTOR_SECRET, now=now, tolerance_seconds=3600)


@pytest.mark.parametrize("value", ["soon", "-5", "1.5", "٣", "9" * 13, "9" * 10_000, "NaN", " "])
def test_a_time_stamp_that_is_no_number_is_refused(value: str) -> None:
    with pytest.raises(InvalidSignature, match="webhook-timestamp"):
        signatures.verify(VECTOR_PAYLOAD, vector_headers(webhook_timestamp=value), secret=VECTOR_SECRET, now=NOW)


def test_either_of_two_secrets_verifies_while_one_replaces_the_other() -> None:
    signatures.verify(VECTOR_PAYLOAD, vector_headers(), secret=[signatures.new_secret(), VECTOR_SECRET], now=NOW)


@pytest.mark.parametrize("secret", [[], [OTHER_SECRET], OTHER_SECRET], ids=["none", "another in a list", "another"])
def test_without_the_right_secret_nothing_verifies(secret: str | list[str]) -> None:
    with pytest.raises(InvalidSignature):
        signatures.verify(VECTOR_PAYLOAD, vector_headers(), secret=secret, now=NOW)


@pytest.mark.parametrize("secret", [VECTOR_SECRET.removeprefix("whsec_"), VECTOR_SECRET + "=="])
def test_a_secret_may_lack_its_prefix_and_have_padding(secret: str) -> None:
    signatures.verify(VECTOR_PAYLOAD, vector_headers(), secret=secret, now=NOW)


def secret_of(length: int) -> str:
    return "whsec_" + base64.b64encode(b"\x07" * length).decode()


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!!!", "whsec_é", "A", secret_of(23), secret_of(65)])
def test_an_unusable_secret_is_refused_and_never_shown(secret: str) -> None:
    with pytest.raises(InvalidSecret) as caught:
        signatures.sign(b"", secret=secret, message_id="a", timestamp=1)

    assert "secret:" in str(caught.value)
    assert len(secret) < 8 or secret.removeprefix("whsec_") not in str(caught.value)


@pytest.mark.parametrize("length", [24, 32, 33, 64])
def test_a_secret_has_24_to_64_bytes(length: int) -> None:
    assert signatures.sign(b"", secret=secret_of(length), message_id="a", timestamp=1).startswith("v1,")


@pytest.mark.parametrize("message_id", ["", "a.1"])
def test_an_id_that_could_be_read_two_ways_is_not_signed(message_id: str) -> None:
    with pytest.raises(ValueError, match="message_id"):
        signatures.sign(b"", secret=VECTOR_SECRET, message_id=message_id, timestamp=1)
