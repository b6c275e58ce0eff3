import { CONFLICT_RULES, CONVERSIONS, OUTCOMES, type Receipt, type SheetReceipt } from '../../domain.ts';
import { ERRORS } from '../../errors.ts';
import type { DestinationSummary, DoctorReport, Readiness, UploadSession } from '../dependencies.ts';
import type { Summary } from '../many/deliver-many.ts';

type Schema = Readonly<Record<string, unknown>>;

const text = (description: string, rest: Schema = {}): Schema => ({ type: 'string', description, ...rest });
const time = (description: string): Schema => text(description, { format: 'date-time' });
const reference = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

/** An object schema that describes every member of a type: a missing or extra member is a compile error. */
const objectOf = <Type>(
  members: Readonly<Record<keyof Required<Type>, Schema>>,
  optional: readonly (keyof Type)[] = [],
): Schema => ({
  type: 'object',
  required: Object.keys(members).filter((name) => !optional.includes(name as keyof Type)),
  properties: members,
});

const receipt = objectOf<Receipt>(
  {
    id: text('The file’s id in Drive.'),
    name: text('The file’s name.'),
    mimeType: text('The media type in Drive. For a conversion, the type of the Google Docs file.'),
    size: { type: 'integer', minimum: 0, description: 'Bytes received.' },
    sha256: {
      type: ['string', 'null'],
      description: 'SHA-256 of the bytes received, in lower-case hex. It equals the checksum in Drive.',
    },
    md5: {
      type: ['string', 'null'],
      description: 'MD5 checksum from Drive, in lower-case hex; null for a conversion.',
    },
    destination: text('The destination’s name.'),
    path: text('Folders below the destination’s folder; "" for that folder itself.'),
    folderId: text('The folder’s id in Drive.'),
    webViewLink: text('The link that opens the file in a browser.', { format: 'uri' }),
    outcome: {
      type: 'string',
      enum: OUTCOMES,
      description: 'What was done. "replayed" returns the receipt of the first delivery with this key.',
    },
    createdTime: time('When the file was created.'),
    modifiedTime: time('When the file was modified.'),
    caller: text('The caller’s email, or its subject if the token has no email.'),
    idempotencyKey: { type: ['string', 'null'], description: 'The key of this delivery.' },
    warnings: {
      type: 'array',
      items: { type: 'string' },
      description:
        'Problems that occurred after the file was stored, such as a failed sharing, or a file that has been put into the trash since.',
    },
    sheet: {
      ...objectOf<SheetReceipt>({
        spreadsheetId: text('The spreadsheet’s id in Drive.'),
        tab: text('The tab’s name.'),
        range: text('The rows, in A1 notation, at the time of the delivery.'),
        rows: { type: 'integer', minimum: 0, description: 'How many rows were put there.' },
        columnsAdded: {
          type: 'array',
          items: { type: 'string' },
          description: 'Names of columns that the tab did not have before.',
        },
      }),
      description: 'Where the rows are, with convertTo=sheet and onConflict=append or replace.',
    },
    account: text(
      'The account that wrote the file: its email, or the name of its credentials. Absent if the destination has only one.',
    ),
    once: {
      const: 'instance',
      description:
        'Only this instance remembers the key, because its ledger is in memory. Absent with a shared ledger.',
    },
  },
  ['warnings', 'sheet', 'account', 'once'],
);

const session = objectOf<UploadSession>({
  id: text('For POST /v1/uploads/{id}/complete.'),
  uploadUrl: text(
    'The URI of Drive’s resumable upload session, to which the caller sends the bytes with PUT. It is a secret: anybody who has it can write the file.',
    { format: 'uri' },
  ),
  expiresTime: time('When the session expires.'),
  chunkGranularity: {
    type: 'integer',
    const: 262_144,
    description: 'The size of every chunk except the last must be a multiple of this many bytes.',
  },
});

const summary = objectOf<DestinationSummary>({
  name: text('The value for the option "destination".'),
  path: text('The default of this option.'),
  onConflict: { type: 'string', enum: CONFLICT_RULES, description: 'The default of this option.' },
  convertTo: {
    type: ['string', 'null'],
    enum: [...CONVERSIONS, null],
    description: 'The default of this option.',
  },
  maxBytes: { type: 'integer', description: 'The maximum size of a file, in bytes.' },
});

