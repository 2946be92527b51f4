/**
 * What the auditor's page decides, without a document.
 *
 * Public face: queryOf(filter, before?) · exportOf(filter) · verdictLine(verdict) · sinkLevel(sink, now)
 *
 * @typedef {{ id: string, name: string }} Chosen
 * @typedef {{ patient: Chosen | null, person: Chosen | null, visit: string, day: string, kind: string }} Filter
 * @typedef {{
 *   standing: string, entries: number, first_bad: number | null, upto: number | null,
 *   heads: number | null, heads_agreed: number, heads_refused: number,
 *   newest_head: { size: number, at: string } | null,
 * }} Verdict
 * @typedef {{
 *   name: string, size: number, exported_at: string | null, failing_since: string | null, trouble: string | null,
 * }} Sink
 */

/** @param {Filter} filter @returns {URLSearchParams} */
function parameters(filter) {
  const given = {
    patient_id: filter.patient?.id,
    person_id: filter.person?.id,
    visit_id: filter.visit.trim(),
    day: filter.day,
    kind: filter.kind,
  };
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) if (value) found.set(name, value);
  return found;
}

/** @param {Filter} filter @param {number | null} [before] */
export function queryOf(filter, before = null) {
  const asked = parameters(filter);
  if (before !== null) asked.set("before", String(before));
  const text = asked.toString();
  return `/v1/audit/entries${text === "" ? "" : `?${text}`}`;
}

/** @param {Filter} filter */
export function exportOf(filter) {
  const text = parameters(filter).toString();
  return `/v1/audit/export${text === "" ? "" : `?${text}`}`;
}

/**
 * A check that had no heads proves less than one that had: it is never shown as good as that.
 * @param {Verdict} verdict @returns {{ level: string, key: string }}
 */
export function verdictLine(verdict) {
  if (verdict.standing !== "whole") return { level: "bad", key: `auditor.verdict.${verdict.standing}` };
  if (verdict.heads_refused > 0) return { level: "warn", key: "auditor.verdict.heads_refused" };
  if (!verdict.heads) return { level: "warn", key: "auditor.verdict.no_heads" };
  return { level: "good", key: "auditor.verdict.whole" };
}

/** @param {Sink} sink */
export function sinkLevel(sink) {
  if (sink.trouble === "contradicted" || sink.trouble === "chain_altered") return "bad";
  return sink.trouble === null ? "good" : "warn";
}
