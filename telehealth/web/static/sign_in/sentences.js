/**
 * What a refusal about one's sign-in says.
 *
 * Public face: sentenceOf(failure) · passwordSentence(failure) · deviceOf(device) · hostOf(issuer)
 */
import { say, sayOr } from "../shared/i18n.js";

/** @param {any} failure */
export function sentenceOf(failure) {
  if (failure.name === "NotAllowedError" || failure.name === "AbortError") return say("own.errors.passkey_not_shown");
  if (failure.name === "InvalidStateError") return say("own.errors.factor.taken");
  return sayOr(`own.errors.${failure.code}`, "own.errors.unexpected");
}

/** The refusal says how many characters are needed. @param {any} failure */
export function passwordSentence(failure) {
  const { least = 0, most = 0 } = failure.body ?? {};
  return sayOr(`own.errors.${failure.code}`, "own.errors.unexpected", { least, most });
}

/** What a person knows a provider by. @param {string} issuer its address */
export function hostOf(issuer) {
  return URL.canParse(issuer) ? new URL(issuer).host : issuer;
}

/** @param {string} device `browser/system` */
export function deviceOf(device) {
  const [browser = "unknown", system = "unknown"] = device.split("/");
  if (browser === "unknown" || system === "unknown") return say("own.device_unknown");
  return say("own.device", { browser, system });
}
