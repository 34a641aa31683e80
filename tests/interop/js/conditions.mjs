/**
 * Conditions to wait for: a table of predicates over what `read()` tells, looked at after every
 * event of the client. Nothing here polls.
 */

import { isDeepStrictEqual } from 'node:util';

const has = (state, id) => Object.hasOwn(state.states, String(id));

const CONDITIONS = {
  synced: (state, wanted) => state.synced === wanted,
  connected: (state, wanted) => state.connected === wanted,
  unsynced: (state, wanted) => state.unsynced === wanted,
  text: (state, wanted) => state.text === wanted,
  text_length: (state, wanted) => state.text.length === wanted,
  text_contains: (state, wanted) => state.text.includes(wanted),
  map: (state, wanted) => isDeepStrictEqual(state.map, wanted),
  array: (state, wanted) => isDeepStrictEqual(state.array, wanted),
  present: (state, ids) => ids.every((id) => has(state, id)),
  absent: (state, ids) => !ids.some((id) => has(state, id)),
  states: (state, wanted) =>
    Object.entries(wanted).every(([id, value]) => isDeepStrictEqual(state.states[id], value)),
  scope: (state, wanted) => state.scope === wanted,
  attempts_at_least: (state, wanted) => state.attempts >= wanted,
  opens_at_least: (state, wanted) => state.opens >= wanted,
  closes_at_least: (state, wanted) => state.closes.length >= wanted,
  received_at_least: (state, wanted) => state.received >= wanted,
  refused_at_least: (state, wanted) => state.refused.length >= wanted,
  denied_at_least: (state, wanted) => state.denied.length >= wanted,
  edits: (state, wanted) => state.edits === wanted,
  revision_after: (state, wanted) => state.revision > wanted,
};

const unmet = (client, until) => {
  const state = client.read();
  return Object.entries(until).filter(([name, wanted]) => !CONDITIONS[name](state, wanted));
};

/** Resolve with the client's state once all conditions hold at once. */
export const wait = (client, until, timeoutMs) => {
  for (const name of Object.keys(until)) {
    if (!(name in CONDITIONS)) throw new Error(`no condition ${name}`);
  }
  return new Promise((resolve, reject) => {
    const finish = (done) => {
      clearTimeout(timer);
      client.waiting.delete(look);
      done();
    };
    const look = () => {
      if (unmet(client, until).length === 0) finish(() => resolve(client.read()));
    };
    const timer = setTimeout(() => {
      const missing = JSON.stringify(Object.fromEntries(unmet(client, until)));
      const state = JSON.stringify(client.read());
      finish(() => reject(new Error(`not met in ${timeoutMs} ms: ${missing}; state: ${state}`)));
    }, timeoutMs);
    client.waiting.add(look);
    look();
  });
};
