/**
 * The page of emergency access, drawn: the form, or the one record that is open.
 *
 * Public face: page(state, on, zone)   a Lit template
 * @typedef {import("./emergency.js").State} State
 * @typedef {import("./emergency.js").Opened} Opened
 */
import { html, nothing, repeat } from "../shared/components.js";
import { dayOf, say, sayOr, timeOf } from "../shared/i18n.js";
import { SHORTEST_REASON, clockOf, isReason } from "./emergency_model.js";

const SOON_S = 300;

/** @param {State} state @param {Record<string, any>} on @param {string} zone */
export function page(state, on, zone) {
  if (!state.isLoaded) return html`<p class="soft">${say("common.loading")}</p>`;
  return html`
    ${state.problem ? html`<p class="notice bad" role="alert">${state.problem}</p>` : nothing}
    ${state.said ? html`<p class="notice good" role="status">${state.said}</p>` : nothing}
    ${state.record === null ? ask(state, on) : record(state.record, state, on, zone)}
  `;
}

/** @param {State} state @param {Record<string, any>} on */
function ask(state, on) {
  return html`
    <section class="card stack" data-region="ask">
      <h1>${say("emergency.ask.heading")}</h1>
      <p>${say("emergency.ask.what")}</p>
      <p class="notice warn" data-region="told"><strong>${say("emergency.ask.told")}</strong> ${say("emergency.ask.told_what")}</p>
      <form class="stack" @submit=${(/** @type {Event} */ event) => submitted(event, on.open)}>
        <fieldset class="stack who">
          <legend>${say("emergency.ask.who")}</legend>
          <p class="soft small">${say("emergency.ask.exact")}</p>
          ${state.isByNumber
            ? html`<div class="two">${field("number", "text", 64)} ${field("birth_date", "date", 10)}</div>`
            : html`<div class="two">${field("given", "text", 100)} ${field("family", "text", 100)} ${field("birth_date", "date", 10)}</div>`}
          <p>
            <button class="button quiet" type="button" data-do="by-number" @click=${on.byNumber}>
              ${say(state.isByNumber ? "emergency.ask.by_name" : "emergency.ask.by_number")}
            </button>
          </p>
        </fieldset>
        <div class="field">
          <label for="reason">${say("emergency.ask.reason")}</label>
          <textarea id="reason" name="reason" rows="3" required maxlength="500" aria-describedby="reason-help" .value=${state.reason} @input=${on.reason}></textarea>
          <p id="reason-help" class="small ${isReason(state.reason) ? "soft" : "still"}">${say("emergency.ask.reason_help", { least: SHORTEST_REASON })}</p>
        </div>
        <p><button class="button danger" type="submit" data-do="open" ?disabled=${state.isBusy}>${say("emergency.ask.go")}</button></p>
      </form>
    </section>
  `;
}

/** @param {Opened} opened @param {State} state @param {Record<string, any>} on @param {string} zone */
function record(opened, state, on, zone) {
  const { patient } = opened;
  return html`
    <section class="notice bad open-banner" data-region="open" aria-label=${say("emergency.open.heading")}>
      <div>
        <strong>${say("emergency.open.heading")}</strong>
        <p>${say("emergency.open.told")}</p>
      </div>
      <p class="countdown figures ${state.left <= SOON_S ? "soon" : ""}" role="timer" data-region="left" aria-label=${say("emergency.open.left")}>${clockOf(state.left)}</p>
      <button class="button" type="button" data-do="end" ?disabled=${state.isBusy} @click=${on.end}>${say("emergency.open.end")}</button>
    </section>
    <section class="card stack" data-region="record">
      <h1>${patient.name}</h1>
      <dl class="facts figures">
        ${fact("birth_date", patient.birth_date)} ${fact("number", patient.medical_record_number)} ${fact("phone", patient.phone)}
        ${fact("until", timeOf(opened.ends_at, zone))}
      </dl>
      <p class="soft small">${say("emergency.open.reading_only")}</p>
      <h2>${say("emergency.open.visits")}</h2>
      ${opened.visits.length === 0 ? html`<p class="soft">${say("emergency.open.no_visits")}</p>` : nothing}
      <ul class="lines">
        ${repeat(opened.visits, (visit) => visit.visit_id, (visit) => past(visit, zone))}
      </ul>
    </section>
  `;
}

/** @param {any} visit @param {string} zone */
function past(visit, zone) {
  const at = visit.starts_at === null ? say("emergency.open.no_time") : `${dayOf(visit.starts_at, zone)}, ${timeOf(visit.starts_at, zone)}`;
  return html`<li class="past" data-visit=${visit.visit_id}>
    <div class="row spread">
      <strong class="figures">${at}</strong>
      <span class="mark">${sayOr(`provider.state.${visit.state}`, "emergency.open.state")}</span>
    </div>
    ${visit.provider_name ? html`<p class="soft small">${visit.provider_name}</p>` : nothing}
    ${visit.note.text
      ? html`<p class="note-text">${visit.note.text}</p>
          <p class="soft small">${say(visit.note.is_signed ? "emergency.open.signed" : "emergency.open.unsigned")}</p>`
      : html`<p class="soft small">${say("emergency.open.no_note")}</p>`}
  </li>`;
}

/** @param {string} name @param {string | null | undefined} value */
function fact(name, value) {
  return value ? html`<div><dt>${say(`emergency.facts.${name}`)}</dt><dd>${value}</dd></div>` : nothing;
}

/** @param {string} name @param {string} type @param {number} most */
function field(name, type, most) {
  return html`<div class="field">
    <label for=${name}>${say(`emergency.ask.${name}`)}</label>
    <input id=${name} name=${name} type=${type} maxlength=${most} autocomplete="off" spellcheck="false" required>
  </div>`;
}

/** @param {Event} event @param {(form: HTMLFormElement) => unknown} act */
function submitted(event, act) {
  event.preventDefault();
  act(/** @type {HTMLFormElement} */ (event.currentTarget));
}
