import { isTrashed } from '../drive/access/access.ts';
import { downloadPath, viewPath } from '../drive/files/links.ts';
import { isOwnType, type StoredFile } from '../drive/model.ts';
import type { DriveState } from '../drive/store/state.ts';
import { DOWNLOAD, iconOf } from './icons.ts';
import { html, type Markup, name } from './markup.ts';
import { type Holder, holdersOf, shortName } from './places.ts';
import { roleText, sizeText, timeText, typeText } from './texts.ts';

type Fact = readonly [label: string, value: Markup | string | undefined];

const facts = (rows: readonly Fact[]): Markup =>
  html`<dl class="facts">${rows
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([label, value]) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>`;

const bytesText = (size: number): string =>
  `${sizeText(size)}${size < 1024 ? '' : ` (${size.toLocaleString('en-US')} bytes)`}`;

const code = (text: string | undefined): Markup | undefined => (text ? html`<code>${text}</code>` : undefined);

const aboutFile = (state: DriveState, file: StoredFile): Markup => {
  const head = file.revisions.at(-1);
  const now = state.now();
  const isDocs = isOwnType(file.mimeType);
  return facts([
    ['Type', typeText(file.mimeType)],
    ['Made from', isDocs ? file.convertedFrom : undefined],
    [isDocs ? 'Size as sent' : 'Size', head === undefined ? undefined : bytesText(head.size)],
    ['Description', file.description === undefined ? undefined : name(file.description)],
    ['Created', html`${timeText(file.createdMs, now)} by ${name(shortName(state, file.createdBy))}`],
    ['Modified', html`${timeText(file.modifiedMs, now)} by ${name(shortName(state, file.modifiedBy))}`],
    ['File ID', code(file.id)],
    ['SHA-256', code(isDocs ? undefined : head?.sha256)],
    ['MD5', code(isDocs ? undefined : head?.md5)],
  ]);
};

const holder = (file: StoredFile, { permission, role, name: who, from }: Holder): Markup => {
  const inherited =
    from === undefined
      ? undefined
      : html` <span class="muted">from <a class="link" href="${viewPath(from)}">${name(from.name)}</a></span>`;
  const kind = permission.type === 'group' ? ' (group)' : '';
  const email = permission.emailAddress;
  return html`<tr><td><div class="who"><span class="face" aria-hidden="true">${(who.match(/\p{L}|\p{N}/u)?.[0] ?? '?').toUpperCase()}</span>
<span>${name(who)}${kind}${email === undefined || email === who ? undefined : html`<small>${name(email)}</small>`}</span></div></td>
<td>${roleText(role, file.driveId !== undefined)}${inherited}</td></tr>`;
};

const properties = (title: string, of: Readonly<Record<string, string>>): Markup | undefined =>
  Object.keys(of).length === 0
    ? undefined
    : html`<section><h2>${title}</h2>${facts(Object.entries(of).map(([key, value]): Fact => [key, code(value)]))}</section>`;

const revisions = (state: DriveState, file: StoredFile): Markup | undefined =>
  file.revisions.length < 2
    ? undefined
    : html`<section><h2>Versions</h2><table class="plain"><tbody>${file.revisions
        .toReversed()
        .map(
          (revision) =>
            html`<tr><td>${timeText(revision.modifiedMs, state.now())}</td><td>${sizeText(revision.size)}</td><td>${name(shortName(state, revision.modifiedBy))}</td></tr>`,
        )}</tbody></table></section>`;

/** The page of one file. */
export function detailsBody(state: DriveState, file: StoredFile): Markup {
  const head = file.revisions.at(-1);
  const trashed = isTrashed(state, file) ? html`<p class="notice">This file is in the trash.</p>` : undefined;
  const label = isOwnType(file.mimeType) ? 'Download the bytes as sent' : 'Download';
  return html`${trashed}
<section class="file">${iconOf(file.mimeType)}<p>${name(file.name)}</p>
${head === undefined ? undefined : html`<a class="button" href="${downloadPath(file)}">${DOWNLOAD}${label}</a>`}</section>
<section><h2>Details</h2>${aboutFile(state, file)}</section>
<section><h2>Who has access</h2><table class="plain"><tbody>${holdersOf(state, file).map((each) => holder(file, each))}</tbody></table></section>
${revisions(state, file)}${properties('Properties', file.properties)}${Object.entries(file.appProperties).map(([app, own]) => properties(`Properties of ${app}`, own))}`;
}
