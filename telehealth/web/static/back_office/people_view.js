/**
 * The list of staff, with what may be done for each.
 *
 * Public face: page(state, on, zone)   a Lit template
 * @typedef {import("./people.js").State} State
 * @typedef {import("./people.js").Person} Person
 */
import { html, nothing, repeat } from "../shared/components.js";
import { dayOf, say } from "../shared/i18n.js";
import { hostOf } from "../sign_in/sentences.js";

const ROLES = ["provider", "scheduler", "administrator", "auditor"];
const REASONS = ["left", "leave", "account_at_risk", "under_review"];

/** @param {State} state @param {Record<string, any>} on @param {string} zone */
export function page(state, on, zone) {
  return html`
    ${state.problem ? html`<p class="notice bad" role="alert">${state.problem}</p>` : nothing}
    ${state.said ? html`<p class="notice good" role="status">${state.said}</p>` : nothing} ${state.link ? link(state.link, on) : nothing}
    <section class="card">
      <div class="row spread">
        <h1>${say("people.heading")}</h1>
        <span class="soft">${state.staff ? say("people.count", { count: state.staff.length }) : nothing}</span>
      </div>
      <ul class="lines">
        ${repeat(state.staff ?? [], (each) => each.person_id, (each) => person(each, state, on, zone))}
      </ul>
    </section>
    ${invite(on)}
  `;
}

/** @param {{ url: string, name: string }} made @param {Record<string, any>} on */
function link(made, on) {
  return html`<section class="notice good" data-region="link">
    <strong>${say("people.link.heading", { name: made.name })}</strong>
    <p>${say("people.link.what")}</p>
    <p><code class="secret" data-region="secret">${made.url}</code></p>
    <p><button class="button" type="button" data-do="copy-link" @click=${on.copyLink}>${say("own.codes.copy")}</button></p>
  </section>`;
}

/** @param {Person} each @param {State} state @param {Record<string, any>} on @param {string} zone */
function person(each, state, on, zone) {
  const isOwn = each.person_id === state.own;
  return html`<li class="person ${each.is_disabled ? "is-off" : ""}" data-person=${each.email}>
    <div class="row spread">
      <div>
        <strong class="person-name">${each.name}</strong>
        <p class="soft small">${each.email}</p>
      </div>
      <div class="row">
        <span class="mark">${say(`people.roles.${each.role}`)}</span>
        ${marks(each)}
      </div>
    </div>
    ${isOwn
      ? html`<p class="soft small">${say("people.own")} <a href="/your-sign-in">${say("own.title")}</a></p>`
      : html`<details>
          <summary>${say("people.manage")}</summary>
          ${signOn(each, zone)} ${acts(each, on)}
        </details>`}
  </li>`;
}

/** @param {Person} each */
function marks(each) {
  return html`
    ${each.is_disabled ? html`<span class="mark bad">${say(`people.reasons.${each.disabled_reason}`)}</span>` : nothing}
    ${each.is_invited ? html`<span class="mark warn">${say("people.invited")}</span>` : nothing}
    ${each.standing === "open" ? nothing : html`<span class="mark bad">${say(`people.standing.${each.standing}`)}</span>`}
    ${each.sign_on ? html`<span class="mark">${say("people.sign_on.mark")}</span>` : nothing}
    ${each.factors.some((kind) => kind !== "recovery_code")
      ? html`<span class="mark good">${say("people.second_step")}</span>`
      : html`<span class="mark warn">${say("people.no_second_step")}</span>`}
  `;
}

/** Whose sign-on leads here: an administrator sees it and can take it off, never type one. @param {Person} each @param {string} zone */
function signOn(each, zone) {
  const linked = each.sign_on;
  if (linked === null) return html`<p class="soft small">${say("people.sign_on.none", { name: each.name })}</p>`;
  const told = say("people.sign_on.linked", { host: hostOf(linked.issuer), at: dayOf(linked.linked_at, zone) });
  return html`<p class="soft small" data-region="sign-on">${told} <code class="secret">${linked.subject}</code></p>`;
}

/** @param {Person} each @param {Record<string, any>} on */
function acts(each, on) {
  return html`<div class="person-acts">
      <button class="button" type="button" data-do="link" @click=${() => on.link(each)}>${say("people.act.link")}</button>
      ${each.standing === "open"
        ? nothing
        : html`<button class="button" type="button" data-do="unlock" @click=${() => on.unlock(each)}>${say("people.act.unlock")}</button>`}
      ${each.factors.length === 0
        ? nothing
        : html`<button class="button" type="button" data-do="reset-factors" @click=${() => on.resetFactors(each)}>${say("people.act.reset")}</button>`}
      ${each.sign_on === null
        ? nothing
        : html`<button class="button" type="button" data-do="unlink" @click=${() => on.unlink(each)}>${say("people.act.unlink")}</button>`}
      ${each.is_disabled
        ? html`<button class="button primary" type="button" data-do="enable" @click=${() => on.enable(each)}>${say("people.act.enable")}</button>`
        : nothing}
    </div>
    <form class="person-acts" @submit=${(/** @type {Event} */ event) => submitted(event, (form) => on.changeRole(each, form))}>
      <div class="field">
        <label for="role-${each.person_id}">${say("people.act.role")}</label>
        <select id="role-${each.person_id}" name="role">
          ${ROLES.map((role) => html`<option value=${role} ?selected=${role === each.role}>${say(`people.roles.${role}`)}</option>`)}
        </select>
      </div>
      <button class="button" type="submit" data-do="change-role">${say("people.act.role_go")}</button>
    </form>
    ${each.is_disabled
      ? nothing
      : html`<form class="person-acts" @submit=${(/** @type {Event} */ event) => submitted(event, (form) => on.disable(each, form))}>
          <div class="field">
            <label for="reason-${each.person_id}">${say("people.act.disable_why")}</label>
            <select id="reason-${each.person_id}" name="reason">
              ${REASONS.map((reason) => html`<option value=${reason}>${say(`people.reasons.${reason}`)}</option>`)}
            </select>
          </div>
          <button class="button danger" type="submit" data-do="disable">${say("people.act.disable")}</button>
        </form>`}`;
}

/** @param {Record<string, any>} on */
function invite(on) {
  return html`<section class="card stack" data-region="invite">
    <h2>${say("people.invite.heading")}</h2>
    <p class="soft">${say("people.invite.what")}</p>
    <form class="stack" @submit=${(/** @type {Event} */ event) => submitted(event, on.invite)}>
      <div class="two">
        ${field("given", "text", 100, true)} ${field("family", "text", 100, true)} ${field("email", "email", 254, true)}
        <div class="field">
          <label for="role">${say("people.invite.role")}</label>
          <select id="role" name="role">
            ${ROLES.map((role) => html`<option value=${role}>${say(`people.roles.${role}`)}</option>`)}
          </select>
        </div>
        ${field("npi", "text", 10, false)}
      </div>
      <p><button class="button primary" type="submit" data-do="invite">${say("people.invite.go")}</button></p>
    </form>
  </section>`;
}

/** @param {string} name @param {string} type @param {number} most @param {boolean} isNeeded */
function field(name, type, most, isNeeded) {
  return html`<div class="field">
    <label for=${name}>${say(`people.invite.${name}`)}</label>
    <input id=${name} name=${name} type=${type} maxlength=${most} autocomplete="off" ?required=${isNeeded}>
  </div>`;
}

/** @param {Event} event @param {(form: HTMLFormElement) => unknown} act */
function submitted(event, act) {
  event.preventDefault();
  act(/** @type {HTMLFormElement} */ (event.currentTarget));
}
