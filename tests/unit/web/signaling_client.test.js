import assert from "node:assert/strict";
import { test } from "node:test";

import { Disconnected, SignalingClient } from "../../../telehealth/web/static/shared/signaling_client.js";

class FakeSocket {
  constructor() {
    this.readyState = 1;
    /** @type {any[]} */
    this.sent = [];
    /** @type {any} */ this.onopen = null;
    /** @type {any} */ this.onmessage = null;
    /** @type {any} */ this.onclose = null;
  }
  /** @param {string} text */
  send(text) { this.sent.push(JSON.parse(text)); }
  /** @param {any} message */
  says(message) { this.onmessage({ data: JSON.stringify(message) }); }
  /** @param {number} [code] */
  close(code = 1005) { this.readyState = 3; this.onclose?.({ code }); }
}

const WELCOME = {
  type: "welcome", re: 1, participant_id: "p1", attach_epoch: 1, state: "lobby", may_admit: false,
  seq: 5, ping_every_s: 10, features: [], limits: {},
  room: { room_id: "r", participants: [{ participant_id: "p1", role: "patient", kind: "patient", state: "lobby", is_reconnecting: false }], publications: [] },
};

function world({ refuseTicket = false } = {}) {
  /** @type {FakeSocket[]} */
  const sockets = [];
  /** @type {{ run: () => void, ms: number }[]} */
  const timers = [];
  let tickets = 0;
  const client = new SignalingClient({
    ticketFor: async () => {
      tickets += 1;
      if (refuseTicket) throw Object.assign(new Error(), { status: 409 });
      return { ticket: `t${tickets}`, socket_url: "wss://x", participant_id: "p1", entry: "lobby" };
    },
    client: { name: "test", version: "1" },
    deviceId: "device-1",
    open: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return /** @type {any} */ (socket);
    },
    later: (run, ms) => { const timer = { run, ms }; timers.push(timer); return timer; },
    forget: (timer) => { const at = timers.indexOf(timer); if (at >= 0) timers.splice(at, 1); },
    random: () => 1,
  });
  return { client, sockets, timers, tickets: () => tickets };
}

async function seated() {
  const made = world();
  await made.client.connect();
  const socket = /** @type {FakeSocket} */ (made.sockets[0]);
  socket.onopen();
  socket.says(WELCOME);
  await settled();
  return { ...made, socket };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("hello shows the ticket first, and welcome takes the seat", async () => {
  const { client, socket } = await seated();
  assert.deepEqual(socket.sent[0], {
    type: "hello", id: 1, ticket: "t1", device_id: "device-1", client: { name: "test", version: "1" }, features: ["media-move"],
  });
  assert.equal(client.state, "lobby");
  assert.equal(client.participantId, "p1");
});

test("events later than the snapshot count, others do not", async () => {
  const { client, socket } = await seated();
  const publication = { publication_id: "p2.mic", participant_id: "p2", source: "mic", is_muted: false };
  socket.says({ type: "publication-added", seq: 5, publication });
  assert.equal(client.publications.size, 0);
  socket.says({ type: "publication-added", seq: 6, publication });
  assert.equal(client.publications.size, 1);
  socket.says({ type: "participant-left", seq: 7, participant_id: "p2", cause: "left" });
  assert.equal(client.publications.size, 0);
});

test("an answer settles its own request", async () => {
  const { client, socket } = await seated();
  const first = client.request("publish", { source: "mic", mid: "0" });
  const second = client.request("mute", { publication_id: "x", is_muted: true });
  socket.says({ type: "refused", re: 3, code: "unknown_publication", may_retry: false });
  socket.says({ type: "ok", re: 2, publication_id: "p1.mic" });
  await assert.rejects(second, { code: "unknown_publication" });
  assert.equal((await first).publication_id, "p1.mic");
});

test("a cut rejects what waits, and comes back with a new ticket", async () => {
  const { client, socket, sockets, timers, tickets } = await seated();
  const waiting = client.request("publish", {});
  socket.close(1006);
  await assert.rejects(waiting, Disconnected);
  assert.equal(client.state, "reconnecting");
  assert.equal(timers.length, 1);
  timers[0]?.run();
  await settled();
  assert.equal(tickets(), 2);
  assert.equal(sockets.length, 2);
});

for (const [code, outcome] of /** @type {[number, string][]} */ ([[4401, "refused"], [4403, "removed"], [4409, "superseded"], [4410, "ended"], [4400, "broken"]])) {
  test(`close ${code} ends the stay: ${outcome}`, async () => {
    const { client, socket, timers } = await seated();
    /** @type {any} */
    let told;
    client.addEventListener("closed", (event) => { told = /** @type {CustomEvent} */ (event).detail; });
    socket.close(code);
    assert.deepEqual(told, { code, outcome });
    assert.equal(client.state, "closed");
    assert.equal(timers.length, 0);
  });
}

for (const code of [4440, 4503, 4900, 1012]) {
  test(`close ${code} comes back`, async () => {
    const { client, socket } = await seated();
    socket.close(code);
    assert.equal(client.state, "reconnecting");
  });
}

test("waits grow to a ceiling", async () => {
  const { client, socket, timers, sockets } = await seated();
  socket.close(1006);
  const waits = [];
  for (let n = 0; n < 8; n += 1) {
    const timer = timers.shift();
    waits.push(timer?.ms);
    timer?.run();
    await settled();
    sockets.at(-1)?.close(1006);
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]);
  client.leave();
});

test("a refused ticket stands until a person acts", async () => {
  const { client, timers } = world({ refuseTicket: true });
  await client.connect();
  assert.equal(client.state, "closed");
  assert.equal(timers.length, 0);
});

test("a seat taken elsewhere moves here when asked", async () => {
  const { client, sockets } = world();
  await client.connect();
  const socket = /** @type {FakeSocket} */ (sockets[0]);
  socket.onopen();
  socket.says({ type: "seat-taken", re: 1, since_s: 4 });
  await settled();
  assert.equal(client.state, "seat_taken");
  const moved = client.takeOver();
  socket.says({ ...WELCOME, re: 2 });
  await moved;
  assert.equal(client.state, "lobby");
});

test("a silent path is left", async () => {
  const { client, socket, timers } = await seated();
  timers.shift()?.run();
  assert.equal(socket.sent.at(-1).type, "ping");
  timers.shift()?.run();
  assert.equal(client.state, "reconnecting");
});

test("leaving says so and stays away", async () => {
  const { client, socket, timers } = await seated();
  client.leave();
  assert.equal(socket.sent.at(-1).type, "leave");
  assert.equal(client.state, "closed");
  assert.equal(timers.length, 0);
});

test("admitted is kept for a call made later, and forgotten on return", async () => {
  const { client, socket } = await seated();
  socket.says({ type: "admitted", room_epoch: 1, ice_servers: [], slots_max: 7 });
  assert.equal(client.state, "active");
  assert.equal(client.admission?.room_epoch, 1);
  socket.says({ type: "participant-returned", seq: 6, participant_id: "p1" });
  assert.equal(client.admission, null);
  assert.equal(client.state, "lobby");
});
