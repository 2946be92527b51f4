import assert from "node:assert/strict";
import { test } from "node:test";

import { expected } from "../../../telehealth/web/static/shared/call_move.js";
import { settled, started, track } from "./fake_call.js";

const MOVE = { room_epoch: 9, ends_in_ms: 6_000, ice_servers: [] };
const MIC = { publication_id: "you.mic", participant_id: "you", source: "mic", is_muted: false };
const CAMERA = { publication_id: "you.camera", participant_id: "you", source: "camera", is_muted: false };
const VOICE = { type: "inbound-rtp", kind: "audio", packetsReceived: 10 };
const PICTURE = { type: "inbound-rtp", kind: "video", framesDecoded: 3 };
const SLOTS = [{ mid: "3", publication_id: "you.mic" }, { mid: "6", publication_id: "you.camera" }];
const LOOK_MS = 100;

/** A call that carries voice and picture of one other person, told to come over. */
async function moving() {
  const it = await started();
  for (const each of [MIC, CAMERA]) it.client.publications.set(each.publication_id, each);
  it.client.says("slots-mapped", { map_id: 5, slots: SLOTS });
  it.peer.turns("connected");
  it.client.says("media-move", MOVE);
  await settled();
  const look = async () => {
    const at = it.timers.findIndex((timer) => timer.ms === LOOK_MS);
    it.timers.splice(at, 1)[0]?.run();
    await settled();
  };
  const shown = () => {
    const tile = it.call.tiles()[0];
    return [tile?.audio?.id, tile?.video?.id];
  };
  return { ...it, fresh: /** @type {import("./fake_call.js").FakePeer} */ (it.peers[1]), look, shown };
}

test("told to come over, a second connection is made and the first goes on", async () => {
  const { call, client, peers, peer, shown } = await moving();
  assert.equal(peers.length, 2);
  assert.equal(peer.isClosed, false);
  assert.equal(call.connection, "connected");
  assert.deepEqual(shown(), ["in3", "in6"]);
  assert.equal(client.of("offer").at(-1).room_epoch, 9);
  assert.deepEqual(client.of("publish").map((each) => each.source), ["mic", "camera", "mic", "camera"]);
  assert.equal(client.of("mute").length, 0);
});

test("each track is taken from the new connection as soon as that carries it, never before", async () => {
  const { call, client, fresh, look, shown } = await moving();
  client.says("slots-mapped", { map_id: 1, slots: SLOTS });
  fresh.turns("connected");
  await look();
  assert.deepEqual(shown(), ["in3", "in6"]);
  fresh.transceivers[3].inbound = [VOICE];
  await look();
  assert.deepEqual(shown(), ["p2in3", "in6"]);
  assert.equal(client.of("media-ready").length, 0);
  fresh.transceivers[6].inbound = [{ ...PICTURE, framesDecoded: 2 }];
  await look();
  assert.deepEqual(shown(), ["p2in3", "in6"]);
  fresh.transceivers[6].inbound = [PICTURE];
  await look();
  assert.deepEqual(shown(), ["p2in3", "p2in6"]);
  await look();
  assert.deepEqual(client.of("media-ready"), [{ type: "media-ready", room_epoch: 9 }]);
  assert.equal(call.connection, "connected");
});

test("names stay with their pictures when the new place fills other slots", async () => {
  const { client, fresh, look, shown } = await moving();
  client.says("slots-mapped", { map_id: 1, slots: [{ mid: "4", publication_id: "you.mic" }, { mid: "8", publication_id: "you.camera" }] });
  fresh.transceivers[4].inbound = [VOICE];
  fresh.transceivers[6].inbound = [PICTURE];
  await look();
  assert.deepEqual(shown(), ["p2in4", "in6"]);
});

test("when everybody has come over the first connection is closed", async () => {
  const { call, client, peer, fresh, shown } = await moving();
  client.says("slots-mapped", { map_id: 1, slots: SLOTS });
  fresh.turns("connected");
  client.says("media-move-over", { room_epoch: 9 });
  assert.deepEqual([peer.isClosed, fresh.isClosed], [true, false]);
  assert.deepEqual(shown(), ["p2in3", "p2in6"]);
  assert.equal(call.connection, "connected");
});

test("who has not come over by then is cut off until the new connection is up", async () => {
  const { call, client, peer, fresh } = await moving();
  client.says("media-move-over", { room_epoch: 9 });
  assert.equal(peer.isClosed, true);
  assert.equal(call.connection, "reconnecting");
  fresh.turns("connected");
  assert.equal(call.connection, "connected");
});

