/**
 * Passkeys of the browser, between JSON and the bytes its interface wants.
 *
 * Public face:
 *   canUsePasskeys()            whether this browser knows them
 *   makePasskey(options)        navigator.credentials.create → JSON for the server
 *   usePasskey(options)         navigator.credentials.get → JSON for the server
 * Both throw what the browser throws: NotAllowedError when the person says no or waits too long.
 * Source: W3C Web Authentication Level 3, section 5.1.
 */

export function canUsePasskeys() {
  return typeof globalThis.PublicKeyCredential === "function";
}

/** @param {Record<string, any>} options */
export async function makePasskey(options) {
  const made = await navigator.credentials.create({
    publicKey: /** @type {any} */ ({
      ...options,
      challenge: bytesOf(options.challenge),
      user: { ...options.user, id: bytesOf(options.user.id) },
      excludeCredentials: (options.excludeCredentials ?? []).map(withBytes),
    }),
  });
  return answerOf(made, ["clientDataJSON", "attestationObject"]);
}

/** @param {Record<string, any>} options */
export async function usePasskey(options) {
  const used = await navigator.credentials.get({
    publicKey: /** @type {any} */ ({
      ...options,
      challenge: bytesOf(options.challenge),
      allowCredentials: (options.allowCredentials ?? []).map(withBytes),
    }),
  });
  return answerOf(used, ["clientDataJSON", "authenticatorData", "signature"]);
}

/** @param {any} credential @param {string[]} members */
function answerOf(credential, members) {
  return {
    id: credential.id,
    rawId: textOf(credential.rawId),
    type: credential.type,
    response: Object.fromEntries(members.map((each) => [each, textOf(credential.response[each])])),
    clientExtensionResults: {},
  };
}

/** @param {Record<string, any>} descriptor */
function withBytes(descriptor) {
  return { ...descriptor, id: bytesOf(descriptor.id) };
}

/** @param {string} text base64url */
export function bytesOf(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

/** @param {ArrayBuffer | Uint8Array} bytes */
export function textOf(bytes) {
  const letters = Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join("");
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
