/**
 * The one door to the vendored components and Lit.  Icons come from our own folder: the
 * library would ask another host for them, which our Content-Security-Policy forbids, as it
 * forbids fetching `data:` addresses.
 */
import { registerIconLibrary } from "../vendor/components.js";

/** @param {string} name */
const ownIcon = (name) => new URL(`./icons/${encodeURIComponent(name)}.svg`, import.meta.url).href;
for (const library of ["default", "system"]) {
  registerIconLibrary(library, { resolver: ownIcon });
}

export {
  LitElement,
  classMap,
  css,
  html,
  nothing,
  render,
  repeat,
  svg,
} from "../vendor/components.js";
