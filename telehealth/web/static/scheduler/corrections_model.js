/** What a correction is answered with.  Public face: GROUNDS · bodyOf(form, becomes)   null when something is missing */

/** Source: 45 CFR 164.526(a)(2). */
export const GROUNDS = ["accurate", "not_created_here", "not_part_of_record", "not_open_to_access"];

/** @param {FormData} form @param {"accepted" | "denied"} becomes */
export function bodyOf(form, becomes) {
  const text = String(form.get("text") ?? "").trim();
  const reason = String(form.get("reason") ?? "");
  if (text === "" || (becomes === "denied" && reason === "")) return null;
  return becomes === "denied" ? { becomes, reason, text } : { becomes, text };
}
