const NUMBER = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?)(\d{1,3}))?$/;

/** Digits without zeros at both ends, and the power of ten of the last one. */
const decimalOf = (whole: string, fraction: string, exponent: number): { digits: string; power: number } => {
  const all = `${whole}${fraction}`.replace(/^0+/, '');
  let end = all.length;
  while (all[end - 1] === '0') end -= 1;
  const digits = all.slice(0, end);
  return { digits, power: digits === '' ? 0 : exponent - fraction.length + all.length - digits.length };
};

const decimalOfText = (text: string): { digits: string; power: number } | undefined => {
  const [, , whole, fraction = '', sign = '', exponent = '0'] = NUMBER.exec(text) ?? [];
  return whole === undefined ? undefined : decimalOf(whole, fraction, Number(`${sign}${exponent}`));
};

/**
 * The number in a text, if a double represents it exactly: the shortest decimal of the double is the same number. Otherwise
 * the number would change, so the text stays a text: leading zeros, a plus sign, more than about 16 digits, thousands
 * separators.
 */
export const numberOf = (text: string): number | undefined => {
  const written = text.length > 400 ? undefined : decimalOfText(text);
  if (written === undefined) return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || (text.startsWith('-') && value === 0)) return undefined;
  const kept = decimalOfText(String(value));
  return kept?.digits === written.digits && kept.power === written.power ? value : undefined;
};
