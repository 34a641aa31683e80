/** The page: one session, its people, and whether what they wrote is saved. */

import { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';

import { readAddress } from './address.js';
import { openEditor } from './editor.js';
import { bindHistory } from './history.js';
import { loadIdentity, saveIdentity } from './identity.js';
import { paintAvatar, showPeople } from './people.js';
import { Provider } from './provider.js';
import { describe, showStatus } from './status.js';

const byId = (id) => document.getElementById(id);
const address = readAddress(location);
const me = loadIdentity();

/** Open the session with an empty document; returns what the page needs of it. */
const openSession = () => {
  const doc = new Y.Doc();
  const awareness = new Awareness(doc);
  awareness.setLocalState({ user: me });
  const provider = new Provider(address.socketAs(me.name), doc, { awareness });
  const editor = openEditor(byId('editor'), doc.getText(address.root), awareness);
  let opened = false;
  provider.on('change', () => {
    if (provider.synced && !opened) {
      opened = true;
      editor.allowWriting(provider.canWrite);
      editor.focus();
    }
    if (provider.status === 'ended') editor.allowWriting(false);
    showStatus(byId('status'), byId('announcer'), describe(provider, opened));
  });
  awareness.on('change', () => showPeople(byId('people'), awareness, editor.goTo));
  const close = () => {
    provider.destroy();
    editor.destroy();
    doc.destroy();
  };
  return { provider, awareness, close };
};

let session = null;

/** A refused edit leaves this replica apart from the room for good: start from the room again. */
const start = () => {
  session = openSession();
  session.provider.on('refused', ({ reason }) => {
    byId('notice').textContent = `Your last change was not accepted: ${reason}`;
    byId('notice').showPopover();
    session.close();
    start();
  });
};

const bindIdentity = () => {
  const name = byId('name');
  const color = byId('color');
  const show = () => paintAvatar(byId('me'), me.name, me.color);
  name.value = me.name;
  color.value = me.color;
  show();
  byId('identity').addEventListener('input', () => {
    Object.assign(me, { name: name.value.trim() || 'Somebody', color: color.value });
    saveIdentity(me);
    show();
    session.awareness.setLocalStateField('user', { ...me });
  });
  byId('identity').addEventListener('submit', (event) => event.preventDefault());
};

document.title = `${address.session} · collabkit`;
byId('session').textContent = address.session;
start();
bindIdentity();
bindHistory({
  button: byId('look-back'),
  editor: byId('editor'),
  panel: byId('history'),
  slider: byId('moment'),
  when: byId('when'),
  versions: byId('versions'),
  then: byId('then'),
  since: byId('since'),
  address,
});

addEventListener('online', () => session.provider.connect());
addEventListener('hashchange', () => location.reload());
addEventListener('pagehide', () => session.close());
// A page from the browser's cache of visited pages has left its room.
addEventListener('pageshow', (event) => event.persisted && location.reload());
addEventListener('beforeunload', (event) => {
  if (session.provider.unsaved > 0) event.preventDefault();
});
