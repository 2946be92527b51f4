import assert from "node:assert/strict";
import { test } from "node:test";

import { Call } from "../../../telehealth/web/static/shared/call.js";
import { ADMITTED, FakeClient, FakePeer, settled, started, track } from "./fake_call.js";

test("the offer has mic, camera, screen, three audio and four video slots, trimmed", async () => {
  const { client, peer } = await started();
  assert.deepEqual(
    peer.transceivers.map((each) => `${each.kind} ${each.direction}`),
    ["audio sendonly", "video sendonly", "video sendonly", ...Array(3).fill("audio recvonly"), ...Array(4).fill("video recvonly")],
  );
  assert.deepEqual(peer.transceivers[0].codecs.map((/** @type {any} */ c) => c.mimeType), ["audio/opus"]);
  assert.deepEqual(peer.transceivers[1].codecs.map((/** @type {any} */ c) => c.mimeType), ["video/VP8"]);
  const [offer] = client.of("offer");
  assert.deepEqual([offer.offer_id, offer.room_epoch, offer.ice_restart], [1, 3, false]);
  assert.deepEqual(client.of("publish").map((p) => [p.source, p.mid, p.is_muted]), [["mic", "0", false], ["camera", "1", false]]);
});

test("slots fill tiles by mid and are acknowledged; an older map is ignored", async () => {
  const { call, client } = await started();
  client.publications.set("you.mic", { publication_id: "you.mic", participant_id: "you", source: "mic", is_muted: false });
  client.says("publication-added", {});
  assert.deepEqual(client.of("subscribe").at(-1).wants, [{ publication_id: "you.mic", max_width_px: 0, priority: 100 }]);
  client.says("slots-mapped", { map_id: 2, slots: [{ mid: "4", publication_id: "you.mic" }, { mid: "5", publication_id: null }] });
  assert.equal(call.tiles()[0]?.audio?.id, "in4");
  assert.deepEqual(client.of("ack-slots"), [{ type: "ack-slots", map_id: 2 }]);
  client.says("slots-mapped", { map_id: 1, slots: [] });
  assert.equal(call.tiles()[0]?.audio?.id, "in4");
});

test("one person is one tile, self last; a muted or cut person sends nothing to us", async () => {
  const { call, client } = await started();
  const mic = { publication_id: "you.mic", participant_id: "you", source: "mic", is_muted: true };
  client.publications.set("you.mic", mic);
  client.says("slots-mapped", { map_id: 1, slots: [{ mid: "3", publication_id: "you.mic" }] });
  assert.deepEqual(call.tiles().map((tile) => tile.isSelf), [false, true]);
  assert.equal(call.tiles()[0]?.audio, null);
  client.publications.set("you.mic", { ...mic, is_muted: false });
  client.participants.set("you", { participant_id: "you", role: "provider", kind: "provider", state: "active", is_reconnecting: true });
  assert.equal(call.tiles()[0]?.audio, null);
  assert.equal(call.tiles()[0]?.isReconnecting, true);
});

test("muting stops the track here before the room hears of it", async () => {
  const { call, client, mic } = await started();
  const muting = call.setMuted("mic", true);
  assert.equal(mic.enabled, false);
  await muting;
  assert.deepEqual(client.of("mute"), [{ type: "mute", publication_id: "me.mic", is_muted: true }]);
});

test("camera off lets the device go, and on again needs no offer", async () => {
  const { call, client, camera } = await started();
  await call.setTrack("camera", null);
  assert.equal(camera.stopped, true);
  assert.equal(call.isMuted("camera"), true);
  await call.setTrack("camera", track("video"));
  assert.deepEqual(client.of("mute").map((each) => each.is_muted), [true, false]);
  assert.equal(client.of("offer").length, 1);
});

test("two seconds without a path restart ICE; twice in vain builds anew", async () => {
  const { client, peers, peer, timers, call } = await started();
  peer.turns("connected");
  assert.equal(call.connection, "connected");
  peer.turns("disconnected");
  assert.equal(timers[0]?.ms, 2000);
  timers.shift()?.run();
  await settled();
  assert.deepEqual(peer.offers.at(-1), { iceRestart: true });
  assert.equal(client.of("offer").at(-1).offer_id, 2);
  timers.shift()?.run();
  await settled();
  assert.equal(peers.length, 1);
  timers.shift()?.run();
  await settled();
  assert.equal(peers.length, 2);
  assert.equal(peer.isClosed, true);
});

test("asked for a new path, the same connection restarts ICE", async () => {
  const { client, peers, peer } = await started();
  peer.turns("connected");
  client.says("ice-restart-wanted", { room_epoch: 3 });
  await settled();
  assert.deepEqual(peer.offers.at(-1), { iceRestart: true });
  assert.equal(client.of("offer").at(-1).ice_restart, true);
  assert.equal(peers.length, 1);
});

test("lost media is built anew under the new epoch, and published again", async () => {
  const { client, peers, timers } = await started();
  client.says("media-rebuild", { room_epoch: 4, cause: "node_lost", retry_after_ms: 50, ice_servers: [] });
  timers.shift()?.run();
  await settled();
  assert.equal(peers.length, 2);
  assert.equal(client.of("offer").at(-1).room_epoch, 4);
  assert.equal(client.of("publish").length, 4);
});

