/**
 * Does this device do for a call?  Nothing is asked of the browser before a tap.
 *
 * Public face:
 *   <device-check socket-url="wss://…">   event `checked` { microphone,
 *     camera, speaker, network: pass | warn | fail | not_tested } after every change
 *   .results · .tracks() → { mic, camera }, handed over: the element stops what stays with it
 *   reasonOf(error)   permission | absent | busy | unknown; pure
 *   levelOf(samples)  0 to 1; pure
 */
import { el } from "./dom.js";
import { say } from "./i18n.js";
import { SUBPROTOCOL } from "./signaling_client.js";

/** @typedef {"pass" | "warn" | "fail" | "not_tested"} Result */

const PARTS = /** @type {const} */ (["camera", "microphone", "speaker", "network"]);
const HEARD_LEVEL = 0.04;
const SILENT_AFTER_MS = 10_000;
const OPEN_WITHIN_MS = 8_000;
const QUICK_MS = 1_500;
const MARKS = { pass: "✓", warn: "!", fail: "✕", not_tested: "○" };

/** @param {unknown} error */
export function reasonOf(error) {
  const name = error instanceof Error ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "permission";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "absent";
  return name === "NotReadableError" || name === "AbortError" ? "busy" : "unknown";
}

/** Root mean square of one window, scaled so that speech fills the meter.
 * @param {Float32Array} samples */
export function levelOf(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.min(1, Math.sqrt(sum / Math.max(1, samples.length)) * 6);
}

/** @param {MediaStreamConstraints} wish @returns {Promise<{ track: MediaStreamTrack | null, reason: string }>} */
async function ask(wish) {
  try {
    const stream = await navigator.mediaDevices.getUserMedia(wish);
    return { track: stream.getTracks()[0] ?? null, reason: "" };
  } catch (error) {
    return { track: null, reason: reasonOf(error) };
  }
}

/** Ask for both at once, so that there is one question; then each alone, to know which fails. */
export async function acquire({ camera = true } = {}) {
  const video = camera ? { width: { ideal: 1280 }, height: { ideal: 720 }, facingMode: "user" } : false;
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio, video });
    return {
      mic: stream.getAudioTracks()[0] ?? null,
      camera: stream.getVideoTracks()[0] ?? null,
      micReason: "",
      cameraReason: "",
    };
  } catch {
    const mic = await ask({ audio });
    const cam = camera ? await ask({ video }) : { track: null, reason: "" };
    return { mic: mic.track, camera: cam.track, micReason: mic.reason, cameraReason: cam.reason };
  }
}

// Node, which runs the tests of the pure parts, has no elements.
const Base = globalThis.HTMLElement ?? /** @type {typeof HTMLElement} */ (class {});

export class DeviceCheck extends Base {
  constructor() {
    super();
    /** @type {Record<string, Result>} */
    this.results = { camera: "not_tested", microphone: "not_tested", speaker: "not_tested", network: "not_tested" };
    /** @type {Record<string, string>} */
    this._why = {};
    /** @type {MediaStreamTrack | null} */
    this._mic = null;
    /** @type {MediaStreamTrack | null} */
    this._camera = null;
    /** @type {AudioContext | null} */
    this._sound = null;
    this._frame = 0;
    this._isStarted = false;
  }

  connectedCallback() {
    this._render();
    this._tryNetwork();
  }

  disconnectedCallback() {
    cancelAnimationFrame(this._frame);
    void this._sound?.close();
    this._mic?.stop();
    this._camera?.stop();
  }

  /** Hand the tracks over; they are no longer ours to stop. */
  tracks() {
    const given = { mic: this._mic, camera: this._camera };
    this._mic = null;
    this._camera = null;
    return given;
  }

  _render() {
    this._video = el("video", { class: "preview", autoplay: true, playsinline: true, hidden: true });
    this._video.muted = true;
    this._meter = el("meter", { min: 0, max: 1, value: 0, "aria-label": say("device.meter") });
    this._lines = Object.fromEntries(PARTS.map((part) => [part, el("li", { class: "check-line" })]));
    this._startButton = el(
      "button",
      { type: "button", class: "button primary wide", onclick: () => void this._start() },
      say("device.start"),
    );
    this._speakerRow = el(
      "div",
      { class: "row", hidden: true },
      el("button", { type: "button", class: "button", onclick: () => void this._play() }, say("device.play")),
      el("button", { type: "button", class: "button", onclick: () => this._set("speaker", "pass") }, say("device.heard_yes")),
      el("button", { type: "button", class: "button", onclick: () => this._set("speaker", "fail", "silent") }, say("device.heard_no")),
    );
    this._meterRow = el("div", { class: "meter-row", hidden: true }, el("p", {}, say("device.say_something")), this._meter);
    this.replaceChildren(
      this._video,
      this._startButton,
      this._meterRow,
      this._speakerRow,
      el("ul", { class: "check-lines", "aria-live": "polite" }, ...Object.values(this._lines)),
    );
    for (const part of PARTS) this._show(part);
  }

