import assert from "node:assert/strict";
import test from "node:test";
import { kinds, standing, told } from "../../../telehealth/web/static/auditor/days_model.js";

/** @param {Record<string, any>} change */
const report = (change = {}) => /** @type {any} */ ({ counts: {}, emergencies: [], headings: [], ...change });
const heading = (/** @type {string} */ name, count = 1, entries = /** @type {any[]} */ ([])) => ({ heading: name, count, entries });
const check = (/** @type {number | null} */ first_broken) => ({ event: "audit.verified", facts: { entries: 5, first_broken } });

test("a day without anything to look at is calm, whole checks and removals by age included", () => {
  assert.equal(standing(report()), "calm");
  assert.equal(standing(report({ headings: [heading("checked", 1, [check(null)]), heading("removed")] })), "calm");
});

test("an emergency access, a refusal or a lock is something to look at", () => {
  assert.equal(standing(report({ emergencies: [{}] })), "look");
  for (const name of ["emergency", "refused", "locked", "rights", "keys", "taken_out"]) {
    assert.equal(standing(report({ headings: [heading(name)] })), "look", name);
  }
  assert.equal(standing(report({ headings: [heading("locked", 0)] })), "calm");
});

test("a check that found an alteration is louder than anything else", () => {
  assert.equal(standing(report({ emergencies: [{}], headings: [heading("checked", 1, [check(17)])] })), "altered");
});

test("only headings that hold something are read, and kinds go by how often they happened", () => {
  const found = report({ counts: { "note.viewed": 2, "visit.called": 9, "note.saved": 2 }, headings: [heading("locked", 0), heading("keys", 3)] });
  assert.deepEqual(told(found).map((each) => each.heading), ["keys"]);
  assert.deepEqual(kinds(found), [["visit.called", 9], ["note.saved", 2], ["note.viewed", 2]]);
});
