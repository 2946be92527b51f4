/** Sentences: plurals are found under their key, whoever asks for it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sayOr, useCatalogues } from "../../../telehealth/web/static/shared/i18n.js";

test("a refusal with a count is said in its own words, not as something unexpected", () => {
  useCatalogues({ en: { "errors.code.refused.one": "1 try left", "errors.code.refused.other": "{count} tries left", "errors.unexpected": "?" } });

  assert.equal(sayOr("errors.code.refused", "errors.unexpected", { count: 1 }), "1 try left");
  assert.equal(sayOr("errors.code.refused", "errors.unexpected", { count: 4 }), "4 tries left");
  assert.equal(sayOr("errors.nothing", "errors.unexpected"), "?");
});
