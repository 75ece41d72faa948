/** The shapes of the API. Lengths of time are `"5 minutes"`, `[5, "minutes"]` or a number of seconds. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Method = "get" | "post" | "put" | "patch" | "delete";
export type Unit =
  | "second" | "seconds" | "minute" | "minutes" | "hour" | "hours" | "day" | "days"
  | "week" | "weeks" | "month" | "months" | "year" | "years";
export type Duration = number | string | [number, Unit];
export type Moment = string | number | Date;
export type State = "scheduled" | "available" | "executing" | "retryable" | "completed" | "cancelled" | "discarded";
export type Id = number | string;
export type Filters = Record<string, string | number | boolean | Date | null | undefined>;

/** What POST /api/jobs takes; the server's documentation has every field, and new ones may be given too. */
export interface NewJob {
  url: string;
  method?: Method | Uppercase<Method>;
  query?: Record<string, unknown>;
  headers?: Record<string, string | number>;
  body?: unknown;
  body_format?: "json" | "form" | "text" | "base64";
  name?: string;
  description?: string;
  schedule_in?: Duration;
  scheduled_at?: Moment;
  repeat_every?: Duration;
  cron?: string | string[];
  timezone?: string;
  jitter?: Duration;
  overlap?: "allow" | "skip" | "queue" | "cancel";
  idempotency_key?: string;
  on_conflict?: "ignore" | "replace" | "refuse";
  expires_in?: Duration;
  expires_at?: Moment;
  tags?: string[];
  success_when?: Record<string, unknown>;
  callback_url?: string;
  webhook_url?: string;
  timeout?: number;
  max_attempts?: number;
  queue?: string;
  [field: string]: unknown;
}

export interface Job {
  id: string;
  job_id: number;
  user_id: string;
  schedule_id: string | null;
  parent_id: string | null;
  name: string | null;
  description: string | null;
  idempotency_key: string | null;
  inserted_at: string;
  attempt: number;
  max_attempts: number;
  tags: string[];
  queue: string | null;
  error: { code: string; message: string; response_status: number | null; at: string } | null;
  job: {
    id: number;
    state: State;
    inserted_at: string;
    scheduled_at: string;
    attempted_at: string | null;
    completed_at: string | null;
    cancelled_at: string | null;
    discarded_at: string | null;
    has_conflict: boolean;
    [field: string]: unknown;
  };
  args: { [field: string]: Json };
  [field: string]: unknown;
}

export interface Schedule {
  id: string;
  key: string | null;
  name: string | null;
  description: string | null;
  inserted_at: string;
  disabled_at: string | null;
  disabled_reason: string | null;
  user_id: string;
  frequency: { repeat_every: [number, Unit] } | { cron: string | string[] };
  args: { [field: string]: Json };
  [field: string]: unknown;
}

export interface LogRow {
  id: string;
  event: string;
  inserted_at: string;
  job_id: number;
  user_id: string;
  payload: { [field: string]: Json };
  [field: string]: unknown;
}

export interface Row {
  [field: string]: Json;
}

export interface Matched {
  matched: number;
  [done: string]: number;
}

export interface Problem {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  errors?: { pointer: string; detail: string }[];
  [field: string]: unknown;
}

export interface Options {
  /** By default the environment's BOOPER_API_KEY. */
  apiKey?: string;
  /** By default the environment's BOOPER_API_URL, or http://127.0.0.1:8000. */
  baseUrl?: string;
  /** The longest wait for an answer, in seconds: 30. */
  timeout?: number;
  /** Seconds before each repeat of what can be repeated without harm, after a failure of the network, 429 or 503. */
  retryWaits?: number[];
  fetch?: typeof globalThis.fetch;
}

interface Listed<T> {
  /** One page, newest first. */
  list(filters?: Filters): Promise<T[]>;
  /** Every row, page after page, as it is consumed. */
  iterate(filters?: Filters): AsyncGenerator<T, void, undefined>;
  get(id: Id): Promise<T>;
}

export interface Jobs extends Listed<Job> {
  create(job: NewJob): Promise<Job>;
  createMany(jobs: Iterable<NewJob>): Promise<(Job | { error: Problem })[]>;
  update(id: Id, changes: Partial<Record<keyof NewJob, unknown>>): Promise<Job>;
  cancel(id: Id, options?: { scope?: "run" }): Promise<Job>;
  run(id: Id): Promise<Job>;
  retry(id: Id): Promise<Job>;
  /** Erases a job that has ended, with its log and deliveries. */
  delete(id: Id): Promise<unknown>;
  timeline(id: Id): Promise<Row>;
  cancelMany(filters: Filters): Promise<Matched>;
  retryMany(filters: Filters): Promise<Matched>;
  runMany(filters: Filters): Promise<Matched>;
  deleteMany(filters: Filters): Promise<Matched>;
}

export interface Schedules extends Listed<Schedule> {
  put(key: string, schedule: NewJob): Promise<Schedule>;
  update(id: Id, changes: Partial<Record<keyof NewJob, unknown>>): Promise<Schedule>;
  enable(id: Id): Promise<Schedule>;
  disable(id: Id, options?: { reason?: string }): Promise<Schedule>;
  trigger(id: Id): Promise<Job>;
  skip(id: Id, options?: { until?: Moment }): Promise<Schedule>;
  backfill(id: Id, span: { from: Moment; to: Moment; max_runs?: number; dry_run?: boolean }): Promise<Row[]>;
  delete(id: Id): Promise<unknown>;
}

export interface Logs extends Listed<LogRow> {}

export interface Deliveries extends Listed<Row> {
  resend(id: Id): Promise<Row>;
  resendMany(filters: Filters): Promise<Matched>;
}

export interface Queues extends Listed<Row> {
  put(name: string, limits: { concurrency?: number | null; rate?: unknown; paused?: boolean }): Promise<Row>;
}

export interface Calendars extends Listed<Row> {
  put(name: string, calendar: Record<string, unknown>): Promise<Row>;
  delete(name: string): Promise<unknown>;
}

/** A Booper server, as one user. */
export declare class Scheduler {
  constructor(options?: Options);
  readonly jobs: Jobs;
  readonly schedules: Schedules;
  readonly logs: Logs;
  readonly deliveries: Deliveries;
  readonly queues: Queues;
  readonly calendars: Calendars;
  /** The next runs of a would-be schedule; creates nothing. */
  preview(schedule: Partial<NewJob>): Promise<Row>;
  /** From a server that is up. Needs no key. */
  ping(): Promise<{ message: "Pong" }>;
}

/** Everything this client throws. */
export declare class BooperError extends Error {}
/** Nothing was sent: the key is missing, or an argument can't be put into a request. */
export declare class InvalidCall extends BooperError {}
/** No whole answer came: refused, reset, timed out, or an untrusted certificate. */
export declare class ConnectionFailed extends BooperError {}
/** The server refused. The fields are those of its problem+json (RFC 9457). */
export declare class APIError extends BooperError {
  readonly status: number;
  readonly problem: Problem;
  readonly title: string;
  readonly detail: string;
  readonly errors: { pointer: string; detail: string }[];
  /** Seconds to wait, where the server said so. */
  readonly retryAfter: number | undefined;
}
export declare class BadRequest extends APIError {}
export declare class Unauthorized extends APIError {}
export declare class Forbidden extends APIError {}
export declare class NotFound extends APIError {}
export declare class Conflict extends APIError {}
export declare class TooLarge extends APIError {}
export declare class RateLimited extends APIError {}
export declare class ServerError extends APIError {}
