import { badRequest, DriveError } from '../errors.ts';

const G = 'application/vnd.google-apps.';
const OOXML = 'application/vnd.openxmlformats-officedocument.';
const ODF = 'application/vnd.oasis.opendocument.';

const TO_DOCUMENT = [
  'text/plain',
  'text/html',
  'text/rtf',
  'text/richtext',
  'text/markdown',
  'application/rtf',
  'application/msword',
  `${OOXML}wordprocessingml.document`,
  `${ODF}text`,
  'application/pdf',
  'image/png',
  'image/jpeg',
  'image/gif',
];
const TO_SPREADSHEET = [
  'text/csv',
  'text/tab-separated-values',
  'application/vnd.ms-excel',
  `${OOXML}spreadsheetml.sheet`,
  `${ODF}spreadsheet`,
];
const TO_PRESENTATION = [
  'application/vnd.ms-powerpoint',
  `${OOXML}presentationml.presentation`,
  `${OOXML}presentationml.slideshow`,
  `${ODF}presentation`,
];

const importsTo = (target: string, sources: readonly string[]): [string, string[]][] =>
  sources.map((source) => [source, [`${G}${target}`]]);

/** `about.importFormats`: which media types become which Docs editors types. Source: guides/manage-uploads ("Import to Google Docs types"). */
export const IMPORT_FORMATS: Readonly<Record<string, string[]>> = Object.fromEntries([
  ...importsTo('document', TO_DOCUMENT),
  ...importsTo('spreadsheet', TO_SPREADSHEET),
  ...importsTo('presentation', TO_PRESENTATION),
  ...importsTo('script', ['application/vnd.google-apps.script+json']),
]);

/** `about.exportFormats`. Source: guides/ref-export-formats. */
export const EXPORT_FORMATS: Readonly<Record<string, string[]>> = {
  [`${G}document`]: [
    'application/rtf',
    `${ODF}text`,
    'text/html',
    'application/pdf',
    'text/markdown',
    'application/epub+zip',
    'application/zip',
    `${OOXML}wordprocessingml.document`,
    'text/plain',
  ],
  [`${G}spreadsheet`]: [
    `${ODF}spreadsheet`,
    'text/tab-separated-values',
    'application/pdf',
    `${OOXML}spreadsheetml.sheet`,
    'text/csv',
    'application/zip',
  ],
  [`${G}presentation`]: [`${ODF}presentation`, 'application/pdf', `${OOXML}presentationml.presentation`, 'text/plain'],
  [`${G}drawing`]: ['image/svg+xml', 'image/png', 'application/pdf', 'image/jpeg'],
};

/** `about.maxImportSizes`, in bytes as text. Source: an about.get answer; documents 50 MB, spreadsheets and presentations 100 MB. */
export const MAX_IMPORT_SIZES: Readonly<Record<string, string>> = {
  [`${G}document`]: '52428800',
  [`${G}spreadsheet`]: '104857600',
  [`${G}presentation`]: '104857600',
  [`${G}drawing`]: '2097152',
};

/**
 * Checks that Drive converts these bytes to that type.
 * @param size bytes, undefined while unknown
 * @throws DriveError 400
 */
export function checkImport(sourceType: string, targetType: string, size: number | undefined): void {
  const source = sourceType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (IMPORT_FORMATS[source]?.includes(targetType) !== true)
    throw badRequest('The requested conversion is not supported.', 'conversionUnsupportedConversionPath');
  const limit = Number(MAX_IMPORT_SIZES[targetType] ?? Number.POSITIVE_INFINITY);
  if (size !== undefined && size > limit)
    throw new DriveError(413, 'The file is too large to be converted to the requested output type.', {
      reason: 'uploadTooLarge',
    });
}
