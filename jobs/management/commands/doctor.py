"""`manage.py doctor`: whether all is well, in words or as JSON, and by its exit status."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from booper.sending import proxy_check
from jobs.database import clock
from jobs.operating import doctor
from jobs.operating.findings import Finding, Level
from jobs.waking import announcements


class Command(BaseCommand):
    help = "Looks whether all is well with a live system. Ends with 1 if there is an error, with 0 otherwise."
    # It examines what checks would stop at.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs")
        parser.add_argument("--fix", action="store_true", help="repair what is safe to repair")

    def handle(self, *args: Any, **options: Any) -> None:
        proxy, client = settings.BOOPER_EGRESS_PROXY, settings.BOOPER_OIDC
        findings = doctor.examine(
            ask_broker=announcements.ask_broker,
            ask_proxy=None if proxy is None else partial(proxy_check.problem, proxy),
            # By its name, as it needs what is not installed where nobody signs in by it.
            ask_provider=None if client is None else import_module("booper.identity.provider").of(client).problem,
            clock_now=clock.now,
            is_to_fix=options["fix"],
        )
        has_errors = doctor.has_errors(findings)
        if options["json"]:
            shown = {"ok": not has_errors, "findings": [finding.as_json() for finding in findings]}
            self.stdout.write(json.dumps(shown, indent=2))
        else:
            self._print(findings)
        if has_errors:
            sys.exit(1)

    def _print(self, findings: Sequence[Finding]) -> None:
        styles = {Level.OK: self.style.SUCCESS, Level.WARNING: self.style.WARNING, Level.ERROR: self.style.ERROR}
        for finding in findings:
            level = styles[finding.level](f"{finding.level.value:8}")
            fixed = "" if finding.fixed is None else f" (repaired: {finding.fixed})"
            self.stdout.write(f"{level}{finding.check}: {finding.message}{fixed}")
            if finding.remedy is not None:
                self.stdout.write(f"{'':8}  -> {finding.remedy}")
