/**
 * What a scheduler has done to a visit, and what a refusal reads like.
 *
 * Public face:
 *   take(api, kind, row, reason)   one REST call; the server's answer
 *   refusalOf(failure, state)      a sentence; `state` is where the visit stands now
 */
import { say } from "../shared/i18n.js";

/** @typedef {import("./board_model.js").Row} Row */

const PATHS = /** @type {Record<string, string>} */ ({
  "new-link": "links",
  cancel: "cancel",
  "no-show": "no-show",
  "undo-no-show": "undo-no-show",
  "withdraw-consent": "consents/withdraw",
});

/**
 * @param {{ post: (path: string, body?: unknown) => Promise<any> }} api
 * @param {string} kind @param {Row} row @param {string} reason
 */
export async function take(api, kind, row, reason) {
  const path = `/v1/visits/${row.visit_id}/${PATHS[kind]}`;
  if (kind === "new-link" || kind === "withdraw-consent") return api.post(path);
  const { version } = row;
  return api.post(path, kind === "cancel" ? { version, reason } : { version });
}

/** @param {any} failure @param {string} state */
export function refusalOf(failure, state) {
  const key = `scheduler.refused.${failure.code ?? "unexpected"}`;
  const text = say(key, { word: say(`scheduler.state.${state}`) });
  return text === key ? say("scheduler.refused.unexpected") : text;
}
