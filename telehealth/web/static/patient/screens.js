/** The patient's quiet screens: each a function from the visit to elements.  No state here. */
import { el } from "../shared/dom.js";
import { dayOf, say, timeOf } from "../shared/i18n.js";

/** @param {string} text */
const heading = (text) => el("h1", { tabindex: "-1" }, text);

/** Where the visit stands, as the name of a screen; the server's state alone decides.
 * @param {any} visit @param {{ hasLeft: boolean, isJoined: boolean, steppedOut: boolean }} here */
export function screenOf(visit, here) {
  if (here.hasLeft) return "left";
  const isAgreed = visit.consent.is_given;
  switch (visit.state) {
    case "waiting":
    case "paused":
      return isAgreed ? visit.state : "consent";
    case "called":
    case "in_call":
      if (here.isJoined) return "call";
      if (!isAgreed) return "consent";
      return visit.state === "called" && !here.steppedOut ? "called" : "rejoin";
    case "wrap_up":
    case "completed":
      return visit.consent.withdrawn_at ? "withdrawn" : "after";
    case "cancelled":
      return "cancelled";
    case "checking_in":
      return visit.check_in && isAgreed ? "device" : "check_in";
    default:
      return visit.may_join.code === "early" ? "early" : "late";
  }
}

/** @param {any} visit */
export function early(visit) {
  const zone = visit.clinic.time_zone;
  const { opens_at: opens } = visit.may_join;
  return el(
    "section",
    { class: "card stack" },
    heading(say("patient.landing.heading.early")),
    el("p", {}, say("patient.landing.next.early", { day: dayOf(opens, zone), time: timeOf(opens, zone) })),
  );
}

/** Pages with a heading and what to do next. @param {"late" | "cancelled" | "after" | "withdrawn"} name */
export function plain(name) {
  return el(
    "section",
    { class: "card stack" },
    heading(say(`patient.${name}.heading`)),
    el("p", {}, say(`patient.${name}.next`)),
  );
}

/** @param {() => void} comeBack */
export function left(comeBack) {
  return el(
    "section",
    { class: "card stack" },
    heading(say("patient.left.heading")),
    el("p", {}, say("patient.left.next")),
    el("button", { type: "button", class: "button primary wide", onclick: comeBack }, say("patient.left.back")),
  );
}

/** What the waiting room says of place and provider. @param {any} visit */
export function placeOf(visit) {
  const time = timeOf(visit.starts_at, visit.clinic.time_zone);
  const ahead = visit.queue?.ahead;
  if (visit.state === "paused") return say("patient.paused.what");
  if (ahead === 0) return say("patient.waiting.next", { time });
  if (typeof ahead === "number") return say("patient.waiting.ahead", { count: ahead, time });
  return say("patient.waiting.time", { time });
}

/** @param {any} visit @param {() => void} leave */
export function waiting(visit, leave) {
  return el(
    "section",
    { class: "card stack waiting" },
    heading(say(visit.state === "paused" ? "patient.paused.heading" : "patient.waiting.heading")),
    el("p", { id: "place", class: "place" }, placeOf(visit)),
    visit.provider_name ? el("p", {}, say("patient.waiting.with", { name: visit.provider_name })) : null,
    el("p", { class: "soft" }, say("patient.waiting.keep")),
    el("button", { type: "button", class: "button quiet", onclick: leave }, say("patient.waiting.leave")),
  );
}

/** @param {any} visit @param {string} which @param {(audioOnly: boolean) => void} join */
export function called(visit, which, join) {
  const name = visit.provider_name ?? say("call.kind.provider");
  const problem = el("p", { id: "problem", class: "notice bad", role: "alert", hidden: true });
  return el(
    "section",
    { class: "card stack called" },
    heading(say(`patient.${which}.heading`, { name })),
    el("p", {}, say(`patient.${which}.what`)),
    problem,
    el("button", { type: "button", class: "button primary wide big", onclick: () => join(false) }, say("patient.called.join")),
    el("button", { type: "button", class: "button wide", onclick: () => join(true) }, say("patient.called.audio_only")),
  );
}

/** @param {string} socketUrl @param {(outcome: string, element: any) => void} done */
export function device(socketUrl, done) {
  const check = el("device-check", { "socket-url": socketUrl });
  const go = el("button", { type: "button", class: "button primary wide", hidden: true, onclick: () => done("passed", check) }, say("patient.device.go"));
  check.addEventListener("checked", () => {
    const { camera, microphone } = check.results;
    go.hidden = camera !== "pass" || microphone !== "pass";
  });
  return el(
    "section",
    { class: "card stack device" },
    heading(say("patient.device.heading")),
    el("p", {}, say("patient.device.why")),
    check,
    go,
    el("button", { type: "button", class: "button wide", onclick: () => done("skipped", check) }, say("patient.device.audio_only")),
    el("button", { type: "button", class: "button quiet wide", onclick: () => done("call_me", check) }, say("patient.device.call_me")),
  );
}

/** Ask before something that costs a place or a call.
 * @param {string} text @param {string} yes @param {string} no @returns {Promise<boolean>} */
export function ask(text, yes, no) {
  return new Promise((resolve) => {
    const dialog = el(
      "dialog",
      { class: "ask", "aria-labelledby": "ask-text" },
      el("p", { id: "ask-text" }, text),
      el(
        "form",
        { method: "dialog", class: "stack" },
        el("button", { class: "button primary wide", value: "no" }, no),
        el("button", { class: "button danger wide", value: "yes" }, yes),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
