import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A connection on which the test sends every byte itself. */
export interface RawSocket {
  socket: Socket;
  write(bytes: string | Uint8Array): Promise<void>;
  /** The data received so far. */
  received(): Buffer;
  /**
   * Waits until the received data match. Fails if the connection ends first. The data come in pieces of any length, so the
   * pattern must not take long for data that do not match yet.
   */
  until(match: RegExp | ((text: string) => boolean)): Promise<string>;
  /** Resolves when the peer has closed or reset the connection. */
  ended: Promise<void>;
}

export const openSocket = async (port: number): Promise<RawSocket> => {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  let bytes = Buffer.alloc(0);
  let over = false;
  const changed = new Set<() => void>();
  const notify = (): void => {
    for (const look of [...changed]) look();
  };
  socket.on('data', (piece: Buffer) => {
    bytes = Buffer.concat([bytes, piece]);
    notify();
  });
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      over = true;
      notify();
      resolve();
    };
    // A reset also counts as the end.
    socket.on('end', end).on('close', end).on('error', end);
  });
  return {
    socket,
    ended,
    received: () => bytes,
    write: (more) => new Promise((resolve) => socket.write(more, () => resolve())),
    until: (match) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const text = bytes.toString('latin1');
          if (match instanceof RegExp ? match.test(text) : match(text)) resolve(text);
          else if (over) reject(new Error(`the connection ended with ${JSON.stringify(text)}`));
          else return;
          changed.delete(look);
        };
        changed.add(look);
        look();
      }),
  };
};
