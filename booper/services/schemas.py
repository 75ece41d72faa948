"""Which services an operator may name, and what a URL of one may say: by what Apprise's plugins tell of themselves.

Apprise is imported when it is first asked for: where no service is named, it need not be installed.
"""

import importlib
import re
from functools import lru_cache
from typing import Any

LIBRARY = "apprise"
LONGEST_URL = 400
_SCHEMA = re.compile(r"([A-Za-z0-9]+)://")
_NOT_SERVICES = ("http", "https")
# They tell of no host, and take one all the same: out of an address, a profile, a list of relays or a file.
_WITH_A_HOST_INSIDE = ("NotifyAprs", "NotifyBlueSky", "NotifyNostr", "NotifyVapid", "NotifyZulip")
# Text may be the path of a file on this machine.
_ARGUMENT_KINDS = ("bool", "int", "float", "choice:")
_PARAMETER = re.compile(r"([a-z_]+)=[^&;]*")


class NotInstalled(Exception):
    """Raised where Apprise is needed, and is not installed."""


def schema_of(url: str) -> str | None:
    """`tgram` of `tgram://…`, in small letters; None for URLs of the web and for what is none."""
    match = _SCHEMA.match(url)
    schema = match[1].lower() if match else None
    return None if schema in _NOT_SERVICES else schema


@lru_cache(maxsize=512)
def refusal(schema: str) -> str | None:
    """Why no operator may name it; None if one may. Raises NotInstalled."""
    plugin = _plugin(schema)
    if plugin is None:
        return "Apprise knows no such service"
    if any("host" in token for token in plugin.template_tokens) or plugin.__name__ in _WITH_A_HOST_INSIDE:
        return "its URLs name the host that is called, which may be one of yours"
    secure = plugin.secure_protocol or ()
    if plugin.protocol or schema not in ((secure,) if isinstance(secure, str) else secure):
        return "it is not called by https:// alone"
    return None


def problem(url: str) -> str | None:
    """What is wrong with the URL of a service that an operator has named, and the remedy. Raises NotInstalled."""
    schema = schema_of(url) or ""
    plugin = _plugin(schema)
    if plugin is None or refusal(schema):
        return f"{schema}:// is no service that may be called"
    if len(url) > LONGEST_URL:
        return f"it has {len(url)} characters: write at most {LONGEST_URL}"
    if not url.isascii() or not url.isprintable() or " " in url or "#" in url:
        return "it has a space, a # or a character that is no ASCII: percent-encode it"
    if "{{" in url:
        return "it refers to a secret, which the URL of a service can't: write the key itself"
    allowed = _arguments(plugin)
    for parameter in re.split("[&;]", url.partition("?")[2]):
        match = _PARAMETER.fullmatch(parameter)
        if parameter and (match is None or match[1] not in allowed):
            named = ", ".join(allowed) or "none"
            return f"it has a parameter that is not taken, of which there are: {named}. Leave it out"
    if instance(url) is None:
        return f"{schema}:// has other URLs: see {plugin.setup_url}"
    return None


def instance(url: str) -> Any:
    """Apprise's plugin, made for the URL; None if it does not take it."""
    library = _library()
    asset = library.AppriseAsset(app_id="Booper", app_desc="Booper", secure_logging=True, async_mode=False)
    try:
        return library.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    except Exception:
        # Plugins take a URL apart before that is asked: one that ends too soon is an IndexError to some.
        return None


def notify(plugin: Any, *, title: str, text: str, kind: str) -> bool:
    """Whether the service took the message, which is plain text whatever the service makes of HTML or Markdown."""
    group = _library().Apprise(asset=plugin.asset)
    group.add(plugin)
    return bool(group.notify(title=title, body=text, notify_type=kind, body_format="text"))


def _arguments(plugin: Any) -> list[str]:
    """The parameters that are the service's own, and neither text nor anything that any plugin takes."""
    general = importlib.import_module("apprise.plugins.base").NotifyBase.template_args
    return sorted(
        name
        for name, argument in plugin.template_args.items()
        if name not in general and str(argument.get("type", "")).startswith(_ARGUMENT_KINDS)
    )


def _plugin(schema: str) -> Any:
    _library()
    known = importlib.import_module("apprise.manager_plugins").NotificationManager()
    return known[schema] if schema in known.schemas() else None


def _library() -> Any:
    try:
        return importlib.import_module(LIBRARY)
    except ImportError as error:
        raise NotInstalled from error
