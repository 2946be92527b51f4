/** A guest's screens: the call only when let in, nothing more once sent away. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { guestScreenOf } from "../../../telehealth/web/static/patient/guest_model.js";

const known = { phase: "lobby", seat: "lobby", hasLeft: false, isJoined: false, outcome: "" };

test("a guest waits until the provider lets them in, then may join", () => {
  assert.equal(guestScreenOf({ ...known, phase: "early" }), "early");
  assert.equal(guestScreenOf(known), "lobby");
  assert.equal(guestScreenOf({ ...known, seat: "connecting" }), "lobby");
  assert.equal(guestScreenOf({ ...known, seat: "active" }), "ready");
  assert.equal(guestScreenOf({ ...known, seat: "active", isJoined: true }), "call");
  assert.equal(guestScreenOf({ ...known, seat: "reconnecting", isJoined: true }), "call");
});

test("whoever was sent away sees that, whatever else holds", () => {
  for (const outcome of ["removed", "superseded"]) {
    assert.equal(guestScreenOf({ ...known, seat: "active", isJoined: true, outcome }), outcome);
  }
  assert.equal(guestScreenOf({ ...known, phase: "over", hasLeft: true }), "over");
  assert.equal(guestScreenOf({ ...known, hasLeft: true }), "left");
});
