import { IncomingMessage, type ServerResponse } from 'node:http';
import { durationOf, pause } from './pause.ts';

const SLICE_BYTES = 16 * 1024;

export function* slicesOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) yield bytes.subarray(at, at + SLICE_BYTES);
}

/** The same request with a body that arrives slowly, or that breaks off after a number of bytes. */
export function hamperedRequest(
  request: IncomingMessage,
  response: ServerResponse,
  { bytesPerSecond, breakAfterBytes }: { bytesPerSecond?: number | undefined; breakAfterBytes?: number | undefined },
): IncomingMessage {
  const { socket } = request;
  const relayed = new IncomingMessage(socket);
  const { method, url, headers, rawHeaders, httpVersion, httpVersionMajor, httpVersionMinor } = request;
  Object.assign(relayed, { method, url, headers, rawHeaders, httpVersion, httpVersionMajor, httpVersionMinor });
  let wanted = (): void => undefined;
  relayed._read = () => wanted();
  const whenWanted = (): Promise<void> =>
    new Promise((resolve) => {
      wanted = resolve;
      relayed.once('close', resolve);
    });

  // The answer was sent before the body was read completely. Discard the rest, so that the connection can be reused.
  let unwanted = false;
  response.once('finish', () => {
    unwanted = true;
    wanted();
  });

  const pump = async (): Promise<void> => {
    let passed = 0;
    if (breakAfterBytes === 0) return void socket.destroy();
    for await (const chunk of request as AsyncIterable<Buffer>) {
      for (const slice of slicesOf(chunk)) {
        if (unwanted) break;
        if (bytesPerSecond !== undefined) await pause(durationOf(slice.length, bytesPerSecond));
        const allowed = breakAfterBytes === undefined ? slice : slice.subarray(0, breakAfterBytes - passed);
        passed += allowed.length;
        const ready = relayed.push(allowed);
        if (passed === breakAfterBytes) {
          // Wait one turn of the event loop, so that the service has seen the bytes before the connection breaks.
          await pause(5);
          return void socket.destroy();
        }
        if (!ready && !unwanted) await whenWanted();
        unwanted ||= relayed.destroyed;
      }
    }
    relayed.complete = true;
    relayed.push(null);
  };
  const broken = (): void => {
    if (!relayed.complete) relayed.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
  };
  socket.once('close', broken);
  relayed.once('close', () => socket.off('close', broken));
  // Without a listener, this error would crash the process. A broken request is not an error of this server.
  relayed.on('error', () => undefined);
  pump().catch(broken);
  return relayed;
}
