/** The birth date form of a visit link. */
import { api } from "../shared/api.js";
import { by } from "../shared/dom.js";
import { say, sayOr } from "../shared/i18n.js";
import { dateOf } from "./birth_date.js";

const form = by("birth-date");
const problem = by("problem");

/** @param {string} text */
function tell(text) {
  problem.hidden = text === "";
  problem.textContent = text;
}

form?.addEventListener("submit", async (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  const birthDate = dateOf(new FormData(form));
  if (!birthDate) {
    tell(say("patient.landing.no_such_day"));
    form.elements.month.focus();
    return;
  }
  const button = form.querySelector("button");
  button.disabled = true;
  tell("");
  try {
    const { home } = await api.post(`/v1/visit-links/${form.dataset.secret}/open`, {
      birth_date: birthDate,
    });
    location.assign(home);
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
