/**
 * A WebSocket that tells what happened to it.
 *
 * Clients are handed a subclass of `ws` instead of being patched: what is counted here is what
 * the client really did, whichever client it is.
 */

import { WebSocket } from 'ws';

// Enough for whoever looks at what was said; a trace has a hundred times as many.
const KEPT_FRAMES = 1000;

/** What one client's sockets went through; `changed` is called after every entry. */
export class SocketLog {
  constructor(changed) {
    this.changed = changed;
    this.attempts = 0;
    this.opens = 0;
    this.closes = [];
    this.received = 0;
    this.sent = 0;
    this.latest = null;
    this.frames = [];
  }

  /** Whether one of the first frames that came has this text in it. */
  heard(text) {
    return this.frames.some((frame) => frame.includes(text));
  }

  /** The class to hand to a client as its `WebSocketPolyfill`. */
  socketClass() {
    const log = this;
    return class extends WebSocket {
      constructor(...args) {
        super(...args);
        log.latest = this;
        log.attempts += 1;
        log.changed();
        // `ws` raises an error event that nobody hears when a connecting socket is closed.
        this.on('error', () => {});
        this.on('open', () => {
          log.opens += 1;
          log.changed();
        });
        this.on('message', (frame) => {
          log.received += 1;
          if (log.received <= KEPT_FRAMES) log.frames.push(Buffer.from(frame));
          log.changed();
        });
        this.on('close', (code, reason) => {
          log.closes.push({ code, reason: reason.toString() });
          log.changed();
        });
      }

      send(...args) {
        log.sent += 1;
        return super.send(...args);
      }
    };
  }

  /** Cut the wire: no close frame, as when a cable is pulled. */
  cut() {
    this.latest?.terminate();
  }
}
