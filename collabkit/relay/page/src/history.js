/**
 * The past: a slider over the moments of the document, the document as it was then, and what is
 * different now.
 *
 * The relay weaves a past for each question, so one is asked at a time. While the slider moves, the
 * place where it is when an answer comes is asked about next, and those it passed are not.
 */

import { element } from './element.js';

const clock = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

const ask = async (url) => {
  const answer = await fetch(url);
  if (answer.ok) return answer.json();
  const said = await answer.text();
  let reason = said.trim();
  try {
    reason = JSON.parse(said).error;
  } catch {
    // A refusal is a sentence as it is.
  }
  throw new Error(reason);
};

/** Each root under its name; the one that is edited here stands alone if there are no others. */
const showRoots = (pane, roots, edited) => {
  const alone = roots.length === 1 && roots[0].name === edited;
  pane.replaceChildren(
    ...roots.flatMap(({ name, text }) => [
      ...(alone ? [] : [element('h3', { textContent: name })]),
      element('pre', { textContent: text }),
    ]),
  );
  if (roots.length === 0) pane.append(element('p', { textContent: 'Nothing yet.' }));
};

const row = ({ kind, spans }) => {
  const pieces = spans.map(([text, marked]) =>
    marked ? element('mark', { textContent: text }) : text,
  );
  const made = element('li', {}, ...pieces);
  made.dataset.kind = kind;
  return made;
};

const showDifference = (pane, lines) => {
  // For programs that read such lines a part is under its name twice, and a head says which lines
  // it is of; people are told what it is, and whose.
  const plain = ([[text]]) => text.replace(/^(--- |@@ .* @@ ?)/, '');
  const shown = lines
    .filter(({ kind, spans }) => kind !== 'head' || spans[0][0].startsWith('-'))
    .map(({ kind, spans }) =>
      kind === 'head' || kind === 'hunk' ? { kind, spans: [[plain(spans), false]] } : { kind, spans },
    );
  pane.replaceChildren(
    shown.length > 0
      ? element('ol', {}, ...shown.map(row))
      : element('p', { textContent: 'Nothing is different now.' }),
  );
};

export const bindHistory = (page) => {
  const { button, editor, panel, slider, when, versions, then, since, address } = page;
  let past = null;
  let asking = false;
  let shown = null;

  const fail = (error) => {
    then.replaceChildren(element('p', { textContent: error.message, role: 'alert' }));
    since.replaceChildren();
  };

  /** Row and words of a place of the slider; the first is where the past begins. */
  const moment = (place) => {
    if (place === 0) {
      const seq = past.moments.length > 0 ? past.moments[0][0] - 1 : past.floor;
      return [seq, seq > 0 ? 'Before that' : 'The beginning'];
    }
    const [seq, atMs, author] = past.moments[place - 1];
    return [seq, `${past.authors[author]}, ${clock.format(atMs)}, #${seq}`];
  };

  const look = async () => {
    if (asking) return;
    asking = true;
    try {
      while (past !== null && shown !== slider.valueAsNumber) {
        const asked = past;
        const place = slider.valueAsNumber;
        const [at] = moment(place);
        const told = await ask(address.past({ at: Math.max(at, past.floor), until: past.now }));
        if (past !== asked) continue;
        shown = place;
        showRoots(then, told.roots, address.root);
        showDifference(since, told.difference);
      }
    } catch (error) {
      fail(error);
    } finally {
      asking = false;
    }
  };

  const move = () => {
    [, when.value] = moment(slider.valueAsNumber);
    slider.ariaValueText = when.value;
    look();
  };

  const goTo = (seq) => {
    const place = past.moments.findLastIndex(([each]) => each <= seq);
    slider.value = place + 1;
    move();
  };

  const open = async () => {
    try {
      past = await ask(address.past());
    } catch (error) {
      fail(error);
      return;
    }
    shown = null;
    slider.max = past.moments.length;
    slider.value = past.moments.length;
    versions.replaceChildren(
      ...past.versions.map(({ name, seq, note }) => {
        const jump = element('button', { type: 'button', textContent: name, title: note });
        jump.addEventListener('click', () => goTo(seq));
        return element('li', {}, jump);
      }),
    );
    move();
    slider.focus();
  };

  slider.addEventListener('input', move);
  button.addEventListener('click', () => {
    const opening = panel.hidden;
    panel.hidden = !opening;
    editor.hidden = opening;
    button.ariaExpanded = String(opening);
    button.textContent = opening ? 'Back to now' : 'History';
    past = null;
    if (opening) open();
  });
};
