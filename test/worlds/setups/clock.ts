import type { World } from '../visit.ts';
import { NO_PUBSUB, QUIET } from './expected.ts';

/** A clock that is slow or fast. */
export const CLOCK_WORLDS: readonly World[] = [
  {
    name: 'the clock is ten minutes slow',
    googleAheadMs: 600_000,
    finds: {
      ...QUIET,
      clock: { result: 'failed', detail: /^The clock is (599|60[01]) s behind Google's/, remedy: /set-ntp true/ },
    },
  },
  {
    name: 'the clock is ten minutes fast',
    googleAheadMs: -600_000,
    finds: {
      ...NO_PUBSUB,
      clock: {
        result: 'failed',
        detail: /^The clock is (599|60[01]) s ahead of Google's/,
        remedy: /timedatectl set-ntp true/,
      },
      token: { result: 'failed', detail: /clock is off/, remedy: /Synchronize the clock/ },
    },
  },
  {
    name: 'the clock is two minutes fast',
    googleAheadMs: -120_000,
    finds: {
      ...QUIET,
      clock: { result: 'warned', detail: /^The clock is 1(19|2[01]) s ahead of Google's/, remedy: /timedatectl/ },
    },
  },
];
