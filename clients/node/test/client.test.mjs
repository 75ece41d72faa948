import assert from "node:assert/strict";
import http from "node:http";
import { createRequire } from "node:module";
import { after, before, beforeEach, test } from "node:test";

import Default, * as named from "../index.mjs";

const { BadRequest, ConnectionFailed, InvalidCall, RateLimited, Scheduler, ServerError } = named;

let server, baseUrl, arrived, answers;

before(async () => {
  server = http.createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    arrived.push({ method: request.method, url: request.url, headers: request.headers, body });
    const answer = answers.shift() ?? { status: 200, body: { data: {} } };
    if (answer === "hang up") return request.socket.destroy();
    response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers });
    response.end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  baseUrl = `http://127.0.0.1:${server.address().port}/tools/booper/`;
});
after(() => server.close());
beforeEach(() => {
  arrived = [];
  answers = [];
});

const scheduler = (options) => new Scheduler({ apiKey: "sk_test", baseUrl, retryWaits: [0, 0], ...options });

test("the default export, the named one and the one of CommonJS are the same class", () => {
  const required = createRequire(import.meta.url)("../index.cjs");
  assert.equal(Default, Scheduler);
  assert.equal(required, Scheduler);
  assert.equal(required.Scheduler, Scheduler);
  assert.equal(required.BadRequest, BadRequest);
});

test("a job is created by one call that carries the key and the fields as they are", async () => {
  answers = [{ status: 201, body: { data: { job_id: 7 } } }];
  const at = new Date("2026-03-01T12:00:00Z");
  const job = await scheduler().jobs.create({ url: "https://example.com/", scheduled_at: at, body: { a: null } });
  assert.deepEqual(job, { job_id: 7 });
  const [{ method, url, headers, body }] = arrived;
  assert.deepEqual([method, url, headers.authorization], ["POST", "/tools/booper/api/jobs", "Bearer sk_test"]);
  assert.deepEqual(JSON.parse(body), { url: "https://example.com/", scheduled_at: at.toISOString(), body: { a: null } });
  assert.match(headers["user-agent"], /^booper-node\/\d/);
});

test("a refusal is an error by its status, with the fields that are wrong", async () => {
  const errors = [{ pointer: "/url", detail: "is needed" }];
  answers = [{ status: 400, body: { title: "Bad request", detail: "look at errors", errors } }];
  await assert.rejects(scheduler().jobs.create({}), (error) => {
    assert.ok(error instanceof BadRequest);
    assert.deepEqual([error.status, error.errors], [400, errors]);
    return true;
  });
});

test("what may have been carried out is not repeated, and what can be is", async () => {
  answers = ["hang up"];
  await assert.rejects(scheduler().jobs.create({ url: "https://example.com/" }), ConnectionFailed);
  assert.equal(arrived.length, 1);
  answers = ["hang up", { status: 503, body: {} }, { status: 201, body: { data: { job_id: 1 } } }];
  const job = await scheduler().jobs.create({ url: "https://example.com/", idempotency_key: "k" });
  assert.deepEqual([job.job_id, arrived.length], [1, 4]);
});

test("a held key that is refused is not asked for twice", async () => {
  answers = ["hang up"];
  const job = { url: "https://example.com/", idempotency_key: "k", on_conflict: "refuse" };
  await assert.rejects(scheduler().jobs.create(job), ConnectionFailed);
  assert.equal(arrived.length, 1);
});

test("after the last repeat the refusal comes through, with the seconds to wait", async () => {
  answers = Array(3).fill({ status: 429, body: { title: "Too many" }, headers: { "retry-after": "0" } });
  await assert.rejects(scheduler().jobs.list(), (error) => error instanceof RateLimited && error.retryAfter === 0);
  assert.equal(arrived.length, 3);
});

test("a 500 is not repeated, and an answer that is not JSON is shown in part", async () => {
  answers = [{ status: 502, body: "<html>bad gateway" }];
  await assert.rejects(scheduler().jobs.list(), (error) => error instanceof ServerError && /bad gateway/.test(error.message));
  assert.equal(arrived.length, 1);
});

test("pages are asked for one after the other, as they are consumed", async () => {
  answers = [
    { status: 200, body: { data: [{ job_id: 3 }, { job_id: 2 }], cursor: "x=" } },
    { status: 200, body: { data: [{ job_id: 1 }] } },
  ];
  const ids = [];
  for await (const job of scheduler().jobs.iterate({ state: "discarded", offset: 1 })) ids.push(job.job_id);
  assert.deepEqual(ids, [3, 2, 1]);
  assert.deepEqual(
    arrived.map(({ url }) => url.split("?")[1]),
    ["state=discarded&limit=100&offset=1&cursor=", "state=discarded&limit=100&cursor=x%3D"],
  );
});

test("an id that would name another resource is refused, and nothing is sent", () => {
  for (const id of ["", " ", ".", "..", undefined, null]) {
    assert.throws(() => scheduler().jobs.get(id), InvalidCall);
  }
  assert.equal(arrived.length, 0);
});

test("an id is one segment of the path, whatever it has in it", async () => {
  await scheduler().schedules.get("a/../b?c#d");
  assert.equal(arrived[0].url, "/tools/booper/api/schedules/a%2F..%2Fb%3Fc%23d");
});

test("what is done to many needs a filter, or to be meant", async () => {
  assert.throws(() => scheduler().jobs.cancelMany({}), InvalidCall);
  assert.throws(() => scheduler().jobs.cancelMany(), InvalidCall);
  await scheduler().jobs.cancelMany({ all: true, dry_run: true });
  assert.equal(arrived[0].url, "/tools/booper/api/jobs/cancel?all=true&dry_run=true");
});

test("the key and the address come from the environment, and the key is never shown", async () => {
  process.env.BOOPER_API_KEY = "sk_environment";
  process.env.BOOPER_API_URL = baseUrl;
  try {
    const ours = new Scheduler();
    await ours.ping();
    await ours.logs.list();
    assert.deepEqual(arrived.map(({ headers }) => headers.authorization), [undefined, "Bearer sk_environment"]);
    const { inspect } = await import("node:util");
    assert.ok(!inspect(ours, { depth: 9, showHidden: true }).includes("sk_environment"));
  } finally {
    delete process.env.BOOPER_API_KEY;
    delete process.env.BOOPER_API_URL;
  }
  await assert.rejects(new Scheduler({ baseUrl }).logs.list(), InvalidCall);
});

test("a key that can't be a header, and an address that is none, are refused at once", () => {
  assert.throws(() => scheduler({ apiKey: "sk_\n" }), InvalidCall);
  for (const wrong of ["example.com", "ftp://example.com", "https://u:p@example.com", "https://example.com/?a=1"]) {
    assert.throws(() => scheduler({ baseUrl: wrong }), InvalidCall);
  }
});

test("a redirect is not followed, as the key would go along", async () => {
  answers = [{ status: 302, body: {}, headers: { location: "http://127.0.0.1:1/" } }];
  await assert.rejects(scheduler().jobs.list(), (error) => error.status === 302);
});

test("a server that does not answer in time is told from one that refuses", async () => {
  const silent = http.createServer(() => {});
  await new Promise((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const slow = scheduler({ baseUrl: `http://127.0.0.1:${silent.address().port}`, timeout: 0.05, retryWaits: [] });
  await assert.rejects(slow.jobs.list(), (error) => error instanceof ConnectionFailed && /within 0.05 s/.test(error.message));
  silent.closeAllConnections();
  silent.close();
});
