import { enteredCell } from './entered.ts';
import { type Cell, isRich, type RichCell, type Scalar, plainValue } from './model.ts';
import { effectiveValue, formattedValue, isNotEvaluated, NOT_EVALUATED } from './rendered.ts';

/** `ExtendedValue` */
interface ExtendedValue {
  numberValue?: number;
  stringValue?: string;
  boolValue?: boolean;
  formulaValue?: string;
  errorValue?: unknown;
}

/** The members of a `CellData` in requests that are stored. */
export interface CellData {
  userEnteredValue?: ExtendedValue | null;
  userEnteredFormat?: Record<string, unknown> | null;
  note?: string | null;
}

/** The members of `CellData` that are stored. All others answer 501 when a field mask names them. */
export const STORED_FIELDS = ['userEnteredValue', 'userEnteredFormat', 'note'];

const extended = (value: Scalar): ExtendedValue => {
  if (typeof value === 'string') return { stringValue: value };
  return typeof value === 'number' ? { numberValue: value } : { boolValue: value };
};

/** A cell as answers show it. Formats are shown as they were entered, without inherited and default ones. */
export function cellDataOf(cell: Cell | undefined): Record<string, unknown> {
  if (cell === undefined || cell === null) return {};
  const { formula, format, note }: RichCell = isRich(cell) ? cell : {};
  const value = plainValue(cell);
  const effective = effectiveValue(cell);
  const entered = formula !== undefined ? { formulaValue: formula } : value === undefined ? undefined : extended(value);
  const shown = formattedValue(cell);
  return {
    userEnteredValue: entered,
    effectiveValue: isNotEvaluated(cell)
      ? { errorValue: NOT_EVALUATED }
      : effective === undefined
        ? undefined
        : extended(effective),
    formattedValue: entered === undefined ? undefined : shown,
    userEnteredFormat: format,
    effectiveFormat: format,
    note,
  };
}

/** The simplest form of a cell, which takes the least memory. */
function simplified({ value, formula, format, note }: RichCell): Cell {
  const hasFormat = format !== undefined && Object.keys(format).length > 0;
  if (formula === undefined && !hasFormat && !note) return value ?? null;
  return {
    ...(value === undefined ? {} : { value }),
    ...(formula === undefined ? {} : { formula }),
    ...(hasFormat ? { format } : {}),
    ...(note ? { note } : {}),
  };
}

/** A text value is never parsed: `stringValue: "=1"` is the text. A formula without `=` is taken as text. */
function valueOfExtended(value: ExtendedValue | null | undefined): Pick<RichCell, 'value' | 'formula'> {
  if (value === null || value === undefined) return {};
  if (typeof value.formulaValue === 'string')
    return value.formulaValue.startsWith('=') ? { formula: value.formulaValue } : { value: value.formulaValue };
  const plain = value.stringValue ?? value.numberValue ?? value.boolValue;
  return plain === undefined || plain === '' ? {} : { value: plain };
}

const partsOf = (cell: Cell | undefined): RichCell => {
  if (cell === undefined || cell === null) return {};
  return isRich(cell) ? cell : { value: cell };
};

/** Sets or clears a member of nested objects at a path, without changing the given object. */
function withMember(
  object: Readonly<Record<string, unknown>> | undefined,
  [name = '', ...rest]: readonly string[],
  value: unknown,
): Record<string, unknown> | undefined {
  const { [name]: old, ...others } = object ?? {};
  const inner = rest.length === 0 ? value : withMember((old as Record<string, unknown> | undefined) ?? {}, rest, value);
  if (inner === undefined || inner === null) return Object.keys(others).length === 0 ? undefined : others;
  return { ...others, [name]: inner };
}

const at = (object: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, name) => (inner as Record<string, unknown> | null | undefined)?.[name], object);

/**
 * The cell after a request: members in the mask are replaced, or cleared when the request lacks them. The other members stay.
 * @param paths of the mask, e.g. `['userEnteredFormat', 'numberFormat']`
 */
export function mergedCell(old: Cell | undefined, data: CellData, paths: readonly (readonly string[])[]): Cell {
  let { value, formula, format, note }: RichCell = partsOf(old);
  for (const [name, ...rest] of paths) {
    if (name === 'userEnteredValue')
      ({ value, formula } = { value: undefined, formula: undefined, ...valueOfExtended(data.userEnteredValue) });
    if (name === 'note') note = data.note ?? undefined;
    if (name === 'userEnteredFormat')
      format =
        rest.length === 0
          ? (data.userEnteredFormat ?? undefined)
          : withMember(format, rest, at(data.userEnteredFormat, rest));
  }
  return simplified({
    ...(value === undefined ? {} : { value }),
    ...(formula === undefined ? {} : { formula }),
    ...(format === undefined ? {} : { format }),
    ...(note === undefined ? {} : { note }),
  });
}

/**
 * The cell after a value of a ValueRange was written: the value changes, format and note stay. Null leaves a cell as it is.
 * @throws nothing; lists and objects are rejected before
 */
export function writtenCell(old: Cell | undefined, value: unknown, option: 'RAW' | 'USER_ENTERED'): Cell {
  if (value === null || value === undefined) return old ?? null;
  const entered =
    typeof value === 'string' && option === 'USER_ENTERED'
      ? enteredCell(value)
      : value === ''
        ? null
        : (value as Scalar);
  const { format, note } = partsOf(old);
  const fresh = partsOf(entered);
  return simplified({
    ...fresh,
    ...(format === undefined ? {} : { format: fresh.format === undefined ? format : { ...fresh.format, ...format } }),
    ...(note === undefined ? {} : { note }),
  });
}
