/** The birth date that opens one's own record, once; what comes back is saved as a file. */
import { ApiRefusal, cookieOf, Unreachable } from "../shared/api.js";
import { by } from "../shared/dom.js";
import { say, sayOr, setLanguage } from "../shared/i18n.js";
import { dateOf } from "./birth_date.js";

const form = by("birth-date");
const problem = by("problem");
const done = by("done");
const button = form.querySelector("button");

form.addEventListener("submit", async (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  const birthDate = dateOf(new FormData(form));
  if (birthDate === "") return tell(say("privacy.record.no_such_day"));
  button.disabled = true;
  tell("");
  try {
    save(await fetched(birthDate));
    done.textContent = say("privacy.record.done");
    done.hidden = false;
  } catch (/** @type {any} */ refusal) {
    button.disabled = refusal.code === "privacy.export_link_refused";
    tell(sayOr(`errors.${refusal.code}`, "errors.unexpected", { count: refusal.body?.tries_left ?? 0 }));
  }
});

/** @param {string} birthDate @returns {Promise<Blob>} */
async function fetched(birthDate) {
  let answer;
  try {
    answer = await fetch(`/records/${form.dataset.token}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": cookieOf(document.cookie, "__Host-csrf") },
      credentials: "same-origin",
      cache: "no-store",
      body: JSON.stringify({ birth_date: birthDate }),
    });
  } catch {
    throw new Unreachable();
  }
  if (!answer.ok) throw new ApiRefusal(answer.status, await answer.json().catch(() => ({})));
  return answer.blob();
}

/** @param {Blob} archive */
function save(archive) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(archive);
  link.download = "record.zip";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** @param {string} text */
function tell(text) {
  problem.hidden = text === "";
  problem.textContent = text;
}

for (const each of document.querySelectorAll("[data-language]")) {
  each.addEventListener("click", () => setLanguage(/** @type {HTMLElement} */ (each).dataset.language ?? "en"));
}
