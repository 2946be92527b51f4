import assert from "node:assert/strict";
import { test } from "node:test";

import { dateOf } from "../../../telehealth/web/static/patient/birth_date.js";
import { standsOf } from "../../../telehealth/web/static/patient/privacy_model.js";
import { bodyOf } from "../../../telehealth/web/static/scheduler/corrections_model.js";

/** @param {Record<string, string>} typed */
function form(typed) {
  const data = new FormData();
  for (const [name, value] of Object.entries(typed)) data.set(name, value);
  return data;
}

test("a consent stands until every text is taken back", () => {
  assert.equal(standsOf([]), false);
  assert.equal(standsOf([{ withdrawn_at: "2030-01-01T00:00:00Z" }]), false);
  assert.equal(standsOf([{ withdrawn_at: "2030-01-01T00:00:00Z" }, { withdrawn_at: null }]), true);
});

test("three boxes are one day or none", () => {
  assert.equal(dateOf(form({ year: "1984", month: "2", day: "29" })), "1984-02-29");
  for (const typed of [{ year: "1985", month: "2", day: "29" }, { year: "84", month: "2", day: "9" }, { year: "", month: "", day: "" }]) {
    assert.equal(dateOf(form(typed)), "");
  }
});

test("a denial needs a reason, an acceptance sends none, and both need words", () => {
  assert.deepEqual(bodyOf(form({ text: " Yes. ", reason: "accurate" }), "accepted"), { becomes: "accepted", text: "Yes." });
  assert.deepEqual(bodyOf(form({ text: "No.", reason: "accurate" }), "denied"), { becomes: "denied", reason: "accurate", text: "No." });
  assert.equal(bodyOf(form({ text: "No.", reason: "" }), "denied"), null);
  assert.equal(bodyOf(form({ text: " ", reason: "accurate" }), "accepted"), null);
});
