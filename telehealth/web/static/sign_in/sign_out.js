/** The sign-out button of a page without other scripts: [data-do="sign-out"]. */
import { signOut } from "./leaving.js";

for (const each of document.querySelectorAll("[data-do='sign-out']")) {
  each.addEventListener("click", () => void signOut());
}
