/**
 * What the page's address asks for.
 *
 *   /?session=NAME        or  /#NAME        the session; `welcome` if neither
 *   &token=TOKEN                            handed to the relay as it is
 *   &root=ROOT                              which text of the document; `body` if absent
 */

const encodePath = (name) => name.split('/').map(encodeURIComponent).join('/');

export const readAddress = (location) => {
  const url = new URL(location.href);
  const session =
    url.searchParams.get('session') || decodeURIComponent(url.hash.slice(1)) || 'welcome';
  const token = url.searchParams.get('token');
  // Relative to the page, so that a relay mounted below a path is found there.
  const below = (path) => {
    const there = new URL(path + encodePath(session), new URL('.', url));
    if (token !== null) there.searchParams.set('token', token);
    return there;
  };
  const socket = below('');
  socket.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  /** Where to connect, by a name for the log: a relay that asks nobody who they are keeps it. */
  const socketAs = (name) => {
    socket.searchParams.set('name', name);
    return socket.href;
  };
  /** Where the past is told: its timeline, or the moment `at`, compared with `until`. */
  const past = (fields = {}) => {
    const there = below('history/');
    for (const [name, value] of Object.entries(fields)) there.searchParams.set(name, value);
    return there.href;
  };
  return { session, root: url.searchParams.get('root') || 'body', socketAs, past };
};
