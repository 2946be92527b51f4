/** What the privacy page works out for itself.  Public face: standsOf(consents) */

/** Say whether anything is left that could be taken back.
 * @param {readonly { withdrawn_at: string | null }[]} consents */
export function standsOf(consents) {
  return consents.some((each) => each.withdrawn_at === null);
}
