import assert from "node:assert/strict";
import { test } from "node:test";

import { bytesOf, canUsePasskeys, makePasskey, textOf, usePasskey } from "../../../telehealth/web/static/sign_in/passkeys.js";

const BYTES = Uint8Array.from([0, 255, 254, 62, 63, 1]);

/** @param {any} credentials */
function withCredentials(credentials) {
  Object.defineProperty(globalThis, "navigator", { value: { credentials }, configurable: true });
}

test("bytes go to text without a sign that an address would change, and come back", () => {
  assert.equal(textOf(BYTES), "AP_-Pj8B");
  assert.deepEqual(bytesOf("AP_-Pj8B"), BYTES);
  assert.equal(textOf(new Uint8Array()), "");
});

test("a browser without passkeys says so", () => {
  assert.equal(canUsePasskeys(), false);
});

test("what the server asks is turned into bytes, and the answer into text", async () => {
  /** @type {any} */
  let asked;
  withCredentials({
    create: async (/** @type {any} */ given) => {
      asked = given.publicKey;
      return { id: "AP8", rawId: BYTES.buffer, type: "public-key", response: { clientDataJSON: BYTES, attestationObject: BYTES } };
    },
  });

  const answer = await makePasskey({ challenge: "AP8", user: { id: "AQ", name: "x" }, excludeCredentials: [{ id: "Ag", type: "public-key" }] });

  assert.deepEqual(asked.challenge, Uint8Array.from([0, 255]));
  assert.deepEqual(asked.user, { id: Uint8Array.from([1]), name: "x" });
  assert.deepEqual(asked.excludeCredentials[0].id, Uint8Array.from([2]));
  assert.deepEqual(answer, {
    id: "AP8",
    rawId: "AP_-Pj8B",
    type: "public-key",
    response: { clientDataJSON: "AP_-Pj8B", attestationObject: "AP_-Pj8B" },
    clientExtensionResults: {},
  });
});

test("at the door no passkey is named: the device finds its own", async () => {
  /** @type {any} */
  let asked;
  withCredentials({
    get: async (/** @type {any} */ given) => {
      asked = given.publicKey;
      const response = { clientDataJSON: BYTES, authenticatorData: BYTES, signature: BYTES, userHandle: BYTES };
      return { id: "AP8", rawId: BYTES, type: "public-key", response };
    },
  });

  const answer = await usePasskey({ challenge: "AP8", rpId: "localhost" });

  assert.deepEqual(asked.allowCredentials, []);
  assert.deepEqual(Object.keys(answer.response), ["clientDataJSON", "authenticatorData", "signature"]);
});

test("a person who says no is not hidden from the page", async () => {
  withCredentials({ get: () => Promise.reject(new DOMException("no", "NotAllowedError")) });

  await assert.rejects(usePasskey({ challenge: "AP8" }), { name: "NotAllowedError" });
});
