import * as types from "./types.js";

declare namespace Booper {
  export import Scheduler = types.Scheduler;
  export import BooperError = types.BooperError;
  export import InvalidCall = types.InvalidCall;
  export import ConnectionFailed = types.ConnectionFailed;
  export import APIError = types.APIError;
  export import BadRequest = types.BadRequest;
  export import Unauthorized = types.Unauthorized;
  export import Forbidden = types.Forbidden;
  export import NotFound = types.NotFound;
  export import Conflict = types.Conflict;
  export import TooLarge = types.TooLarge;
  export import RateLimited = types.RateLimited;
  export import ServerError = types.ServerError;
  export type NewJob = types.NewJob;
  export type Job = types.Job;
  export type Schedule = types.Schedule;
  export type LogRow = types.LogRow;
  export type Options = types.Options;
}

declare class Booper extends types.Scheduler {}

export = Booper;
