import { asClientError, type CourierClientError, type FileFailure, failure } from '../errors.ts';
import { findDestination, type SendDependencies } from '../send/send.ts';
import { createConcurrency } from './concurrency.ts';
import { createCounter } from './counter.ts';
import { deliverFile, type FileDependencies } from './deliver-file.ts';
import { createBreaker, endedBy, filesFailed } from './failures.ts';
import { type Listed, listAll, type SendAllInputs } from './files/list.ts';
import { createBlockingPace } from './files/blocking-pace.ts';
import { openManifest } from './manifest.ts';
import { checkedConcurrency, checkOptions, type FileReceipt, type SendAllOptions } from './options.ts';
import { createPool } from './pool.ts';

/** Sends with another exchange, to see its answers. */
export type ConnectWith = (
  watch: (exchange: SendDependencies['exchange']) => SendDependencies['exchange'],
) => SendDependencies;

type Ended = { receipt: FileReceipt } | FileFailure;

const once = <T>(work: () => Promise<T>): (() => Promise<T>) => {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work();
    return result;
  };
};

/**
 * Sends many files, several at the same time, and yields each receipt when it arrives. Files that cannot be delivered do not
 * stop the others.
 * @throws CourierClientError at the end: `files-failed` if some files were not delivered; earlier: an error that all files would
 * get, or `stopped`
 */
export async function* sendAll(
  connect: ConnectWith,
  inputs: SendAllInputs,
  given: SendAllOptions,
  now: () => number,
): AsyncGenerator<FileReceipt, void, undefined> {
  checkOptions(given);
  const max = checkedConcurrency(given.concurrency);
  const ending = new AbortController();
  const signal = given.signal === undefined ? ending.signal : AbortSignal.any([given.signal, ending.signal]);
  const options: SendAllOptions = { ...given, signal };
  const manifest = await openManifest(options);
  const madeUpKey = given.manifest === undefined && given.idempotencyKey === undefined ? manifest.runKey : undefined;
  const concurrency = createConcurrency(max, now);
  const breaker = createBreaker(max);
  const counter = createCounter(inputs, options);
  const sending = connect(concurrency.watch);
  const dependencies: FileDependencies = {
    ...sending,
    manifest,
    now,
    pace: createBlockingPace(),
    defaultFolder: once(async () => (await findDestination(sending, options.destination))?.path ?? ''),
  };
  const failures: FileFailure[] = [];
  let files = 0;
  let fatal: CourierClientError | undefined;

  const deliver = async (listed: Listed | FileFailure): Promise<Ended> => {
    const { file } = listed;
    if ('error' in listed) return listed;
    return deliverFile(listed, dependencies, options, (bytes) => counter.onBytes(file, bytes)).then(
      (receipt) => ({ receipt }),
      (error: unknown) => ({ file, error: asClientError(error) }),
    );
  };

  const onFailure = async (failed: FileFailure): Promise<void> => {
    failures.push(failed);
    await given.onFailure?.(failed);
    if (breaker.onFailure(failed.error)) fatal ??= failed.error;
  };

  const pool = createPool(listAll(inputs, options), deliver, {
    limit: concurrency.limit,
    isOver: () => signal.aborted || fatal !== undefined,
  });
  try {
    for await (const ended of pool) {
      if ('error' in ended && signal.aborted && ended.error.code === 'stopped') continue;
      files += 1;
      const { file, size } = 'receipt' in ended ? ended.receipt : { file: ended.file, size: 0 };
      counter.onDone(file, size);
      if ('error' in ended) {
        await onFailure(ended);
        continue;
      }
      concurrency.onDelivered();
      breaker.onDelivered();
      yield ended.receipt;
    }
    if (signal.aborted) throw endedBy(failure('stopped'), failures, madeUpKey);
    if (fatal !== undefined) throw endedBy(fatal, failures, madeUpKey);
    if (failures.length > 0) throw filesFailed(failures, files, madeUpKey);
  } finally {
    counter.stop();
    ending.abort();
    await pool.settled();
    await manifest.close();
  }
}
