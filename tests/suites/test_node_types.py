"""The types of the client for node, as a user's own compiler sees them."""

import os
import shutil
from pathlib import Path

import pytest

from tests.suites.test_typescript_client import STRICT, ran

CLIENT = Path(__file__).parents[2] / "clients" / "node"
ESM = """
import Default, { Scheduler, BadRequest, type Job } from "booper";
import { verify, InvalidSignature } from "booper/webhooks";

const scheduler: Scheduler = new Default({ apiKey: "sk_", timeout: 3 });
export async function first(): Promise<Job> {
  const job = await scheduler.jobs.create({ url: "https://example.com/", schedule_in: [30, "seconds"] });
  const state: "completed" | string = job.job.state;
  for await (const each of scheduler.jobs.iterate({ state })) console.log(each.error?.message);
  return job;
}
export const event = verify("{}", { "webhook-id": "a" }, ["whsec_"], { toleranceSeconds: 5 });
export const type: string = event.type;
export const is_forged = (error: unknown) => error instanceof InvalidSignature;
export const wrong = (error: unknown) => error instanceof BadRequest && error.errors[0]!.pointer;
// @ts-expect-error: there is no such unit
void scheduler.jobs.create({ url: "https://example.com/", schedule_in: [30, "fortnights"] });
// @ts-expect-error: a job has a URL
void scheduler.jobs.create({ method: "get" });
"""
COMMON = """
import Scheduler = require("booper");
import webhooks = require("booper/webhooks");

const scheduler = new Scheduler();
const same: Scheduler.Scheduler = new Scheduler.Scheduler({ baseUrl: "http://127.0.0.1:8000" });
export const job: Promise<Scheduler.Job> = scheduler.jobs.get(7);
export const rows = same.logs.list({ limit: 5 });
export const verify = webhooks.verify;
"""


def test_both_kinds_of_modules_are_typed_alike(suites: Path, tmp_path: Path) -> None:
    modules = suites / "typescript" / "node_modules"
    if not modules.is_dir() or shutil.which("node") is None:
        missing = "needs node on this machine, and a folder that .ci/suites has filled with npm there"
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "booper").symlink_to(CLIENT)
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / "esm.mts").write_text(ESM)
    (tmp_path / "common.cts").write_text(COMMON)
    ran(modules / ".bin" / "tsc", *STRICT, "--noEmit", "esm.mts", "common.cts", folder=tmp_path)
