/**
 * Stock clients, and the page's own, behind one face.
 *
 * A kind is `family@line`, such as `y-websocket@3.1` or `hocuspocus@4`. Every client of a process
 * shares one `yjs`. BroadcastChannel is off everywhere: it would let clients of one process
 * agree behind the server's back.
 */

import { register } from 'node:module';
import * as decoding from 'lib0/decoding';
import { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';

import { SocketLog } from './sockets.mjs';

// The page's own provider, with the packages of this folder instead of the page's.
register('./resolve-page.mjs', import.meta.url);
const PAGE_PROVIDER = '../../../collabkit/relay/page/src/provider.js';

const WEBSOCKET = ['1.5', '2.1', '3.0', '3.1'];
const HOCUSPOCUS = ['2', '3', '4'];

export const KINDS = [
  ...WEBSOCKET.map((line) => `y-websocket@${line}`),
  ...HOCUSPOCUS.map((line) => `hocuspocus@${line}`),
  'page',
];

const byClient = ([one], [other]) => one - other;

/** All edits that a document holds, in one canonical form: state vector and deletions. */
const editsOf = (doc) => {
  const { sv, ds } = Y.snapshot(doc);
  const deletes = [...ds.clients].sort(byClient).map(([client, ranges]) => [
    client,
    ranges.map(({ clock, len }) => [clock, len]),
  ]);
  return JSON.stringify([[...sv].sort(byClient), deletes]);
};

/** What all kinds share: a document with its presence, and a log of what was reported. */
class Client {
  constructor(doc, awareness) {
    this.doc = doc;
    this.awareness = awareness;
    this.revision = 0;
    this.denied = [];
    this.refused = [];
    this.stateless = [];
    this.lengthsAtSynced = [];
    this.waiting = new Set();
    doc.on('update', () => this.changed());
    awareness.on('change', () => this.changed());
  }

  /** Something may be different from before: look at every condition again. */
  changed() {
    this.revision += 1;
    for (const look of [...this.waiting]) look();
  }

  reportSynced(synced) {
    if (synced) this.lengthsAtSynced.push(this.doc.getText('text').length);
    this.changed();
  }

  read() {
    const { doc, awareness, log } = this;
    return {
      text: doc.getText('text').toString(),
      map: doc.getMap('map').toJSON(),
      array: doc.getArray('array').toJSON(),
      edits: editsOf(doc),
      vector: Object.fromEntries(Y.decodeStateVector(Y.encodeStateVector(doc))),
      pending: doc.store.pendingStructs !== null || doc.store.pendingDs !== null,
      client_id: doc.clientID,
      clock: awareness.meta.get(doc.clientID)?.clock ?? null,
      states: Object.fromEntries(awareness.getStates()),
      connected: this.connected,
      synced: this.synced,
      unsynced: this.unsynced,
      scope: this.scope ?? null,
      attempts: log.attempts,
      opens: log.opens,
      received: log.received,
      closes: log.closes,
      denied: this.denied,
      refused: this.refused,
      stateless: this.stateless,
      lengths_at_synced: this.lengthsAtSynced,
      revision: this.revision,
    };
  }
}

class WebsocketClient extends Client {
  static async open(line, { url, room, token, doc }) {
    const { WebsocketProvider } = await import(`y-websocket-${line}`);
    const client = new WebsocketClient(doc, new Awareness(doc));
    client.log = new SocketLog(() => client.changed());
    client.provider = new WebsocketProvider(url, room, doc, {
      awareness: client.awareness,
      params: token == null ? {} : { token },
      WebSocketPolyfill: client.log.socketClass(),
      disableBc: true,
    });
    client.provider.on('sync', (synced) => client.reportSynced(synced));
    client.provider.on('status', () => client.changed());
    const original = client.provider.messageHandlers[2];
    client.provider.messageHandlers[2] = (encoder, decoder, ...rest) => {
      const ahead = decoding.clone(decoder);
      decoding.readVarUint(ahead);
      client.denied.push(decoding.readVarString(ahead));
      client.changed();
      original(encoder, decoder, ...rest);
    };
    return client;
  }

  get connected() {
    return this.provider.wsconnected;
  }

  get synced() {
    return this.provider.synced;
  }

  /** This protocol has no acknowledgements. */
  get unsynced() {
    return null;
  }

  disconnect() {
    this.provider.disconnect();
  }

  reconnect() {
    this.provider.connect();
  }

  destroy() {
    this.provider.destroy();
    this.awareness.destroy();
  }
}

/** The page's provider: the relay's own dialect. */
class PageClient extends Client {
  static async open(_line, { url, room, token, doc }) {
    const { Provider } = await import(PAGE_PROVIDER);
    const client = new PageClient(doc, new Awareness(doc));
    client.log = new SocketLog(() => client.changed());
    const path = room.split('/').map(encodeURIComponent).join('/');
    const query = token == null ? '' : `?token=${encodeURIComponent(token)}`;
    let synced = false;
    client.provider = new Provider(`${url}/${path}${query}`, doc, {
      awareness: client.awareness,
      WebSocket: client.log.socketClass(),
    });
    client.provider.on('change', ({ synced: now, status, reason }) => {
      if (now !== synced) client.reportSynced((synced = now));
      if (status === 'ended') client.denied.push(reason);
      client.changed();
    });
    client.provider.on('refused', (refusal) => {
      client.refused.push(refusal);
      client.changed();
    });
    return client;
  }

  get connected() {
    return this.provider.status === 'online';
  }

  get synced() {
    return this.provider.synced;
  }

  get unsynced() {
    return this.provider.unsaved;
  }

  get scope() {
    return this.provider.canWrite ? 'read-write' : 'readonly';
  }

  disconnect() {
    this.provider.disconnect();
  }

  reconnect() {
    this.provider.connect();
  }

  destroy() {
    this.provider.destroy();
  }
}

const sharedSockets = new Map();

/** The socket that clients of this name share, or one of its own. */
const socketFor = (module, name, url) => {
  const make = () => {
    const listeners = new Set();
    const log = new SocketLog(() => listeners.forEach((changed) => changed()));
    const socket = new module.HocuspocusProviderWebsocket({
      url,
      WebSocketPolyfill: log.socketClass(),
    });
    return { socket, log, listeners };
  };
  if (name == null) return make();
  if (!sharedSockets.has(name)) sharedSockets.set(name, make());
  return sharedSockets.get(name);
};

class HocuspocusClient extends Client {
  static async open(line, { url, room, token, doc, socket, twins }) {
    const module = await import(`@hocuspocus/provider-${line}`);
    const client = new HocuspocusClient(doc, new Awareness(doc));
    client.shared = socketFor(module, socket, url);
    client.ownsSocket = socket == null;
    client.log = client.shared.log;
    client.shared.listeners.add(() => client.changed());
    client.provider = new module.HocuspocusProvider({
      websocketProvider: client.shared.socket,
      name: room,
      document: doc,
      awareness: client.awareness,
      // Of several tokens the next is shown each time that one is asked for.
      token: Array.isArray(token) ? () => (token.length > 1 ? token.shift() : token[0]) : (token ?? null),
      broadcast: false,
      // Version 4 only: several providers of one document on one socket.
      sessionAwareness: twins ?? false,
      onAuthenticationFailed: ({ reason }) => {
        client.denied.push(reason);
        client.changed();
      },
      onSynced: () => client.reportSynced(true),
      onStateless: ({ payload }) => {
        client.stateless.push(payload);
        client.changed();
      },
    });
    for (const event of ['authenticated', 'unsyncedChanges', 'status', 'close']) {
      client.provider.on(event, () => client.changed());
    }
    // From 3.0 a provider on a socket it was given is silent until it is attached.
    client.provider.attach?.();
    return client;
  }

  get connected() {
    return this.shared.socket.status === 'connected';
  }

  get synced() {
    return this.provider.synced;
  }

  get unsynced() {
    return this.provider.unsyncedChanges;
  }

  get scope() {
    return this.provider.authorizedScope;
  }

  disconnect() {
    this.shared.socket.disconnect();
  }

  reconnect() {
    this.shared.socket.connect();
  }

  destroy() {
    this.provider.destroy();
    if (this.ownsSocket) this.shared.socket.destroy();
  }
}

const FAMILIES = { 'y-websocket': WebsocketClient, hocuspocus: HocuspocusClient, page: PageClient };

/** Open a client of a kind. `socket` names a socket that several Hocuspocus clients share. */
export const open = async ({ kind, client_id: id, ...options }) => {
  if (!KINDS.includes(kind)) throw new Error(`no client of kind ${kind}; there are ${KINDS}`);
  const [family, line] = kind.split('@');
  const doc = new Y.Doc();
  if (id != null) doc.clientID = id;
  return FAMILIES[family].open(line, { ...options, doc });
};
