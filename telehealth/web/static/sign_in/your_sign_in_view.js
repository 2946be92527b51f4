/**
 * The cards of one's own sign-in.
 *
 * Public face: page(state, on, zone)   a Lit template
 * @typedef {import("./your_sign_in.js").State} State
 */
import { html, nothing, repeat } from "../shared/components.js";
import { dayOf, say, timeOf } from "../shared/i18n.js";
import { canUsePasskeys } from "./passkeys.js";
import { deviceOf, hostOf } from "./sentences.js";

/** @param {State} state @param {Record<string, any>} on @param {string} zone */
export function page(state, on, zone) {
  const view = state.view;
  if (view === null) return html`<p class="notice bad" role="alert">${state.problems.page}</p>`;
  return html`
    ${invitation(view)} ${state.said ? html`<p class="notice good" role="status">${state.said}</p>` : nothing}
    ${state.codes ? codesOnce(state.codes, on) : nothing} ${factors(state, view, on, zone)}
    ${view.factors.length > 0 ? recovery(state, view, on) : nothing}
    ${view.may_only_enrol ? nothing : html`${password(state, view, on, zone)} ${signOn(state, view, on, zone)} ${sessions(state, view, on, zone)} ${changes(view, zone)}`}
  `;
}

/** @param {Record<string, any>} view */
function invitation(view) {
  if (view.factors.length > 0) return nothing;
  const kind = view.policy === "required" ? "needed" : "offered";
  return html`<div class="notice warn no-print" data-region="invitation">
    <strong>${say(`own.invitation.${kind}`)}</strong>
    <p>${say("own.invitation.why")}</p>
  </div>`;
}

/** @param {string | undefined} text */
function problem(text) {
  return text ? html`<p class="notice bad" role="alert">${text}</p>` : nothing;
}

/** @param {string | null} at @param {string} zone */
function when(at, zone) {
  return at === null ? say("own.never") : `${dayOf(at, zone)}, ${timeOf(at, zone)}`;
}

/** @param {State} state @param {Record<string, any>} view @param {Record<string, any>} on @param {string} zone */
function factors(state, view, on, zone) {
  const hasApp = view.factors.some((/** @type {any} */ each) => each.kind === "app");
  return html`<section class="card stack" data-region="factors">
    <h2>${say("own.factors.heading")}</h2>
    <p class="soft">${say("own.factors.what")}</p>
    <ul class="lines">
      ${repeat(view.factors, (/** @type {any} */ each) => each.factor_id, (/** @type {any} */ each) => factor(each, on, zone))}
    </ul>
    ${problem(state.problems.factors)} ${state.offer ? scan(state, on) : nothing}
    ${state.offer
      ? nothing
      : html`<div class="row">
          ${canUsePasskeys()
            ? html`<button class="button ${view.factors.length === 0 ? "primary" : ""}" type="button" data-do="add-passkey" @click=${on.addPasskey}>${say("own.factors.add_passkey")}</button>`
            : nothing}
          <button class="button" type="button" data-do="add-app" @click=${on.offerApp}>${say(hasApp ? "own.factors.replace_app" : "own.factors.add_app")}</button>
        </div>`}
  </section>`;
}

/** @param {any} each @param {Record<string, any>} on @param {string} zone */
function factor(each, on, zone) {
  return html`<li class="line" data-factor=${each.kind}>
    <div class="line-what">
      <strong>${say(`own.factors.kinds.${each.kind}`)}</strong>
      ${each.device ? html`<span class="soft"> · ${deviceOf(each.device)}</span>` : nothing}
      <p class="soft small">${say("own.factors.added", { at: when(each.added_at, zone) })} · ${say("own.factors.used", { at: when(each.last_used_at, zone) })}</p>
    </div>
    <button class="button quiet" type="button" data-do="remove-factor" @click=${() => on.remove(each)}>${say("own.factors.remove")}</button>
  </li>`;
}

/** @param {State} state @param {Record<string, any>} on */
function scan(state, on) {
  const grouped = (state.offer?.secret ?? "").match(/.{1,4}/g) ?? [];
  return html`<div class="scan" data-region="scan">
    <img src=${state.offer?.picture ?? ""} alt=${say("own.app.picture")}>
    <form class="stack" @submit=${(/** @type {Event} */ event) => submitted(event, (form) => on.confirmApp(String(new FormData(form).get("code")).trim()))}>
      <p>${say("own.app.scan")}</p>
      <p class="soft small">${say("own.app.by_hand")} <code class="secret figures" data-region="secret">${grouped.join(" ")}</code></p>
      <div class="field code-field">
        <label for="app-code">${say("own.app.code")}</label>
        <input id="app-code" name="code" class="figures" autocomplete="one-time-code" inputmode="numeric" required maxlength="12">
      </div>
      ${problem(state.problems.app)}
      <div class="row">
        <button class="button primary" type="submit" data-do="confirm-app">${say("own.app.confirm")}</button>
        <button class="button quiet" type="button" @click=${on.stopOffer}>${say("own.app.stop")}</button>
      </div>
    </form>
  </div>`;
}

/** @param {string[]} codes @param {Record<string, any>} on */
function codesOnce(codes, on) {
  return html`<section class="card to-print stack" data-region="codes-once">
    <h2>${say("own.codes.once")}</h2>
    <p>${say("own.codes.once_what")}</p>
    <ol class="codes figures">
      ${codes.map((code) => html`<li><code>${code}</code></li>`)}
    </ol>
    <div class="row no-print">
      <button class="button" type="button" data-do="copy-codes" @click=${on.copyCodes}>${say("own.codes.copy")}</button>
      <button class="button" type="button" data-do="print-codes" @click=${on.printCodes}>${say("own.codes.print")}</button>
      <button class="button primary" type="button" data-do="kept-codes" @click=${on.keptCodes}>${say("own.codes.kept")}</button>
    </div>
  </section>`;
}

