import assert from "node:assert/strict";
import { test } from "node:test";

import * as model from "../../../telehealth/web/static/provider/queue_model.js";

const AS_OF = "2030-05-14T18:00:00Z";
/** @param {number} minutes */
const ago = (minutes) => new Date(Date.parse(AS_OF) - minutes * 60_000).toISOString();

/** @param {string} id @param {Partial<model.Row>} [more] @returns {model.Row} */
function row(id, more = {}) {
  return { visit_id: id, state: "waiting", version: 1, patient: { name: `Test Person ${id}`, birth_date: "1958-03-14" }, waiting_since: ago(5), ...more };
}
/** @param {readonly model.Row[]} rows */
const ids = (rows) => rows.map((each) => each.visit_id);
/** @param {model.Row} each @returns {model.ShownRow} */
const shown = (each) => ({ ...each, isGone: false });

test("one's own open visits stand first, then who waits longest", () => {
  const rows = [row("short", { waiting_since: ago(1) }), row("long", { waiting_since: ago(9) }), row("wrap", { state: "wrap_up" }), row("call", { state: "in_call" })];

  assert.deepEqual(ids(model.inOrder(rows)), ["call", "wrap", "long", "short"]);
});

test("who arrived at one instant keeps one order, whatever the order of the answer", () => {
  const rows = [row("b"), row("a"), row("c")];

  assert.deepEqual(ids(model.inOrder(rows)), ids(model.inOrder([...rows].reverse())));
});

test("an unknown state stands last and is not lost", () => {
  assert.deepEqual(ids(model.inOrder([row("new", { state: "teleported" }), row("old")])), ["old", "new"]);
});

test("the order given is not disturbed", () => {
  const rows = [row("b"), row("a")];

  model.inOrder(rows);

  assert.deepEqual(ids(rows), ["b", "a"]);
});

test("nothing moves under a pointer: who went is greyed, who came is last", () => {
  const before = [shown(row("a", { waiting_since: ago(9) })), shown(row("b", { waiting_since: ago(8) }))];
  const fresh = [row("b", { waiting_since: ago(8) }), row("c", { waiting_since: ago(20) })];

  const held = model.settled({ shown: before, fresh, isHeld: true });
  const free = model.settled({ shown: before, fresh, isHeld: false });

  assert.deepEqual(held.map((each) => [each.visit_id, each.isGone]), [["a", true], ["b", false], ["c", false]]);
  assert.deepEqual(ids(free), ["c", "b"]);
});

test("a greyed row is nobody's next", () => {
  const [gone] = model.settled({ shown: [shown(row("a", { is_next: true }))], fresh: [], isHeld: true });

  assert.equal(gone?.is_next, false);
});

test("changes are told by visit", () => {
  const before = [row("a"), row("b"), row("c")];
  const after = [row("b", { version: 2 }), row("c"), row("d")];

  assert.deepEqual(model.diff(before, after), { added: ["d"], left: ["a"], changed: ["b"] });
});

test("only those who wait are counted", () => {
  assert.equal(model.waitingCount([row("a"), row("b", { state: "called" }), row("c")]), 2);
});

for (const [seconds, minutes] of /** @type {[number | null | undefined, number][]} */ ([[0, 0], [59, 0], [60, 1], [-5, 0], [null, 0], [undefined, 0]])) {
  test(`${seconds} s are ${minutes} minutes`, () => assert.equal(model.minutesOf(seconds), minutes));
}

test("age turns on the birthday, not before", () => {
  assert.equal(model.ageOn("1958-05-15", AS_OF), 71);
  assert.equal(model.ageOn("1958-05-14", AS_OF), 72);
  assert.equal(model.ageOn("1958-04-30", AS_OF), 72);
  assert.equal(model.ageOn(null, AS_OF), null);
});

for (const [check, told] of /** @type {[any, any][]} */ ([
  [null, { level: "none", code: "unknown", parts: [] }],
  [{ outcome: "call_me", camera: "fail" }, { level: "bad", code: "call_me", parts: [] }],
  [{ outcome: "passed", camera: "fail", network: "warn" }, { level: "bad", code: "fails", parts: ["camera"] }],
  [{ outcome: "passed", network: "warn" }, { level: "warn", code: "weak", parts: ["network"] }],
  [{ outcome: "skipped" }, { level: "warn", code: "skipped", parts: [] }],
  [{ outcome: "passed", camera: "pass" }, { level: "good", code: "works", parts: [] }],
])) {
  test(`a device check reads ${told.code}`, () => assert.deepEqual(model.deviceOf(check), told));
}

test("absence is told with its length", () => {
  assert.deepEqual(model.presenceOf({ is_present: false, since: ago(4) }, AS_OF), { isPresent: false, minutes: 4 });
  assert.deepEqual(model.presenceOf({ is_present: true }, AS_OF), { isPresent: true, minutes: 0 });
  assert.deepEqual(model.presenceOf(null, AS_OF), { isPresent: false, minutes: 0 });
});
