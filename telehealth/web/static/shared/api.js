/**
 * REST calls of our own pages.
 *
 * Public face:
 *   api.get(path) · api.post(path, body?) · api.put(path, body?)  → the answer's JSON, or null
 *   ApiRefusal   the server said no: .status .code .detail .body (problem+json, RFC 9457)
 *   Unreachable  nothing came back: the network, or something in between
 *   createApi({ fetch, cookie, newKey })  the same over other means, for tests
 */

/** The server said no. */
export class ApiRefusal extends Error {
  /** @param {number} status @param {Record<string, any>} body */
  constructor(status, body) {
    super(String(body.code ?? status));
    this.name = "ApiRefusal";
    this.status = status;
    this.body = body;
    /** Our code, for the catalogue key `errors.<code>`. */
    this.code = String(body.code ?? "unexpected");
    this.detail = String(body.detail ?? "");
  }
}

/** No answer came. */
export class Unreachable extends Error {
  constructor() {
    super("unreachable");
    this.name = "Unreachable";
    this.code = "unreachable";
  }
}

const CSRF_COOKIE = "__Host-csrf";
const REFRESH = "/v1/session/refresh";
/** Doors that count wrong tries: asked for twice, one mistake would count as two. */
const GUESSED = /^\/v1\/(sign-in|visit-links)\b/;

/** @param {string} cookies @param {string} name */
export function cookieOf(cookies, name) {
  const found = cookies.split("; ").find((pair) => pair.startsWith(`${name}=`));
  return found === undefined ? "" : found.slice(name.length + 1);
}

/**
 * @param {{ fetch: (path: string, init: RequestInit) => Promise<Response>, cookie: () => string, newKey: () => string }} means
 */
export function createApi(means) {
  /** @type {Promise<boolean> | null} */
  let refreshing = null;

  /** @param {string} method @param {string} path @param {unknown} body @param {string} [key] */
  async function send(method, path, body, key) {
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json" };
    if (method !== "GET") {
      headers["X-CSRF-Token"] = cookieOf(means.cookie(), CSRF_COOKIE);
      headers["Content-Type"] = "application/json";
      if (key !== undefined) headers["Idempotency-Key"] = key;
    }
    /** @type {RequestInit} */
    const init = { method, headers, credentials: "same-origin", cache: "no-store" };
    if (method !== "GET") init.body = JSON.stringify(body ?? {});
    try {
      return await means.fetch(path, init);
    } catch {
      throw new Unreachable();
    }
  }

  /** Several calls that find the pass expired share one renewal. */
  function refresh() {
    refreshing ??= send("POST", REFRESH, {})
      .then((answer) => answer.ok)
      .finally(() => {
        refreshing = null;
      });
    return refreshing;
  }

  /**
   * An act whose answer was lost on the way is asked for once more under its key.
   * @param {string} method @param {string} path @param {unknown} body @param {string} [key]
   */
  async function sentTwiceIfNeedBe(method, path, body, key) {
    try {
      return await send(method, path, body, key);
    } catch (failure) {
      if (key === undefined || GUESSED.test(path)) throw failure;
      return await send(method, path, body, key);
    }
  }

  /** @param {string} method @param {string} path @param {unknown} [body] */
  async function call(method, path, body) {
    // One key an act: sent again, it takes no second effect.
    const key = method === "GET" ? undefined : means.newKey();
    let answer = await sentTwiceIfNeedBe(method, path, body, key);
    if (answer.status === 401 && path !== REFRESH && (await refresh())) {
      answer = await send(method, path, body, key);
    }
    const said = await jsonOf(answer);
    if (!answer.ok) throw new ApiRefusal(answer.status, said ?? {});
    return said;
  }

  return {
    /** @param {string} path */
    get: (path) => call("GET", path),
    /** @param {string} path @param {unknown} [body] */
    post: (path, body) => call("POST", path, body),
    /** @param {string} path @param {unknown} [body] */
    put: (path, body) => call("PUT", path, body),
  };
}

/** @param {Response} answer @returns {Promise<any>} */
async function jsonOf(answer) {
  if (answer.status === 204) return null;
  try {
    return await answer.json();
  } catch {
    return null;
  }
}

export const api = createApi({
  fetch: (path, init) => fetch(path, init),
  cookie: () => document.cookie,
  newKey: () => crypto.randomUUID(),
});