/** @param {State} state @param {Record<string, any>} view @param {Record<string, any>} on */
function recovery(state, view, on) {
  const left = view.recovery_codes_left;
  return html`<section class="card stack" data-region="recovery">
    <h2>${say("own.codes.heading")}</h2>
    <p class=${left === 0 ? "" : "soft"}>${left === 0 ? say("own.codes.none") : say("own.codes.left", { count: left })}</p>
    ${problem(state.problems.codes)}
    <p><button class="button ${left === 0 ? "primary" : ""}" type="button" data-do="make-codes" @click=${on.makeCodes}>${say(left === 0 ? "own.codes.make" : "own.codes.make_new")}</button></p>
  </section>`;
}

/** @param {State} state @param {Record<string, any>} view @param {Record<string, any>} on @param {string} zone */
function password(state, view, on, zone) {
  return html`<section class="card stack" data-region="password">
    <h2>${say("own.password.heading")}</h2>
    ${view.password_set_at ? html`<p class="soft">${say("own.password.since", { at: when(view.password_set_at, zone) })}</p>` : nothing}
    <form class="form" @submit=${(/** @type {Event} */ event) => submitted(event, on.changePassword)}>
      <input class="visually-hidden" name="username" autocomplete="username" value=${view.email} tabindex="-1" aria-hidden="true" readonly>
      <div class="field">
        <label for="current">${say("own.password.current")}</label>
        <input id="current" name="current" type="password" autocomplete="current-password" required maxlength="1024">
      </div>
      <div class="field">
        <label for="new">${say("own.password.new")}</label>
        <input id="new" name="new" type="password" autocomplete="new-password" required maxlength="1024" aria-describedby="new-help">
        <p id="new-help" class="soft small">${say("own.password.rules", { least: view.factors.length > 0 ? 12 : 15 })}</p>
      </div>
      ${problem(state.problems.password)}
      <p><button class="button" type="submit" data-do="change-password">${say("own.password.go")}</button></p>
    </form>
  </section>`;
}

/** The clinic's own sign-on: linked by the person alone. @param {State} state @param {Record<string, any>} view @param {Record<string, any>} on @param {string} zone */
function signOn(state, view, on, zone) {
  const { is_offered: isOffered, linked_at: at, issuer } = view.sign_on;
  if (!isOffered && at === null) return nothing;
  return html`<section class="card stack" data-region="sign-on">
    <h2>${say("own.sign_on.heading")}</h2>
    ${at === null
      ? html`<p>${say("own.sign_on.none")}</p>
          <p class="soft small">${say("own.sign_on.what")}</p>`
      : html`<p>${say("own.sign_on.linked", { host: hostOf(issuer), at: when(at, zone) })}</p>
          <p class="soft small">${say("own.sign_on.unlink_what")}</p>`}
    ${problem(state.problems.sign_on)}
    <p>
      ${at === null
        ? html`<button class="button" type="button" data-do="link-sign-on" @click=${on.linkSignOn}>${say("own.sign_on.link")}</button>`
        : html`<button class="button" type="button" data-do="unlink-sign-on" @click=${on.unlinkSignOn}>${say("own.sign_on.unlink")}</button>`}
    </p>
  </section>`;
}

/** @param {State} state @param {Record<string, any>} view @param {Record<string, any>} on @param {string} zone */
function sessions(state, view, on, zone) {
  return html`<section class="card stack" data-region="sessions">
    <h2>${say("own.sessions.heading")}</h2>
    <ul class="lines">
      ${repeat(view.sessions, (/** @type {any} */ each) => each.session_id, (/** @type {any} */ each) => session(each, on, zone))}
    </ul>
    ${problem(state.problems.sessions)}
    ${view.sessions.length > 1
      ? html`<p><button class="button" type="button" data-do="end-others" @click=${on.endOthers}>${say("own.sessions.end_others")}</button></p>`
      : nothing}
  </section>`;
}

/** What happened to the account: so that nobody else changes it unseen. @param {Record<string, any>} view @param {string} zone */
function changes(view, zone) {
  if (view.changes.length === 0) return nothing;
  return html`<section class="card stack" data-region="changes">
    <h2>${say("own.changes.heading")}</h2>
    <p class="soft">${say("own.changes.what")}</p>
    <ul class="lines">
      ${view.changes.map(
        (/** @type {any} */ each) => html`<li class="line"><span>${say(`own.changes.${each.event}`)}</span><span class="soft small">${when(each.at, zone)}</span></li>`,
      )}
    </ul>
  </section>`;
}

/** @param {any} each @param {Record<string, any>} on @param {string} zone */
function session(each, on, zone) {
  return html`<li class="line" data-session=${each.session_id}>
    <div class="line-what">
      <strong>${deviceOf(each.device)}</strong>
      ${each.is_this ? html` <span class="mark">${say("own.sessions.this")}</span>` : nothing}
      <p class="soft small">${say("own.sessions.started", { at: when(each.started_at, zone) })} · ${say("own.sessions.used", { at: when(each.last_used_at, zone) })}</p>
    </div>
    ${each.is_this
      ? nothing
      : html`<button class="button quiet" type="button" data-do="end-session" @click=${() => on.endSession(each.session_id)}>${say("own.sessions.end")}</button>`}
  </li>`;
}

/** @param {Event} event @param {(form: HTMLFormElement) => unknown} act */
function submitted(event, act) {
  event.preventDefault();
  act(/** @type {HTMLFormElement} */ (event.currentTarget));
}
