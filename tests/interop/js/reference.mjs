/**
 * The servers that stock clients were written for, to prove the driver against.
 *
 *   node reference.mjs y-websocket | hocuspocus
 *
 * Prints `listening on ws://HOST:PORT`. The Hocuspocus one refuses the token `bad`, and lets
 * `ro` only read.
 */

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { WebSocketServer } from 'ws';

const SERVERS = {
  'y-websocket': (listening) => {
    const { setupWSConnection } = createRequire(import.meta.url)('y-websocket-1.5/bin/utils');
    const server = createServer();
    new WebSocketServer({ server }).on('connection', setupWSConnection);
    server.listen(0, '127.0.0.1', () => listening(server.address().port));
  },
  hocuspocus: async (listening) => {
    const { Server } = await import('@hocuspocus/server-3');
    const server = new Server({
      port: 0,
      address: '127.0.0.1',
      quiet: true,
      async onAuthenticate({ token, connectionConfig }) {
        if (token === 'bad') throw new Error('bad token');
        connectionConfig.readOnly = token === 'ro';
      },
    });
    await server.listen();
    listening(server.address.port);
  },
};

SERVERS[process.argv[2]]((port) => console.log(`listening on ws://127.0.0.1:${port}`));
