/**
 * Stock clients, driven over standard input and output by one JSON object a line.
 *
 *   > {"id": 1, "do": "connect", "client": "ada", "kind": "y-websocket@3.1", "url": …, "room": …}
 *   < {"id": 1, "result": {…}}          or  {"id": 1, "error": "why"}
 *   > {"id": 2, "do": "edit", "client": "ada", "ops": [["insert", "text", 0, "hi"]]}
 *   > {"id": 3, "do": "wait", "client": "ada", "until": {"synced": true}, "timeout_ms": 5000}
 *
 * Commands run at once, in the order read; a waiting one does not hold up the next. What a
 * client throws out of a callback, or complains about on the console, is told by `faults`.
 */

import { createInterface } from 'node:readline';

import * as Y from 'yjs';

import { open } from './clients.mjs';
import { wait } from './conditions.mjs';
import { replay } from './replay.mjs';
import { show, wild } from './wild.mjs';

// Each y-websocket 1 client waits for the end of the process; a crowd of them is no leak.
process.setMaxListeners(0);

const clients = new Map();
const faults = [];

process.on('uncaughtException', (error) => faults.push(`uncaught: ${error.stack}`));
process.on('unhandledRejection', (error) => faults.push(`unhandled: ${error?.stack ?? error}`));
for (const level of ['error', 'warn', 'log', 'info']) {
  console[level] = (...words) => faults.push(`console.${level}: ${words.join(' ')}`);
}

const named = (name) => {
  if (!clients.has(name)) throw new Error(`no client ${name}`);
  return clients.get(name);
};

/** Shared types by the word that an edit begins with. */
const OPERATIONS = {
  insert: (doc, root, index, text) => doc.getText(root).insert(index, text),
  append: (doc, root, text) => doc.getText(root).insert(doc.getText(root).length, text),
  delete: (doc, root, index, length) => doc.getText(root).delete(index, length),
  set: (doc, root, key, value) => doc.getMap(root).set(key, value),
  unset: (doc, root, key) => doc.getMap(root).delete(key),
  push: (doc, root, values) => doc.getArray(root).push(values),
  nest: (doc, root, key, value) => doc.getMap(root).set(key, new Y.Map(Object.entries(value))),
  format: (doc, root, index, length, marks) => doc.getText(root).format(index, length, marks),
  element: (doc, root, name) => doc.getXmlFragment(root).push([new Y.XmlElement(name)]),
  remove: (doc, root, index, length) => doc.getArray(root).delete(index, length),
};

const COMMANDS = {
  async connect({ client: name, ...options }) {
    const client = await open(options);
    clients.set(name, client);
    return client.read();
  },
  edit({ client: name, ops }) {
    const client = named(name);
    client.doc.transact(() => ops.forEach(([op, ...args]) => OPERATIONS[op](client.doc, ...args)));
    return client.read();
  },
  presence({ client: name, state }) {
    named(name).awareness.setLocalState(state);
  },
  read: ({ client: name }) => named(name).read(),
  wait: ({ client: name, until, timeout_ms: timeoutMs }) => wait(named(name), until, timeoutMs),
  heard: ({ client: name, text }) => named(name).log.heard(text),
  cut: ({ client: name }) => named(name).log.cut(),
  disconnect: ({ client: name }) => named(name).disconnect(),
  reconnect: ({ client: name }) => named(name).reconnect(),
  destroy({ client: name }) {
    named(name).destroy();
    clients.delete(name);
  },
  replay: ({ clients: names, path, limit, timeout_ms: timeoutMs }) =>
    replay(names.map(named), path, { limit: limit ?? Infinity, timeoutMs }),
  wild: ({ client: name, dice, mark }) => wild(named(name).doc, dice, mark),
  show: ({ client: name }) => show(named(name).doc),
  faults: () => faults.splice(0),
};

const answer = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

const input = createInterface({ input: process.stdin });
input.on('line', async (line) => {
  const { id, do: command, ...fields } = JSON.parse(line);
  try {
    if (!Object.hasOwn(COMMANDS, command)) throw new Error(`no command ${command}`);
    answer({ id, result: (await COMMANDS[command](fields)) ?? null });
  } catch (error) {
    answer({ id, error: error.message });
  }
});
// The clients' timers and sockets would keep the process alive for ever.
input.on('close', () => process.exit(0));
