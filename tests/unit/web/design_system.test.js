import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

const STATIC = new URL("../../../telehealth/web/static/", import.meta.url);
/** @param {string} path */
const text = (path) => readFileSync(new URL(path, STATIC), "utf8");

/** @param {string} block */
function coloursOf(block) {
  return Object.fromEntries(
    [...block.matchAll(/--color-([a-z-]+): (#[0-9a-f]+);/g)].map((found) => [found[1], found[2]]),
  );
}

/**
 * Relative luminance; WCAG 2.2, "relative luminance".
 * @param {string} colour
 */
function luminance(colour) {
  const hex = colour.length === 4 ? colour.replace(/[0-9a-f]/g, "$&$&") : colour;
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (b ?? 0);
}

/** @param {string} one @param {string} other */
function contrast(one, other) {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

const [lightBlock = "", darkBlock = ""] = text("shared/tokens.css").split("@media");
const light = coloursOf(lightBlock);
const schemes = { light, dark: { ...light, ...coloursOf(darkBlock) } };
const TEXT_ON_GROUND = [
  ...["ink", "ink-soft", "accent", "good", "warn", "bad"].flatMap((ink) => [
    [ink, "surface"],
    [ink, "surface-raised"],
  ]),
  ["accent-ink", "accent"],
  ["stage-ink", "stage"],
  ...["accent", "good", "warn", "bad"].map((name) => [name, `${name}-soft`]),
  ...["accent", "good", "warn", "bad"].map((name) => ["ink", `${name}-soft`]),
];

for (const [scheme, colours] of Object.entries(schemes)) {
  test(`text is readable in the ${scheme} scheme (WCAG 1.4.3)`, () => {
    for (const [ink = "", ground = ""] of TEXT_ON_GROUND) {
      const found = contrast(colours[ink] ?? "", colours[ground] ?? "");
      assert.ok(found >= 4.5, `${ink} on ${ground}: ${found.toFixed(2)}`);
    }
  });
  test(`controls have a visible edge in the ${scheme} scheme (WCAG 1.4.11)`, () => {
    for (const ground of ["surface", "surface-raised"]) {
      const found = contrast(colours["line-strong"] ?? "", colours[ground] ?? "");
      assert.ok(found >= 3, `line-strong on ${ground}: ${found.toFixed(2)}`);
    }
  });
}

test("every visit state has a mark of its own", () => {
  const marks = [...text("shared/base.css").matchAll(/data-state="\w+"\] \{ --chip-mark: "(.+?)"/g)];
  assert.equal(marks.length, 11);
  assert.equal(new Set(marks.map((found) => found[1])).size, 11);
});

test("the vendored files are those of the manifest", () => {
  const lines = text("vendor/SHA256SUMS").trim().split("\n");
  const named = lines.map((line) => line.slice(66));
  for (const line of lines) {
    const bytes = readFileSync(new URL(`vendor/${line.slice(66)}`, STATIC));
    assert.equal(createHash("sha256").update(bytes).digest("hex"), line.slice(0, 64));
  }
  const present = readdirSync(new URL("vendor/", STATIC)).filter((name) => name !== "SHA256SUMS");
  assert.deepEqual(named, present.sort());
});

test("each vendored package brings its licence", () => {
  const licences = text("vendor/LICENCES.txt");
  for (const line of text("vendor/PACKAGES.txt").trim().split("\n")) {
    const [name = "", , licence = ""] = line.split(" ");
    assert.ok(licences.includes(`${name}\n\n`), name);
    assert.match(licence, /^(MIT|BSD-3-Clause)$/);
  }
});

test("no icon carries a script, a style or another address", () => {
  for (const name of readdirSync(new URL("shared/icons/", STATIC))) {
    assert.doesNotMatch(text(`shared/icons/${name}`), /<script|style=|href|on\w+=/);
  }
});
