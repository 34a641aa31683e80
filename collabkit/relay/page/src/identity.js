/** Who I am to the others: a name and a colour, kept by this browser. */

const KEY = 'collabkit.identity';

// Readable as text on white and on near black, and told apart by most eyes.
export const COLORS = [
  '#d1495b', '#c2571a', '#a16a00', '#3d8b40', '#0f8b8d', '#2a7fd4', '#6a5acd', '#b0459e',
];
const ANIMALS = ['Otter', 'Heron', 'Lynx', 'Marten', 'Finch', 'Badger', 'Hare', 'Swift'];
const MOODS = ['Quiet', 'Bright', 'Patient', 'Curious', 'Gentle', 'Merry', 'Keen', 'Calm'];

const pick = (words) => words[Math.floor(Math.random() * words.length)];

/** A colour that may go into a style: others send whatever they like. */
export const safeColor = (color) => (/^#[0-9a-f]{6}$/i.test(color) ? color : '#808080');

const stored = () => {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
};

export const loadIdentity = () => {
  const { name = `${pick(MOODS)} ${pick(ANIMALS)}`, color = pick(COLORS) } = stored();
  return saveIdentity({ name, color: safeColor(color) });
};

export const saveIdentity = (identity) => {
  try {
    localStorage.setItem(KEY, JSON.stringify(identity));
  } catch {
    // A browser that keeps nothing still edits.
  }
  return identity;
};
