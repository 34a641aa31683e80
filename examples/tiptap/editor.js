/**
 * A rich-text editor on a collabkit relay, through the stock Hocuspocus provider.
 *
 *   collabkit serve                  the relay, at ws://127.0.0.1:4711
 *   npm ci && npm start              this page; open it twice
 *
 * In the page's address `relay`, `name`, `user` and `token` say where the relay is, what the
 * document is called, who one is, and what proves it.
 */

import { HocuspocusProvider } from '@hocuspocus/provider';
import { Editor } from '@tiptap/core';
import Collaboration from '@tiptap/extension-collaboration';
import CollaborationCaret from '@tiptap/extension-collaboration-caret';
import StarterKit from '@tiptap/starter-kit';
import * as Y from 'yjs';

const query = new URLSearchParams(location.search);
const colors = ['#6a5acd', '#c2571a', '#3d8b40', '#d1495b', '#2a7fd4'];
const state = document.getElementById('state');

const provider = new HocuspocusProvider({
  url: query.get('relay') ?? 'ws://127.0.0.1:4711',
  name: query.get('name') ?? 'tiptap',
  token: query.get('token') ?? '',
  document: new Y.Doc(),
  onAuthenticationFailed: ({ reason }) => show(`no access: ${reason}`),
  onStatus: ({ status }) => show(status),
});

/** The relay acknowledges an edit after it is on disk, so this is what "saved" means. */
provider.on('unsyncedChanges', () => show(provider.hasUnsyncedChanges ? 'saving' : 'saved'));

function show(word) {
  state.textContent = word;
}

const editor = new Editor({
  element: document.getElementById('editor'),
  extensions: [
    // Yjs has the history of everybody; the editor's own would undo what others did.
    StarterKit.configure({ undoRedo: false }),
    Collaboration.configure({ document: provider.document }),
    CollaborationCaret.configure({
      provider,
      user: {
        name: query.get('user') ?? 'Somebody',
        color: colors[Math.floor(Math.random() * colors.length)],
      },
    }),
  ],
});

for (const button of document.querySelectorAll('[data-mark]')) {
  // The text keeps the focus while the mouse is on a button.
  button.addEventListener('mousedown', (event) => event.preventDefault());
  button.addEventListener('click', () => {
    editor.chain().focus().toggleMark(button.dataset.mark).run();
  });
}
