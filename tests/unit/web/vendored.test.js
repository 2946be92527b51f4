import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const WEB = new URL("../../../telehealth/web/", import.meta.url);
/** @param {string} path */
const text = (path) => readFileSync(new URL(path, WEB), "utf8");

test("the drawings inside the vendored components bring their licence too", () => {
  assert.match(text("static/vendor/components.js"), /Font Awesome Free/);
  assert.ok(text("static/vendor/LICENCES.txt").includes(text("vendoring/font_awesome_free.txt").trim()));
});

test("every page has our icon, so that no browser asks for another", () => {
  assert.match(text("templates/base.html"), /rel="icon" type="image\/svg\+xml" href="\{\{ asset\('shared\/icons\/favicon\.svg'\) \}\}"/);
  assert.match(text("static/shared/icons/favicon.svg"), /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 32 32"/);
});
