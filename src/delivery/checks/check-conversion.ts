import type { Conversion } from '../../domain.ts';
import type { CallContext, Drive } from '../../drive/drive.ts';
import { joinWork } from '../../drive/shared-work.ts';
import { CourierError } from '../../errors.ts';

type Imports = Awaited<ReturnType<Drive['imports']>>;

/** Drive's own types (https://developers.google.com/workspace/drive/api/guides/mime-types). */
export const DOCS_TYPES: Readonly<Record<Conversion, string>> = {
  sheet: 'application/vnd.google-apps.spreadsheet',
  doc: 'application/vnd.google-apps.document',
  slides: 'application/vnd.google-apps.presentation',
};

/** Google changes these lists a few times a year. */
const CACHE_MS = 3_600_000;

interface Known {
  imports: Promise<Imports>;
  expiresAtMs: number;
}

/** What each account's Drive converts; forgotten together with the Drive. */
const known = new WeakMap<Pick<Drive, 'imports'>, Known>();

const importsOf = (
  drive: Pick<Drive, 'imports'>,
  { callStats, signal }: CallContext,
  nowMs: number,
): Promise<Imports> => {
  const cached = known.get(drive);
  if (cached !== undefined && nowMs < cached.expiresAtMs) return joinWork(cached.imports, signal);
  // Counted for the one who asked first, but not ended with it: others wait for the same call.
  const imports = drive.imports({ callStats });
  const asked = { imports, expiresAtMs: nowMs + CACHE_MS };
  known.set(drive, asked);
  imports.catch(() => {
    if (known.get(drive) === asked) known.delete(drive);
  });
  return joinWork(imports, signal);
};

/** `Text/CSV; charset=utf-8` → `text/csv` */
const essence = (mimeType: string): string => (mimeType.split(';')[0] ?? '').trim().toLowerCase();

const refused = (detail: string): CourierError => new CourierError('conversion-refused', { detail });

/**
 * Drive's type for a conversion that Drive offers for these bytes.
 * @param size bytes; undefined while unknown; Drive then rejects a file that is too large
 * @param now epoch milliseconds
 * @throws CourierError `conversion-refused` with the reason, before a byte goes out
 */
export const checkConversion = async ({
  drive,
  mimeType,
  size,
  convertTo,
  context,
  now = Date.now,
}: {
  drive: Pick<Drive, 'imports'>;
  mimeType: string;
  size: number | undefined;
  convertTo: Conversion;
  context: CallContext;
  now?: () => number;
}): Promise<string> => {
  const target = DOCS_TYPES[convertTo];
  const type = essence(mimeType);
  const { formats, maxSizes } = await importsOf(drive, context, now());
  const offered = Object.hasOwn(formats, type) ? (formats[type] ?? []) : [];
  if (!offered.includes(target)) {
    const others = Object.entries(DOCS_TYPES).filter(([, name]) => offered.includes(name));
    const instead = others.length === 0 ? 'nothing' : others.map(([name]) => `"${name}"`).join(', ');
    throw refused(`Drive does not convert ${type || 'a file without a type'} to "${convertTo}"; it offers ${instead}.`);
  }
  const most = Object.hasOwn(maxSizes, target) ? maxSizes[target] : undefined;
  if (size !== undefined && most !== undefined && size > most) {
    throw refused(`The file has ${size} bytes; Drive converts at most ${most} to "${convertTo}".`);
  }
  return target;
};
