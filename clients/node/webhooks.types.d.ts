import { BooperError } from "./types.js";

export interface Event<Data = Record<string, unknown>> {
  type: string;
  timestamp: string;
  data: Data;
}

export interface VerifyOptions {
  /** How old a message may be, or ahead: 300. */
  toleranceSeconds?: number;
  now?: Date;
}

/** The event in `body`, as it was received, once it is found to be signed by one of the secrets. Throws InvalidSignature. */
export declare function verify(
  body: string | Uint8Array | ArrayBuffer,
  headers: Headers | Record<string, string | string[] | undefined>,
  secret: string | string[],
  options?: VerifyOptions,
): Event;

export declare class InvalidSignature extends BooperError {}
export declare class InvalidSecret extends BooperError {}
