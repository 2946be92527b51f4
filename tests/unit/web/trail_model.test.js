import assert from "node:assert/strict";
import { test } from "node:test";
import { exportOf, queryOf, sinkLevel, verdictLine } from "../../../telehealth/web/static/auditor/trail_model.js";

const NONE = { patient: null, person: null, visit: "", day: "", kind: "" };
const WHOLE = {
  standing: "whole", entries: 9, first_bad: null, upto: null, heads: 2, heads_agreed: 2, heads_refused: 0, newest_head: null,
};
const SINK = { name: "directory", size: 9, exported_at: "2030-01-01T00:00:00Z", failing_since: null, trouble: null };

test("an empty search asks for everything", () => {
  assert.equal(queryOf(NONE), "/v1/audit/entries");
  assert.equal(exportOf(NONE), "/v1/audit/export");
});

test("a search carries ids, never a name", () => {
  const filter = { ...NONE, patient: { id: "p-1", name: "Ada Invented" }, day: "2030-03-04", kind: "note.viewed", visit: " v-1 " };

  assert.equal(queryOf(filter, 40), "/v1/audit/entries?patient_id=p-1&visit_id=v-1&day=2030-03-04&kind=note.viewed&before=40");
  assert.ok(!exportOf(filter).includes("Ada"));
});

test("only a check with heads that all agree is shown as good", () => {
  const levels = [WHOLE, { ...WHOLE, heads: 0 }, { ...WHOLE, heads: null }, { ...WHOLE, heads_refused: 1 }].map((each) => verdictLine(each).level);

  assert.deepEqual(levels, ["good", "warn", "warn", "warn"]);
});

test("every alteration is shown as bad, with a sentence of its own", () => {
  const lines = ["broken", "truncated", "rewritten"].map((standing) => verdictLine({ ...WHOLE, standing }));

  assert.deepEqual(lines.map((each) => each.level), ["bad", "bad", "bad"]);
  assert.equal(new Set(lines.map((each) => each.key)).size, 3);
});

test("a sink that holds another head is worse than one that does not answer", () => {
  assert.equal(sinkLevel(SINK), "good");
  assert.equal(sinkLevel({ ...SINK, trouble: "not_kept" }), "warn");
  assert.equal(sinkLevel({ ...SINK, trouble: "contradicted" }), "bad");
  assert.equal(sinkLevel({ ...SINK, trouble: "chain_altered" }), "bad");
});
