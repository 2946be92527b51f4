/** The birth date form of a visit link. */
import { api } from "../shared/api.js";
import { by } from "../shared/dom.js";
import { say, sayOr } from "../shared/i18n.js";
import { dateOf } from "./birth_date.js";
import { ask } from "./screens.js";

const form = by("birth-date") ?? by("guest-name");
const isGuest = form?.id === "guest-name";
const problem = by("problem");

/** @param {string} text */
function tell(text) {
  problem.hidden = text === "";
  problem.textContent = text;
}

form?.addEventListener("submit", async (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  const proof = proofOf(new FormData(form));
  if (proof === null) return;
  const button = form.querySelector("button");
  button.disabled = true;
  tell("");
  try {
    await open(proof);
  } catch (/** @type {any} */ refusal) {
    button.disabled = false;
    if (["link.locked", "link.replaced", "link.expired"].includes(refusal.code)) location.reload();
    tell(
      sayOr(`errors.${refusal.code}`, "errors.unexpected", {
        count: refusal.body?.tries_left ?? 0,
      }),
    );
  }
});

/** A patient's birth date, or the name a guest wants to be called.
 * @param {FormData} typed @returns {Record<string, string> | null} */
function proofOf(typed) {
  const name = String(typed.get("name") ?? "").trim();
  const birthDate = isGuest ? "" : dateOf(typed);
  if (isGuest ? name !== "" : birthDate !== "") return isGuest ? { name } : { birth_date: birthDate };
  tell(say(isGuest ? "errors.link.name_missing" : "patient.landing.no_such_day"));
  form.elements[isGuest ? "name" : "month"].focus();
  return null;
}

/** One device at a time: another one is told of, and closed only if the person wants it here.
 * @param {Record<string, string>} proof */
async function open(proof) {
  const path = `/v1/visit-links/${form.dataset.secret}/open`;
  try {
    const { home } = await api.post(path, proof);
    location.assign(home);
  } catch (/** @type {any} */ refusal) {
    if (refusal.code !== "link.in_use" || !(await wantsHere())) throw refusal;
    const { home } = await api.post(path, { ...proof, take_over: true });
    location.assign(home);
  }
}

function wantsHere() {
  return ask(say("patient.landing.move_ask"), say("patient.landing.move"), say("patient.landing.stay"));
}
