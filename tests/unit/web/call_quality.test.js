import assert from "node:assert/strict";
import { test } from "node:test";

import { CallQuality, SAID_AFTER_MS, WITHDRAWN_AFTER_MS } from "../../../telehealth/web/static/shared/call_quality.js";

class FakeClient extends EventTarget {
  participantId = "me";
  /** @param {string} type @param {any} detail */
  says(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
}

function quality() {
  const client = new FakeClient();
  /** @type {{ run: () => void, ms: number }[]} */
  const timers = [];
  const it = new CallQuality({
    client: /** @type {any} */ (client),
    later: (run, ms) => { const timer = { run, ms }; timers.push(timer); return timer; },
    forget: (timer) => { const at = timers.indexOf(timer); if (at >= 0) timers.splice(at, 1); },
  });
  const own = (/** @type {string} */ rung, /** @type {string} */ cause, link = "good") =>
    client.says("quality", { participant_id: "me", link, rung, cause });
  const pass = () => timers.shift()?.run();
  return { it, client, timers, own, pass };
}

test("everybody has bars, good until the server says otherwise", () => {
  const { it, client } = quality();
  assert.equal(it.linkOf("you"), "good");
  client.says("quality", { participant_id: "you", link: "poor", rung: null, cause: null });
  assert.equal(it.linkOf("you"), "poor");
  assert.equal(it.notice, null, "somebody else's trouble is no sentence of ours");
});

test("a step down is said when it has lasted five seconds", () => {
  const { it, timers, own, pass } = quality();
  own("audio_only", "own_connection");
  assert.equal(it.notice, null);
  assert.equal(timers[0]?.ms, SAID_AFTER_MS);
  pass();
  assert.equal(it.notice, "call.notice.audio_only");
});

test("a step that did not last is not said at all", () => {
  const { it, timers, own } = quality();
  own("low_video", "own_connection");
  own("video", "none");
  assert.equal(timers.length, 0);
  assert.equal(it.notice, null);
});

test("it is taken back after thirty seconds of good, and not while it is bad again", () => {
  const { it, timers, own, pass } = quality();
  own("low_video", "senders");
  pass();
  assert.equal(it.notice, "call.notice.low_video_theirs");
  own("video", "none");
  assert.equal(timers[0]?.ms, WITHDRAWN_AFTER_MS);
  own("low_video", "senders");
  assert.equal(timers.length, 0);
  own("video", "none");
  pass();
  assert.equal(it.notice, null);
});

test("a weak connection with all pictures is said as such; without media the phone is named", () => {
  const { it, own, pass } = quality();
  own("video", "none", "poor");
  pass();
  assert.equal(it.notice, "call.notice.weak");
  own("phone_offered", "no_media", "lost");
  assert.equal(it.isPhoneOffered, true);
  pass();
  assert.equal(it.notice, "call.notice.phone");
});

test("who speaks is as the server says, the newest counts", () => {
  const { it, client } = quality();
  let changes = 0;
  it.addEventListener("change", () => { changes += 1; });
  client.says("speakers", { participant_ids: ["you"] });
  assert.equal(it.isSpeaking("you"), true);
  client.says("speakers", { participant_ids: [] });
  assert.equal(it.isSpeaking("you"), false);
  it.stop();
  client.says("speakers", { participant_ids: ["you"] });
  assert.equal(changes, 2);
});
