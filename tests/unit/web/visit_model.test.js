import assert from "node:assert/strict";
import { test } from "node:test";

import * as model from "../../../telehealth/web/static/provider/visit_model.js";

const ID = "01a20edf-7c3b-7234-8888-a9f73f613a72";

for (const [state, inCall, outside] of /** @type {[string, string[], string[]][]} */ ([
  ["waiting", [], ["start"]],
  ["called", ["put-back"], ["rejoin", "put-back"]],
  ["in_call", ["finish"], ["rejoin", "finish"]],
  ["paused", ["finish"], ["start", "finish"]],
  ["wrap_up", ["close"], ["close", "rejoin"]],
  ["completed", [], []],
  ["cancelled", [], []],
])) {
  test(`${state}: what can be done`, () => {
    assert.deepEqual(model.offered({ state, isInCall: true }), inCall);
    assert.deepEqual(model.offered({ state, isInCall: false }), outside);
  });
}

test("a consent taken back leaves no way into the call", () => {
  for (const [state, left] of /** @type {[string, string[]][]} */ ([["waiting", []], ["in_call", ["finish"]], ["paused", ["finish"]], ["wrap_up", ["close"]]])) {
    assert.deepEqual(model.offered({ state, isInCall: false, isConsentGone: true }), left);
  }
});

test("a refresh goes back into an open call, unless it was left by hand", () => {
  assert.equal(model.mayJoinByItself({ state: "in_call", hasLeft: false }), true);
  assert.equal(model.mayJoinByItself({ state: "called", hasLeft: false }), true);
  assert.equal(model.mayJoinByItself({ state: "in_call", hasLeft: true }), false);
  assert.equal(model.mayJoinByItself({ state: "wrap_up", hasLeft: false }), false);
});

test("an unsigned note blocks, a signed one is ticked off", () => {
  const items = [{ code: "note.unsigned", is_blocking: true }];

  assert.deepEqual(model.checklist(items, { isSigned: false }), [{ code: "note.unsigned", isDone: false, isBlocking: true }]);
  assert.deepEqual(model.checklist(items, { isSigned: true }), [{ code: "note.unsigned", isDone: true, isBlocking: false }]);
  assert.equal(model.mayClose(items, { isSigned: false }), false);
  assert.equal(model.mayClose(items, { isSigned: true }), true);
});

test("what does not block is shown and lets the visit close", () => {
  const items = [{ code: "vitals.missing", is_blocking: false }];

  assert.deepEqual(model.checklist(items, { isSigned: true }).map((item) => item.code), ["note.unsigned", "vitals.missing"]);
  assert.equal(model.mayClose(items, { isSigned: true }), true);
});

test("a visit in the address is found again, and nothing else is taken for one", () => {
  assert.equal(model.visitIdOf(model.hashOf(ID)), ID);
  assert.equal(model.hashOf(""), "");
  for (const hash of ["", "#visit=", "#visit=../../x", `#other=${ID}`, `#visit=${ID}x`]) assert.equal(model.visitIdOf(hash), "");
});
