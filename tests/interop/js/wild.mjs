/**
 * Random edits of every shared type, as `hostile/wild.py` makes them of Python's documents: dice,
 * numbers from 0 to 1, choose what and where, so that an edit fits whatever the document holds.
 */

import * as Y from 'yjs';

const at = (dice, length) => Math.min(Math.floor(dice * (length + 1)), length);

const element = (doc, dice) => {
  const root = doc.getXmlFragment('xml');
  const elements = root.toArray().filter((node) => node instanceof Y.XmlElement);
  return elements.length && dice < 0.6 ? elements[at(dice / 0.6, elements.length - 1)] : root;
};

const remove = (sequence, a, b) => {
  const start = at(a, sequence.length);
  sequence.delete(start, Math.min(1 + at(b, 3), sequence.length - start));
};

const SHARED = {
  map: (mark) => new Y.Map([['mark', mark]]),
  array: (mark) => Y.Array.from([mark, 1]),
  text: (mark) => new Y.Text(mark),
};
const shared = (dice, mark) => SHARED[['map', 'array', 'text'][at(dice, 2)]](mark);

const grow = (nested, mark) => {
  if (nested instanceof Y.Map) nested.set('more', mark);
  if (nested instanceof Y.Array) nested.push([mark]);
  if (nested instanceof Y.Text) nested.insert(0, mark);
};

const EDITS = [
  (doc, a, b, mark) => doc.getText('text').insert(at(a, doc.getText('text').length), mark),
  (doc, a, b) => remove(doc.getText('text'), a, b),
  (doc, a, b) => {
    const text = doc.getText('text');
    const start = at(a, text.length);
    text.format(start, Math.min(4, text.length - start), { bold: b < 0.5 ? true : null });
  },
  (doc, a, b, mark) => doc.getMap('map').set('abc'[at(a, 2)], mark),
  (doc, a) => doc.getMap('map').delete('abc'[at(a, 2)]),
  (doc, a, b, mark) => doc.getMap('map').set('abc'[at(a, 2)], shared(b, mark)),
  (doc, a, b, mark) => grow(doc.getMap('map').get('abc'[at(a, 2)]), mark),
  (doc, a, b, mark) => doc.getArray('array').insert(at(a, doc.getArray('array').length), [mark, 7]),
  (doc, a, b) => remove(doc.getArray('array'), a, b),
  (doc, a, b, mark) =>
    doc.getArray('array').insert(at(a, doc.getArray('array').length), [shared(b, mark)]),
  (doc, a, b, mark) => {
    const array = doc.getArray('array');
    if (array.length) grow(array.get(at(a, array.length - 1)), mark);
  },
  (doc, a, b) => element(doc, a).insert(0, [new Y.XmlElement('pq'[at(b, 1)])]),
  (doc, a, b, mark) => element(doc, a).push([new Y.XmlText(mark)]),
  (doc, a, b, mark) => element(doc, a).setAttribute?.('kl'[at(b, 1)], mark),
  (doc, a, b) => remove(element(doc, a), b, 0),
];

/** Make the edit that the dice choose. */
export const wild = (doc, [what, a, b], mark) =>
  doc.transact(() => EDITS[at(what, EDITS.length - 1)](doc, a, b, mark));

/** All that a document shows, as it can be compared. */
export const show = (doc) => ({
  text: doc.getText('text').toDelta(),
  map: doc.getMap('map').toJSON(),
  array: doc.getArray('array').toJSON(),
  xml: doc.getXmlFragment('xml').toString(),
});
