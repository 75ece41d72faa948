"""Environment variables, read loudly: a value that is not understood stops the boot and says what to write instead.

A variable that is set to nothing (`PORT=`) counts as not set.
"""

import base64
import contextlib
import ipaddress
import os
import re
import secrets
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from booper.services import schemas
from booper.targets import ports as target_ports
from booper.targets import proxies
from booper.targets.ports import Ports
from booper.targets.proxies import Proxy
from config import locks

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Number = TypeVar("Number", int, float)

_ENCRYPTION_KEY_BYTES = 32

BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
# Spelt out: int() and float() also take "1_000", "٣", "nan" and a million digits.
WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
BASE_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
DECIMAL_NUMBER = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,9})?")


def text(name: str, default: str = "") -> str:
    """The variable without the spaces around it, or `default`."""
    return os.environ.get(name, "").strip() or default


def choice(name: str, default: str, allowed: Iterable[str]) -> str:
    """One of the `allowed` words, in any case."""
    value = text(name, default)
    words = list(allowed)
    if value.lower() not in words:
        raise _refusal(name, value, f"write one of {', '.join(words)}")
    return value.lower()


def url(name: str, default: str, schemes: Iterable[str], example: str) -> str:
    """A URL that begins with one of the `schemes`. A refusal shows no more of it than that: it may hold a password."""
    value = text(name)
    if not value:
        return default
    scheme, colon, _ = value.partition("://")
    if not colon or scheme not in schemes:
        raise _refusal(name, f"{scheme}://..." if colon else "no URL", f"write one such as {example}")
    return value


def host_for_url(name: str, default: str) -> str:
    """A host as a URL has it: an IPv6 address in brackets."""
    host = text(name, default)
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def address(name: str) -> tuple[str, int] | None:
    """Where to listen, as ADDRESS:PORT, an IPv6 address in brackets; None for nowhere."""
    value = text(name)
    if not value:
        return None
    host, _, port = value.rpartition(":")
    is_port = WHOLE_NUMBER.fullmatch(port) is not None and 1 <= int(port) <= 65535
    if not host or not is_port or (":" in host and not (host.startswith("[") and host.endswith("]"))):
        raise _refusal(name, value, "write an address and a port, such as 127.0.0.1:8001 or [::]:8001")
    return host.removeprefix("[").removesuffix("]"), int(port)


def base_path(name: str, default: str) -> str:
    """A path such as /tools/booper, without a slash at its end; empty for none."""
    value = text(name, default).rstrip("/")
    if value and not BASE_PATH.fullmatch(value):
        raise _refusal(name, value, "write a path such as /tools/booper: letters, digits and -._~ between slashes")
    return value


def boolean(name: str, default: bool) -> bool:
    value = text(name)
    if not value:
        return default
    if value.lower() not in BOOLEANS:
        raise _refusal(name, value, "write true or false (yes, no, on, off, 1 and 0 are taken too)")
    return BOOLEANS[value.lower()]


def broker_tls(broker_url: str, *, ca_file: str, is_verified: bool) -> dict[str, Any]:
    """What kombu is told of TLS to a rediss:// or amqps:// broker: who signs, and whom the certificate has to name."""
    if ca_file and not Path(ca_file).is_file():
        raise _refusal(
            "BROKER_CA_FILE", ca_file, "name a file with the certificates of those who may sign the broker's"
        )
    needed = ssl.CERT_REQUIRED if is_verified else ssl.CERT_NONE
    authority = {"ca_certs": ca_file} if ca_file else {}
    if broker_url.startswith("amqps"):
        host = urlsplit(broker_url).hostname
        return {"cert_reqs": needed, **authority, **({"server_hostname": host} if is_verified else {})}
    redis = {"cert_reqs": needed, "check_hostname": is_verified, **authority}
    return {f"ssl_{name}": value for name, value in redis.items()}


def integer(name: str, default: int, minimum: int | None = None, maximum: int | None = None) -> int:
    """A whole number; both bounds are included."""
    value = text(name)
    if not value:
        return default
    number = int(value) if WHOLE_NUMBER.fullmatch(value) else None
    return _in_bounds(name, value, number, minimum, maximum, kind="a whole number")


def seconds(name: str, default: float, minimum: float = 0, maximum: float | None = None) -> float:
    """A number of seconds, fractions taken; both bounds are included."""
    value = text(name)
    if not value:
        return default
    number = float(value) if DECIMAL_NUMBER.fullmatch(value) else None
    return _in_bounds(name, value, number, minimum, maximum, kind="a number of seconds, without a unit,")


def share(name: str, default: float) -> float:
    """A part of a whole, from 0 to 1."""
    value = text(name)
    if not value:
        return default
    number = float(value) if DECIMAL_NUMBER.fullmatch(value) else None
    return _in_bounds(name, value, number, 0, 1, kind="a share of one")


def names(name: str, default: Iterable[str] = ()) -> tuple[str, ...]:
    """A comma-separated list, without empty entries."""
    value = text(name)
    if not value:
        return tuple(default)
    return tuple(entry.strip() for entry in value.split(",") if entry.strip())


def networks(name: str, default: Iterable[str] = ()) -> tuple[Network, ...]:
    """A comma-separated list of networks or single addresses, IPv4 and IPv6; the word `none` for an empty one."""
    if text(name).lower() == "none":
        return ()
    return tuple(_network(name, entry) for entry in names(name, default))


