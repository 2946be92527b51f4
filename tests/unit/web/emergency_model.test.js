import assert from "node:assert/strict";
import { test } from "node:test";
import { clockOf, isReason, leftOf, soughtOf } from "../../../telehealth/web/static/provider/emergency_model.js";

const ENDS = "2030-03-04T16:00:00Z";
const END_MS = Date.parse(ENDS);

test("the hour is counted down to nothing and not below", () => {
  const left = [3_600_000, 59_001, 1, 0, -5_000].map((before) => leftOf(ENDS, END_MS - before));

  assert.deepEqual(left, [3600, 60, 1, 0, 0]);
  assert.deepEqual([3600, 3599, 61, 0].map(clockOf), ["60:00", "59:59", "01:01", "00:00"]);
});

test("spaces make no reason", () => {
  const typed = ["", "too short", "a     b   c", "   exactly 10", "Unconscious, allergies unknown"];

  assert.deepEqual(typed.map(isReason), [false, false, false, true, true]);
});

test("a patient is named whole: by both names or by the number, and by the birth date", () => {
  const form = { given: " Ada ", family: "Invented", number: " MRN-1 ", birth_date: "1984-02-29", reason: " because " };
  const typed = (/** @type {keyof typeof form} */ name) => form[name];

  assert.deepEqual(soughtOf(/** @type {any} */ (typed), false), { given: "Ada", family: "Invented", birth_date: "1984-02-29", reason: "because" });
  assert.deepEqual(soughtOf(/** @type {any} */ (typed), true), { medical_record_number: "MRN-1", birth_date: "1984-02-29", reason: "because" });
});
