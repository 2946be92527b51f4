/**
 * Sentences by key, in the language of the page; the page brings them as JSON in `#messages`
 * ({ en: {key: sentence}, es: {…} }).
 *
 * Public face:
 *   say(key, fields?)       `count` in the fields picks `.one` or `.other`
 *   sayOr(key, otherwise)   the first key if there is such a sentence, else the other one
 *   language() · setLanguage(code)   retells every element with data-say; event `languagechange`
 *                           on document; remembered in the cookie the server reads
 *   timeOf(instant, zone)   always with the zone
 */

/** @type {Record<string, Record<string, string>>} */
let catalogues = {};
if (typeof document !== "undefined") {
  const found = document.getElementById("messages");
  if (found) catalogues = JSON.parse(found.textContent ?? "{}");
}

/** @param {Record<string, Record<string, string>>} given for tests */
export function useCatalogues(given) {
  catalogues = given;
}

export function language() {
  const code = typeof document === "undefined" ? "en" : document.documentElement.lang;
  return code in catalogues ? code : "en";
}

/** @param {string} key @param {Record<string, string | number>} [fields] */
export function say(key, fields = {}) {
  const sentences = catalogues[language()] ?? {};
  let found = sentences[key];
  if (found === undefined && "count" in fields) {
    found = sentences[`${key}.${fields.count === 1 ? "one" : "other"}`];
  }
  if (found === undefined) return key;
  return found.replace(/\{(\w+)\}/g, (whole, name) => String(fields[name] ?? whole));
}

/** @param {string} key @param {string} otherwise @param {Record<string, string | number>} [fields] */
export function sayOr(key, otherwise, fields) {
  const known = catalogues[language()] ?? {};
  return key in known || `${key}.other` in known ? say(key, fields) : say(otherwise, fields);
}

/** @param {string} code */
export function setLanguage(code) {
  document.documentElement.lang = code;
  document.cookie = `language=${code}; Path=/; Max-Age=31536000; Secure; SameSite=Lax`;
  for (const each of document.querySelectorAll("[data-say]")) {
    each.textContent = say(/** @type {HTMLElement} */ (each).dataset.say ?? "");
  }
  document.dispatchEvent(new CustomEvent("languagechange"));
}

/** The clinics are in the United States: its clock and names of zones, in either language. */
const LOCALES = /** @type {Record<string, string>} */ ({ en: "en-US", es: "es-US" });

/** @param {string} instant @param {string} zone */
export function timeOf(instant, zone) {
  return new Intl.DateTimeFormat(LOCALES[language()], {
    hour: "numeric",
    minute: "2-digit",
    timeZone: zone,
    timeZoneName: "short",
  }).format(new Date(instant));
}

/** @param {string} instant @param {string} zone */
export function dayOf(instant, zone) {
  return new Intl.DateTimeFormat(LOCALES[language()], {
    weekday: "long",
    month: "long",
    day: "numeric",
    timeZone: zone,
  }).format(new Date(instant));
}
