"use strict";

const { createHmac, timingSafeEqual } = require("node:crypto");
const { BooperError } = require("./errors.cjs");

const PREFIX = "whsec_";

/** A message that must not be trusted; the message says which check failed. */
class InvalidSignature extends BooperError {}

/** A secret that is not `whsec_` and base64 of 24 to 64 bytes. The message never contains it. */
class InvalidSecret extends BooperError {}

/**
 * The event in `body`, once one of its signatures is found to be that of one of the secrets, as the Standard Webhooks
 * specification has it. `body` is what was received, before any parsing.
 */
function verify(body, headers, secret, { toleranceSeconds = 300, now = new Date() } = {}) {
  const payload = typeof body === "string" ? Buffer.from(body) : Buffer.from(body.buffer ?? body, body.byteOffset ?? 0, body.byteLength);
  const keys = (Array.isArray(secret) ? secret : [secret]).map(keyOf);
  const [id, timestamp, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => {
    const value = header(headers, name);
    if (!value) throw new InvalidSignature(`the header ${name} is missing`);
    return value;
  });
  checkAge(timestamp, now, toleranceSeconds);
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), payload]);
  const expected = keys.map((key) => createHmac("sha256", key).update(signed).digest());
  const given = signatures.split(" ").filter((each) => each.startsWith("v1,")).map((each) => Buffer.from(each.slice(3), "base64"));
  const fits = given.some((each) => expected.some((digest) => each.length === digest.length && timingSafeEqual(each, digest)));
  if (!fits) throw new InvalidSignature("no signature is that of the secret: the body was changed, or signed with another");
  try {
    return JSON.parse(payload.toString("utf8"));
  } catch (error) {
    throw new InvalidSignature("the body is signed, but it is not JSON: it is not a callback or a webhook", { cause: error });
  }
}

function header(headers, name) {
  if (typeof headers.get === "function") return headers.get(name);
  const found = Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  return Array.isArray(found) ? found[0] : found;
}

function keyOf(secret) {
  const text = typeof secret === "string" ? secret.trim() : "";
  const key = Buffer.from(text.startsWith(PREFIX) ? text.slice(PREFIX.length) : text, "base64");
  if (key.length < 24 || key.length > 64) {
    throw new InvalidSecret("the secret is whsec_ and the base64 of 24 to 64 bytes, as POST /api/signing-secret/rotate gave it once");
  }
  return key;
}

function checkAge(timestamp, now, toleranceSeconds) {
  if (!/^\d{1,12}$/.test(timestamp)) throw new InvalidSignature("webhook-timestamp is not a number of seconds");
  const age = now.getTime() / 1000 - Number(timestamp);
  if (Math.abs(age) > toleranceSeconds) {
    throw new InvalidSignature(`the message is ${Math.round(Math.abs(age))} s ${age > 0 ? "old" : "ahead"}: a replay, or a wrong clock`);
  }
}

module.exports = { verify, InvalidSignature, InvalidSecret };
