/** The list of those present. One row a person, oneself apart: that row is edited. */

import { safeColor } from './identity.js';

const initials = (name) =>
  [...name.trim().matchAll(/(?<=^|\s)\S/gu)].slice(0, 2).join('').toUpperCase() || '?';

export const paintAvatar = (element, name, color) => {
  element.textContent = initials(name);
  element.style.setProperty('--person', safeColor(color));
};

const row = (state, goTo) => {
  const { name = 'Somebody', color = '' } = state.user ?? {};
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'person';
  button.title = `Go to where ${name} is`;
  button.addEventListener('click', () => goTo(state));
  const avatar = document.createElement('span');
  avatar.className = 'avatar';
  avatar.ariaHidden = 'true';
  paintAvatar(avatar, String(name), color);
  const label = document.createElement('span');
  label.className = 'name';
  label.textContent = name;
  button.append(avatar, label);
  const item = document.createElement('li');
  item.append(button);
  return item;
};

const byName = ([, one], [, other]) =>
  String(one.user?.name).localeCompare(String(other.user?.name));

/** Rebuild the rows of the others; who reads or edits without a name is counted too. */
export const showPeople = (list, awareness, goTo) => {
  const others = [...awareness.getStates()].filter(([id]) => id !== awareness.clientID).sort(byName);
  list.replaceChildren(...others.map(([, state]) => row(state, goTo)));
};
