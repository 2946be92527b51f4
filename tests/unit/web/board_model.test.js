import assert from "node:assert/strict";
import { test } from "node:test";

import * as model from "../../../telehealth/web/static/scheduler/board_model.js";

const AS_OF = "2030-05-14T18:00:00Z";
/** @param {number} minutes */
const ago = (minutes) => new Date(Date.parse(AS_OF) - minutes * 60_000).toISOString();

let made = 0;
/** @param {Partial<model.Row>} [more] @returns {model.Row} */
function row(more = {}) {
  made += 1;
  return {
    visit_id: `visit-${String(made).padStart(3, "0")}`, state: "scheduled", version: 1, patient_name: `Test Person ${made}`, provider_name: "Dr. Test",
    starts_at: ago(-30), ends_at: ago(-50), in_state_since: ago(600), presence: null, flags: [], chart: null, ...more,
  };
}
const ALL = { search: "", provider: "", counter: "" };

test("visits are grouped in the order in which a visit goes, and an empty group is not shown", () => {
  const groups = model.groupsOf(["left", "waiting", "completed", "scheduled", "in_call"].map((state) => row({ state })));

  assert.deepEqual(groups.map((group) => group.state), ["scheduled", "waiting", "in_call", "completed", "left"]);
});

test("a state nobody has heard of hides no other visit", () => {
  assert.deepEqual(model.groupsOf([row({ state: "teleported" })]), []);
});

test("who is expected comes by time, then name, then id", () => {
  const [late, zoe, amy] = [row({ starts_at: ago(-90) }), row({ patient_name: "Zoe Test" }), row({ patient_name: "Amy Test" })];
  const twin = row({ patient_name: "Amy Test" });

  const [group] = model.groupsOf([late, zoe, twin, amy]);

  assert.deepEqual(group?.rows, [amy, twin, zoe, late]);
});

for (const state of ["waiting", "called", "paused"]) {
  test(`of ${state} patients the one who waits longest comes first`, () => {
    const [short, long] = [row({ state, in_state_since: ago(3) }), row({ state, in_state_since: ago(9), starts_at: ago(-99) })];

    assert.deepEqual(model.groupsOf([short, long])[0]?.rows, [long, short]);
  });
}

test("two who began to wait at once come by time", () => {
  const [second, first] = [row({ state: "waiting" }), row({ state: "waiting", starts_at: ago(5) })];

  assert.deepEqual(model.groupsOf([second, first])[0]?.rows, [first, second]);
});

test("a name is found by its parts, in any order, without accents or capitals", () => {
  const jose = row({ patient_name: "José Núñez Ejemplo" });
  const found = (/** @type {string} */ search) => model.shownOf([jose, row()], { ...ALL, search }, AS_OF);

  assert.deepEqual(found("nunez jos"), [jose]);
  assert.deepEqual(found("  JOSÉ "), [jose]);
  assert.deepEqual(found("jose smith"), []);
  assert.equal(found("").length, 2);
});

test("the board narrows to one provider", () => {
  const [own, other] = [row({ provider_name: "Dr. A" }), row({ provider_name: "Dr. B" })];

  assert.deepEqual(model.shownOf([own, other], { ...ALL, provider: "Dr. A" }, AS_OF), [own]);
  assert.deepEqual(model.providersOf([other, own, row({ provider_name: "Dr. A" })]), ["Dr. A", "Dr. B"]);
});

test("a counter shows the visits it counts", () => {
  const rows = [...model.STATES.map((state) => row({ state })), row({ starts_at: ago(6) })];
  const shown = (/** @type {string} */ counter) => model.shownOf(rows, { ...ALL, counter }, AS_OF).map((each) => each.state);

  assert.deepEqual(shown("expected"), ["scheduled", "checking_in", "scheduled"]);
  assert.deepEqual(shown("waiting"), ["waiting"]);
  assert.deepEqual(shown("in_call"), ["in_call"]);
  assert.deepEqual(shown("late"), ["scheduled"]);
  assert.deepEqual(shown("no_show"), ["no_show"]);
  assert.deepEqual(shown("done"), ["completed"]);
});

test("minutes are whole, count from the server's instant, and are never below none", () => {
  assert.equal(model.minutesSince(ago(14.9), AS_OF), 14);
  assert.equal(model.minutesSince(ago(-3), AS_OF), 0);
});

test("a wait turns amber at 10 minutes and red after 30", () => {
  const levels = [0, 9, 10, 30, 31].map(model.waitLevel);

  assert.deepEqual(levels, ["neutral", "neutral", "amber", "amber", "red"]);
});

test("away is only who should be there and is not", () => {
  const [gone, here] = [{ is_present: false }, { is_present: true }];

  assert.equal(model.isAway(row({ state: "waiting", presence: gone })), true);
  assert.equal(model.isAway(row({ state: "waiting", presence: here })), false);
  assert.equal(model.isAway(row({ state: "waiting", presence: null })), false);
  assert.equal(model.isAway(row({ state: "scheduled", presence: gone })), false);
});

test("lateness is a suggestion that grows with the minutes", () => {
  const advice = (/** @type {number} */ minutes) => model.latenessOf(row({ starts_at: ago(minutes) }), AS_OF);

  assert.equal(advice(-1), null);
  assert.equal(advice(0.5), null);
  assert.deepEqual(advice(4), { minutes: 4, advice: null });
  assert.deepEqual(advice(5), { minutes: 5, advice: "new_link" });
  assert.deepEqual(advice(10), { minutes: 10, advice: "call" });
  assert.deepEqual(advice(15), { minutes: 15, advice: "no_show" });
  assert.equal(model.latenessOf(row({ state: "waiting", starts_at: ago(20) }), AS_OF), null);
});

test("a change is pointed out for a few seconds", () => {
  assert.equal(model.isJustChanged(row({ in_state_since: ago(0.1) }), AS_OF), true);
  assert.equal(model.isJustChanged(row({ in_state_since: ago(0.2) }), AS_OF), false);
});

test("what is told aloud is new or has moved, and nothing else", () => {
  const [still, moved] = [row(), row()];
  const [after, fresh] = [{ ...moved, state: "waiting" }, row()];

  assert.deepEqual(model.changesBetween([still, moved], [{ ...still, version: 9 }, after, fresh]), [after, fresh]);
});

test("only what the visit's table allows is offered", () => {
  const may = (/** @type {string} */ act) => model.STATES.filter((state) => model.actionsOf(state).includes(act));

  assert.deepEqual(may("cancel"), ["scheduled", "checking_in", "waiting", "called"]);
  assert.deepEqual(may("no-show"), ["scheduled", "checking_in", "waiting"]);
  assert.deepEqual(may("undo-no-show"), ["no_show"]);
  assert.deepEqual(may("withdraw-consent"), ["waiting", "called", "in_call", "paused"]);
  assert.deepEqual(model.STATES.filter((state) => !may("new-link").includes(state)), ["completed", "cancelled"]);
  assert.deepEqual(model.actionsOf("teleported"), []);
});

test("days are counted by the calendar, and belong to the clinic's zone", () => {
  assert.equal(model.dayAfter("2028-02-28", 1), "2028-02-29");
  assert.equal(model.dayAfter("2030-01-01", -1), "2029-12-31");
  assert.equal(model.dayAfter("2030-03-10", 1), "2030-03-11");
  assert.equal(model.dayOf("2030-05-15T03:59:00Z", "America/New_York"), "2030-05-14");
  assert.equal(model.dayOf("2030-05-15T04:00:00Z", "America/New_York"), "2030-05-15");
});
