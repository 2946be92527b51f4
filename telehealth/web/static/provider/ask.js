/**
 * A question before a step that is not taken back.
 *
 * Public face: ask({ heading, text, yes, no, isDanger? }) → promise of whether it was yes
 */
import "../shared/components.js";
import { el } from "../shared/dom.js";

/** @param {{ heading: string, text: string, yes: string, no: string, isDanger?: boolean }} words @returns {Promise<boolean>} */
export function ask({ heading, text, yes, no, isDanger = false }) {
  return new Promise((resolve) => {
    let isYes = false;
    const dialog = el("wa-dialog", { label: heading, class: "ask", "data-region": "ask" }, el("p", {}, text));
    /** @param {boolean} answer */
    const answer = (answer) => () => {
      isYes = answer;
      dialog.open = false;
    };
    dialog.append(
      el("button", { type: "button", slot: "footer", class: "button", "data-do": "dismiss", onclick: answer(false) }, no),
      el(
        "button",
        { type: "button", slot: "footer", class: `button ${isDanger ? "danger" : "primary"}`, "data-do": "confirm", autofocus: true, onclick: answer(true) },
        yes,
      ),
    );
    dialog.addEventListener("wa-after-hide", (/** @type {Event} */ event) => {
      if (event.target !== dialog) return;
      dialog.remove();
      resolve(isYes);
    });
    document.body.append(dialog);
    dialog.open = true;
  });
}
