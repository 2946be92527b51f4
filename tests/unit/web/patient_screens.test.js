import assert from "node:assert/strict";
import { test } from "node:test";

import { initialsOf } from "../../../telehealth/web/static/shared/call_stage.js";
import { levelOf, reasonOf } from "../../../telehealth/web/static/shared/device_check.js";
import { freshnessOf } from "../../../telehealth/web/static/shared/freshness.js";
import { accepted, textsFor } from "../../../telehealth/web/static/patient/check_in.js";
import { screenOf } from "../../../telehealth/web/static/patient/screens.js";

const HERE = { hasLeft: false, isJoined: false, steppedOut: false };
const visit = (/** @type {string} */ state, more = {}) => ({ state, check_in: null, consent: { is_given: !["scheduled", "checking_in"].includes(state), withdrawn_at: null }, may_join: { code: "open" }, ...more });

test("the server's state decides the screen", () => {
  const screens = Object.fromEntries(
    ["scheduled", "checking_in", "waiting", "called", "in_call", "paused", "wrap_up", "completed", "cancelled", "no_show", "left"]
      .map((state) => [state, screenOf(visit(state), HERE)]),
  );
  assert.deepEqual(screens, {
    scheduled: "late", checking_in: "check_in", waiting: "waiting", called: "called", in_call: "rejoin", paused: "paused",
    wrap_up: "after", completed: "after", cancelled: "cancelled", no_show: "late", left: "late",
  });
});

test("what this page knows refines it", () => {
  assert.equal(screenOf(visit("scheduled", { may_join: { code: "early" } }), HERE), "early");
  assert.equal(screenOf(visit("checking_in", { check_in: {}, consent: { is_given: true } }), HERE), "device");
  assert.equal(screenOf(visit("in_call"), { ...HERE, isJoined: true }), "call");
  assert.equal(screenOf(visit("called"), { ...HERE, steppedOut: true }), "rejoin");
  assert.equal(screenOf(visit("waiting"), { ...HERE, hasLeft: true }), "left");
});

test("without consent nothing but its question is shown, and a running call is not hidden", () => {
  const without = { consent: { is_given: false, withdrawn_at: null } };
  for (const state of ["waiting", "paused", "called", "in_call"]) assert.equal(screenOf(visit(state, without), HERE), "consent");
  assert.equal(screenOf(visit("in_call", without), { ...HERE, isJoined: true }), "call");
  const back = { consent: { is_given: false, withdrawn_at: "2030-01-01T12:00:00Z" } };
  for (const state of ["wrap_up", "completed"]) assert.equal(screenOf(visit(state, back), HERE), "withdrawn");
});

test("some states read more, and every text read is sent", () => {
  const text = (/** @type {string} */ id) => ({ text_id: id, version: 1, language: "en", text: "…" });
  const seen = { consent: { texts: [text("video-visit")], texts_by_place: { AL: [text("video-visit"), text("alabama")] } } };
  assert.deepEqual(accepted(textsFor(seen, "IL")), [{ text_id: "video-visit", version: 1 }]);
  assert.deepEqual(accepted(textsFor(seen, "AL")).map((each) => each.text_id), ["video-visit", "alabama"]);
});

test("freshness has two limits", () => {
  assert.deepEqual([0, 10_000, 10_001, 20_000, 20_001].map(freshnessOf), ["live", "live", "catching_up", "catching_up", "offline"]);
});

test("each cause of a dead device has its own help", () => {
  const causes = ["NotAllowedError", "NotFoundError", "NotReadableError", "TypeError"].map((name) => reasonOf(Object.assign(new Error(), { name })));
  assert.deepEqual(causes, ["permission", "absent", "busy", "unknown"]);
});

test("a meter reads silence as nothing and never overflows", () => {
  assert.equal(levelOf(new Float32Array(8)), 0);
  assert.equal(levelOf(new Float32Array([1, -1])), 1);
});

test("initials are two at most", () => {
  assert.deepEqual(["Ana", "Ana María López", " "].map(initialsOf), ["A", "AL", ""]);
});
