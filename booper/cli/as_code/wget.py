"""The request that a wget command line makes, in the fields of a job."""

from __future__ import annotations

from booper.cli.as_code.curl import Draft, NotARequest, Request, attempts_of, finished, seconds_of, take_header

_TAKING = {
    "--header": "header", "--post-data": "data", "--body-data": "data", "--method": "method", "-T": "timeout",
    "--timeout": "timeout", "--read-timeout": "timeout", "-t": "tries", "--tries": "tries", "--user": "user",
    "--http-user": "user", "--password": "password", "--http-password": "password", "--referer": "referer",
    "-U": "agent", "--user-agent": "agent",
    **dict.fromkeys(
        ("-O", "--output-document", "-o", "--output-file", "-a", "--append-output", "-P", "--directory-prefix", "-w",
         "--wait", "--waitretry", "--connect-timeout", "--dns-timeout", "--limit-rate", "--max-redirect", "--progress",
         "-e", "--execute"),
        "nothing",
    ),
}  # fmt: skip
_FLAGS = frozenset(
    ("-q", "--quiet", "-v", "--verbose", "-nv", "--no-verbose", "-b", "--background", "-nc", "--no-clobber", "-N",
     "--timestamping", "--delete-after", "-4", "-6", "-nd", "--no-directories", "-S", "--server-response", "--no-cache",
     "--no-cookies", "--no-proxy", "--content-on-error", "--retry-connrefused", "--show-progress", "--https-only",
     "--spider", "--auth-no-challenge")
)  # fmt: skip
_REFUSED = {
    "--no-check-certificate": "certificates are checked here: take it out, or have the target show one that is valid",
    "--post-file": "the body is in a file of this machine: write it as --post-data",
    "--body-file": "the body is in a file of this machine: write it as --body-data",
    "--load-cookies": "its cookies are in a file: write them as a header",
    "-i": "its URLs are in a file: write a line for each",
    "--input-file": "its URLs are in a file: write a line for each",
    "-r": "it fetches a whole site, and a job is one request",
    "--recursive": "it fetches a whole site, and a job is one request",
    "-m": "it fetches a whole site, and a job is one request",
    "--mirror": "it fetches a whole site, and a job is one request",
}


def request_of(words: list[str]) -> Request:
    """The request of the words after `wget`. Raises NotARequest."""
    draft = Draft()
    login: dict[str, str] = {}
    left = list(words)
    while left:
        word = left.pop(0)
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if not word.startswith("-") or word == "-":
            draft.urls.append(word)
        elif name in _REFUSED:
            raise NotARequest(_REFUSED[name])
        elif name in _FLAGS:
            if name == "--spider":
                draft.notes.append("--spider asks with HEAD; this asks with GET")
        elif name in _TAKING:
            _take(draft, login, _TAKING[name], value if equals else _next(left, name))
        else:
            _several(draft, login, word, left)
    if login:
        draft.login = f"{login.get('user', '')}:{login.get('password', '')}"
    return finished(draft)


def _several(draft: Draft, login: dict[str, str], word: str, left: list[str]) -> None:
    """Letters together, `-qO-`: the first that takes a value has what follows, or the next word."""
    if not word.startswith("--"):
        for place, letter in enumerate(word[1:], start=1):
            name = f"-{letter}"
            if name in _TAKING:
                _take(draft, login, _TAKING[name], word[place + 1 :] or _next(left, name))
                return
            if name not in _FLAGS:
                break
        else:
            return
    raise NotARequest(f"the option {word[:40]} is not known here: leave it out, or write the schedule by hand")


def _next(left: list[str], name: str) -> str:
    if not left:
        raise NotARequest(f"{name} has no value", is_mistake=True)
    return left.pop(0)


def _take(draft: Draft, login: dict[str, str], kind: str, value: str) -> None:
    match kind:
        case "header":
            take_header(draft, value)
        case "data":
            draft.data.append(value)
        case "method":
            draft.method = value
        case "timeout":
            draft.timeout = seconds_of(value, option="--timeout")
        case "tries":
            draft.max_attempts = attempts_of(value)
        case "user" | "password":
            login[kind] = value
        case "referer":
            draft.headers["Referer"] = value
        case "agent":
            draft.notes.append("User-Agent is Booper's own")
