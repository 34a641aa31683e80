/** What the page says about the connection and about what is saved. */

const edits = (count) => (count === 1 ? '1 unsaved edit' : `${count} unsaved edits`);

/** The state of a provider in a word for styles and a sentence for people; the first row that fits. */
const ROWS = [
  [({ status }) => status === 'ended', 'ended', ({ reason }) => `No access: ${reason || 'closed'}`],
  [({ status, opened }) => status !== 'online' && !opened, 'opening', () => 'Opening…'],
  [
    ({ status }) => status !== 'online',
    'offline',
    ({ unsaved }) => (unsaved > 0 ? `Offline, ${edits(unsaved)}` : 'Offline, all saved'),
  ],
  [({ synced }) => !synced, 'opening', () => 'Opening…'],
  [({ canWrite }) => !canWrite, 'reading', () => 'Read only'],
  [({ unsaved }) => unsaved > 0, 'saving', () => 'Saving…'],
  [() => true, 'saved', () => 'Saved'],
];

export const describe = (provider, opened) => {
  const { status, reason, synced, canWrite, unsaved } = provider;
  const facts = { status, reason, synced, canWrite, unsaved, opened };
  const [, state, label] = ROWS.find(([fits]) => fits(facts));
  return { state, label: label(facts) };
};

// A screen reader is told of these; saving and saved alternate with every key.
const ANNOUNCED = new Set(['ended', 'offline', 'reading']);

/** Show it: `pill` for the eyes, `announcer` for screen readers. */
export const showStatus = (pill, announcer, { state, label }) => {
  const before = pill.dataset.state;
  pill.dataset.state = state;
  pill.textContent = label;
  if (state === before) return;
  if (ANNOUNCED.has(state)) announcer.textContent = label;
  else if (before === 'offline') announcer.textContent = 'Back online';
};
