"""A broker behind TLS is known by its certificate, unless its operator says otherwise, loudly."""

import contextlib
import datetime
import ipaddress
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.exceptions import ImproperlyConfigured
from kombu import Connection
from kombu.exceptions import OperationalError

from config import environment, sentinel
from jobs.checks import check_broker_certificate
from tests.processes.harness import ports
from tests.processes.harness.servers import require
from tests.processes.harness.waiting import eventually


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate that signs itself, for 127.0.0.1, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def redis_url(certificate: tuple[Path, Path]) -> Iterator[str]:
    binary = shutil.which("redis-server")
    require("redis-server", is_here=binary is not None)
    port, (cert, key) = ports.free(), certificate
    tls = [
        "--tls-port",
        str(port),
        "--tls-cert-file",
        str(cert),
        "--tls-key-file",
        str(key),
        "--tls-auth-clients",
        "no",
    ]
    process = subprocess.Popen(
        [str(binary), "--port", "0", "--bind", "127.0.0.1", "--save", "", *tls, "--tls-ca-cert-file", str(cert)],
        stdout=subprocess.DEVNULL,
    )
    try:
        url = f"rediss://127.0.0.1:{port}/0"
        for _ in range(100):
            try:
                _connect(url, ca_file=str(cert))
                break
            except OperationalError:
                time.sleep(0.05)
        yield url
    finally:
        process.kill()
        process.wait()


def _connect(url: str, *, ca_file: str = "", is_verified: bool = True) -> None:
    tls = environment.broker_tls(url, ca_file=ca_file, is_verified=is_verified)
    with Connection(url, ssl=tls, transport_options={"socket_connect_timeout": 2}) as connection:
        # Opening the channel asks the server.
        assert connection.default_channel is not None


@pytest.fixture(scope="module")
def sentinel_url(
    redis_url: str, certificate: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """One that watches this Redis, which it reaches by TLS too."""
    binary = shutil.which("redis-sentinel")
    require("redis-sentinel", is_here=binary is not None)
    folder, port, (cert, key) = tmp_path_factory.mktemp("sentinel"), ports.free(), certificate
    (folder / "sentinel.conf").write_text(
        f"port 0\ntls-port {port}\nbind 127.0.0.1\ndir {folder}\ntls-replication yes\ntls-auth-clients no\n"
        f"tls-cert-file {cert}\ntls-key-file {key}\ntls-ca-cert-file {cert}\n"
        f"sentinel monitor booper 127.0.0.1 {urlsplit(redis_url).port} 1\n"
    )
    process = subprocess.Popen([str(binary), str(folder / "sentinel.conf")], stdout=subprocess.DEVNULL)
    try:
        yield f"sentinels://127.0.0.1:{port}/0?master=booper"
    finally:
        process.kill()
        process.wait()


def _connect_by_sentinel(url: str, *, ca_file: str = "") -> None:
    tls = environment.broker_tls(url, ca_file=ca_file, is_verified=True)
    found = sentinel.parse(url)
    options = found.options(username="", password="", tls=tls) | {"socket_connect_timeout": 2}
    with Connection(found.url, ssl=tls, transport_options=options) as connection:
        assert connection.default_channel is not None


def _is_connected_by_sentinel(url: str, *, ca_file: str = "") -> bool:
    try:
        _connect_by_sentinel(url, ca_file=ca_file)
    except OperationalError:
        return False
    return True


def test_sentinels_and_their_master_are_known_by_their_certificates(
    sentinel_url: str, certificate: tuple[Path, Path]
) -> None:
    known = str(certificate[0])
    eventually(lambda: _is_connected_by_sentinel(sentinel_url, ca_file=known), "it tells a master", within_seconds=20)
    assert not _is_connected_by_sentinel(sentinel_url)
    assert not _is_connected_by_sentinel(sentinel_url.replace("127.0.0.1", "localhost"), ca_file=known)


def test_a_broker_whose_certificate_nobody_knows_is_refused(redis_url: str) -> None:
    with pytest.raises(OperationalError, match="certificate verify failed"):
        _connect(redis_url)


def test_a_broker_whose_certificate_is_signed_by_the_file_is_taken(
    redis_url: str, certificate: tuple[Path, Path]
) -> None:
    _connect(redis_url, ca_file=str(certificate[0]))


def test_a_broker_of_another_name_is_refused(redis_url: str, certificate: tuple[Path, Path]) -> None:
    with pytest.raises(OperationalError, match=r"certificate verify failed|not valid for"):
        _connect(redis_url.replace("127.0.0.1", "localhost"), ca_file=str(certificate[0]))


def test_any_certificate_is_taken_where_the_operator_says_so(redis_url: str) -> None:
    _connect(redis_url, is_verified=False)


def test_rabbitmq_is_asked_for_its_name_too() -> None:
    tls = environment.broker_tls("amqps://user@rabbit.example/", ca_file="", is_verified=True)
    assert tls == {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": "rabbit.example"}


@pytest.fixture
def amqps_url(certificate: tuple[Path, Path]) -> Iterator[str]:
    """A server that ends the connection once its certificate was taken."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener, context), daemon=True).start()
        yield f"amqps://guest:guest@127.0.0.1:{listener.getsockname()[1]}//"
        listener.shutdown(socket.SHUT_RDWR)


def _serve(listener: socket.socket, context: ssl.SSLContext) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with contextlib.suppress(OSError), connection, context.wrap_socket(connection, server_side=True):
                pass


def _refusal_by_rabbitmqs_client(url: str, *, ca_file: str = "") -> str:
    tls = environment.broker_tls(url, ca_file=ca_file, is_verified=True)
    with (
        Connection(url, ssl=tls, connect_timeout=5) as connection,
        pytest.raises((OSError, OperationalError)) as refusal,
    ):
        connection.transport.establish_connection()
    return str(refusal.value)


def test_a_rabbitmq_is_known_by_its_certificate(amqps_url: str, certificate: tuple[Path, Path]) -> None:
    known, word = str(certificate[0]), "certificate verify failed"
    assert word in _refusal_by_rabbitmqs_client(amqps_url)
    assert word in _refusal_by_rabbitmqs_client(amqps_url.replace("127.0.0.1", "localhost"), ca_file=known)
    assert word not in _refusal_by_rabbitmqs_client(amqps_url, ca_file=known)


def test_a_file_of_authorities_that_is_not_there_stops_the_boot() -> None:
    with pytest.raises(ImproperlyConfigured, match="BROKER_CA_FILE"):
        environment.broker_tls("rediss://redis.example/0", ca_file="/nowhere/ca.pem", is_verified=True)


def test_each_start_warns_where_nothing_is_verified(settings) -> None:
    assert check_broker_certificate() == []
    settings.BROKER_VERIFY_CERTIFICATE = False
    assert [message.id for message in check_broker_certificate()] == ["booper.W002"]
