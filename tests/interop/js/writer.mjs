/**
 * Yjs documents that are edited as they are told, one command a line, without any network.
 *
 *   > ["open", "ada", 1001]                a new document with this client id
 *   > ["edit", "ada", "text delete", 0]    one transaction, from the table below; 0 for the first time
 *   < {"updates": ["base64", …]}           what that made
 *   > ["undo", "ada"]                      takes back what she did last
 *   > ["apply", "ada", ["base64", …]]
 *   < {"updates": ["base64", …]}           Yjs may tidy formats up when it hears of others'
 *   > ["show", "ada"]
 *   < {"waiting": false, "open": …}        its content, and whether anything of it could not be placed
 *
 * What begins with `locked` is what its author may not write; what he writes there says SECRET.
 */

import { createInterface } from 'node:readline';
import * as Y from 'yjs';

const docs = new Map();
const secret = (time) => `SECRET ${time}`;
const tree = (words) => new Y.Map([
  ['deep', new Y.Text(words)],
  ['list', Y.Array.from([words, new Y.Map([['deeper', words]])])],
]);
const paragraph = (words) => {
  const element = new Y.XmlElement('p');
  element.setAttribute('class', words);
  element.insert(0, [new Y.XmlText(words)]);
  return element;
};

const EDITS = {
  begin({ open, locked, lockedText, lockedList, lockedPage, openText, openPage }) {
    open.set('here', 'at first');
    open.set('lockedKey', 'kept');
    locked.set('value', 'kept');
    locked.set('gone', 'kept');
    locked.set('subdoc', new Y.Doc({ guid: 'kept' }));
    locked.set('nest', tree('kept'));
    lockedText.insert(0, 'kept, and something bold with an 😀');
    lockedText.format(20, 4, { bold: true });
    lockedList.insert(0, ['kept', { plain: [1] }, new Y.Map([['in it', 'kept']])]);
    lockedPage.insert(0, [paragraph('kept'), new Y.XmlText('kept')]);
    openText.insert(0, 'at first');
    openPage.insert(0, [paragraph('at first')]);
  },
  legal: ({ open, openText }, time) => {
    open.set('here', `legal ${time}`);
    openText.insert(0, `legal ${time} `);
  },

  'map set': ({ locked }, time) => locked.set(`new ${time}`, secret(time)),
  'map overwrite': ({ locked }, time) => locked.set('value', secret(time)),
  'map overwrite in many ways': ({ locked }, time) => locked.set('value', time % 2 ? tree(secret(time)) : secret(time)),
  'map delete': ({ locked }) => locked.delete('gone'),
  'map delete and set': ({ locked }, time) => (time % 2 ? locked.set('gone', secret(time)) : locked.delete('gone')),
  'map set and delete at once': ({ locked }, time) => {
    locked.set('value', secret(time));
    locked.delete('value');
  },
  'nested set': ({ locked }, time) => locked.get('nest').set('new', secret(time)),
  'nested overwrite': ({ locked }, time) => locked.set('nest', secret(time)),
  'nested delete': ({ locked }) => locked.delete('nest'),
  'nested text': ({ locked }, time) => locked.get('nest').get('deep').insert(3, secret(time)),
  'nested list': ({ locked }, time) => locked.get('nest').get('list').push([tree(secret(time))]),
  'tree': ({ locked }, time) => locked.set('tree', tree(secret(time))),
  'tree, and into it later': ({ locked }, time) =>
    time ? locked.get('tree').get('deep').insert(time, secret(time)) : locked.set('tree', tree(secret(time))),
  'subdocument overwrite': ({ locked }) => locked.set('subdoc', new Y.Doc({ guid: 'SECRET' })),
  'subdocument delete': ({ locked }) => locked.delete('subdoc'),
  'text insert': ({ lockedText }, time) => lockedText.insert(8, `${secret(time)}😀`),
  'text delete': ({ lockedText }) => lockedText.delete(3, 3),
  'text delete of a wide character': ({ lockedText }, time) => time || lockedText.delete(33, 2),
  'text replace': ({ lockedText }, time) => {
    lockedText.delete(0, 4);
    lockedText.insert(0, secret(time));
  },
  'text delete all': ({ lockedText }) => lockedText.delete(0, lockedText.length),
  'text format': ({ lockedText }, time) => lockedText.format(2 + time, 9, { em: secret(time) }),
  'text unformat': ({ lockedText }) => lockedText.format(0, lockedText.length, { bold: null }),
  'text embed': ({ lockedText }, time) => lockedText.insertEmbed(5, { image: secret(time) }),
  'text embed type': ({ lockedText }, time) => lockedText.insertEmbed(5, tree(secret(time))),
  'list insert': ({ lockedList }, time) => lockedList.insert(1, [secret(time), { also: secret(time) }, tree(secret(time))]),
  'list delete': ({ lockedList }, time) => time < 3 && lockedList.delete(0, 1),
  'list replace': ({ lockedList }, time) => {
    lockedList.delete(0, lockedList.length);
    lockedList.push([secret(time)]);
  },
  'node insert': ({ lockedPage }, time) => lockedPage.insert(1, [paragraph(secret(time))]),
  'node delete': ({ lockedPage }, time) => time < 2 && lockedPage.delete(0, 1),
  'node text': ({ lockedPage }, time) => lockedPage.get(0).get(0).insert(2, secret(time), { b: {} }),
  'attribute set': ({ lockedPage }, time) => lockedPage.get(0).setAttribute('class', secret(time)),
  'attribute delete': ({ lockedPage }) => lockedPage.get(0).removeAttribute('class'),

  'mixed, in one root': ({ open }, time) => {
    open.set('lockedKey', secret(time));
    open.set('here', `legal ${time}`);
    open.set(`new ${time}`, new Y.Map([['lockedInside', tree(secret(time))], ['inside', `legal ${time}`]]));
    open.delete(`new ${time - 1}`);
  },
  'mixed, in many': ({ open, openText, openPage, locked, lockedText, lockedPage }, time) => {
    openText.delete(0, 2);
    lockedText.delete(2, 2);
    openText.insert(0, `legal ${time} `);
    locked.delete('value');
    open.set('here', tree(`legal ${time}`));
    locked.set('nest', secret(time));
    openPage.get(0).setAttribute('class', `legal ${time}`);
    lockedPage.push([paragraph(secret(time))]);
  },
};

