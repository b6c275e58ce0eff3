/**
 * More combining marks in a row than any text has: Unicode's Stream-Safe Text Format allows 30
 * (https://www.unicode.org/reports/tr15/#Stream_Safe_Text_Format). To normalize them, they are sorted in quadratic time: 50,000
 * take more than a second.
 */
const LONG_RUN = /\p{M}{31}/u;

/** UTF-16 units. Shorter texts are normalized quickly, whatever they contain. */
const SHORT_UNITS = 2_048;

/** The text in Unicode's normal form NFC, in linear time: a long one with a long run of combining marks stays as it is. */
export const normalized = (text: string): string =>
  text.length <= SHORT_UNITS || !LONG_RUN.test(text) ? text.normalize('NFC') : text;
