// Echo with Node's net and dgram. echo.js [PORT] [--udp]
"use strict";

const dgram = require("dgram");
const fs = require("fs");
const net = require("net");

// On Wine, Node 18 takes no pipe as its output, and would end at the first look at these, which pipe() does: nothing here needs them.
for (const name of ["stdout", "stderr"]) {
  Object.defineProperty(process, name, { value: null });
}

const options = process.argv.slice(2);
const port = Number(options.find((option) => option !== "--udp") ?? 0);

function told() {
  fs.writeSync(1, `listening on ${this.address().port}\n`);
}

if (options.includes("--udp")) {
  const socket = dgram.createSocket("udp4");
  socket.on("message", (data, peer) => socket.send(data, peer.port, peer.address));
  socket.on("error", () => {});
  socket.bind(port, "127.0.0.1", told);
} else {
  // Half open, so that what is still to be sent goes before the answer to FIN.
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    socket.pipe(socket);
  });
  server.listen({ port, host: "127.0.0.1", backlog: 1024 }, told);
}
