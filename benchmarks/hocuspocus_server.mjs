// Hocuspocus as it ships: no extensions, documents in memory.
import { Server } from "@hocuspocus/server";

const server = new Server({ port: Number(process.env.PORT), address: "127.0.0.1", quiet: true });
server.listen();
