/** Choosing a password by a link that works once. */
import { api } from "../shared/api.js";
import { by } from "../shared/dom.js";
import { passwordSentence } from "./sentences.js";

const form = /** @type {HTMLFormElement | null} */ (by("choose"));
const password = /** @type {HTMLInputElement} */ (by("password"));

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = by("problem");
  problem.hidden = true;
  try {
    await api.post(`/v1/password-links/${encodeURIComponent(form.dataset.secret ?? "")}`, { password: password.value });
  } catch (/** @type {any} */ failure) {
    problem.textContent = passwordSentence(failure);
    problem.hidden = false;
    password.focus();
    return;
  }
  form.hidden = true;
  by("chosen").hidden = false;
  by("chosen").querySelector("h1").focus();
});

for (const each of document.querySelectorAll("[data-do='show-password']")) {
  each.addEventListener("click", () => {
    const isShown = password.type === "text";
    password.type = isShown ? "password" : "text";
    each.setAttribute("aria-pressed", String(!isShown));
  });
}
