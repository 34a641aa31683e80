/**
 * A recorded session of several people, typed again by real clients.
 *
 * A transaction of the trace names the transactions its author had seen, and its positions mean
 * that text. So each author has an editor document that integrates exactly those; the update it
 * makes is handed to the author's client, which has to carry it through the server. The client
 * must hold what the update builds on, and that it can only get from the server.
 */

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import * as Y from 'yjs';

const ROOT = 'text';

/** Index in UTF-16 units of a position in code points. */
const unitsAt = (text, position) => {
  let units = 0;
  for (let points = 0; points < position; points += 1) {
    units += text.codePointAt(units) > 0xffff ? 2 : 1;
  }
  return units;
};

const patch = (editor, astral, [position, deleted, inserted]) => {
  const text = editor.getText(ROOT);
  let [from, to] = [position, position + deleted];
  if (astral) {
    const content = text.toString();
    [from, to] = [unitsAt(content, from), unitsAt(content, to)];
  }
  if (to > from) text.delete(from, to - from);
  if (inserted) text.insert(from, inserted);
};

/** Wait until a client's document has all structs of a vector. */
const covered = (client, vector, timeoutMs) =>
  new Promise((resolve, reject) => {
    const look = () => {
      for (const [id, clock] of vector) {
        if (Y.getState(client.doc.store, id) < clock) return;
      }
      clearTimeout(timer);
      client.waiting.delete(look);
      resolve();
    };
    const timer = setTimeout(() => {
      client.waiting.delete(look);
      reject(new Error(`a client waited ${timeoutMs} ms for the other's edits`));
    }, timeoutMs);
    client.waiting.add(look);
    look();
  });

/** Play a trace by as many clients as it has agents; resolves with the text it must end in. */
export const replay = async (clients, path, { limit = Infinity, timeoutMs = 30_000 } = {}) => {
  const trace = JSON.parse(gunzipSync(readFileSync(path)).toString());
  const astral = /[\u{10000}-\u{10ffff}]/u.test(JSON.stringify(trace.txns));
  // In one place both type at once; the recorded order is that of ascending client ids.
  const editors = clients.map((_, agent) => {
    const doc = new Y.Doc();
    doc.clientID = agent + 1;
    return doc;
  });
  const updates = [];
  const integrated = editors.map(() => new Set());
  const integrate = (agent, wanted) => {
    const missing = [];
    const look = [...wanted];
    while (look.length > 0) {
      const index = look.pop();
      if (integrated[agent].has(index)) continue;
      integrated[agent].add(index);
      missing.push(index);
      look.push(...trace.txns[index].parents);
    }
    for (const index of missing.sort((a, b) => a - b)) Y.applyUpdate(editors[agent], updates[index]);
  };
  const count = Math.min(limit, trace.txns.length);
  for (let index = 0; index < count; index += 1) {
    const { agent, parents, patches } = trace.txns[index];
    const editor = editors[agent];
    integrate(agent, parents);
    const before = Y.decodeStateVector(Y.encodeStateVector(editor));
    const made = [];
    editor.once('update', (update) => made.push(update));
    editor.transact(() => patches.forEach((one) => patch(editor, astral, one)));
    updates.push(made[0] ?? new Uint8Array([0, 0]));
    integrated[agent].add(index);
    await covered(clients[agent], before, timeoutMs);
    Y.applyUpdate(clients[agent].doc, updates[index], 'editor');
  }
  editors.forEach((_, agent) => integrate(agent, [...Array(count).keys()]));
  const ends = editors.map((editor) => editor.getText(ROOT).toString());
  const recorded = count === trace.txns.length ? trace.endContent : ends[0];
  if (ends.some((end) => end !== recorded)) throw new Error('the trace does not end as recorded');
  return recorded;
};
