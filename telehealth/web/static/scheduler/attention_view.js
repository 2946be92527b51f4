/**
 * What could not be delivered, each with its reason in words.
 *
 * Public face: attentionView(state, on)   a Lit template
 *
 * @typedef {{
 *   entry_id: string, kind: string, state: string, since: string, code: string | null,
 *   reason: string, attempts: number, visit_id: string,
 * }} Entry
 * @typedef {import("./board.js").State} State
 */
import { html, nothing, repeat } from "../shared/components.js";
import { dayOf, say, timeOf } from "../shared/i18n.js";

/** @param {State} state @param {Record<string, any>} on */
export function attentionView(state, on) {
  return html`
    <div class="attention-head">
      <h1>${say("scheduler.attention.heading")}</h1>
      <p class="soft">${say("scheduler.attention.what")}</p>
    </div>
    ${state.entries === null ? html`<p class="soft">${say("common.loading")}</p>` : list(state, on)}
  `;
}

/** @param {State} state @param {Record<string, any>} on */
function list(state, on) {
  const entries = state.entries ?? [];
  if (entries.length === 0) {
    return html`<div class="nobody"><p>${say("scheduler.attention.empty")}</p></div>`;
  }
  return html`<ul class="entries">
    ${repeat(entries, (entry) => entry.entry_id, (entry) => item(entry, state, on))}
  </ul>`;
}

/** @param {Entry} entry @param {State} state @param {Record<string, any>} on */
function item(entry, state, on) {
  const since = { day: dayOf(entry.since, state.zone), time: timeOf(entry.since, state.zone) };
  const row = state.rows.find((each) => each.visit_id === entry.visit_id);
  return html`
    <li class="card entry" data-entry-id=${entry.entry_id} data-entry-state=${entry.state}>
      <div class="row spread">
        <h2>${say(`scheduler.kind.${entry.kind}`)}</h2>
        <span class="flag" data-entry=${entry.state}>${say(`scheduler.entry.${entry.state}`)}</span>
      </div>
      <p>${reasonOf(entry)}</p>
      <p class="soft small figures">
        ${say("scheduler.attention.since", since)} · ${say("scheduler.attention.attempts", { count: entry.attempts })}
      </p>
      <div class="row">
        ${entry.state === "parked"
          ? html`<button class="button primary" type="button" data-do="check-again" ?disabled=${!state.isLive || state.busy.has(entry.entry_id)}
              @click=${() => on.checkAgain(entry)}>${say("scheduler.attention.check")}</button>`
          : nothing}
        ${row === undefined
          ? nothing
          : html`<button class="button" type="button" data-do="open-visit" @click=${() => on.open(row.visit_id)}>
              ${say("scheduler.attention.open", { name: row.patient_name })}
            </button>`}
      </div>
    </li>
  `;
}

/** In the language of the page; a reason newer than our catalogue as the server words it. @param {Entry} entry */
function reasonOf(entry) {
  const key = `scheduler.reason.${entry.code ?? "none"}`;
  const found = say(key);
  return found === key ? entry.reason : found;
}
