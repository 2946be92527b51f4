/** The consult queue as cards.  Draws what it is given; decides nothing. */
import { html, nothing } from "../shared/components.js";
import { say, timeOf } from "../shared/i18n.js";
import { deviceOf, minutesOf, presenceOf, waitingCount } from "./queue_model.js";

/** @typedef {import("./queue_model.js").ShownRow} ShownRow */
/**
 * @typedef {object} QueueGiven
 * @property {readonly ShownRow[]} rows
 * @property {string} asOf
 * @property {string} zone
 * @property {Record<string, string>} states
 * @property {string} openId the visit shown beside
 * @property {boolean} isBusy something is under way: nothing can be pressed
 * @property {boolean} mayStart no other call is running here
 * @property {(row: ShownRow) => void} onStart
 * @property {(row: ShownRow) => void} onOpen
 */

/** @param {QueueGiven} given */
export function queueView(given) {
  const { rows } = given;
  return html`
    <section data-region="queue" aria-labelledby="queue-heading">
      <h2 id="queue-heading">${say("provider.queue.heading")} <span class="soft figures">${waitingCount(rows)}</span></h2>
      ${rows.length === 0 ? html`<p class="card soft">${say("provider.queue.empty")}</p>` : nothing}
      <ul class="queue">
        ${rows.map((row) => card(row, given))}
      </ul>
    </section>
  `;
}

/** @param {ShownRow} row @param {QueueGiven} given */
function card(row, given) {
  const isOpen = row.visit_id === given.openId;
  return html`
    <li
      class="queue-card ${row.is_next ? "next" : ""} ${row.isGone ? "gone" : ""} ${isOpen ? "open" : ""}"
      data-visit-id=${row.visit_id}
      data-state=${row.state}
      aria-current=${isOpen ? "true" : nothing}
    >
      <div class="row spread">
        <h3>${row.patient.name}</h3>
        <span class="chip" data-state=${row.state}>${say(`provider.state.${row.state}`)}</span>
      </div>
      <p class="soft figures">${facts(row, given)}</p>
      ${row.state === "waiting" ? waitFacts(row, given) : nothing}
      ${row.isGone ? html`<p class="small soft">${say("provider.queue.gone")}</p>` : action(row, given, isOpen)}
    </li>
  `;
}

/** @param {ShownRow} row @param {QueueGiven} given */
function facts(row, { zone, states }) {
  const parts = [];
  if (typeof row.patient.age === "number") parts.push(say("provider.queue.age", { count: row.patient.age }));
  if (row.starts_at) parts.push(say("provider.queue.at", { time: timeOf(row.starts_at, zone) }));
  if (row.place_state) parts.push(states[row.place_state] ?? row.place_state);
  return parts.join(" · ");
}

/** @param {ShownRow} row @param {QueueGiven} given */
function waitFacts(row, { asOf }) {
  const presence = presenceOf(row.presence ?? null, asOf);
  const device = deviceOf(row.device_check);
  const parts = device.parts.map((part) => say(`device.${part}`)).join(", ");
  return html`
    <p class="figures"><strong>${say("provider.queue.waited", { count: minutesOf(row.waited_s) })}</strong></p>
    <ul class="marks">
      <li class="mark" data-level=${presence.isPresent ? "good" : "warn"}>
        ${presence.isPresent ? say("provider.presence.here") : say("provider.presence.away", { count: presence.minutes })}
      </li>
      <li class="mark" data-level=${device.level}>${say(`provider.device.${device.code}`, { parts })}</li>
    </ul>
  `;
}

/** @param {ShownRow} row @param {QueueGiven} given @param {boolean} isOpen */
function action(row, given, isOpen) {
  if (isOpen) return nothing;
  if (row.state === "waiting") {
    return html`<button
      type="button"
      class="button ${row.is_next ? "primary" : ""} wide"
      data-do="start"
      ?disabled=${given.isBusy || !given.mayStart}
      @click=${() => given.onStart(row)}
    >
      ${say("provider.start")}
    </button>`;
  }
  return html`<button type="button" class="button wide" data-do="open" ?disabled=${given.isBusy} @click=${() => given.onOpen(row)}>
    ${say("provider.open")}
  </button>`;
}