const rootsOf = (doc) => ({
  open: doc.getMap('open'),
  openText: doc.getText('openText'),
  openPage: doc.getXmlFragment('openPage'),
  locked: doc.getMap('locked'),
  lockedText: doc.getText('lockedText'),
  lockedList: doc.getArray('lockedList'),
  lockedPage: doc.getXmlFragment('lockedPage'),
});

const shown = (value) => {
  if (value instanceof Y.Text) {
    const runs = value.toDelta().map(({ insert, attributes }) => [shown(insert), attributes ?? {}]);
    return value instanceof Y.XmlText ? { runs, attributes: value.getAttributes() } : runs;
  }
  if (value instanceof Y.Map) return Object.fromEntries([...value].map(([key, one]) => [key, shown(one)]));
  if (value instanceof Y.Array) return value.toArray().map(shown);
  if (value instanceof Y.XmlElement) {
    return { tag: value.nodeName, attributes: value.getAttributes(), children: value.toArray().map(shown) };
  }
  if (value instanceof Y.XmlFragment) return value.toArray().map(shown);
  return value instanceof Y.Doc ? { guid: value.guid } : value;
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
    const roots = rootsOf(doc);
    const made = [];
    doc.on('update', (update, _origin, _doc, transaction) => transaction.local && made.push(update));
    const undo = new Y.UndoManager(Object.values(roots), { captureTimeout: 0 });
    docs.set(name, { doc, roots, made, undo });
  },
  kinds: () => Object.keys(EDITS).filter((kind) => kind !== 'begin' && kind !== 'legal'),
  edit(name, kind, time) {
    const { doc, roots } = docs.get(name);
    doc.transact(() => EDITS[kind](roots, time));
    return said(name);
  },
  undo(name) {
    docs.get(name).undo.undo();
    return said(name);
  },
  apply(name, updates) {
    updates.forEach((update) => Y.applyUpdate(docs.get(name).doc, Buffer.from(update, 'base64')));
    return said(name);
  },
  show(name) {
    const { doc, roots } = docs.get(name);
    const waiting = doc.store.pendingStructs !== null || doc.store.pendingDs !== null;
    const content = Object.entries(roots).map(([root, type]) => [root, shown(type)]);
    return { waiting, ...Object.fromEntries(content) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...args] = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(COMMANDS[command](...args) ?? null)}\n`);
}
