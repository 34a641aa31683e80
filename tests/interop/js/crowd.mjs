/**
 * Yjs documents that are edited at random, one command a line, without any network.
 *
 *   > ["open", "ada", 1001]                 a new document with this client id
 *   > ["edit", "ada", [0.1, 0.7, …]]        edits it as the dice say
 *   < {"updates": ["base64", …]}            what that made
 *   > ["apply", "ada", ["base64", …]]
 *   < {"updates": ["base64", …]}            Yjs may tidy formats up when it hears of others'
 *   > ["show", "ada"]
 *   < {"body": ["text", …], …}              its content, with the kind of each shared type
 */

import { createInterface } from 'node:readline';
import * as Y from 'yjs';

const ROOTS = {
  body: (doc) => doc.getText('body'),
  other: (doc) => doc.getText('other'),
  meta: (doc) => doc.getMap('meta'),
  list: (doc) => doc.getArray('list'),
  page: (doc) => doc.getXmlFragment('page'),
};
const VALUES = [1, 1.5, true, false, null, 'text', '', { a: [1, { b: null }] }, [1], new Uint8Array([0, 255])];
const WORDS = ['a', 'word ', 'naïve ', '😀', 'line\n', '日本'];
const STYLES = [{ bold: true }, { bold: null }, { em: true }, { link: { href: 'a' } }, { link: null, em: null }];
const SHARED = [() => new Y.Map(), () => new Y.Array(), () => new Y.Text('new')];

const docs = new Map();

/** Dice that were rolled beforehand, one after the other. */
const rolling = (dice) => {
  let at = 0;
  const roll = () => dice[at++ % dice.length];
  const below = (stop) => Math.min(Math.floor(roll() * stop), stop - 1);
  return { roll, below, choose: (list) => list[below(list.length)] };
};

const inside = (type) => {
  if (type instanceof Y.Text) return type.toDelta().map((piece) => piece.insert);
  return type instanceof Y.Map ? [...type.values()] : type.toArray();
};

const setAttribute = (node, { choose, roll }) =>
  roll() < 0.3 ? node.removeAttribute(choose('kl')) : node.setAttribute(choose('kl'), choose(['left', '', 3, true]));

/** Where each character begins, and the end: in the middle of one no person edits. */
const placesIn = (text) => {
  const pieces = text.toDelta().flatMap(({ insert }) => (typeof insert === 'string' ? [...insert] : [' ']));
  return pieces.reduce((places, piece) => [...places, places.at(-1) + piece.length], [0]);
};

/** Edits by the first kind that fits: an XML text is a text, an element a fragment. */
const EDITS = [
  [Y.Text, (text, dice) => {
    const { roll, below, choose } = dice;
    const places = placesIn(text);
    const start = below(places.length);
    const at = places[start];
    const size = places[Math.min(places.length - 1, start + 1 + below(8))] - at;
    const kind = roll();
    if (kind < 0.45) text.insert(at, choose(WORDS), choose([{}, {}, { bold: true }, undefined]));
    else if (kind < 0.6) text.delete(at, size);
    else if (kind < 0.8) text.format(at, size, choose(STYLES));
    else if (kind < 0.87) text.insertEmbed(at, { image: below(9) });
    else if (kind < 0.94) text.insertEmbed(at, choose(SHARED)());
    else if (text instanceof Y.XmlText) setAttribute(text, dice);
  }],
  [Y.Map, (map, { roll, choose }) => {
    const key = choose('abc');
    if (roll() < 0.2) map.delete(key);
    else map.set(key, roll() < 0.5 ? choose(VALUES) : choose([...SHARED, () => new Y.XmlFragment()])());
  }],
  [Y.Array, (array, { roll, below, choose }) => {
    const at = below(array.length + 1);
    const kind = roll();
    if (kind < 0.3) array.delete(at, Math.min(array.length - at, 1 + below(2)));
    else if (kind < 0.65) array.insert(at, [choose(VALUES), choose(VALUES)]);
    else array.insert(at, [choose(SHARED)()]);
  }],
  [Y.XmlFragment, (node, dice) => {
    const { roll, below, choose } = dice;
    const at = below(node.length + 1);
    const kind = roll();
    if (kind < 0.25) node.delete(at, Math.min(node.length - at, 1));
    else if (kind < 0.4 && node instanceof Y.XmlElement) setAttribute(node, dice);
    else if (kind < 0.7) node.insert(at, [new Y.XmlElement(choose('pq'))]);
    else node.insert(at, [new Y.XmlText(choose(WORDS))]);
  }],
];

const edit = (doc, rolled) => {
  const dice = rolling(rolled);
  let type = ROOTS[dice.choose(Object.keys(ROOTS))](doc);
  for (let depth = 0; depth < 4 && dice.roll() < 0.6; depth++) {
    const types = inside(type).filter((one) => one instanceof Y.AbstractType);
    if (!types.length) break;
    type = dice.choose(types);
  }
  doc.transact(() => EDITS.find(([kind]) => type instanceof kind)[1](type, dice));
};

const entries = (found, each) => Object.fromEntries([...found].map(([key, value]) => [key, each(value)]));

const runs = (text) => {
  const found = [];
  for (const { insert, attributes = {} } of text.toDelta()) {
    const value = shown(insert);
    const last = found.at(-1);
    const alike = last && JSON.stringify(sorted(last[1])) === JSON.stringify(sorted(attributes));
    if (alike && typeof last[0] === 'string' && typeof value === 'string') last[0] += value;
    else found.push([value, attributes]);
  }
  return found;
};

const sorted = (attributes) => Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1));
const attributesOf = (node) => entries(Object.entries(node.getAttributes()), shown);

const shown = (value) => {
  if (value instanceof Y.XmlText) return ['xml text', runs(value), attributesOf(value)];
  if (value instanceof Y.Text) return ['text', runs(value)];
  if (value instanceof Y.Map) return ['map', entries(value.entries(), shown)];
  if (value instanceof Y.Array) return ['array', value.toArray().map(shown)];
  if (value instanceof Y.XmlElement) {
    return ['element', value.nodeName, attributesOf(value), value.toArray().map(shown)];
  }
  if (value instanceof Y.XmlFragment) return ['xml', value.toArray().map(shown)];
  if (value instanceof Uint8Array) return ['bytes', [...value]];
  return value !== null && typeof value === 'object' ? ['plain', value] : value;
};

/** What a document has to tell since it was last asked. */
const said = (name) => {
  const { made } = docs.get(name);
  return { updates: made.splice(0).map((update) => Buffer.from(update).toString('base64')) };
};

const COMMANDS = {
  open(name, client) {
    const doc = new Y.Doc();
    doc.clientID = client;
    Object.values(ROOTS).forEach((root) => root(doc));
    const made = [];
    doc.on('update', (update, _origin, _doc, transaction) => transaction.local && made.push(update));
    docs.set(name, { doc, made });
  },
  edit(name, dice) {
    edit(docs.get(name).doc, dice);
    return said(name);
  },
  apply(name, updates) {
    const { doc } = docs.get(name);
    updates.forEach((update) => Y.applyUpdate(doc, Buffer.from(update, 'base64')));
    return said(name);
  },
  show: (name) => entries(Object.entries(ROOTS), (root) => shown(root(docs.get(name).doc))),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...args] = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(COMMANDS[command](...args) ?? null)}\n`);
}
