/** The staff of a clinic, as an administrator looks after them. */
import { ApiRefusal, api } from "../shared/api.js";
import { render } from "../shared/components.js";
import { by } from "../shared/dom.js";
import { say } from "../shared/i18n.js";
import { withProof } from "../sign_in/proof.js";
import { sentenceOf } from "../sign_in/sentences.js";
import { page } from "./people_view.js";

/**
 * @typedef {{
 *   person_id: string, name: string, email: string, role: string, is_invited: boolean,
 *   standing: string, is_disabled: boolean, disabled_reason: string | null, factors: string[],
 *   sign_on: { issuer: string, subject: string, linked_at: string } | null,
 * }} Person
 * @typedef {{
 *   staff: Person[] | null, own: string | null, problem: string, said: string,
 *   link: { url: string, name: string } | null,
 * }} State
 */

const app = by("app");
app.replaceChildren();
/** @type {State} */
const state = { staff: null, own: null, problem: "", said: "", link: null };

function draw() {
  render(page(state, on, app.dataset.zone ?? "UTC"), app);
}

async function look() {
  try {
    const answer = await api.get("/v1/staff");
    state.staff = answer.staff;
    state.own = answer.own_person_id;
  } catch (failure) {
    if (failure instanceof ApiRefusal && failure.status === 401) {
      location.assign("/sign-in?next=/people");
      return;
    }
    state.problem = sentenceOf(failure);
  }
  draw();
}

/** @param {() => Promise<unknown>} act @param {string} [said] @param {Record<string, string>} [fields] */
async function doing(act, said, fields) {
  state.problem = "";
  state.said = "";
  state.link = null;
  try {
    const result = await withProof(async () => (await act()) ?? true);
    if (result !== undefined && said) {
      state.said = say(said, fields);
      by("polite").textContent = state.said;
    }
  } catch (failure) {
    state.problem = sentenceOf(failure);
  }
  await look();
  window.scrollTo({ top: 0 });
}

/** @param {Person} person */
const at = (person) => `/v1/staff/${person.person_id}`;

const on = {
  /** @param {HTMLFormElement} form */
  invite: (form) => {
    const typed = new FormData(form);
    const text = (/** @type {string} */ name) => String(typed.get(name) ?? "").trim();
    const name = `${text("given")} ${text("family")}`;
    return doing(async () => {
      const body = { given: text("given"), family: text("family"), email: text("email"), role: text("role"), npi: text("npi") || null };
      const made = await api.post("/v1/staff", body);
      state.link = { url: made.link, name };
      form.reset();
    });
  },
  /** @param {Person} person */
  link: (person) =>
    doing(async () => {
      state.link = { url: (await api.post(`${at(person)}/password-link`)).link, name: person.name };
    }),
  copyLink: async () => {
    await navigator.clipboard.writeText(state.link?.url ?? "");
    by("polite").textContent = say("own.said.copied");
  },
  /** @param {Person} person */
  unlock: (person) => doing(() => api.post(`${at(person)}/unlock`), "people.said.unlocked", { name: person.name }),
  /** @param {Person} person */
  resetFactors: (person) => doing(() => api.post(`${at(person)}/reset-factors`), "people.said.reset", { name: person.name }),
  /** @param {Person} person */
  unlink: (person) => doing(() => api.post(`${at(person)}/unlink-sign-on`), "people.said.unlinked", { name: person.name }),
  /** @param {Person} person */
  enable: (person) => doing(() => api.post(`${at(person)}/enable`), "people.said.enabled", { name: person.name }),
  /** @param {Person} person @param {HTMLFormElement} form */
  disable: (person, form) => {
    const reason = String(new FormData(form).get("reason"));
    return doing(() => api.post(`${at(person)}/disable`, { reason }), "people.said.disabled", { name: person.name });
  },
  /** @param {Person} person @param {HTMLFormElement} form */
  changeRole: (person, form) => {
    const role = String(new FormData(form).get("role"));
    return doing(() => api.post(`${at(person)}/role`, { role }), "people.said.role", { name: person.name });
  },
};

void look();
