/**
 * What the day board shows of what the server told.  Pure: instants come from the server's
 * `as_of`, never from the clock of this computer.
 *
 * Public face:
 *   STATES                      in the order in which the board groups them
 *   groupsOf(rows)              [{ state, rows }], empty groups left out
 *   shownOf(rows, filter)       by name, provider and counter
 *   providersOf(rows)           their names, each once
 *   minutesSince(instant, asOf) whole minutes, never below 0
 *   waitLevel(minutes)          "neutral" | "amber" | "red"
 *   isWaitClock(state)          whether those levels are for this state
 *   isAway(row)                 place kept, page closed or out of reach
 *   latenessOf(row, asOf)       null, or { minutes, advice }
 *   isJustChanged(row, asOf)    to be pointed out
 *   changesBetween(before, after)  what to tell somebody who does not see the board
 *   actionsOf(state)            what a scheduler may do now
 *   dayAfter(date, days)        another "YYYY-MM-DD"
 *   dayOf(instant, zone)        the "YYYY-MM-DD" of an instant in a zone
 *
 * @typedef {{
 *   visit_id: string, state: string, version: number, patient_name: string,
 *   provider_name: string, starts_at: string, ends_at: string, in_state_since: string,
 *   presence?: { is_present: boolean } | null, flags?: string[], chart?: { state: string } | null,
 * }} Row
 * @typedef {{ search: string, provider: string, counter: string }} Filter
 */

export const STATES = [
  "scheduled",
  "checking_in",
  "waiting",
  "called",
  "in_call",
  "paused",
  "wrap_up",
  "completed",
  "no_show",
  "cancelled",
  "left",
];
const BEFORE_CHECK_IN = new Set(["scheduled", "checking_in"]);
/** Beside these stand minutes; elsewhere the time when the state began says more. */
const WAIT_CLOCK = new Set(["waiting", "called", "paused"]);
const AMBER_FROM_MIN = 10;
const RED_OVER_MIN = 30;
/** Suggestions to a person; nothing is done by itself. */
const ADVICE = /** @type {const} */ ([[15, "no_show"], [10, "call"], [5, "new_link"]]);
const JUST_CHANGED_MS = 8_000;
const MINUTE_MS = 60_000;

/** @param {Row[]} rows */
export function groupsOf(rows) {
  const known = STATES.map((state) => ({
    state,
    rows: rows.filter((row) => row.state === state).sort(isWaitClock(state) ? byWait : byTime),
  }));
  return known.filter((group) => group.rows.length > 0);
}

/** @param {Row} one @param {Row} other */
function byTime(one, other) {
  return (
    Date.parse(one.starts_at) - Date.parse(other.starts_at) ||
    one.patient_name.localeCompare(other.patient_name) ||
    one.visit_id.localeCompare(other.visit_id)
  );
}

/** Whoever waits longest comes first. @param {Row} one @param {Row} other */
function byWait(one, other) {
  return Date.parse(one.in_state_since) - Date.parse(other.in_state_since) || byTime(one, other);
}

/** @param {string} text */
const folded = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** @param {Row[]} rows @param {Filter} filter @param {string} asOf */
export function shownOf(rows, filter, asOf) {
  const words = folded(filter.search).split(/\s+/).filter(Boolean);
  return rows.filter((row) => {
    const name = folded(row.patient_name);
    return (
      words.every((word) => name.includes(word)) &&
      (filter.provider === "" || row.provider_name === filter.provider) &&
      (filter.counter === "" || isCountedAs(row, filter.counter, asOf))
    );
  });
}

/** @param {Row} row @param {string} counter @param {string} asOf */
function isCountedAs(row, counter, asOf) {
  if (counter === "late") return latenessOf(row, asOf) !== null;
  if (counter === "expected") return BEFORE_CHECK_IN.has(row.state);
  return row.state === (counter === "done" ? "completed" : counter);
}

/** @param {Row[]} rows */
export function providersOf(rows) {
  return [...new Set(rows.map((row) => row.provider_name))].sort((a, b) => a.localeCompare(b));
}

/** @param {string} instant @param {string} asOf */
export function minutesSince(instant, asOf) {
  return Math.max(0, Math.floor((Date.parse(asOf) - Date.parse(instant)) / MINUTE_MS));
}

/** @param {number} minutes */
export function waitLevel(minutes) {
  if (minutes < AMBER_FROM_MIN) return "neutral";
  return minutes > RED_OVER_MIN ? "red" : "amber";
}

/** @param {string} state */
export function isWaitClock(state) {
  return WAIT_CLOCK.has(state);
}

/** @param {Row} row */
export function isAway(row) {
  return isWaitClock(row.state) && row.presence?.is_present === false;
}

/** @param {Row} row @param {string} asOf */
export function latenessOf(row, asOf) {
  if (row.state !== "scheduled") return null;
  const minutes = minutesSince(row.starts_at, asOf);
  if (minutes < 1) return null;
  const found = ADVICE.find(([from]) => minutes >= from);
  return { minutes, advice: found === undefined ? null : found[1] };
}

/** @param {Row} row @param {string} asOf */
export function isJustChanged(row, asOf) {
  return Date.parse(asOf) - Date.parse(row.in_state_since) < JUST_CHANGED_MS;
}

/** @param {Row[]} before @param {Row[]} after */
export function changesBetween(before, after) {
  const states = new Map(before.map((row) => [row.visit_id, row.state]));
  return after.filter((row) => states.get(row.visit_id) !== row.state);
}

const LINK = "new-link";
const CANCEL = "cancel";
const NO_SHOW = "no-show";
/** On the patient's word, for somebody who cannot do it on their page. */
const WITHDRAW = "withdraw-consent";
/** @type {Record<string, readonly string[]>} */
const ACTIONS = {
  scheduled: [LINK, NO_SHOW, CANCEL],
  checking_in: [LINK, NO_SHOW, CANCEL],
  waiting: [LINK, NO_SHOW, WITHDRAW, CANCEL],
  called: [LINK, WITHDRAW, CANCEL],
  in_call: [LINK, WITHDRAW],
  paused: [LINK, WITHDRAW],
  wrap_up: [LINK],
  no_show: [LINK, "undo-no-show"],
  left: [LINK],
};

/** @param {string} state @returns {readonly string[]} */
export function actionsOf(state) {
  return ACTIONS[state] ?? [];
}

/** @param {string} date @param {number} days */
export function dayAfter(date, days) {
  const at = new Date(`${date}T12:00:00Z`);
  at.setUTCDate(at.getUTCDate() + days);
  return at.toISOString().slice(0, 10);
}

/** @param {string} instant @param {string} zone */
export function dayOf(instant, zone) {
  // The Canadian form is the ISO one.
  return new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(new Date(instant));
}
