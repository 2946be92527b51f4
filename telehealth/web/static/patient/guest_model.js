/** Which screen a guest sees.  Pure.  Public face: guestScreenOf(known) */

/** @param {{ phase: string, seat: string, hasLeft: boolean, isJoined: boolean, outcome: string }} known
 * @returns {"early" | "lobby" | "ready" | "call" | "left" | "over" | "removed" | "superseded"} */
export function guestScreenOf({ phase, seat, hasLeft, isJoined, outcome }) {
  if (outcome === "removed" || outcome === "superseded") return outcome;
  if (phase === "over") return "over";
  if (hasLeft) return "left";
  if (phase === "early") return "early";
  if (isJoined) return "call";
  return seat === "active" ? "ready" : "lobby";
}
