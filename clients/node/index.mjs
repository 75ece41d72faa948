import Scheduler from "./index.cjs";

export default Scheduler;
export { Scheduler };
export const {
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
} = Scheduler;
