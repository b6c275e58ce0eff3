// node merge.mjs WANTED EXISTING [CHANNEL]
// Compares the wanted dashboard, metric or policy (a JSON file) with the existing one. Prints nothing if they are the same,
// else the JSON for the update. The update keeps what operators set by hand: channels, other labels, and whether a policy is enabled.
import { readFileSync } from 'node:fs';

const [wantedPath, existingPath, channel] = process.argv.slice(2);
const wanted = JSON.parse(readFileSync(wantedPath, 'utf8'));
const existing = JSON.parse(readFileSync(existingPath, 'utf8'));

/** Google omits fields that have their default value. */
const isDefault = (value) =>
  value === undefined ||
  value === null ||
  value === false ||
  value === '' ||
  Number(value) === 0 ||
  (typeof value === 'object' && Object.keys(value).length === 0);

/** True if the existing value has every wanted field. Google may have added others, such as names, times and an etag. */
const isAs = (want, have) => {
  if (Array.isArray(want)) {
    if (want.length === 0) return isDefault(have);
    return Array.isArray(have) && have.length === want.length && want.every((each, at) => isAs(each, have[at]));
  }
  if (typeof want === 'object' && want !== null)
    return Object.entries(want).every(([key, value]) => isAs(value, have?.[key]));
  // Google's JSON has 64-bit numbers as strings.
  return have === undefined || have === null ? isDefault(want) : String(want) === String(have);
};

const channels = [...new Set([...(existing.notificationChannels ?? []), ...(channel ? [channel] : [])])];
const hasChannel = !channel || (existing.notificationChannels ?? []).includes(channel);

/**
 * Keeps the resource names of conditions, because a condition that keeps its name keeps its incidents. A single condition is
 * the same one, whatever its title.
 */
const withNames = (conditions) =>
  conditions.map((condition) => {
    const isOnly = conditions.length === 1 && existing.conditions?.length === 1;
    const same = existing.conditions?.find(({ displayName }) => isOnly || displayName === condition.displayName);
    return same?.name === undefined ? condition : { name: same.name, ...condition };
  });

if (!isAs(wanted, existing) || !hasChannel) {
  const { name, etag, enabled } = existing;
  const kept = { name, etag, enabled, ...(channels.length > 0 ? { notificationChannels: channels } : {}) };
  const conditions = wanted.conditions === undefined ? {} : { conditions: withNames(wanted.conditions) };
  const userLabels =
    wanted.userLabels === undefined ? {} : { userLabels: { ...existing.userLabels, ...wanted.userLabels } };
  process.stdout.write(`${JSON.stringify({ ...kept, ...wanted, ...conditions, ...userLabels }, undefined, 2)}\n`);
}
