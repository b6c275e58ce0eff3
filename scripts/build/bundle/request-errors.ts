import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter } from 'node:events';

/**
 * What functions-framework uses of `node:domain`: an error that nobody catches ends the request that it belongs to, and not
 * the process. `node:domain` adds a hook to every promise of the process, which made a small file three times as expensive.
 */

const requests = new AsyncLocalStorage<RequestErrors>();

/** In place of a domain. Emits `error`. */
class RequestErrors extends EventEmitter {
  run<Result>(work: () => Result): Result {
    return requests.run(this, work);
  }

  bind<Given extends unknown[], Result>(callback: (...given: Given) => Result): (...given: Given) => Result {
    return (...given) => this.run(() => callback(...given));
  }
}

export const create = (): RequestErrors => new RequestErrors();

// The framework reads it for functions with a callback. Node gives it the rejections that nobody handles.
Object.defineProperty(process, 'domain', { configurable: true, get: () => requests.getStore() ?? null });

process.setUncaughtExceptionCaptureCallback((error) => {
  const request = requests.getStore();
  if (request !== undefined) request.emit('error', error);
  // The process's own listeners are not called while a callback is set.
  else if (!(process as EventEmitter).emit('uncaughtException', error, 'uncaughtException')) throw error;
});
