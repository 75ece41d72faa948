"""Scripts for node, whose calls the API answers within the test's own transaction."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from django.core.handlers.wsgi import WSGIHandler


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def answers_of(script: Path, application: WSGIHandler, *, token: str) -> Mapping[str, Any]:
    """What the script prints. Its calls are served by this very thread, which has the test's transaction."""
    with make_server("127.0.0.1", 0, application, handler_class=_Quiet) as server:
        server.timeout = 0.1
        where = {"BOOPER_API_URL": f"http://127.0.0.1:{server.server_port}", "BOOPER_API_KEY": token}
        command = ["node", str(script)]
        with subprocess.Popen(command, env=os.environ | where, stdout=-1, stderr=-1, text=True) as process:
            while process.poll() is None:
                server.handle_request()
            out, err = process.communicate()
    assert process.returncode == 0, err
    answers: Mapping[str, Any] = json.loads(out)
    return answers
