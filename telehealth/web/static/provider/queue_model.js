/**
 * What the consult queue shows, in which order.  Pure.
 *
 * Public face:
 *   inOrder(rows)                 one's own open visits first, then who waits longest
 *   settled({ shown, fresh, isHeld })  the rows to show; while the pointer or focus is on the
 *                                 queue no row moves: who went stays greyed, who came is last
 *   diff(before, after)           { added, left, changed } of visit ids
 *   minutesOf(seconds)            whole minutes, never negative
 *   ageOn(birthDate, at)          completed years, or null
 *   deviceOf(check)               { level, code, parts }
 *   presenceOf(presence, at)      { isPresent, minutes }
 */

/**
 * @typedef {object} Row
 * @property {string} visit_id
 * @property {string} state
 * @property {number} version
 * @property {{ name: string, birth_date: string | null, age?: number | null }} patient
 * @property {string} [starts_at]
 * @property {string | null} [waiting_since]
 * @property {number | null} [waited_s]
 * @property {string | null} [place_state]
 * @property {string | null} [call_back_number]
 * @property {Record<string, any> | null} [device_check]
 * @property {{ is_present: boolean, since?: string | null } | null} [presence]
 * @property {boolean} [is_next]
 */
/** @typedef {Row & { isGone: boolean }} ShownRow */
/** @typedef {"good" | "warn" | "bad" | "none"} Level */

/** A visit one has begun is never below one that waits. */
const GROUP = /** @type {Record<string, number>} */ ({ in_call: 0, called: 0, paused: 1, wrap_up: 2, waiting: 3 });
const LAST = 4;
const PARTS = ["microphone", "camera", "speaker", "network"];

/** @param {Row} row */
const groupOf = (row) => GROUP[row.state] ?? LAST;

/** @param {Row} row */
const arrivalOf = (row) => row.waiting_since ?? row.starts_at ?? "";

/** @param {Row} a @param {Row} b */
function compared(a, b) {
  const first = [groupOf(a), arrivalOf(a), a.visit_id];
  const second = [groupOf(b), arrivalOf(b), b.visit_id];
  const at = first.findIndex((each, index) => each !== second[index]);
  if (at === -1) return 0;
  return /** @type {any} */ (first[at]) < /** @type {any} */ (second[at]) ? -1 : 1;
}

/** @template {Row} T @param {readonly T[]} rows @returns {T[]} */
export function inOrder(rows) {
  return [...rows].sort(compared);
}

/**
 * @param {{ shown: readonly ShownRow[], fresh: readonly Row[], isHeld: boolean }} given
 * @returns {ShownRow[]}
 */
export function settled({ shown, fresh, isHeld }) {
  const ordered = inOrder(fresh).map((row) => ({ ...row, isGone: false }));
  if (!isHeld) return ordered;
  const told = new Map(ordered.map((row) => [row.visit_id, row]));
  const kept = shown.map((row) => told.get(row.visit_id) ?? { ...row, isGone: true, is_next: false });
  const known = new Set(shown.map((row) => row.visit_id));
  return [...kept, ...ordered.filter((row) => !known.has(row.visit_id))];
}

/** @param {readonly Row[]} before @param {readonly Row[]} after */
export function diff(before, after) {
  const old = new Map(before.map((row) => [row.visit_id, row]));
  const now = new Set(after.map((row) => row.visit_id));
  return {
    added: after.filter((row) => !old.has(row.visit_id)).map((row) => row.visit_id),
    left: before.filter((row) => !now.has(row.visit_id)).map((row) => row.visit_id),
    changed: after
      .filter((row) => old.has(row.visit_id) && old.get(row.visit_id)?.version !== row.version)
      .map((row) => row.visit_id),
  };
}

/** @param {readonly Row[]} rows */
export function waitingCount(rows) {
  return rows.filter((row) => row.state === "waiting").length;
}

/** @param {number | null | undefined} seconds */
export function minutesOf(seconds) {
  return Math.max(0, Math.floor((seconds ?? 0) / 60));
}

/** Completed years on the day of `at`, by the calendar: no hour or zone moves a birthday.
 * @param {string | null | undefined} birthDate @param {string} at */
export function ageOn(birthDate, at) {
  if (!birthDate) return null;
  const [year = 0, month = 0, day = 0] = birthDate.split("-").map(Number);
  const [nowYear = 0, nowMonth = 0, nowDay = 0] = at.slice(0, 10).split("-").map(Number);
  const hadBirthday = nowMonth > month || (nowMonth === month && nowDay >= day);
  return nowYear - year - (hadBirthday ? 0 : 1);
}

/**
 * One sentence about the patient's device, and which parts it is about.
 * @param {Record<string, any> | null | undefined} check
 * @returns {{ level: Level, code: string, parts: string[] }}
 */
export function deviceOf(check) {
  if (!check) return { level: "none", code: "unknown", parts: [] };
  if (check.outcome === "call_me") return { level: "bad", code: "call_me", parts: [] };
  const failing = PARTS.filter((part) => check[part] === "fail");
  if (failing.length > 0) return { level: "bad", code: "fails", parts: failing };
  const weak = PARTS.filter((part) => check[part] === "warn");
  if (weak.length > 0) return { level: "warn", code: "weak", parts: weak };
  if (check.outcome === "skipped") return { level: "warn", code: "skipped", parts: [] };
  return { level: "good", code: "works", parts: [] };
}

/** @param {Row["presence"]} presence @param {string} at */
export function presenceOf(presence, at) {
  const since = presence?.since ? Date.parse(presence.since) : Number.NaN;
  const seconds = Number.isNaN(since) ? 0 : (Date.parse(at) - since) / 1000;
  return { isPresent: presence?.is_present ?? false, minutes: minutesOf(seconds) };
}
