import { html, type Markup } from './markup.ts';

/** A sheet of paper with a folded corner, and `inner` drawn on it. */
const sheet = (
  kind: string,
  inner: Markup,
): Markup => html`<svg class="icon ${kind}" viewBox="0 0 24 24" aria-hidden="true">
<path class="fill" d="M6 2h8l5 5v13a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2z"/><path class="fold" d="M14 2l5 5h-5z"/>${inner}</svg>`;

const LINES = html`<path class="ink" d="M7.5 11h8v1.5h-8zm0 3h8v1.5h-8zm0 3h5v1.5h-5z"/>`;
const GRID = html`<path class="ink" d="M7 10.5h9v8H7zm1.5 1.5v1.2h2.2V12zm3.7 0v1.2h2.3V12zm-3.7 2.6v1.1h2.2v-1.1zm3.7 0v1.1h2.3v-1.1zm-3.7 2.5v.9h2.2v-.9zm3.7 0v.9h2.3v-.9z"/>`;
const SLIDE = html`<path class="ink" d="M7 11h9v6.5H7zm1.4 1.4v3.7h6.2v-3.7z"/>`;
const PICTURE = html`<path class="ink" d="M7 18l2.6-4 1.9 2.4 1.6-2L16 18z"/><circle class="ink" cx="9" cy="11.4" r="1.1"/>`;
const PLAY = html`<path class="ink" d="M9.5 10.5v7l5.5-3.5z"/>`;
const ZIP = html`<path class="ink" d="M9.5 8h1.5v1.5H9.5zm1.5 1.5h1.5V11H11zM9.5 11H11v1.5H9.5zm1.5 1.5h1.5V14H11zM9.3 15h3.4v3.5H9.3zm1.1 1.5v.9h1.2v-.9z"/>`;
const BRACES = html`<path class="ink" d="M9.8 10.2L6.6 14l3.2 3.8 1.1-1-2.4-2.8 2.4-2.8zm3.4 0l-1.1 1 2.4 2.8-2.4 2.8 1.1 1 3.2-3.8z"/>`;
const PDF = html`<text class="ink" x="11.5" y="17.6" text-anchor="middle" font-size="6" font-weight="700" font-family="sans-serif">PDF</text>`;

const folder = (kind: string): Markup => html`<svg class="icon ${kind}" viewBox="0 0 24 24" aria-hidden="true">
<path class="fill" d="M4 4h5.6a2 2 0 0 1 1.4.6L12.4 6H20a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2z"/></svg>`;

const person = html`<svg class="icon person" viewBox="0 0 24 24" aria-hidden="true">
<circle class="fill" cx="12" cy="8" r="4"/><path class="fill" d="M4 20c0-4 3.6-6 8-6s8 2 8 6v.5H4z"/></svg>`;

const drive = html`<svg class="icon drive" viewBox="0 0 24 24" aria-hidden="true">
<path class="fill" d="M4 5h16a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2z"/>
<path class="ink" d="M8.5 9.2a1.6 1.6 0 1 1 0 3.2 1.6 1.6 0 0 1 0-3.2zm7 0a1.6 1.6 0 1 1 0 3.2 1.6 1.6 0 0 1 0-3.2zM5.2 16c0-1.7 1.5-2.7 3.3-2.7s3.3 1 3.3 2.7zm7 0c0-1.7 1.5-2.7 3.3-2.7s3.3 1 3.3 2.7z"/></svg>`;

const home = html`<svg class="icon home" viewBox="0 0 24 24" aria-hidden="true">
<path class="fill" d="M12 3.5l8.5 7V20a1 1 0 0 1-1 1H14v-6h-4v6H4.5a1 1 0 0 1-1-1v-9.5z"/></svg>`;

export const PLACES = { person, drive, home };

export const TRASH: Markup = html`<svg class="icon trash" viewBox="0 0 24 24" aria-hidden="true">
<path class="fill" d="M9 3h6l1 1.5h4v2H4v-2h4zM5.5 8h13l-1 11.2A2 2 0 0 1 15.5 21h-7a2 2 0 0 1-2-1.8zM9 10.5l.5 7.5H11l-.4-7.5zm4.4 0L13 18h1.5l.5-7.5z"/></svg>`;

/** The arrow of a download link. */
export const DOWNLOAD: Markup = html`<svg class="icon arrow" viewBox="0 0 24 24" aria-hidden="true">
<path class="fill" d="M11 4h2v8.2l2.9-2.9 1.4 1.4L12 16l-5.3-5.3 1.4-1.4 2.9 2.9zM5 18h14v2H5z"/></svg>`;

const G = 'application/vnd.google-apps.';

/** The first entry that matches is used. */
const KINDS: readonly (readonly [RegExp, Markup])[] = [
  [new RegExp(`^${G}folder$`), folder('folder')],
  [new RegExp(`^${G}shortcut$`), folder('shortcut')],
  [new RegExp(`^${G}document$`), sheet('doc', LINES)],
  [new RegExp(`^${G}spreadsheet$`), sheet('table', GRID)],
  [new RegExp(`^${G}presentation$`), sheet('slides', SLIDE)],
  [/^text\/(csv|tab-separated-values)$|spreadsheet|ms-excel/, sheet('table', GRID)],
  [/^application\/pdf$/, sheet('pdf', PDF)],
  [/presentation|powerpoint/, sheet('slides', SLIDE)],
  [/wordprocessing|msword|opendocument\.text|rtf/, sheet('doc', LINES)],
  [/zip|compressed|tar|gzip|7z|zstd/, sheet('archive', ZIP)],
  [/json|xml|javascript|html|yaml|sql|parquet/, sheet('code', BRACES)],
  [/^image\//, sheet('picture', PICTURE)],
  [/^(video|audio)\//, sheet('film', PLAY)],
  [/^text\//, sheet('doc', LINES)],
];

const PLAIN = sheet('plain', html``);

export const iconOf = (mimeType: string): Markup => KINDS.find(([pattern]) => pattern.test(mimeType))?.[1] ?? PLAIN;
