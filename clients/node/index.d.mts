export * from "./types.js";
export { Scheduler as default } from "./types.js";
