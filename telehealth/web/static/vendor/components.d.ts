// What static/vendor/components.js is made of: the components our pages use, and Lit.
import { registerIconLibrary } from "@awesome.me/webawesome/dist/components/icon/library.js";

export { registerIconLibrary };
export { LitElement, css, html, nothing, render, svg } from "lit";
export { classMap } from "lit/directives/class-map.js";
export { repeat } from "lit/directives/repeat.js";
