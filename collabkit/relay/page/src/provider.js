/**
 * A Yjs provider for the relay's own dialect, in its version 1.
 *
 * Stock providers can tell that they are connected, but not that an edit is on disk: nothing in
 * their protocols says so. Here each Edit is answered by an Ack after its commit, so `unsaved`
 * is true to the edit. The rules:
 *
 * 1. Nothing is sent before Welcome; then Resume tells what this replica has, and presence.
 * 2. An edit made before the relay's SyncStep1 waits for it, and goes in one Edit with all that
 *    the relay lacks. From then on each transaction is one Edit.
 * 3. Answers come in the order of the Edits. What was not answered when the socket closed counts
 *    as unsaved, and is sent again by rule 2; sending twice does no harm.
 * 4. Whoever comes back asks for a difference, beside the rows behind his last: the relay may have
 *    been restored from a backup since, and count other rows now.
 * 5. A close code that blames what was sent means that an edit was refused. One of 4400 to 4499 is
 *    final, unless it says "later"; every other one is a reason to try again.
 */

import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { ObservableV2 } from 'lib0/observable';
import * as presence from 'y-protocols/awareness';
import * as Y from 'yjs';

const SUBPROTOCOL = 'collabkit.1';

const SYNC = 0;
const AWARENESS = 1;
const AUTH = 2;
const WELCOME = 64;
const RESUME = 65;
const EDIT = 66;
const ACK = 67;
const ROW = 68;
const SYNCED = 69;
const REFUSED = 70;

// The relay is never silent for longer than 15 s; two missed signs of life end a connection.
const SILENCE_MS = 35_000;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 15_000;
// A connection that did not last this long was a failure too: some relays accept before they fail.
const STEADY_MS = 10_000;

// Timed out, too early, too many: HTTP's 408, 425 and 429 as close codes.
const LATER = new Set([4408, 4425, 4429]);
// Broken, of a wrong kind, malformed, against the rules, too big (RFC 6455 §7.4.1), unprocessable.
// Sent again it would be refused again, and the diverged replica can send nothing else.
const BLAMES = new Set([1002, 1003, 1007, 1008, 1009, 4422]);
const isFinal = (code) => code >= 4400 && code < 4500 && !LATER.has(code);

/** Exponential, and spread so that the clients of a restarted relay do not return as one. */
const delayAfter = (failures) =>
  Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures) * (0.5 + Math.random() / 2);

/**
 * One document, connected to one room for as long as it takes.
 *
 * Emits `change` after anything that is readable here changed, and `refused` with
 * `{ code, reason }` for an edit that the relay did not take: this replica has then diverged,
 * and only a new document can follow the room again.
 */
export class Provider extends ObservableV2 {
  /** `connecting`, `online`, `offline` (will try again) or `ended` (will not; see `reason`). */
  status = 'connecting';
  reason = '';
  /** Whether the room's content has arrived, on this connection. */
  synced = false;
  canWrite = true;
  subject = '';

  #socket = null;
  #lineage = '';
  #seq = 0;
  #exchanging = false;
  #waiting = 0;
  #inFlight = [];
  #failures = 0;
  #syncedAt = 0;
  #retry = null;
  #silence = null;
  #WebSocket;

