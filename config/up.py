"""What bin/up does once its virtual environment stands: data folder, broker, migrations, first user, processes."""

import contextlib
import fcntl
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config import embedded_broker, environment, listening, procfile, writable_folder
from config.console import Console
from config.log_file import LogFile
from config.supervisor import Supervisor

ROOT = Path(__file__).resolve().parent.parent
BROKER = "broker"
# Files of the data folder, for its owner alone: what the first user signs in with, what was said at the last start.
FIRST_USER = "first_user.json"
WELCOME = "welcome.txt"
LOG = "booper.log"
FLOWER_USER = "booper"
MOST_WORKERS = 4

# A developer's own machine is a fine target there; a server's configuration has to say so.
DEFAULTS = {
    "BOOPER_ALLOW_HTTP_TARGETS": "true",
    "BOOPER_ALLOWED_TARGET_NETWORKS": "127.0.0.0/8,::1/128",
    "LOG_FORMAT": "line",
}


@dataclass(frozen=True, slots=True)
class Instance:
    """Where this instance lives and listens."""

    data_dir: Path
    host: str
    port: int
    flower_port: int
    # None where FLOWER_BASIC_AUTH gives one. The loopback needs one too: a job may ask this machine for Flower's pages.
    flower_password: str | None

    @property
    def url(self) -> str:
        return f"http://{listening.for_url(self.host)}:{self.port}"

    @property
    def flower_url(self) -> str:
        return f"http://{listening.for_url(self.host)}:{self.flower_port}"


@dataclass(frozen=True, slots=True)
class Account:
    """What config/prepare.py prints: the first user, or nothing but `created=False` where there was one already."""

    created: bool
    email: str | None
    password: str | None
    api_key: str | None
    # Below the address of the instance; good once.
    sign_in_path: str | None = None
    # Below it too: what takes the first user's requests.
    inbox_path: str | None = None


def main(*, is_verbose: bool = False, shows: bool = False) -> int:
    """Run an instance until it is told to end; return its exit status.

    The console has what goes wrong, or all that is logged if it `is_verbose`. `shows`: only say again what was said at
    the start of the instance in this data folder.
    """
    began = time.monotonic()
    # Whatever any process of the instance writes: no other user of the machine reads it.
    os.umask(0o077)
    data_dir = environment.data_dir(ROOT)
    if shows:
        print(_kept(data_dir))
        return 0
    writable_folder.require(data_dir)
    with _sole_instance(data_dir):
        instance = _instance(data_dir)
        _fill_environment(instance)
        programs = _programs(instance)
        broker = _broker(data_dir)
        account = _prepared_database()
        log = LogFile(data_dir / LOG)
        _tell(instance, _with_kept_secrets(data_dir, account), log)
        console = Console(
            sys.stdout.fileno(),
            [p.name for p in (*broker, *programs)],
            is_coloured=_wants_colour(),
            is_quiet=not is_verbose,
            log=log,
        )
        supervisor = Supervisor(
            [*broker, *programs],
            directory=ROOT,
            environment=os.environ,
            console=console,
            last=BROKER,
            probe=lambda: _ready(instance, began),
        )
        return supervisor.run()


@contextlib.contextmanager
def _sole_instance(data_dir: Path) -> Iterator[None]:
    descriptor = os.open(data_dir / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ImproperlyConfigured(
                f"BOOPER_DATA_DIR is {str(data_dir)!r}, where an instance runs already: "
                "stop that one, or give this one a folder and a PORT of its own."
            ) from None
        yield
    finally:
        os.close(descriptor)


def _instance(data_dir: Path) -> Instance:
    host = listening.host()
    port = listening.port(host)
    flower_port = listening.flower_port(host, besides=port)
    if flower_port != listening.FLOWER_PORT and not environment.text("FLOWER_PORT"):
        print(f"Port {listening.FLOWER_PORT} is taken: Flower listens on {flower_port}. FLOWER_PORT=... chooses one.")
    is_given = bool(environment.text("FLOWER_BASIC_AUTH"))
    return Instance(data_dir, host, port, flower_port, None if is_given else _kept_password(data_dir))


def _kept_password(data_dir: Path) -> str:
    """Flower's generated password: the same at every start, so that a bookmark keeps working."""
    path = data_dir / "flower_password"
    if not path.exists():
        environment.write_private(path, secrets.token_urlsafe(18) + "\n")
    return path.read_text().strip()


def _fill_environment(instance: Instance) -> None:
    """What every process of this instance finds in its environment, unless it was set from outside."""
    own_hosts = ["localhost", "127.0.0.1", "[::1]", listening.for_url(instance.host), instance.host]
    defaults = DEFAULTS | {"ALLOWED_HOSTS": ",".join(dict.fromkeys(own_hosts))}
    for name, value in defaults.items():
        if not environment.text(name):
            os.environ[name] = value
    bracketed = f"[{instance.host}]" if ":" in instance.host else instance.host
    os.environ |= {
        "BOOPER_DATA_DIR": str(instance.data_dir),
        "HOST": instance.host,
        "PORT": str(instance.port),
        "WEB_ADDRESS": f"{bracketed}:{instance.port}",
        # Flower takes its options from the environment, where a password is not for every user of the machine to see.
        "FLOWER_ADDRESS": instance.host,
        "FLOWER_PORT": str(instance.flower_port),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONUNBUFFERED": "1",
        "PATH": os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ.get("PATH", os.defpath)]),
    }
    if instance.flower_password:
        os.environ["FLOWER_BASIC_AUTH"] = f"{FLOWER_USER}:{instance.flower_password}"


