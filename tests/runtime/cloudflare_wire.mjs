// Answers that are no proper HTTP, or that never end.
import zlib from "node:zlib";

const TICK = 20; // milliseconds between two drops
const HEAD = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
let bomb;

// {how: write to a socket, given the body of the proper answer}
export const WIRE = {
  "reset": (socket) => socket.resetAndDestroy(),
  "reset in the body": (socket, body) => {
    socket.write(`${HEAD}content-length: ${body.length}\r\n\r\n`);
    socket.write(body.subarray(0, body.length / 2), () => socket.resetAndDestroy());
  },
  "short length": (socket, body) => {
    socket.end(Buffer.concat([Buffer.from(`${HEAD}content-length: ${Math.max(0, body.length - 9)}\r\n\r\n`), body]));
  },
  "long length": (socket, body) => {
    socket.end(Buffer.concat([Buffer.from(`${HEAD}content-length: ${body.length + 9}\r\n\r\n`), body]));
  },
  "bad chunks": (socket) => socket.end(`${HEAD}transfer-encoding: chunked\r\n\r\nZZ\r\n{}`),
  "no HTTP": (socket) => socket.end("SSH-2.0-OpenSSH_9.6\r\n"),
  "not gzip": (socket, body) => {
    socket.end(Buffer.concat([Buffer.from(`${HEAD}content-encoding: gzip\r\nconnection: close\r\n\r\n`), body]));
  },
  "gzip bomb": (socket) => {
    bomb ??= zlib.gzipSync(Buffer.alloc(300_000_000, " "), { level: 1 });
    socket.write(`${HEAD}content-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`);
    socket.end(bomb);
  },
  "body that drips": (socket) => {
    socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
    drip(socket, "1\r\n \r\n");
  },
  "head that drips": (socket) => {
    socket.write("HTTP/1.1 200 OK\r\n");
    drip(socket, "a: b\r\n");
  },
  "interim without end": (socket) => drip(socket, "HTTP/1.1 103 Early Hints\r\n\r\n"),
  "interim first": (socket, body) => {
    socket.write("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
    socket.end(Buffer.concat([Buffer.from(`${HEAD}content-length: ${body.length}\r\nconnection: close\r\n\r\n`), body]));
  },
  "gzip": (socket, body) => {
    const packed = zlib.gzipSync(body);
    socket.write(`${HEAD}content-encoding: gzip\r\ncontent-length: ${packed.length}\r\nconnection: close\r\n\r\n`);
    socket.end(packed);
  },
};

function drip(socket, drop) {
  const timer = setInterval(() => socket.write(drop), TICK);
  socket.on("close", () => clearInterval(timer));
  socket.on("error", () => clearInterval(timer));
}
