import assert from "node:assert/strict";
import { test } from "node:test";

import { NoteAutosave } from "../../../telehealth/web/static/provider/note_autosave.js";

/** @param {Partial<import("../../../telehealth/web/static/provider/note_autosave.js").Note>} [more] */
function opened(more = {}) {
  const note = new NoteAutosave();
  note.opened({ version: 3, text: "before", saved_at: "2030-05-14T18:00:00Z", is_signed: false, ...more });
  return note;
}
const SAVE = { type: "save", text: "after", basedOn: 3 };

/** A note with a save on its way. */
function saving() {
  const note = opened();
  note.typed("after", 0);
  note.onDeadline(2_000);
  note.takeEffects();
  return note;
}

test("typing is saved two seconds after the first unsaved letter, however long one types", () => {
  const note = opened();

  note.typed("a", 1_000);
  note.typed("after", 2_500);
  note.onDeadline(2_999);
  assert.deepEqual(note.takeEffects(), []);
  note.onDeadline(3_000);

  assert.deepEqual(note.takeEffects(), [SAVE]);
  assert.equal(note.state, "saving");
});

test("leaving the field saves at once", () => {
  const note = opened();
  note.typed("after", 0);

  note.hurry(1);

  assert.deepEqual(note.takeEffects(), [SAVE]);
});

test("what was typed while a save was on its way is saved after it, on the new version", () => {
  const note = saving();
  note.typed("after that", 2_100);

  note.saved({ version: 4, saved_at: "2030-05-14T18:00:02Z" }, 2_200);
  assert.equal(note.state, "dirty");
  assert.equal(note.hasUnsaved, true);
  note.onDeadline(4_200);

  assert.deepEqual(note.takeEffects(), [{ type: "save", text: "after that", basedOn: 4 }]);
});

test("saved means saved", () => {
  const note = saving();

  note.saved({ version: 4, saved_at: "2030-05-14T18:00:02Z" }, 2_200);

  assert.equal(note.state, "clean");
  assert.equal(note.hasUnsaved, false);
  assert.equal(note.maySign, true);
  assert.equal(note.savedAt, "2030-05-14T18:00:02Z");
});

test("typing back to what is saved asks for nothing", () => {
  const note = opened();
  note.typed("after", 0);
  note.typed("before", 10);

  note.onDeadline(2_000);

  assert.deepEqual(note.takeEffects(), []);
  assert.equal(note.state, "clean");
});

test("without a connection nothing is lost and it is tried again, more slowly each time", () => {
  const note = saving();
  const waits = [];
  let now = 2_000;
  for (let tries = 0; tries < 5; tries += 1) {
    note.failed({ code: "unreachable" }, now);
    assert.equal(note.state, "offline");
    assert.equal(note.hasUnsaved, true);
    waits.push((note.deadline ?? 0) - now);
    now = note.deadline ?? 0;
    note.onDeadline(now);
    assert.deepEqual(note.takeEffects(), [SAVE]);
  }

  assert.deepEqual(waits, [2_000, 4_000, 8_000, 15_000, 15_000]);
});

test("a refusal that would come again is not repeated until something changes", () => {
  const note = saving();

  note.failed({ code: "request.body_refused", status: 422 }, 2_100);
  note.onDeadline(99_000);
  assert.deepEqual(note.takeEffects(), []);
  assert.equal(note.state, "refused");
  note.typed("shorter", 99_000);

  assert.equal(note.state, "dirty");
});

test("a newer version is read, and the writer chooses", () => {
  const note = saving();
  note.failed({ code: "note.newer_version", status: 409 }, 2_100);
  assert.deepEqual(note.takeEffects(), [{ type: "read" }]);

  note.conflicted({ version: 7, text: "theirs" }, 2_200);
  assert.equal(note.theirs?.text, "theirs");
  note.resolve("both", 2_300);

  assert.deepEqual(note.takeEffects(), [{ type: "save", text: "theirs\n\nafter", basedOn: 7 }]);
});

test("taking the other text drops ours, keeping ours goes over the other", () => {
  for (const [choice, text, effects] of /** @type {["mine" | "theirs", string, number][]} */ ([["mine", "after", 1], ["theirs", "theirs", 0]])) {
    const note = saving();
    note.failed({ code: "note.newer_version", status: 409 }, 2_100);
    note.takeEffects();
    note.conflicted({ version: 7, text: "theirs" }, 2_200);

    note.resolve(choice, 2_300);

    assert.equal(note.text, text);
    assert.equal(note.takeEffects().length, effects);
  }
});

test("a conflict with our own lost answer is none", () => {
  const note = saving();
  note.failed({ code: "note.newer_version", status: 409 }, 2_100);

  note.conflicted({ version: 4, text: "after" }, 2_200);

  assert.equal(note.state, "clean");
  assert.equal(note.version, 4);
});

test("a text signed elsewhere cannot be written over", () => {
  const note = saving();
  note.failed({ code: "note.already_signed", status: 409 }, 2_100);
  note.takeEffects();
  note.conflicted({ version: 7, text: "theirs", is_signed: true }, 2_200);

  note.resolve("mine", 2_300);

  assert.equal(note.state, "signed");
  assert.equal(note.text, "theirs");
  assert.deepEqual(note.takeEffects(), []);
});

test("a signed note takes no letter, and an unopened one neither", () => {
  const signed = opened();
  signed.signed({ version: 3 });
  const closed = new NoteAutosave();
  for (const note of [signed, closed]) {
    note.typed("more", 0);
    note.hurry(1);
    note.onDeadline(9_000);
    assert.deepEqual(note.takeEffects(), []);
    assert.equal(note.hasUnsaved, false);
  }
  assert.equal(signed.maySign, false);
});

test("an answer that nobody waits for changes nothing", () => {
  const note = opened();

  note.saved({ version: 9, saved_at: "2030-05-14T18:00:00Z" }, 0);
  note.failed({ code: "unreachable" }, 0);
  note.conflicted({ version: 9, text: "x" }, 0);
  note.resolve("theirs", 0);

  assert.equal(note.version, 3);
  assert.equal(note.state, "clean");
});
