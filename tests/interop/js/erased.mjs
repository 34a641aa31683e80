/**
 * Yjs on logs from which somebody was erased; one line of JSON in, one out, for each.
 *
 *   > {"updates": [base64…], "erased": [base64…], "dice": [[0.1, 0.2, 0.3], …], "id": 9}
 *   < {"fresh": …, "old": …, "away": …}        what each document shows
 *
 * `fresh` loads the erased log. `old` has the whole one already, `away` too, and writes what the
 * dice choose, under this id; then all three meet.
 */

import { createInterface } from 'node:readline';
import * as Y from 'yjs';

import { show, wild } from './wild.mjs';

const loaded = (updates, id) => {
  const doc = new Y.Doc();
  doc.clientID = id;
  for (const update of updates) Y.applyUpdate(doc, new Uint8Array(Buffer.from(update, 'base64')));
  return doc;
};

const meet = (one, other) => {
  for (const [from, to] of [[one, other], [other, one]]) {
    Y.applyUpdate(to, Y.encodeStateAsUpdate(from, Y.encodeStateVector(to)));
    if (to.store.pendingStructs || to.store.pendingDs) throw new Error('something is missing');
  }
};

for await (const line of createInterface({ input: process.stdin })) {
  const { updates, erased, dice, id } = JSON.parse(line);
  const [fresh, old, away] = [loaded(erased, id + 1), loaded(updates, id + 2), loaded(updates, id)];
  for (const each of dice) wild(away, each, 'away');
  meet(fresh, away);
  meet(fresh, old);
  console.log(JSON.stringify({ fresh: show(fresh), old: show(old), away: show(away) }));
}