  constructor(url, doc, { awareness = new presence.Awareness(doc), WebSocket = null } = {}) {
    super();
    this.url = url;
    this.doc = doc;
    this.awareness = awareness;
    this.#WebSocket = WebSocket ?? globalThis.WebSocket;
    doc.on('update', this.#edited);
    awareness.on('update', this.#presenceChanged);
    this.connect();
  }

  /** How many of this replica's edits the relay has not acknowledged as stored. */
  get unsaved() {
    return this.#waiting + this.#inFlight.reduce((sum, count) => sum + count, 0);
  }

  /** Connect now, whatever the schedule says. Ended providers stay ended. */
  connect = () => {
    if (this.#socket !== null || this.status === 'ended') return;
    clearTimeout(this.#retry);
    this.#show({ status: 'connecting' });
    const socket = new this.#WebSocket(this.url, [SUBPROTOCOL]);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => this.#listen(socket);
    socket.onmessage = ({ data }) => this.#received(socket, new Uint8Array(data));
    socket.onerror = () => {};
    socket.onclose = ({ code, reason }) => this.#closed(socket, code, reason);
    this.#socket = socket;
  };

  /** Go offline until `connect()`. */
  disconnect() {
    clearTimeout(this.#retry);
    this.#failures = 0;
    this.#closed(this.#socket, 1000, '');
    clearTimeout(this.#retry);
  }

  /** Leave the room: the others see it at once. */
  destroy() {
    presence.removeAwarenessStates(this.awareness, [this.doc.clientID], 'left');
    this.doc.off('update', this.#edited);
    this.awareness.off('update', this.#presenceChanged);
    this.disconnect();
    this.awareness.destroy();
    super.destroy();
  }

  #show(fields) {
    Object.assign(this, fields);
    this.emit('change', [this]);
  }

  #listen(socket) {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#closed(socket, 4000, 'silence'), SILENCE_MS);
  }

  #closed(socket, code, reason) {
    if (socket === null || socket !== this.#socket) return;
    this.#socket = null;
    socket.onmessage = socket.onclose = socket.onopen = null;
    socket.close();
    clearTimeout(this.#silence);
    this.#exchanging = false;
    this.#waiting = this.unsaved;
    this.#inFlight = [];
    const others = [...this.awareness.getStates().keys()].filter((id) => id !== this.doc.clientID);
    presence.removeAwarenessStates(this.awareness, others, this);
    const steady = this.synced && Date.now() - this.#syncedAt > STEADY_MS;
    if (isFinal(code) || BLAMES.has(code)) {
      this.#show({ status: 'ended', synced: false, reason: this.reason || reason });
      if (BLAMES.has(code)) this.emit('refused', [{ code: String(code), reason: this.reason }]);
      return;
    }
    if (steady) this.#failures = 0;
    this.#retry = setTimeout(this.connect, delayAfter(this.#failures));
    this.#failures += 1;
    this.#show({ status: 'offline', synced: false });
  }

  #send(type, write) {
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, type);
    write(encoder);
    this.#socket.send(encoding.toUint8Array(encoder));
  }

  #sendEdit(update, count) {
    this.#inFlight.push(count);
    this.#send(EDIT, (encoder) => {
      encoding.writeVarUint(encoder, this.#seq);
      encoding.writeVarString(encoder, '');
      encoding.writeVarUint8Array(encoder, update);
    });
  }

  #sendPresence() {
    const own = presence.encodeAwarenessUpdate(this.awareness, [this.doc.clientID]);
    this.#send(AWARENESS, (encoder) => encoding.writeVarUint8Array(encoder, own));
  }

  #edited = (update, origin) => {
    if (origin === this) return;
    if (this.#exchanging) this.#sendEdit(update, 1);
    else this.#waiting += 1;
    this.emit('change', [this]);
  };

  /** Only of oneself: what others are is for the relay to say. */
  #presenceChanged = ({ added, updated, removed }, origin) => {
    if (origin === this || this.status !== 'online') return;
    if ([added, updated, removed].some((ids) => ids.includes(this.doc.clientID))) {
      this.#sendPresence();
    }
  };

  #received(socket, frame) {
    this.#listen(socket);
    const decoder = decoding.createDecoder(frame);
    this.#take[decoding.readVarUint(decoder)]?.(decoder);
  }

  /** What each message type does; a type that a later relay sends is passed over. */
  #take = {
    [WELCOME]: (decoder) => {
      decoding.readVarUint(decoder);
      const lineage = decoding.readVarString(decoder);
      const subject = decoding.readVarString(decoder);
      const canWrite = decoding.readVarUint(decoder) === 1;
      this.#send(RESUME, (encoder) => {
        encoding.writeVarString(encoder, this.#lineage);
        encoding.writeVarUint(encoder, this.#seq);
        encoding.writeVarUint8Array(encoder, Y.encodeStateVector(this.doc));
      });
      if (this.#seq > 0) {
        this.#send(SYNC, (encoder) => {
          encoding.writeVarUint(encoder, 0);
          encoding.writeVarUint8Array(encoder, Y.encodeStateVector(this.doc));
        });
      }
      if (this.awareness.getLocalState() !== null) this.#sendPresence();
      this.#lineage = lineage;
      this.#show({ status: 'online', subject, canWrite, reason: '' });
    },
    [ROW]: (decoder) => {
      const seq = decoding.readVarUint(decoder);
      Y.applyUpdate(this.doc, decoding.readVarUint8Array(decoder), this);
      this.#seq = Math.max(this.#seq, seq);
    },
    [SYNCED]: (decoder) => {
      this.#seq = Math.max(this.#seq, decoding.readVarUint(decoder));
      this.#syncedAt = Date.now();
      this.#show({ synced: true });
    },
    [SYNC]: (decoder) => {
      if (decoding.readVarUint(decoder) === 0) {
        this.#catchUp(decoding.readVarUint8Array(decoder));
      } else {
        Y.applyUpdate(this.doc, decoding.readVarUint8Array(decoder), this);
      }
    },
    [AWARENESS]: (decoder) => {
      presence.applyAwarenessUpdate(this.awareness, decoding.readVarUint8Array(decoder), this);
    },
    [ACK]: () => {
      this.#inFlight.shift();
      this.emit('change', [this]);
    },
    [REFUSED]: (decoder) => {
      const code = decoding.readVarString(decoder);
      const reason = decoding.readVarString(decoder);
      this.#inFlight.shift();
      this.emit('refused', [{ code, reason }]);
    },
    [AUTH]: (decoder) => {
      decoding.readVarUint(decoder);
      this.#show({ reason: decoding.readVarString(decoder) });
    },
  };

  /** Rule 2: send what the relay lacks. */
  #catchUp(vector) {
    if (!this.canWrite) return;
    this.#exchanging = true;
    if (this.#waiting > 0 || this.doc.store.clients.size > 0) {
      this.#sendEdit(Y.encodeStateAsUpdate(this.doc, vector), this.#waiting);
    }
    this.#waiting = 0;
    this.emit('change', [this]);
  }
}