def ports(name: str) -> Ports | None:
    """A comma-separated list of ports and ranges of them; None where there is none."""
    value = text(name)
    if not value:
        return None
    try:
        return target_ports.parse_ports(value)
    except ValueError as error:
        remedy = f"write ports and ranges, separated by commas, such as 443, 8000-8999 ({error})"
        raise _refusal(name, value, remedy) from None


def proxy(name: str) -> Proxy | None:
    """The URL of a proxy; None where there is none. A refusal shows nothing of it: it may hold a password."""
    value = text(name)
    if not value:
        return None
    try:
        return proxies.parse_proxy(value)
    except ValueError as error:
        raise _refusal(name, "no proxy", f"write one such as {proxies.EXAMPLES} ({error})") from None


def alert_services(name: str, *, egress: Proxy | None) -> tuple[str, ...]:
    """Schemas of Apprise's URLs, each with a host of its own: others would lead tenants into the operator's network."""
    found = tuple(schema.lower() for schema in names(name))
    for schema in found:
        try:
            why = schemas.refusal(schema)
        except schemas.NotInstalled:
            remedy = "its library is not installed: pip install -r requirements-apprise.txt, or unset it"
            raise _refusal(name, schema, remedy) from None
        if why:
            raise _refusal(name, schema, f"{why}; write schemas of services with a fixed host, such as tgram,pover")
    if found and egress is not None and egress.scheme != "http":
        remedy = "services can't be called by a SOCKS proxy: set BOOPER_EGRESS_PROXY to one of http://, or unset this"
        raise _refusal(name, ",".join(found), remedy)
    return found


def data_dir(root: Path) -> Path:
    """The folder of this instance's own files: absolute, made where missing, for nobody else to look into.

    `BOOPER_DATA_DIR` counts from the current directory, as a person typing it means it; the default lies in `root`.
    """
    folder = Path(text("BOOPER_DATA_DIR", str(root / ".booper"))).expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _refusal(
            "BOOPER_DATA_DIR", str(folder), f"name a folder that can be written ({error.strerror})"
        ) from error
    return folder


def kept_secret(name: str, folder: Path) -> str:
    """The variable, or else one of the instance's own, generated once and kept in its data folder, mode 0600."""
    given = text(name)
    if given:
        return given
    path = folder / name.lower()
    # Web, worker and beat boot at the same moment: without the lock each would have a secret of its own.
    with locks.held(folder / f"{path.name}.lock"):
        kept = path.read_text().strip() if path.exists() else ""
        if kept:
            return kept
        generated = secrets.token_urlsafe(50)
        write_private(path, generated + "\n")
        return generated


def encryption_keys(folder: Path) -> tuple[bytes, ...]:
    """`BOOPER_ENCRYPTION_KEYS`, or else the lines of a file in the data folder, mode 0600, made with one key in it."""
    name = "BOOPER_ENCRYPTION_KEYS"
    given = names(name)
    if not given:
        path = folder / "encryption_keys"
        with locks.held(folder / "encryption_keys.lock"):
            given = tuple(path.read_text().split()) if path.exists() else ()
            if not given:
                given = (new_encryption_key(),)
                write_private(path, given[0] + "\n")
    return tuple(_encryption_key(name, entry) for entry in given)


def new_encryption_key() -> str:
    """32 random bytes in base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(_ENCRYPTION_KEY_BYTES)).decode()


def _encryption_key(name: str, entry: str) -> bytes:
    try:
        key = base64.b64decode(entry, altchars=b"-_", validate=True)
    except ValueError:
        key = b""
    if len(key) != _ENCRYPTION_KEY_BYTES:
        raise _refusal(name, "no key", "write 32 random bytes in base64, such as manage.py new_encryption_key prints")
    return key


def write_private(path: Path, content: str) -> None:
    """Replace `path` in one step with a file that only its owner can read."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)


def keep_private(path: Path, *, folder: Path) -> None:
    """Takes from everybody but its owner what they may do with a file of the instance's `folder`, made where missing.

    A folder made beforehand may be open to others, and what a database makes by itself is as open as the umask says.
    """
    if not path.is_relative_to(folder):
        return
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        for each in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            if each.exists() and each.stat().st_mode & 0o077:
                each.chmod(0o600)


def _network(name: str, entry: str) -> Network:
    try:
        return ipaddress.ip_network(entry)
    except ValueError as error:
        remedy = f"write networks such as 10.0.0.0/8 or ::1/128, separated by commas, or none ({error})"
        raise _refusal(name, entry, remedy) from error


def _in_bounds(
    name: str, value: str, number: Number | None, minimum: Number | None, maximum: Number | None, *, kind: str
) -> Number:
    too_small = number is not None and minimum is not None and number < minimum
    too_large = number is not None and maximum is not None and number > maximum
    if number is None or too_small or too_large:
        bounds = [f"of at least {minimum}"] * (minimum is not None) + [f"of at most {maximum}"] * (maximum is not None)
        raise _refusal(name, value, " ".join(["write", kind, " and ".join(bounds)]).strip())
    return number


def _refusal(name: str, value: str, remedy: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name} is {value!r}: {remedy}.")
