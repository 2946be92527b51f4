/**
 * What a provider may do with a visit where it stands.  Pure.
 *
 * Public face:
 *   offered({ state, isInCall, isConsentGone })   steps in the order of their buttons; the first is
 *                                    the main one
 *   isCallOpen(state)                there is a call to be in
 *   mayJoinByItself({ state, hasLeft })   after a refresh
 *   checklist(items, { isSigned })   [{ code, isDone, isBlocking }]
 *   hashOf(visitId) · visitIdOf(hash)
 */

/** @typedef {"start" | "finish" | "rejoin" | "put-back" | "close"} Step */
/** @typedef {{ code: string, is_blocking: boolean }} OpenItem */

/** @type {Record<string, { inCall: Step[], outside: Step[] }>} */
const STEPS = {
  waiting: { inCall: [], outside: ["start"] },
  called: { inCall: ["put-back"], outside: ["rejoin", "put-back"] },
  in_call: { inCall: ["finish"], outside: ["rejoin", "finish"] },
  paused: { inCall: ["finish"], outside: ["start", "finish"] },
  // Closing comes last: a call may have to be taken up again before.
  wrap_up: { inCall: ["close"], outside: ["close", "rejoin"] },
};
/** Steps that nobody may take once the patient has taken the consent back. */
const NEEDS_CONSENT = new Set(["start", "rejoin"]);
const OPEN = new Set(["called", "in_call"]);
const VISIT = /^#?visit=([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

/** @param {{ state: string, isInCall: boolean, isConsentGone?: boolean }} given @returns {Step[]} */
export function offered({ state, isInCall, isConsentGone = false }) {
  const steps = STEPS[state];
  if (!steps) return [];
  const offers = isInCall ? steps.inCall : steps.outside;
  return isConsentGone ? offers.filter((step) => !NEEDS_CONSENT.has(step)) : offers;
}

/** @param {string} state */
export function isCallOpen(state) {
  return OPEN.has(state);
}

/** A refresh is not a leaving: whoever was in the call comes back without being asked.
 * @param {{ state: string, hasLeft: boolean }} given */
export function mayJoinByItself({ state, hasLeft }) {
  return isCallOpen(state) && !hasLeft;
}

/** The note is always on the list, so that what is done shows as well as what is missing.
 * @param {readonly OpenItem[]} items @param {{ isSigned: boolean }} note */
export function checklist(items, { isSigned }) {
  const open = items
    .filter((item) => !(isSigned && item.code === "note.unsigned"))
    .map((item) => ({ code: item.code, isDone: false, isBlocking: item.is_blocking }));
  if (open.some((item) => item.code === "note.unsigned")) return open;
  return [{ code: "note.unsigned", isDone: isSigned, isBlocking: !isSigned }, ...open];
}

/** @param {readonly OpenItem[]} items @param {{ isSigned: boolean }} note */
export function mayClose(items, note) {
  return checklist(items, note).every((item) => item.isDone || !item.isBlocking);
}

/** @param {string} visitId */
export function hashOf(visitId) {
  return visitId === "" ? "" : `#visit=${visitId}`;
}

/** @param {string} hash */
export function visitIdOf(hash) {
  return VISIT.exec(hash)?.[1]?.toLowerCase() ?? "";
}
