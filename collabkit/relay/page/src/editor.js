/**
 * The editor: CodeMirror 6 on a shared text.
 *
 * It lives in a shadow root, because there CodeMirror mounts its styles as constructed sheets; in
 * the document it would add style elements, which a strict content security policy forbids.
 */

import { defaultKeymap } from '@codemirror/commands';
import { Compartment, EditorState } from '@codemirror/state';
import { EditorView, drawSelection, dropCursor, keymap, placeholder } from '@codemirror/view';
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next';
import * as Y from 'yjs';

import { cursors, locate } from './cursors.js';

const theme = EditorView.theme({
  '&': { height: '100%', color: 'var(--ink)', font: 'var(--text)', background: 'transparent' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { font: 'inherit', lineHeight: '1.7', overflow: 'auto' },
  '.cm-content': { padding: '2.5rem 0 40vh', caretColor: 'var(--ink)' },
  '.cm-line': { padding: '0 clamp(1.25rem, 6vw, 4rem)' },
  '.cm-placeholder': { color: 'var(--faint)' },
  '.cm-cursor, .cm-dropCursor': { borderLeft: '2px solid var(--accent)', marginLeft: '-1px' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground':
    { background: 'color-mix(in srgb, var(--accent) 22%, transparent)' },
});

const rights = (writable) => [
  EditorState.readOnly.of(!writable),
  EditorView.editable.of(writable),
  placeholder(writable ? 'Write something. Everyone here sees it as you type.' : ''),
];

/** Show a shared text in `host` until `destroy()`. */
export const openEditor = (host, text, awareness) => {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  const access = new Compartment();
  let isWritable = false;
  const view = new EditorView({
    parent: root,
    root,
    state: EditorState.create({
      doc: text.toString(),
      extensions: [
        // A shared text counts each character; a lone `\n` is the only line break in it.
        EditorState.lineSeparator.of('\n'),
        keymap.of([...yUndoManagerKeymap, ...defaultKeymap]),
        yCollab(text, null, { undoManager: new Y.UndoManager(text) }),
        cursors(text, awareness),
        drawSelection(),
        dropCursor(),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': 'Text of this session' }),
        access.of(rights(isWritable)),
        theme,
      ],
    }),
  });
  return {
    allowWriting(writable) {
      if (writable === isWritable) return;
      isWritable = writable;
      view.dispatch({ effects: access.reconfigure(rights(writable)) });
    },
    /** Bring a person's caret into view. */
    goTo(state) {
      const place = locate(state, text);
      if (place === null) return;
      view.dispatch({ effects: EditorView.scrollIntoView(place.head, { y: 'center' }) });
    },
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
};
