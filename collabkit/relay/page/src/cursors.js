/**
 * The others' carets and selections, and one's own made known to them.
 *
 * Presence has the shape that y-codemirror.next uses (`user: {name, color}`, `cursor: {anchor,
 * head}` as relative positions), so stock editors and this page see each other. Everything is
 * drawn in layers whose elements are styled through the DOM: style attributes would need a
 * weaker content security policy.
 */

import { EditorSelection, StateEffect } from '@codemirror/state';
import { EditorView, RectangleMarker, ViewPlugin, layer } from '@codemirror/view';
import * as Y from 'yjs';

import { safeColor } from './identity.js';

const presenceChanged = StateEffect.define();

const absolute = (position, text) => {
  const found = Y.createAbsolutePositionFromRelativePosition(
    Y.createRelativePositionFromJSON(position),
    text.doc,
  );
  return found !== null && found.type === text ? found.index : null;
};

/** Where a person's caret and selection are now, or null if not in this text. */
export const locate = (state, text) => {
  if (!state?.cursor?.anchor || !state.cursor.head) return null;
  const anchor = absolute(state.cursor.anchor, text);
  const head = absolute(state.cursor.head, text);
  return anchor === null || head === null ? null : { anchor, head };
};

/** A rectangle in a person's colour. */
class Mark {
  constructor(rectangle, { id, color }) {
    this.rectangle = rectangle;
    this.id = id;
    this.color = color;
  }

  eq(other) {
    return this.color === other.color && this.rectangle.eq(other.rectangle);
  }

  draw() {
    const element = this.rectangle.draw();
    element.style.setProperty('--person', this.color);
    return element;
  }
}

/** A caret with its owner's name, which shows itself for a while after each move. */
class Caret extends Mark {
  constructor(rectangle, person) {
    super(rectangle, person);
    this.name = person.name;
    this.place = JSON.stringify(person.cursor.head);
  }

  eq(other) {
    return super.eq(other) && this.name === other.name && this.place === other.place;
  }

  draw() {
    const element = super.draw();
    const flag = document.createElement('span');
    flag.className = 'flag';
    flag.textContent = this.name;
    element.append(flag);
    return element;
  }

  /** Follow text that moved, without announcing a caret that did not. */
  update(element, before) {
    const same = ['id', 'name', 'color', 'place'].every((field) => this[field] === before[field]);
    return same && this.rectangle.update(element, before.rectangle);
  }
}

const people = (view, text, awareness) => {
  const found = [];
  for (const [id, state] of awareness.getStates()) {
    const place = id === awareness.clientID ? null : locate(state, text);
    if (place === null) continue;
    const length = view.state.doc.length;
    const anchor = Math.min(place.anchor, length);
    const head = Math.min(place.head, length);
    const { name = 'Somebody', color = '' } = state.user ?? {};
    const person = { id, name: String(name), color: safeColor(color), cursor: state.cursor };
    found.push({ ...person, anchor, head });
  }
  return found;
};

const redraw = (update) =>
  update.docChanged ||
  update.viewportChanged ||
  update.transactions.some((one) => one.effects.some((effect) => effect.is(presenceChanged)));

const marks = (text, awareness, above, draw) =>
  layer({
    above,
    class: above ? 'carets' : 'selections',
    update: redraw,
    markers: (view) => people(view, text, awareness).flatMap((person) => draw(view, person)),
  });

const selections = (view, person) => {
  if (person.anchor === person.head) return [];
  const range = EditorSelection.range(person.anchor, person.head);
  return RectangleMarker.forRange(view, 'selection', range).map((one) => new Mark(one, person));
};

const carets = (view, person) => {
  const place = EditorSelection.cursor(person.head);
  return RectangleMarker.forRange(view, 'caret', place).map((one) => new Caret(one, person));
};

const publish = (view, text, awareness) => {
  if (!view.hasFocus) return;
  const { anchor, head } = view.state.selection.main;
  const cursor = Object.fromEntries(
    Object.entries({ anchor, head }).map(([end, index]) => [
      end,
      Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(text, index)),
    ]),
  );
  const known = awareness.getLocalState()?.cursor;
  if (JSON.stringify(known) !== JSON.stringify(cursor)) {
    awareness.setLocalStateField('cursor', cursor);
  }
};

const watcher = (text, awareness) =>
  ViewPlugin.define((view) => {
    const changed = ({ added, updated, removed }) => {
      const ids = [...added, ...updated, ...removed];
      if (ids.some((id) => id !== awareness.clientID)) {
        view.dispatch({ effects: presenceChanged.of(null) });
      }
    };
    awareness.on('change', changed);
    return {
      update(update) {
        if (update.selectionSet || update.docChanged || update.focusChanged) {
          publish(view, text, awareness);
        }
      },
      destroy: () => awareness.off('change', changed),
    };
  });

const theme = EditorView.baseTheme({
  '.selection': { backgroundColor: 'color-mix(in srgb, var(--person) 25%, transparent)' },
  '.carets': { pointerEvents: 'none' },
  '.caret': { borderLeft: '2px solid var(--person)', marginLeft: '-1px' },
  '.flag': {
    position: 'absolute',
    left: '-2px',
    bottom: '100%',
    padding: '0 .4em',
    borderRadius: '.35em .35em .35em 0',
    backgroundColor: 'var(--person)',
    color: '#fff',
    font: '600 .7rem/1.5 system-ui, sans-serif',
    whiteSpace: 'nowrap',
    animation: 'flag 4s ease-out forwards',
  },
  '@keyframes flag': { '80%': { opacity: '1' }, to: { opacity: '0' } },
});

export const cursors = (text, awareness) => [
  watcher(text, awareness),
  marks(text, awareness, false, selections),
  marks(text, awareness, true, carets),
  theme,
];
