import type { Destination } from '../../delivery/resolve-options.ts';
import { lookAtRule } from '../../delivery/retention.ts';
import type { CallContext } from '../../drive/drive.ts';
import { asCourierError } from '../../errors.ts';
import { type Check, failedWith, passed } from '../report.ts';

const MAX_NAMES = 10;

const describe = (names: readonly string[]): string => {
  const more = names.length - MAX_NAMES;
  return `${names.slice(0, MAX_NAMES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
};

/** What the retention would do now. Nothing is moved to the trash. */
export const checkRetention = async (
  destination: Pick<Destination, 'name' | 'config' | 'drive'>,
  context: CallContext,
): Promise<Check> => {
  const lines: string[] = [];
  try {
    for (const rule of destination.config.keep) {
      const { files, expired } = await lookAtRule(destination, rule, context);
      const names = expired.map(({ name }) => name);
      const what = names.length === 0 ? 'none' : `${names.length} (${describe(names)})`;
      lines.push(`${rule.path}: of ${files.length} files, the next deliveries move ${what} to the trash.`);
    }
  } catch (thrown) {
    return failedWith('retention', asCourierError(thrown));
  }
  return passed('retention', lines.join(' '));
};
