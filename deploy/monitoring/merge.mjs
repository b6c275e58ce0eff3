// node merge.mjs WANTED EXISTING [CHANNEL]
// Compares a dashboard, a metric or a policy as it is to be (a JSON file) with how Google has it. Prints nothing when they are
// the same; else the JSON to update it with, in which what an operator has set by hand is kept: channels, and whether it is on.
import { readFileSync } from 'node:fs';

const [wantedPath, existingPath, channel] = process.argv.slice(2);
const wanted = JSON.parse(readFileSync(wantedPath, 'utf8'));
const existing = JSON.parse(readFileSync(existingPath, 'utf8'));

/** Google leaves out what has its default. */
const isDefault = (value) =>
  value === undefined ||
  value === null ||
  value === false ||
  value === '' ||
  Number(value) === 0 ||
  (typeof value === 'object' && Object.keys(value).length === 0);

/** True where everything that is wanted is there. Google may have added to it: names, times, an etag. */
const isAs = (want, have) => {
  if (Array.isArray(want)) {
    if (want.length === 0) return isDefault(have);
    return Array.isArray(have) && have.length === want.length && want.every((each, at) => isAs(each, have[at]));
  }
  if (typeof want === 'object' && want !== null)
    return Object.entries(want).every(([key, value]) => isAs(value, have?.[key]));
  // 64-bit numbers come as text.
  return have === undefined || have === null ? isDefault(want) : String(want) === String(have);
};

const channels = [...new Set([...(existing.notificationChannels ?? []), ...(channel ? [channel] : [])])];
const hasChannel = !channel || (existing.notificationChannels ?? []).includes(channel);

/** A condition that keeps its name keeps its incidents. */
const withNames = (conditions) =>
  conditions.map((condition) => {
    const same = existing.conditions?.find(({ displayName }) => displayName === condition.displayName);
    return same?.name === undefined ? condition : { name: same.name, ...condition };
  });

if (!isAs(wanted, existing) || !hasChannel) {
  const { name, etag, enabled } = existing;
  const kept = { name, etag, enabled, ...(channels.length > 0 ? { notificationChannels: channels } : {}) };
  const conditions = wanted.conditions === undefined ? {} : { conditions: withNames(wanted.conditions) };
  process.stdout.write(`${JSON.stringify({ ...kept, ...wanted, ...conditions }, undefined, 2)}\n`);
}