test("a new connection that never comes holds nobody back for ever", async () => {
  const { peer, timers } = await moving();
  timers.find((timer) => timer.ms === MOVE.ends_in_ms + 1_000)?.run();
  assert.equal(peer.isClosed, true);
});

test("a track that does not come holds the others back for three seconds of looking", async () => {
  const { client, fresh, look } = await moving();
  fresh.turns("connected");
  for (let looks = 0; looks < 30; looks += 1) await look();
  assert.equal(client.of("media-ready").length, 0);
  await look();
  assert.equal(client.of("media-ready").length, 1);
});

test("amid a move another camera is sent to both places, and off is off at both", async () => {
  const { call, peer, fresh, mic } = await moving();
  const camera = track("video");
  await call.setTrack("camera", camera);
  assert.deepEqual([peer.transceivers[1].sender.track, fresh.transceivers[1].sender.track], [camera, camera]);
  await call.setMuted("mic", true);
  assert.equal(mic.enabled, false);
});

test("told again to come over, what still carries is kept and the half-made one is closed", async () => {
  const { client, peers, peer, fresh, shown } = await moving();
  client.says("media-move", { ...MOVE, room_epoch: 12 });
  await settled();
  assert.equal(peers.length, 3);
  assert.deepEqual([peer.isClosed, fresh.isClosed], [false, true]);
  assert.deepEqual(shown(), ["in3", "in6"]);
  assert.equal(client.of("offer").at(-1).room_epoch, 12);
});

for (const [what, detail] of /** @type {[string, any][]} */ ([
  ["media-rebuild", { room_epoch: 12, cause: "media_lost", retry_after_ms: 0, ice_servers: [] }],
  ["admitted", { room_epoch: 12, ice_servers: [], slots_max: 7 }],
])) {
  test(`${what} amid a move lets both connections go`, async () => {
    const { client, peers, peer, fresh, timers } = await moving();
    client.says(what, detail);
    timers.find((timer) => timer.ms === 0)?.run();
    await settled();
    assert.deepEqual([peer.isClosed, fresh.isClosed, peers.length], [true, true, 3]);
  });
}

test("back in the waiting room, or stopped, both connections are closed", async () => {
  const returned = await moving();
  returned.client.says("participant-returned", { participant_id: "me" });
  assert.deepEqual([returned.peer.isClosed, returned.fresh.isClosed], [true, true]);
  const stopped = await moving();
  stopped.call.stop();
  assert.deepEqual([stopped.peer.isClosed, stopped.fresh.isClosed], [true, true]);
});

test("a publication said to the place before is said anew at the new one", async () => {
  const it = await started();
  /** @type {((answer: any) => void)[]} */
  const answers = [];
  const ask = it.client.request.bind(it.client);
  it.client.request = (type, fields) => {
    if (type !== "publish" || answers.length > 0) return ask(type, fields);
    it.client.tell(type, fields);
    return new Promise((resolve) => answers.push(resolve));
  };
  const sharing = it.call.setTrack("screen", track("video"));
  await settled();
  it.client.says("media-move", MOVE);
  await settled();
  answers[0]?.({ type: "ok" });
  await sharing;
  await it.call.setTrack("screen", null);
  assert.deepEqual(it.client.of("publish").filter((each) => each.source === "screen").length, 2);
});

test("what is muted, away, not shown or one's own is not waited for", () => {
  const one = (/** @type {any} */ more) => ({ participant_id: "you", role: "provider", kind: "provider", state: "active", is_reconnecting: false, ...more });
  const ids = (/** @type {any} */ person, /** @type {any[]} */ published, widths = new Map()) =>
    expected(published, new Map([["you", person], ["me", one({ participant_id: "me" })]]), "me", widths).map((each) => each.publication_id);
  assert.deepEqual(ids(one({}), [MIC, CAMERA]), ["you.mic", "you.camera"]);
  assert.deepEqual(ids(one({}), [{ ...MIC, is_muted: true }, CAMERA]), ["you.camera"]);
  assert.deepEqual(ids(one({}), [MIC, CAMERA], new Map([["you", 0]])), ["you.mic"]);
  assert.deepEqual(ids(one({ is_reconnecting: true }), [MIC]), []);
  assert.deepEqual(ids(one({ state: "active_away" }), [MIC]), []);
  assert.deepEqual(ids(one({}), [{ ...MIC, participant_id: "me" }, { ...MIC, participant_id: "nobody" }]), []);
});
