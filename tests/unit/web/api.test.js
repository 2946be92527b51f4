import assert from "node:assert/strict";
import { test } from "node:test";

import { ApiRefusal, Unreachable, cookieOf, createApi } from "../../../telehealth/web/static/shared/api.js";

/** @param {[number, any][]} answers */
function serverOf(answers) {
  /** @type {{ path: string, init: any }[]} */
  const seen = [];
  let keys = 0;
  const api = createApi({
    cookie: () => "a=1; __Host-csrf=proof",
    newKey: () => `key-${(keys += 1)}`,
    fetch: async (path, init) => {
      seen.push({ path, init });
      const [status, body] = answers.shift() ?? [500, {}];
      return new Response(status === 204 ? null : JSON.stringify(body), { status });
    },
  });
  return { api, seen };
}

test("a cookie is found by its whole name", () => {
  assert.equal(cookieOf("x__Host-csrf=no; __Host-csrf=yes", "__Host-csrf"), "yes");
  assert.equal(cookieOf("", "__Host-csrf"), "");
});

test("unsafe calls repeat the cookie, safe ones do not", async () => {
  const { api, seen } = serverOf([[200, { a: 1 }], [204, null]]);
  assert.deepEqual(await api.get("/v1/visit"), { a: 1 });
  assert.equal(await api.post("/v1/sign-out"), null);
  assert.equal(seen[0]?.init.headers["X-CSRF-Token"], undefined);
  assert.equal(seen[1]?.init.headers["X-CSRF-Token"], "proof");
  assert.equal(seen[1]?.init.body, "{}");
});

test("an expired pass is renewed once, and the call repeated", async () => {
  const { api, seen } = serverOf([[401, {}], [200, {}], [200, { ok: true }]]);
  assert.deepEqual(await api.put("/v1/note", { text: "x" }), { ok: true });
  assert.deepEqual(seen.map((each) => each.path), ["/v1/note", "/v1/session/refresh", "/v1/note"]);
});

test("two calls that find the pass expired share one renewal", async () => {
  const { api, seen } = serverOf([[401, {}], [401, {}], [200, {}], [200, {}], [200, {}]]);
  await Promise.all([api.get("/a"), api.get("/b")]);
  assert.equal(seen.filter((each) => each.path === "/v1/session/refresh").length, 1);
});

test("when renewing fails the refusal stands", async () => {
  const { api } = serverOf([[401, { code: "access.not_signed_in" }], [401, {}]]);
  await assert.rejects(api.get("/v1/visit"), (error) => {
    assert.ok(error instanceof ApiRefusal);
    assert.equal(error.code, "access.not_signed_in");
    return error.status === 401;
  });
});

test("a refusal without a readable body still has a code", async () => {
  const api = createApi({ cookie: () => "", newKey: () => "key", fetch: async () => new Response("<html>", { status: 502 }) });
  await assert.rejects(api.get("/x"), { code: "unexpected", status: 502 });
});

test("no answer is not a refusal", async () => {
  const api = createApi({ cookie: () => "", newKey: () => "key", fetch: () => Promise.reject(new TypeError()) });
  await assert.rejects(api.get("/x"), Unreachable);
});

test("every act has a key of its own, which its repeat carries again", async () => {
  const { api, seen } = serverOf([[200, {}], [401, {}], [200, {}], [200, {}], [200, {}]]);
  await api.post("/v1/a");
  await api.post("/v1/b");
  await api.get("/v1/c");
  const keys = seen.filter((each) => each.path !== "/v1/session/refresh").map((each) => each.init.headers["Idempotency-Key"]);
  assert.deepEqual(keys, ["key-1", "key-2", "key-2", undefined]);
});

test("an act whose answer was lost is asked for once more under its key", async () => {
  /** @type {(string | undefined)[]} */
  const keys = [];
  const api = createApi({
    cookie: () => "",
    newKey: () => "key",
    fetch: async (_path, init) => {
      keys.push(/** @type {any} */ (init.headers)["Idempotency-Key"]);
      if (keys.length === 1) throw new TypeError();
      return new Response("{}", { status: 200 });
    },
  });
  await api.put("/v1/visits/1/note", { text: "x" });
  assert.deepEqual(keys, ["key", "key"]);
});

test("a door that counts wrong tries is knocked at once", async () => {
  let knocks = 0;
  const api = createApi({
    cookie: () => "",
    newKey: () => "key",
    fetch: () => {
      knocks += 1;
      return Promise.reject(new TypeError());
    },
  });
  await assert.rejects(api.post("/v1/sign-in", {}), Unreachable);
  assert.equal(knocks, 1);
});
