import { setImmediate as turn } from 'node:timers/promises';
import type { Sleep } from '../../src/sleep.ts';

interface Event {
  dueMs: number;
  fire(): void;
}

/** Simulated time: it moves from one event to the next, so an hour takes as long as its events take to run. */
export interface VirtualTime {
  /** Milliseconds since the start of the simulation. */
  now(): number;
  sleep: Sleep;
  at(dueMs: number, fire: () => void): void;
  /** Runs all events that are due until then, and everything that follows from them. */
  run(untilMs: number): Promise<void>;
}

/** A binary heap: the earliest event is at index 0. */
const createHeap = () => {
  const events: Event[] = [];
  const dueAt = (index: number): number => events[index]?.dueMs ?? Number.POSITIVE_INFINITY;
  const swap = (one: number, other: number): void => {
    const [first, second] = [events[one], events[other]];
    if (first === undefined || second === undefined) return;
    events[one] = second;
    events[other] = first;
  };
  return {
    earliestMs: () => dueAt(0),
    add(event: Event): void {
      let index = events.push(event) - 1;
      while (index > 0 && dueAt((index - 1) >> 1) > event.dueMs) {
        swap(index, (index - 1) >> 1);
        index = (index - 1) >> 1;
      }
    },
    take(): Event | undefined {
      swap(0, events.length - 1);
      const earliest = events.pop();
      for (let index = 0; ; ) {
        const left = 2 * index + 1;
        const child = dueAt(left + 1) < dueAt(left) ? left + 1 : left;
        if (dueAt(child) >= dueAt(index)) return earliest;
        swap(index, child);
        index = child;
      }
    },
  };
};

export const createVirtualTime = (): VirtualTime => {
  const heap = createHeap();
  let nowMs = 0;
  return {
    now: () => nowMs,
    at: (dueMs, fire) => heap.add({ dueMs: Math.max(dueMs, nowMs), fire }),
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        heap.add({ dueMs: nowMs + Math.max(0, milliseconds), fire: resolve });
      }),
    async run(untilMs) {
      while (heap.earliestMs() <= untilMs) {
        nowMs = heap.earliestMs();
        // Events of one moment are independent of each other, so they share a turn of the event loop.
        while (heap.earliestMs() === nowMs) heap.take()?.fire();
        await turn();
      }
      nowMs = untilMs;
    },
  };
};
