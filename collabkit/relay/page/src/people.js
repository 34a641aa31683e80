/** The list of those present. One row a person, oneself apart: that row is edited. */

import { element } from './element.js';
import { safeColor } from './identity.js';

const initials = (name) =>
  [...name.trim().matchAll(/(?<=^|\s)\S/gu)].slice(0, 2).join('').toUpperCase() || '?';

export const paintAvatar = (element, name, color) => {
  element.textContent = initials(name);
  element.style.setProperty('--person', safeColor(color));
};

const row = (state, goTo) => {
  const { name = 'Somebody', color = '' } = state.user ?? {};
  const avatar = element('span', { className: 'avatar', ariaHidden: 'true' });
  paintAvatar(avatar, String(name), color);
  const label = element('span', { className: 'name', textContent: name });
  const title = `Go to where ${name} is`;
  const button = element('button', { type: 'button', className: 'person', title }, avatar, label);
  button.addEventListener('click', () => goTo(state));
  return element('li', {}, button);
};

const byName = ([, one], [, other]) =>
  String(one.user?.name).localeCompare(String(other.user?.name));

/** Rebuild the rows of the others; who reads or edits without a name is counted too. */
export const showPeople = (list, awareness, goTo) => {
  const others = [...awareness.getStates()].filter(([id]) => id !== awareness.clientID).sort(byName);
  list.replaceChildren(...others.map(([, state]) => row(state, goTo)));
};
