import type { DoctorDependencies } from '../dependencies.ts';
import { type Check, failed, passed, warned } from '../report.ts';

/** A small public file on Google's front end. */
const PUBLIC_URL = 'https://www.googleapis.com/oauth2/v3/certs';

/** Google rejects signed assertions whose time is off by more than five minutes. Synchronized clocks are off by less than one. */
const MAX_OFFSET_MS = 300_000;
const WARN_OFFSET_MS = 60_000;

const SET_CLOCK =
  'Synchronize the clock of the machine: sudo timedatectl set-ntp true (a container uses the clock of its machine)';

/** The offset of this clock from Google's, from the `Date` header of an answer. It is as exact as the answer's delay allows. */
export const checkClock = async (
  { transport, wall }: Pick<DoctorDependencies, 'transport' | 'wall'>,
  deadlineMs: number,
): Promise<Check> => {
  const startedMs = wall();
  const response = await transport
    .send({ operation: 'google.date', method: 'GET', url: PUBLIC_URL, retry: 'idempotent', deadlineMs })
    .catch(() => undefined);
  const googleMs = Date.parse(response?.headers.date ?? '');
  if (Number.isNaN(googleMs))
    return failed(
      'clock',
      'www.googleapis.com does not answer.',
      'Allow this machine to reach Google: curl -sSI https://www.googleapis.com/oauth2/v3/certs',
    );
  const offMs = (startedMs + wall()) / 2 - googleMs;
  const seconds = Math.round(Math.abs(offMs) / 1_000);
  const detail = `The clock is ${seconds} s ${offMs < 0 ? 'behind' : 'ahead of'} Google's.`;
  if (Math.abs(offMs) > MAX_OFFSET_MS) return failed('clock', detail, SET_CLOCK);
  return Math.abs(offMs) > WARN_OFFSET_MS ? warned('clock', detail, SET_CLOCK) : passed('clock', detail);
};
