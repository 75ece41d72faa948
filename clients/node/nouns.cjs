"use strict";

const { InvalidCall } = require("./errors.cjs");

const PAGE_SIZE = 100;

/** The calls under one path of the API. */
class Noun {
  constructor(transport, path) {
    this.transport = transport;
    this.path = path;
  }

  _pathOf(id, ...more) {
    const text = String(id ?? "");
    if (["", ".", ".."].includes(text.trim())) {
      throw new InvalidCall(`id: ${JSON.stringify(text)} names nothing, use the one the API gave`);
    }
    return [this.path, encodeURIComponent(text), ...more].join("/");
  }

  _read(...path) {
    return this.transport.call("GET", this._pathOf(...path), { isRepeatable: true });
  }

  _post(id, verb, options) {
    return this.transport.call("POST", this._pathOf(id, verb), options);
  }

  /** Throws InvalidCall without a filter, unless `all` is meant: a slip is not to reach everything. */
  _many(verb, { all, dry_run: dryRun, ...filters } = {}) {
    if (!all && !Object.values(filters).some((value) => value !== undefined && value !== null)) {
      throw new InvalidCall("filters: none given; {name: 'daily report'} takes what has that name, {all: true} everything");
    }
    const query = { ...filters, all: all || undefined, dry_run: dryRun || undefined };
    return this.transport.call("POST", `${this.path}/${verb}`, { query });
  }
}

class Listed extends Noun {
  /** One page, newest first. */
  list(filters = {}) {
    return this.transport.call("GET", this.path, { query: filters, isRepeatable: true });
  }

  /** Every row, page after page, as it is consumed; nothing twice and nothing passed over. */
  async *iterate({ page_size: pageSize = PAGE_SIZE, offset, ...filters } = {}) {
    let query = { ...filters, limit: pageSize, offset, cursor: "" };
    while (query.cursor !== null) {
      const { rows, cursor } = await this.transport.page(this.path, query);
      yield* rows;
      query = { ...filters, limit: pageSize, cursor };
    }
  }

  get(id) {
    return this._read(id);
  }
}

class Jobs extends Listed {
  /** Repeated after a failure of the network only if it has an `idempotency_key`: else it could be made twice. */
  create(job) {
    return this.transport.call("POST", this.path, { body: job, isRepeatable: isRepeatable(job) });
  }

  /** Up to 1,000 in one call; answers a list in the same order, each the job or `{error: problem}`. */
  createMany(jobs) {
    const batch = [...jobs];
    return this.transport.call("POST", `${this.path}/batch`, {
      body: { jobs: batch },
      isRepeatable: batch.every(isRepeatable),
    });
  }

  update(id, changes) {
    return this.transport.call("PATCH", this._pathOf(id), { body: changes });
  }

  cancel(id, { scope } = {}) {
    return this._post(id, "cancel", { query: { scope } });
  }

  run(id) {
    return this._post(id, "run");
  }

  retry(id) {
    return this._post(id, "retry");
  }

  delete(id) {
    return this.transport.call("DELETE", this._pathOf(id));
  }

  timeline(id) {
    return this._read(id, "timeline");
  }

  cancelMany(filters) {
    return this._many("cancel", filters);
  }

  retryMany(filters) {
    return this._many("retry", filters);
  }

  runMany(filters) {
    return this._many("run", filters);
  }

  deleteMany(filters) {
    return this._many("delete", filters);
  }
}

class Schedules extends Listed {
  put(key, schedule) {
    return this.transport.call("PUT", this._pathOf(key), { body: schedule, isRepeatable: true });
  }

  update(id, changes) {
    return this.transport.call("PATCH", this._pathOf(id), { body: changes });
  }

  enable(id) {
    return this._post(id, "enable");
  }

  disable(id, { reason } = {}) {
    return this._post(id, "disable", reason === undefined ? {} : { body: { reason } });
  }

  trigger(id) {
    return this._post(id, "trigger");
  }

  skip(id, { until } = {}) {
    return this._post(id, "skip", until === undefined ? {} : { body: { until } });
  }

  backfill(id, span) {
    return this._post(id, "backfill", { body: span });
  }

  delete(id) {
    return this.transport.call("DELETE", this._pathOf(id));
  }
}

class Logs extends Listed {}

class Deliveries extends Listed {
  resend(id) {
    return this._post(id, "resend");
  }

  resendMany(filters) {
    return this._many("resend", filters);
  }
}

class Queues extends Listed {
  put(name, limits) {
    return this.transport.call("PUT", this._pathOf(name), { body: limits, isRepeatable: true });
  }
}

class Calendars extends Listed {
  put(name, calendar) {
    return this.transport.call("PUT", this._pathOf(name), { body: calendar, isRepeatable: true });
  }

  delete(name) {
    return this.transport.call("DELETE", this._pathOf(name));
  }
}

function isRepeatable(job) {
  // Whoever has a held key refused would be refused by the job that the first call made.
  return Boolean(job?.idempotency_key) && job.on_conflict !== "refuse";
}

module.exports = { Jobs, Schedules, Logs, Deliveries, Queues, Calendars };
