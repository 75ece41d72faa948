"use strict";

const { ConnectionFailed, InvalidCall, errorOf } = require("./errors.cjs");
const { version } = require("./package.json");

const DEFAULT_URL = "http://127.0.0.1:8000";
// Over a limit, and not able to answer at the moment: nothing was done, and the server says when to come back.
const BUSY = new Set([429, 503]);
const LONGEST_WAIT_SECONDS = 60;

/** The way of one call to the server: the key, the time-out, the repeats. The only place that knows `fetch`. */
class Transport {
  #apiKey;

  constructor({ apiKey, baseUrl, timeout = 30, retryWaits = [0.5, 2], fetch: send = globalThis.fetch } = {}) {
    this.baseUrl = usableUrl(baseUrl || process.env.BOOPER_API_URL || DEFAULT_URL);
    this.#apiKey = usableKey(apiKey ?? process.env.BOOPER_API_KEY);
    if (!(timeout > 0 && timeout <= 2_000_000)) throw new InvalidCall(`timeout: ${timeout} is not a number of seconds`);
    this.timeout = timeout;
    this.retryWaits = [...retryWaits];
    this.send = send;
  }

  /** What is under `data` in the answer, undefined for an empty one. */
  async call(method, path, options = {}) {
    const answer = await this.#answer(method, path, options);
    return answer !== undefined && answer !== null && "data" in answer ? answer.data : answer;
  }

  /** The rows of a list, and the cursor for the next page or null. */
  async page(path, query) {
    const answer = await this.#answer("GET", path, { query, isRepeatable: true });
    return { rows: answer.data, cursor: answer.cursor ?? null };
  }

  async #answer(method, path, { query = {}, body, isRepeatable = false, needsKey = true } = {}) {
    if (needsKey && this.#apiKey === undefined) {
      throw new InvalidCall("apiKey: there is none; pass it or set BOOPER_API_KEY");
    }
    const url = this.baseUrl + path + queryString(query);
    const headers = { accept: "application/json", "user-agent": `booper-node/${version}` };
    if (needsKey) headers.authorization = `Bearer ${this.#apiKey}`;
    const content = body === undefined ? undefined : encoded(body);
    if (content !== undefined) headers["content-type"] = "application/json";
    for (const wait of isRepeatable ? this.retryWaits : []) {
      try {
        return await this.#once(method, url, headers, content);
      } catch (error) {
        if (!(error instanceof ConnectionFailed) && !BUSY.has(error.status)) throw error;
        const asked = Math.min(error.retryAfter ?? 0, LONGEST_WAIT_SECONDS);
        await new Promise((resolve) => setTimeout(resolve, 1000 * Math.max(wait, asked)));
      }
    }
    return this.#once(method, url, headers, content);
  }

  async #once(method, url, headers, body) {
    let status, text, retryAfter;
    try {
      const signal = AbortSignal.timeout(this.timeout * 1000);
      // The key goes to the server it was meant for and nowhere else.
      const response = await this.send(url, { method, headers, body, signal, redirect: "manual" });
      status = response.status;
      retryAfter = seconds(response.headers.get("retry-after"));
      text = await response.text();
    } catch (error) {
      const why = error.name === "TimeoutError" ? `no answer within ${this.timeout} s` : reason(error);
      const where = `cannot reach ${this.baseUrl}: ${why}; is Booper running there? BOOPER_API_URL says where`;
      throw new ConnectionFailed(where, { cause: error });
    }
    return checked(status, text, retryAfter);
  }

  toString() {
    return `Booper at ${this.baseUrl}`; // never the key: such texts end up in logs
  }
}

function checked(status, text, retryAfter) {
  let answer;
  try {
    answer = text === "" ? undefined : JSON.parse(text);
  } catch {
    answer = undefined;
    if (status >= 200 && status < 300) {
      throw new ConnectionFailed(`the answer ${status} is not JSON: is it Booper that listens there?`);
    }
  }
  if (status >= 200 && status < 300) return answer;
  const isProblem = answer !== null && typeof answer === "object" && !Array.isArray(answer);
  throw errorOf(status, isProblem ? answer : { title: "Refused", detail: text.slice(0, 200) }, retryAfter);
}

function usableUrl(text) {
  let url;
  try {
    url = new URL(text);
  } catch {
    throw new InvalidCall(`baseUrl: ${JSON.stringify(text)} is not a URL; write it as https://booper.example.com`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new InvalidCall(`baseUrl: ${url.protocol} is not http: or https:`);
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new InvalidCall("baseUrl: takes scheme, host, port and path, and nothing else");
  }
  return url.href.replace(/\/+$/, "");
}

function usableKey(key) {
  if (key === undefined || key === null || key === "") return undefined;
  if (typeof key !== "string" || !/^[\x21-\x7e]+$/.test(key)) {
    throw new InvalidCall("apiKey: has characters that no key has; it looks like sk_…");
  }
  return key;
}

function queryString(query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  if (given.length === 0) return "";
  const texts = given.map(([name, value]) => [name, value instanceof Date ? value.toISOString() : String(value)]);
  return `?${new URLSearchParams(texts)}`;
}

function encoded(body) {
  try {
    return JSON.stringify(body);
  } catch (error) {
    throw new InvalidCall(`the body can't be written as JSON: ${error.message}`, { cause: error });
  }
}

function seconds(text) {
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}

function reason(error) {
  return error.cause?.message || error.cause?.code || error.message;
}

module.exports = { Transport };
