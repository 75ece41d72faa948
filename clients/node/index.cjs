"use strict";

const errors = require("./errors.cjs");
const { Calendars, Deliveries, Jobs, Logs, Queues, Schedules } = require("./nouns.cjs");
const { Transport } = require("./transport.cjs");

/** A Booper server, as one user. */
class Scheduler {
  #transport;

  constructor(options = {}) {
    this.#transport = new Transport(options);
    this.jobs = new Jobs(this.#transport, "/api/jobs");
    this.schedules = new Schedules(this.#transport, "/api/schedules");
    this.logs = new Logs(this.#transport, "/api/logs");
    this.deliveries = new Deliveries(this.#transport, "/api/deliveries");
    this.queues = new Queues(this.#transport, "/api/queues");
    this.calendars = new Calendars(this.#transport, "/api/calendars");
  }

  /** The next runs of a would-be schedule; creates nothing. */
  preview(schedule) {
    return this.#transport.call("POST", "/api/preview", { body: schedule, isRepeatable: true });
  }

  /** `{message: "Pong"}` from a server that is up. Needs no key. */
  ping() {
    return this.#transport.call("GET", "/api/ping", { isRepeatable: true, needsKey: false });
  }
}

const { errorOf: _, ...thrown } = errors;

// `const Scheduler = require("booper")` and `const { Scheduler } = require("booper")` are the same.
module.exports = Object.assign(Scheduler, { Scheduler, default: Scheduler, ...thrown });