def _programs(instance: Instance) -> list[procfile.Program]:
    cores = os.cpu_count() or 1
    workers = environment.integer("WORKER_PROCESSES", max(1, min(MOST_WORKERS, cores // 2)), minimum=1, maximum=64)
    try:
        return procfile.programs((ROOT / "Procfile").read_text(), variables=os.environ, counts={"worker": workers})
    except procfile.ProcfileError as error:
        raise ImproperlyConfigured(str(error)) from error


def _broker(data_dir: Path) -> list[procfile.Program]:
    if environment.text("BROKER_URL"):
        return []
    broker = embedded_broker.prepare(data_dir)
    return [procfile.Program(BROKER, broker.command)] if broker.command else []


def _prepared_database() -> Account:
    """Migrate, and make the first user."""
    command = [sys.executable, "-m", "config.prepare"]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last_line = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        _, is_a_setting, message = last_line.partition("ImproperlyConfigured: ")
        raise ImproperlyConfigured(message if is_a_setting else f"the database is not ready.\n{done.stderr.strip()}")
    return Account(**json.loads(done.stdout))


def _tell(instance: Instance, account: Account, log: LogFile) -> None:
    """Prints where everything is, and keeps it for `--show`, but for the link, which signs in once."""
    print(welcome(instance, account), flush=True)
    again = welcome(instance, replace(account, sign_in_path=None))
    environment.write_private(instance.data_dir / WELCOME, again)
    print(f"  The log is in {log.path}.\n", flush=True)


def _with_kept_secrets(data_dir: Path, account: Account) -> Account:
    """The first user with what they sign in with, which the folder keeps, as the database has hashes alone."""
    path = data_dir / FIRST_USER
    if account.created:
        environment.write_private(path, json.dumps(asdict(replace(account, sign_in_path=None))))
        return account
    if not path.exists():
        return account
    return replace(Account(**json.loads(path.read_text())), created=False, inbox_path=account.inbox_path)


def _kept(data_dir: Path) -> str:
    path = data_dir / WELCOME
    if not path.exists():
        raise ImproperlyConfigured(f"no instance was started in {data_dir} yet: bin/up starts one.")
    return path.read_text()


def welcome(instance: Instance, account: Account) -> str:
    lines = [
        "",
        f"  Pages    {instance.url}/",
        f"  API      {instance.url}/api",
        f"  Docs     {instance.url}/api/docs",
        f"  Admin    {instance.url}/admin/",
        f"  Flower   {instance.flower_url}/",
    ]
    if instance.flower_password:
        lines.append(f"           user {FLOWER_USER}, password {instance.flower_password}")
    if account.email:
        lines += [
            "",
            "  The first user:",
            f"  Email    {account.email}",
            f"  Password {account.password}",
            f"  API key  {account.api_key}",
        ]
        if account.sign_in_path:
            lines += ["", "  Open this to be signed in, once, within a day:", f"  {instance.url}{account.sign_in_path}"]
    else:
        lines += ["", "  A key: export BOOPER_API_KEY=$(.venv/bin/python manage.py create_api_key EMAIL)"]
    if _takes_requests_to_itself(instance):
        curl = _curl(instance, account)
        where = f"\n  It arrives at {instance.url}/inbox" if account.inbox_path and account.email else ""
        lines += ["", f"  Try it: a request to this instance itself, ten seconds from now.{where}", "", curl]
    return "\n".join([*lines, ""])


def _takes_requests_to_itself(instance: Instance) -> bool:
    """Whether the API answers at the address that is printed and its jobs may contact it, as they may by default."""
    host = listening.for_url(instance.host)
    names = environment.names("ALLOWED_HOSTS")
    return (
        (host in names or "*" in names)
        and environment.boolean("BOOPER_ALLOW_HTTP_TARGETS", False)
        and bool(environment.networks("BOOPER_ALLOWED_TARGET_NETWORKS"))
    )


def _curl(instance: Instance, account: Account) -> str:
    key = account.api_key or "$BOOPER_API_KEY"
    path = account.inbox_path if account.email else None
    job = {
        "method": "post",
        "url": f"{instance.url}{path or '/api/broadcast'}",
        "body": {"content": "Hello from the past", "author": "Booper", "channel": "quickstart"},
        "schedule_in": [10, "seconds"],
    }
    return (
        f"  curl {instance.url}/api/jobs \\\n"
        f'    -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\\n'
        f"    -d '{json.dumps(job)}'"
    )


def _ready(instance: Instance, began: float) -> str | None:
    # Under a name that it answers to, or each boot would log refusals: `.example.com` takes example.com, `*` any.
    name = "".join(environment.names("ALLOWED_HOSTS")[:1]).lstrip("*.") or "localhost"
    # Short: the supervisor waits meanwhile. A server that is slower is asked again.
    if not listening.answers(instance.host, instance.port, path="/api/ping", patience_seconds=0.3, name=name):
        return None
    return f"Ready on {instance.url} after {time.monotonic() - began:.1f} s. Ctrl-C ends it."


def _wants_colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")