const check = objectOf<DoctorReport['destinations'][string]['checks'][number]>(
  {
    check: text('What was checked.'),
    result: { type: 'string', enum: ['passed', 'warned', 'failed', 'skipped'] },
    detail: text('What was found.'),
    remedy: text('What to do.'),
  },
  ['remedy'],
);

const doctorReport = objectOf<DoctorReport>({
  ok: { type: 'boolean', description: 'False if a check fails.' },
  findings: {
    type: 'array',
    description: 'What needs action, failures first. A finding that several destinations share is listed once.',
    items: objectOf<DoctorReport['findings'][number]>(
      {
        check: text('What was checked.'),
        result: { enum: ['failed', 'warned'] },
        detail: text('What was found.'),
        remedy: text('What to do.'),
        destinations: { type: 'array', items: text('The name of a destination with this finding.') },
      },
      ['remedy'],
    ),
  },
  destinations: {
    type: 'object',
    additionalProperties: objectOf<DoctorReport['destinations'][string]>({
      ok: { type: 'boolean' },
      checks: { type: 'array', items: check },
    }),
  },
});

const readiness = objectOf<Readiness>({
  ok: { type: 'boolean' },
  findings: {
    type: 'array',
    items: objectOf<Readiness['findings'][number]>({
      check: text('The check that fails, by its name in the doctor’s report.'),
      detail: text('What is wrong, in general terms: it contains no names of this installation.'),
    }),
  },
});

const problem: Schema = {
  type: 'object',
  description: 'A problem document (RFC 9457).',
  required: ['type', 'title', 'status', 'code', 'detail', 'remedy', 'retryable', 'requestId'],
  properties: {
    type: text('A URI that identifies the code.', { format: 'uri' }),
    title: text('What the code means.'),
    status: { type: 'integer' },
    code: { type: 'string', enum: Object.keys(ERRORS), description: 'Stable: programs should compare this.' },
    detail: text('What was wrong with this request.'),
    remedy: text('What to do.'),
    retryable: { type: 'boolean', description: 'True when the same request may succeed later.' },
    requestId: text('Identifies the request in the operator’s log.'),
    reason: text('The exact cause within the code: of sheet-shape and sheet-full. docs/sheets.md lists them.'),
  },
};

const count = (description: string): Schema => ({ type: 'integer', minimum: 0, description });

const manySummary = objectOf<Summary>(
  {
    delivered: count('Files with a receipt.'),
    outcomes: {
      type: 'object',
      description: 'How many receipts have each outcome.',
      propertyNames: { enum: OUTCOMES },
      additionalProperties: { type: 'integer' },
    },
    failed: count('Lines with a problem.'),
    ignored: count('Folders, placeholders of folders, and files that macOS adds to archives.'),
    complete: { type: 'boolean', description: 'False if not everything was reached; "problem" has the reason.' },
    retryable: { type: 'boolean', description: 'True if the same request may deliver more later.' },
    problem: reference('Problem'),
  },
  ['problem'],
);

/** What a line of a response for many files is about. */
const origin: Schema = {
  type: 'object',
  properties: {
    entry: text('The entry of the archive.'),
    object: text('The object in Cloud Storage, gs://bucket/object#generation.'),
  },
};

const line: Schema = {
  description: 'One line of a response for many files. The last line is the summary.',
  oneOf: [
    { allOf: [reference('Receipt'), origin] },
    { allOf: [reference('Problem'), origin] },
    { type: 'object', required: ['summary'], properties: { summary: reference('Summary') } },
  ],
};

/** https://cloud.google.com/pubsub/docs/push#receive_push */
const push: Schema = {
  type: 'object',
  description: 'A wrapped Pub/Sub push. docs/pubsub-and-buckets.md describes the messages.',
  required: ['message', 'subscription'],
  properties: {
    message: {
      type: 'object',
      required: ['messageId'],
      properties: {
        data: text('The message’s data.', { contentEncoding: 'base64' }),
        attributes: { type: 'object', additionalProperties: { type: 'string' } },
        messageId: { type: 'string' },
        publishTime: { type: 'string', format: 'date-time' },
        orderingKey: { type: 'string' },
      },
    },
    subscription: text('projects/PROJECT/subscriptions/NAME'),
    deliveryAttempt: { type: 'integer' },
  },
};

export const ANSWERS = {
  Receipt: receipt,
  UploadSession: session,
  Destination: summary,
  DoctorReport: doctorReport,
  Readiness: readiness,
  Problem: problem,
  Line: line,
  Summary: manySummary,
  Push: push,
} as const;
