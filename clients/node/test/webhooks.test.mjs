import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

import { InvalidSecret, InvalidSignature, verify } from "../webhooks.mjs";

// The example of the Standard Webhooks specification's own libraries, so that nobody's mistake here is tested by itself.
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BODY = '{"test": 2432232314}';
const NOW = new Date(1614265330 * 1000);
const HEADERS = {
  "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
  "webhook-timestamp": "1614265330",
  "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
};

test("a signed message is its event, whatever holds its headers and bytes", () => {
  const event = { test: 2432232314 };
  assert.deepEqual(verify(BODY, HEADERS, SECRET, { now: NOW }), event);
  assert.deepEqual(verify(Buffer.from(BODY), new Headers(HEADERS), SECRET, { now: NOW }), event);
  assert.deepEqual(verify(new TextEncoder().encode(BODY).buffer, HEADERS, SECRET, { now: NOW }), event);
  const upper = Object.fromEntries(Object.entries(HEADERS).map(([name, value]) => [name.toUpperCase(), value]));
  assert.deepEqual(verify(BODY, upper, ["whsec_" + "A".repeat(32), SECRET], { now: NOW }), event);
  assert.equal(createRequire(import.meta.url)("../webhooks.cjs").verify, verify);
});

test("one of several signatures is enough", () => {
  const headers = { ...HEADERS, "webhook-signature": `v1,AAAA v2,x ${HEADERS["webhook-signature"]}` };
  assert.ok(verify(BODY, headers, SECRET, { now: NOW }));
});

test("a message that was changed, is old, or lacks a header is refused", () => {
  const wrong = [
    [BODY + " ", HEADERS, NOW],
    [BODY, { ...HEADERS, "webhook-id": "other" }, NOW],
    [BODY, { ...HEADERS, "webhook-timestamp": "1614265331" }, NOW],
    [BODY, { ...HEADERS, "webhook-timestamp": "soon" }, NOW],
    [BODY, { ...HEADERS, "webhook-signature": "v1," }, NOW],
    [BODY, { ...HEADERS, "webhook-signature": undefined }, NOW],
    [BODY, HEADERS, new Date(NOW.getTime() + 301_000)],
    [BODY, HEADERS, new Date(NOW.getTime() - 301_000)],
  ];
  for (const [body, headers, now] of wrong) assert.throws(() => verify(body, headers, SECRET, { now }), InvalidSignature);
});

test("a secret that can't be one is refused, and is not in the message", () => {
  for (const secret of ["", "whsec_c2hvcnQ=", undefined]) {
    assert.throws(() => verify(BODY, HEADERS, secret, { now: NOW }), (error) => {
      assert.ok(error instanceof InvalidSecret);
      return !error.message.includes("c2hvcnQ");
    });
  }
});
