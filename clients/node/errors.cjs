"use strict";

/** Everything this client throws. */
class BooperError extends Error {
  constructor(message, options) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Nothing was sent: the key is missing, or an argument can't be put into a request. */
class InvalidCall extends BooperError {}

/** No whole answer came: refused, reset, timed out, or an untrusted certificate. */
class ConnectionFailed extends BooperError {}

/** The server refused. The fields are those of its problem+json (RFC 9457). */
class APIError extends BooperError {
  constructor(status, problem, retryAfter) {
    const title = String(problem.title ?? "");
    const detail = String(problem.detail ?? "");
    super(detail ? `${status} ${title}: ${detail}` : `${status} ${title}`);
    this.status = status;
    this.problem = problem;
    this.title = title;
    this.detail = detail;
    this.errors = Array.isArray(problem.errors) ? problem.errors : [];
    this.retryAfter = retryAfter;
  }
}

class BadRequest extends APIError {}
class Unauthorized extends APIError {}
class Forbidden extends APIError {}
class NotFound extends APIError {}
class Conflict extends APIError {}
class TooLarge extends APIError {}
class RateLimited extends APIError {}
class ServerError extends APIError {}

const OF_STATUS = new Map([
  [400, BadRequest],
  [401, Unauthorized],
  [403, Forbidden],
  [404, NotFound],
  [409, Conflict],
  [413, TooLarge],
  [429, RateLimited],
]);

/** The error that a status stands for. */
function errorOf(status, problem, retryAfter) {
  const Kind = OF_STATUS.get(status) ?? (status >= 500 ? ServerError : APIError);
  return new Kind(status, problem, retryAfter);
}

module.exports = {
  BooperError,
  InvalidCall,
  ConnectionFailed,
  APIError,
  BadRequest,
  Unauthorized,
  Forbidden,
  NotFound,
  Conflict,
  TooLarge,
  RateLimited,
  ServerError,
  errorOf,
};