test("who goes back to the waiting room sends nothing more", async () => {
  const { client, peer } = await started();
  client.says("participant-returned", { participant_id: "me" });
  assert.equal(peer.isClosed, true);
});

test("stopping lets devices and listeners go", async () => {
  const { call, client, peer, mic, camera } = await started();
  call.stop();
  assert.ok(peer.isClosed && mic.stopped && camera.stopped);
  client.says("admitted", ADMITTED);
  assert.equal(call.connection, "closed");
});

const LAYERS = (/** @type {boolean[]} */ ...wanted) => ({
  publication_id: "me.camera",
  encodings: ["q", "h", "f"].map((rid, at) => ({ rid, is_wanted: wanted[at] })),
});
const active = (/** @type {FakePeer} */ peer) => peer.transceivers[1].encodings.map((/** @type {any} */ each) => each.active ?? true);

test("a camera has three encodings, a screen one, each with its rate", async () => {
  const { peer } = await started();
  const camera = peer.transceivers[1].encodings;
  assert.deepEqual(camera.map((/** @type {any} */ each) => [each.rid, each.scaleResolutionDownBy, each.maxBitrate]), [
    ["q", 4, 150_000], ["h", 2, 500_000], ["f", 1, 1_500_000],
  ]);
  assert.equal(peer.transceivers[2].encodings.length, 1);
});

test("a browser without scalability modes still sends three encodings", async () => {
  const client = new FakeClient();
  const peer = new FakePeer();
  const add = peer.addTransceiver.bind(peer);
  peer.addTransceiver = (what, how) => {
    if (how.sendEncodings?.some((/** @type {any} */ each) => each.scalabilityMode)) throw new Error("OperationError");
    return add(what, how);
  };
  const call = new Call({ client: /** @type {any} */ (client), createPeer: () => /** @type {any} */ (peer), codecsOf: () => [] });
  client.says("admitted", ADMITTED);
  await call.start({ mic: track("audio"), camera: track("video") });
  assert.deepEqual(peer.transceivers[1].encodings.map((/** @type {any} */ each) => each.rid), ["q", "h", "f"]);
});

test("encodings nobody wants rest, and are sent again when wanted", async () => {
  const { client, peer } = await started();
  client.says("layers-wanted", LAYERS(false, true, false));
  await settled();
  assert.deepEqual(active(peer), [false, true, false]);
  client.says("layers-wanted", LAYERS(true, true, false));
  await settled();
  assert.deepEqual(active(peer), [true, true, false]);
  client.says("layers-wanted", { publication_id: "me.screen-of-nobody", encodings: [] });
});

test("a sender that is busy is told again, unless something newer came", async () => {
  const { client, peer, timers } = await started();
  peer.isBusy = true;
  client.says("layers-wanted", LAYERS(false, true, false));
  await settled();
  peer.isBusy = false;
  assert.deepEqual(active(peer), [true, true, true]);
  timers.shift()?.run();
  await settled();
  assert.deepEqual(active(peer), [false, true, false]);
});

test("a fifth person makes one re-offer with appended slots, and no connection anew", async () => {
  const { client, peers, peer } = await started();
  for (const id of ["a", "b", "c"]) {
    client.participants.set(id, { participant_id: id, role: "guest", kind: "family", state: "active", is_reconnecting: false });
  }
  client.says("room", null);
  await settled();
  assert.equal(peers.length, 1);
  assert.equal(client.of("offer").length, 2);
  assert.deepEqual(client.of("offer").at(-1).ice_restart, false);
  assert.deepEqual(
    peer.transceivers.slice(10).map((each) => each.kind),
    [...Array(3).fill("audio"), ...Array(3).fill("video")],
    "as many as the server said there may be",
  );
  client.says("room", null);
  await settled();
  assert.equal(client.of("offer").length, 2);
});

test("a screen is shared by replacing a track: published once, then muted and unmuted", async () => {
  const { call, client, peer } = await started();
  const screen = track("video");
  await call.setTrack("screen", screen);
  await call.setTrack("screen", null);
  assert.equal(screen.stopped, true);
  assert.equal(client.of("publish").at(-1).source, "screen");
  assert.deepEqual(client.of("mute").map((each) => each.is_muted), [true]);
  assert.equal(client.of("offer").length, 1);
  assert.equal(peer.transceivers[2].sender.track, null);
});

test("pictures are wished for in the width they are shown, the provider's pinned", async () => {
  const { call, client } = await started();
  client.publications.set("you.camera", { publication_id: "you.camera", participant_id: "you", source: "camera", is_muted: false });
  client.says("publication-added", {});
  const wish = () => client.of("subscribe").at(-1).wants[0];
  assert.deepEqual(wish(), { publication_id: "you.camera", max_width_px: 1280, priority: 70 });
  call.setWidths(new Map([["you", 400]]));
  assert.equal(wish().max_width_px, 640);
  const told = client.of("subscribe").length;
  call.setWidths(new Map([["you", 420]]));
  assert.equal(client.of("subscribe").length, told, "a few pixels ask for nothing new");
  call.setWidths(new Map([["you", 0]]));
  assert.equal(wish().max_width_px, 0);
});
