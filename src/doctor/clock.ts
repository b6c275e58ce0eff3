import type { DoctorDependencies } from './dependencies.ts';
import { type Check, failed, passed, warned } from './report.ts';

/** Small, public, and at Google's front end. */
const ANY_ANSWER = 'https://www.googleapis.com/oauth2/v3/certs';

/** Google refuses signed assertions beyond five minutes; a minute is more than any synchronized clock is off. */
const REFUSED_BEYOND_MS = 300_000;
const ODD_BEYOND_MS = 60_000;

const SET_CLOCK =
  'Set the clock of the machine: sudo timedatectl set-ntp true (a container has the clock of its machine)';

/** How far this clock is from Google's, by the `Date` header of an answer: full seconds, and as old as the answer's way. */
export const checkClock = async (
  { transport, now }: Pick<DoctorDependencies, 'transport' | 'now'>,
  deadlineMs: number,
): Promise<Check> => {
  const startedMs = now();
  const response = await transport
    .send({ operation: 'google.date', method: 'GET', url: ANY_ANSWER, retry: 'idempotent', deadlineMs })
    .catch(() => undefined);
  const googleMs = Date.parse(response?.headers.date ?? '');
  if (Number.isNaN(googleMs))
    return failed(
      'clock',
      'www.googleapis.com does not answer.',
      'Let this machine reach Google: curl -sSI https://www.googleapis.com/oauth2/v3/certs',
    );
  const offMs = (startedMs + now()) / 2 - googleMs;
  const seconds = Math.round(Math.abs(offMs) / 1_000);
  const detail = `${seconds} s ${offMs < 0 ? 'behind' : 'ahead of'} Google's.`;
  if (Math.abs(offMs) > REFUSED_BEYOND_MS) return failed('clock', detail, SET_CLOCK);
  return Math.abs(offMs) > ODD_BEYOND_MS ? warned('clock', detail, SET_CLOCK) : passed('clock', detail);
};
