import webhooks from "./webhooks.cjs";

export const { verify, InvalidSignature, InvalidSecret } = webhooks;
