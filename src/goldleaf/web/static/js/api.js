// The JSON API, with one kind of error for "the server said no" and one for "no server was reached".
import { boot } from "./boot.js";

/** The server refused: what, and what to do next, as it says it. */
export class Refused extends Error {
  constructor(status, { code = "error", what = `The server answered ${status}.`, do: next = null } = {}, after = 0) {
    super(what);
    Object.assign(this, { status, code, what, next, after });
  }
  /** Worth sending again as it is: the server was busy, full or starting. */
  get passing() {
    return this.status >= 500 || this.status === 429 || this.status === 408;
  }
}

/** No reply arrived; the request may or may not have been carried out. */
export class Unreached extends Error {
  get passing() {
    return true;
  }
}

export const get = (path, options = {}) => call("GET", path, undefined, options);
export const post = (path, body, options = {}) => call("POST", path, body, options);
export const change = (path, body, options = {}) => call("PUT", path, body, options);

async function call(method, path, body, { signal, keepalive = false, seconds = 20 } = {}) {
  const limit = AbortSignal.timeout(seconds * 1000);
  let reply, text;
  try {
    reply = await fetch(path, {
      method,
      keepalive,
      credentials: "same-origin",
      headers: body === undefined ? headers() : { ...headers(), "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    text = await reply.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreached(String(error), { cause: error });
  }
  const parsed = parse(text);
  if (reply.ok && parsed !== null) return parsed;
  throw new Refused(reply.status, parsed?.error, 1000 * Number(reply.headers.get("Retry-After") ?? 0));
}

function headers() {
  return { Accept: "application/json", "X-CSRF-Token": boot.csrf ?? "" };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // a proxy's page, say; the status tells enough
  }
}