  async _start() {
    this._startButton.disabled = true;
    const found = await acquire();
    this._mic = found.mic;
    this._camera = found.camera;
    this._isStarted = true;
    this._startButton.hidden = found.mic !== null || found.camera !== null;
    this._startButton.disabled = false;
    if (found.camera) {
      this._video.srcObject = new MediaStream([found.camera]);
      this._video.hidden = false;
      this._set("camera", "pass");
    } else this._set("camera", "fail", found.cameraReason);
    if (found.mic) this._listen(found.mic);
    else this._set("microphone", "fail", found.micReason);
    this._speakerRow.hidden = false;
  }

  /** @param {MediaStreamTrack} track */
  _listen(track) {
    this._meterRow.hidden = false;
    const sound = new AudioContext();
    this._sound = sound;
    const analyser = sound.createAnalyser();
    sound.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    // Until the browser lets sound run (no output device, no permission) silence proves nothing.
    void sound.resume();
    let runningSince = 0;
    const look = () => {
      const now = performance.now();
      if (sound.state === "running") runningSince ||= now;
      analyser.getFloatTimeDomainData(samples);
      const level = levelOf(samples);
      this._meter.value = level;
      if (level > HEARD_LEVEL) this._set("microphone", "pass");
      else if (runningSince && now - runningSince > SILENT_AFTER_MS && this.results.microphone === "not_tested") {
        this._set("microphone", "warn", "silent");
      }
      this._frame = requestAnimationFrame(look);
    };
    look();
  }

  /** Two soft notes, made here: no file to load. */
  async _play() {
    this._sound ??= new AudioContext();
    const sound = this._sound;
    await sound.resume();
    for (const [at, pitch] of [[0, 523], [0.35, 659]]) {
      const tone = sound.createOscillator();
      const volume = sound.createGain();
      const begin = sound.currentTime + (at ?? 0);
      tone.frequency.value = pitch ?? 523;
      volume.gain.setValueAtTime(0.001, begin);
      volume.gain.exponentialRampToValueAtTime(0.2, begin + 0.05);
      volume.gain.exponentialRampToValueAtTime(0.001, begin + 0.6);
      tone.connect(volume).connect(sound.destination);
      tone.start(begin);
      tone.stop(begin + 0.65);
    }
  }

  /** Whether a socket can be opened is what matters: plain requests pass where sockets do not. */
  _tryNetwork() {
    const address = this.getAttribute("socket-url");
    if (!address) return;
    const started = performance.now();
    const socket = new WebSocket(address, SUBPROTOCOL);
    const late = setTimeout(() => socket.close(), OPEN_WITHIN_MS);
    socket.onopen = () => {
      const isQuick = performance.now() - started < QUICK_MS;
      this._set("network", isQuick ? "pass" : "warn", isQuick ? "" : "slow");
      clearTimeout(late);
      socket.close(1000);
    };
    socket.onerror = () => {
      clearTimeout(late);
      this._set("network", "fail", "unreachable");
    };
  }

  /** @param {string} part @param {Result} result @param {string} [why] */
  _set(part, result, why = "") {
    if (this.results[part] === result && (this._why[part] ?? "") === why) return;
    this.results[part] = result;
    this._why[part] = why;
    this._show(part);
    this.dispatchEvent(new CustomEvent("checked", { detail: { ...this.results } }));
  }

  /** @param {string} part */
  _show(part) {
    const line = this._lines?.[part];
    const result = this.results[part] ?? "not_tested";
    if (!line) return;
    const why = this._why[part];
    line.dataset.result = result;
    line.replaceChildren(
      el("span", { class: "check-mark", "aria-hidden": "true" }, MARKS[result]),
      el(
        "span",
        {},
        el("strong", {}, say(`device.${part}`)),
        `: ${say(`device.result.${result}`)}`,
        why ? el("span", { class: "check-fix" }, say(`device.fix.${part}.${why}`)) : null,
      ),
    );
  }
}

if (globalThis.customElements) customElements.define("device-check", DeviceCheck);
