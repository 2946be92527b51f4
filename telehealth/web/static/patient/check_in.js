/**
 * Check-in: one question per screen.  Answers stay in this page's memory until they are sent.
 *
 * Public face:
 *   checkIn({ visit, states, again, send })   the screen to show; `send(answers)` sends
 *   consentAgain({ visit, send })             what is to be agreed to after check-in
 *   textsFor(visit, place)                    the texts somebody in that state reads
 *   accepted(texts)                           what the server is told of them
 */
import { el } from "../shared/dom.js";
import { say } from "../shared/i18n.js";

/** @typedef {{ place_state: string, place_address: string, call_back_number: string }} Answers */

const QUESTIONS = /** @type {const} */ (["place_state", "place_address", "call_back_number", "consent"]);

/** @type {Answers & { at: number }} */
const draft = { place_state: "", place_address: "", call_back_number: "", at: 0 };

/** @typedef {{ text_id: string, version: number, language: string, text: string }} Text */

/** Some states ask for more. @param {any} visit @param {string} place @returns {Text[]} */
export function textsFor(visit, place) {
  return visit.consent.texts_by_place[place] ?? visit.consent.texts;
}

/** @param {Text[]} texts */
export function accepted(texts) {
  return texts.map(({ text_id, version }) => ({ text_id, version }));
}

/** What has been typed is never asked twice.  @param {any} visit */
export function prefill(visit) {
  for (const name of /** @type {const} */ (["place_state", "place_address", "call_back_number"])) {
    draft[name] ||= visit.check_in?.[name] ?? "";
  }
}

/**
 * @param {{ visit: any, states: Record<string, string>, again: () => void,
 *   send: (answers: Answers) => Promise<string> }} means  `send` answers a problem's text, or ""
 */
export function checkIn({ visit, states, again, send }) {
  const question = QUESTIONS[draft.at] ?? "place_state";
  const problem = el("p", { id: "problem", class: "notice bad", role: "alert", hidden: true });
  const field = fieldOf(question, visit, states);
  const button = el("button", { class: "button primary wide", type: "submit" });
  button.textContent = say(question === "consent" ? "patient.check_in.agree" : "patient.next");
  const form = el(
    "form",
    {
      class: "stack",
      novalidate: true,
      onsubmit: async (/** @type {Event} */ event) => {
        event.preventDefault();
        const wrong = take(question, form);
        if (wrong) return complain(wrong);
        if (question !== "consent") {
          draft.at += 1;
          again();
          return;
        }
        button.disabled = true;
        const refused = await send(draft);
        button.disabled = false;
        if (refused) complain(refused);
      },
    },
    field,
    problem,
    button,
    draft.at === 0
      ? null
      : el(
          "button",
          {
            class: "button quiet wide",
            type: "button",
            onclick: () => {
              draft.at -= 1;
              again();
            },
          },
          say("patient.back"),
        ),
  );

  /** @param {string} text */
  function complain(text) {
    problem.textContent = text;
    problem.hidden = false;
    const input = form.querySelector("input, select");
    input?.setAttribute("aria-invalid", "true");
    input?.setAttribute("aria-describedby", "problem");
    input?.focus();
  }

  return el(
    "section",
    { class: "card stack" },
    el("p", { class: "step" }, say("patient.check_in.step", { step: draft.at + 1, steps: QUESTIONS.length })),
    el("h1", { tabindex: "-1" }, say(`patient.check_in.${question}.heading`)),
    question === "consent" ? null : el("p", { class: "soft" }, say(`patient.check_in.${question}.why`)),
    form,
  );
}

/**
 * A new version, somebody who would like to watch, or a consent that was taken back.
 * @param {{ visit: any, send: (texts: Text[]) => Promise<string> }} means
 */
export function consentAgain({ visit, send }) {
  const texts = textsFor(visit, visit.check_in?.place_state ?? "");
  const problem = el("p", { id: "problem", class: "notice bad", role: "alert", hidden: true });
  const button = el("button", { class: "button primary wide", type: "submit" }, say("patient.check_in.agree"));
  const form = el(
    "form",
    {
      class: "stack",
      novalidate: true,
      onsubmit: async (/** @type {Event} */ event) => {
        event.preventDefault();
        button.disabled = true;
        const wrong = take("consent", form) || (await send(texts));
        button.disabled = false;
        problem.textContent = wrong;
        problem.hidden = wrong === "";
      },
    },
    consentField(texts),
    problem,
    button,
  );
  const why = visit.consent.withdrawn_at ? "taken_back" : "again";
  return el(
    "section",
    { class: "card stack" },
    el("h1", { tabindex: "-1" }, say("patient.check_in.consent.heading")),
    el("p", {}, say(`patient.check_in.consent.${why}`)),
    form,
  );
}

/** @param {Text[]} texts */
function consentField(texts) {
  const parts = texts.flatMap(({ text, language }) =>
    text.split("\n\n").map((/** @type {string} */ part) => el("p", { lang: language }, part)),
  );
  return el(
    "div",
    { class: "stack" },
    el("div", { class: "consent", tabindex: "0", role: "region", "aria-label": say("patient.check_in.consent.heading") }, ...parts),
    el("label", { class: "tick" }, el("input", { type: "checkbox", name: "consent" }), el("span", {}, say("patient.check_in.consent.label"))),
  );
}

/** @param {typeof QUESTIONS[number]} question @param {any} visit @param {Record<string, string>} states */
function fieldOf(question, visit, states) {
  if (question === "consent") return consentField(textsFor(visit, draft.place_state));
  const id = `answer-${question}`;
  const label = el("label", { for: id }, say(`patient.check_in.${question}.label`));
  if (question === "place_state") {
    const select = el(
      "select",
      { id, name: question, autocomplete: "address-level1" },
      el("option", { value: "" }, say("patient.check_in.place_state.choose")),
      ...Object.entries(states).map(([code, name]) => el("option", { value: code }, name)),
    );
    select.value = draft.place_state;
    return el("div", { class: "field" }, label, select);
  }
  const isNumber = question === "call_back_number";
  const input = el("input", {
    id,
    name: question,
    type: isNumber ? "tel" : "text",
    inputmode: isNumber ? "tel" : null,
    autocomplete: isNumber ? "tel" : "street-address",
    maxlength: isNumber ? 32 : 300,
    value: draft[question],
  });
  return el("div", { class: "field" }, label, input);
}

/** Take what was typed; answers what is wrong with it.
 * @param {typeof QUESTIONS[number]} question @param {HTMLFormElement} form */
function take(question, form) {
  if (question === "consent") {
    return form.querySelector("input")?.checked ? "" : say("patient.check_in.consent.missing");
  }
  draft[question] = String(new FormData(form).get(question) ?? "").trim();
  const digits = draft[question].replace(/\D/g, "").length;
  const isMissing = draft[question] === "" || (question === "call_back_number" && digits < 10);
  return isMissing ? say(`patient.check_in.${question}.missing`) : "";
}
