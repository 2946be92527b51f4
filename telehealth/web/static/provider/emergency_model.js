/**
 * How long an opened record stays open, and whether what was typed is enough.
 *
 * Public face: leftOf(endsAt, nowMs) · clockOf(seconds) · isReason(text) · soughtOf(typed)
 */

export const SHORTEST_REASON = 10;

/** Seconds until an access ends, by the clock of the server.  @param {string} endsAt @param {number} nowMs */
export function leftOf(endsAt, nowMs) {
  return Math.max(0, Math.ceil((Date.parse(endsAt) - nowMs) / 1000));
}

/** `59:07`.  @param {number} seconds */
export function clockOf(seconds) {
  const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
  return `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
}

/** The server decides; this only says it before anything is sent.  @param {string} text */
export function isReason(text) {
  return text.trim().split(/\s+/).join(" ").length >= SHORTEST_REASON;
}

/**
 * The body that names one patient: by number, or by the whole name; never by half of one.
 * @param {(name: string) => string} typed @param {boolean} isByNumber
 */
export function soughtOf(typed, isByNumber) {
  const birth = { birth_date: typed("birth_date"), reason: typed("reason").trim() };
  if (isByNumber) return { ...birth, medical_record_number: typed("number").trim() };
  return { ...birth, given: typed("given").trim(), family: typed("family").trim() };
}
