export * from "./webhooks.types.js";
