import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { ApiRefusal, Unreachable } from "../../../telehealth/web/static/shared/api.js";
import { useCatalogues } from "../../../telehealth/web/static/shared/i18n.js";
import { refusalOf, take } from "../../../telehealth/web/static/scheduler/steps.js";

const catalogue = new URL("../../../telehealth/web/catalogues/en/scheduler.json", import.meta.url);
useCatalogues({ en: JSON.parse(readFileSync(catalogue, "utf8")) });

/** @type {any} */
const ROW = { visit_id: "v-1", version: 7 };

function recorder() {
  /** @type {[string, unknown][]} */
  const calls = [];
  return {
    calls,
    post: async (/** @type {string} */ path, /** @type {unknown} */ body) => {
      calls.push([path, body]);
      return { url: "https://clinic.example/v/secret" };
    },
  };
}

test("each act says which version of the visit the scheduler saw", async () => {
  const api = recorder();

  for (const kind of ["cancel", "no-show", "undo-no-show"]) await take(api, kind, ROW, "other");

  assert.deepEqual(api.calls, [
    ["/v1/visits/v-1/cancel", { version: 7, reason: "other" }],
    ["/v1/visits/v-1/no-show", { version: 7 }],
    ["/v1/visits/v-1/undo-no-show", { version: 7 }],
  ]);
});

test("a new link is asked for and handed back", async () => {
  const api = recorder();

  const answer = await take(api, "new-link", ROW, "");

  assert.equal(answer.url, "https://clinic.example/v/secret");
  assert.deepEqual(api.calls, [["/v1/visits/v-1/links", undefined]]);
});

test("whoever is overtaken by a colleague reads that nothing was done, and where the visit stands", () => {
  const text = refusalOf(new ApiRefusal(409, { code: "visit.newer_version" }), "waiting");

  assert.match(text, /nothing was done\. It now reads: Waiting\./);
});

test("silence is not told as a refusal", () => {
  assert.match(refusalOf(new Unreachable(), "waiting"), /We do not know whether it was done/);
});

test("a code without a sentence of its own is never shown raw", () => {
  for (const failure of [new ApiRefusal(500, {}), new ApiRefusal(409, { code: "visit.brand_new" }), new TypeError("x")]) {
    assert.match(refusalOf(failure, "waiting"), /Something did not work on our side/);
  }
});
