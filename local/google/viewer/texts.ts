import { FOLDER, type Role, SHORTCUT } from '../drive/model.ts';
import { html, type Markup } from './markup.ts';

const UNITS = ['bytes', 'KB', 'MB', 'GB', 'TB'];

/** Formats a size as Drive does: units of 1024, at most one decimal. */
export function sizeText(bytes: number): string {
  let [amount, unit] = [bytes, 0];
  while (amount >= 1024 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  if (unit === 0) return bytes === 1 ? '1 byte' : `${bytes} bytes`;
  // 999.96 rounds to 1000. Whole numbers get no decimal.
  const text = amount < 100 ? amount.toFixed(1).replace(/\.0$/, '') : amount.toFixed(0);
  return `${text} ${UNITS[unit]}`;
}

const day = new Intl.DateTimeFormat('en-US', { year: 'numeric', month: 'short', day: 'numeric' });
const hour = new Intl.DateTimeFormat('en-US', { hour: 'numeric', minute: '2-digit' });

/** Formats a time as Drive does: today as a time of day, other days as a date. The tooltip has both. */
export function timeText(ms: number, now: number): Markup {
  const short = day.format(ms) === day.format(now) ? hour.format(ms) : day.format(ms);
  return html`<time datetime="${new Date(ms).toISOString()}" title="${day.format(ms)}, ${hour.format(ms)}">${short}</time>`;
}

/**
 * The names of the roles in Drive. Shared drives have other names. Source: support.google.com/a/users/answer/12380484.
 */
export function roleText(role: Role, inSharedDrive: boolean): string {
  const names: Record<Role, string> = {
    owner: 'Owner',
    organizer: 'Manager',
    fileOrganizer: 'Content manager',
    writer: inSharedDrive ? 'Contributor' : 'Editor',
    commenter: 'Commenter',
    reader: 'Viewer',
  };
  return names[role];
}

const OWN_TYPES: Readonly<Record<string, string>> = {
  [FOLDER]: 'Folder',
  [SHORTCUT]: 'Shortcut',
  'application/vnd.google-apps.document': 'Google Docs',
  'application/vnd.google-apps.spreadsheet': 'Google Sheets',
  'application/vnd.google-apps.presentation': 'Google Slides',
  'application/vnd.google-apps.drawing': 'Google Drawings',
  'application/vnd.google-apps.script': 'Apps Script',
};

export const typeText = (mimeType: string): string => OWN_TYPES[mimeType] ?? mimeType;
