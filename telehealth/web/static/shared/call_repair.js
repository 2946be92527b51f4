/**
 * A broken path: ICE restarts first, a connection built anew when they are in vain.
 *
 * Public face:
 *   new PathRepair({ restart, rebuild, isBroken, later, forget })
 *     restart(): promise of whether the offer was answered · isBroken(): no path now
 *   onState(state)   of the peer connection
 *   stop()
 */

import { RESTARTS_BEFORE_REBUILD, RESTART_AFTER_MS } from "./call_plan.js";

export class PathRepair {
  /**
   * @param {{
   *   restart: () => Promise<boolean>,
   *   rebuild: () => Promise<void>,
   *   isBroken: () => boolean,
   *   later: (run: () => void, ms: number) => any,
   *   forget: (timer: any) => void,
   * }} means
   */
  constructor(means) {
    this._means = means;
    this._restarts = 0;
    /** @type {any} */
    this._timer = null;
  }

  /** @param {string} state */
  onState(state) {
    this.stop();
    if (state === "connected") this._restarts = 0;
    else if (state === "failed") this._wait(0);
    else if (state === "disconnected") this._wait(RESTART_AFTER_MS);
  }

  stop() {
    this._means.forget(this._timer);
  }

  /** @param {number} ms */
  _wait(ms) {
    this._timer = this._means.later(() => void this._mend(), ms);
  }

  async _mend() {
    this._restarts += 1;
    if (this._restarts > RESTARTS_BEFORE_REBUILD) {
      this._restarts = 0;
      await this._means.rebuild();
      return;
    }
    if (!(await this._means.restart())) return;
    // Same keys, new path: if it does not carry within the time, once more.
    this._timer = this._means.later(() => {
      if (this._means.isBroken()) void this._mend();
    }, RESTART_AFTER_MS * 4);
  }
}
