/**
 * Lets the page's sources find `yjs` and its like here: two copies of `yjs` in one process do not
 * know each other's types.
 */

const isPage = ({ parentURL }) => parentURL?.includes('/relay/page/src/');

export const resolve = (specifier, context, next) =>
  isPage(context) && !specifier.startsWith('.')
    ? next(specifier, { ...context, parentURL: import.meta.url })
    : next(specifier, context);
