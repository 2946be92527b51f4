/**
 * What of a day's report an auditor must see.  Pure.
 *
 * Public face:
 *   standing(report)     "altered", "look" or "calm": how loudly a day speaks
 *   told(report)         the headings that hold something, in the order they are read
 *   kinds(report)        every kind of event with its count, the most frequent first
 *
 * @typedef {{
 *   seq: number, at: string, event: string, person_id: string | null, person_name: string | null, job: string | null,
 *   patient_id: string | null, patient_name: string | null, subject_id: string | null, subject_name: string | null,
 *   facts: Record<string, any>,
 * }} Listed
 * @typedef {{
 *   access_id: string, seq: number, opened_at: string, person_id: string, person_name: string | null,
 *   patient_id: string, patient_name: string | null, ended_at: string | null, ended_how: string | null, reads: number | null,
 * }} Opened
 * @typedef {{ heading: string, count: number, entries: Listed[] }} Heading
 * @typedef {{
 *   report_id: string, day: string, entries: number, counts: Record<string, number>, emergencies: Opened[], headings: Heading[],
 *   made_at: string, is_late: boolean, reviewed_at: string | null, reviewed_by: string | null,
 * }} DayReport
 */

/** A heading that speaks of the ordinary course of a day as well. */
const ORDINARY = ["checked", "removed"];

/** @param {DayReport} report */
export function standing(report) {
  if (report.headings.some((each) => each.entries.some((entry) => isAlarm(entry)))) return "altered";
  const isLoud = report.emergencies.length > 0 || report.headings.some((each) => each.count > 0 && !ORDINARY.includes(each.heading));
  return isLoud ? "look" : "calm";
}

/** A check that found the trail altered. @param {Listed} entry */
export const isAlarm = (entry) => entry.event === "audit.verified" && typeof entry.facts.first_broken === "number";

/** @param {DayReport} report */
export const told = (report) => report.headings.filter((each) => each.count > 0);

/** @param {DayReport} report @returns {[string, number][]} */
export const kinds = (report) => Object.entries(report.counts).sort(([a, m], [b, n]) => n - m || a.localeCompare(b));
