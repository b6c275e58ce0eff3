import { ownerOf } from '../drive/access/access.ts';
import { downloadPath, viewPath } from '../drive/files/links.ts';
import { FOLDER, isOwnType, SHORTCUT, type StoredFile } from '../drive/model.ts';
import type { DriveState } from '../drive/store/state.ts';
import { DOWNLOAD, iconOf } from './icons.ts';
import { html, type Markup, name } from './markup.ts';
import { childrenOf, type Holder, holdersOf, type Order, shortName, sizeOf } from './places.ts';
import { roleText, sizeText, timeText, typeText } from './texts.ts';

export const counted = (count: number, one: string): string =>
  `${count.toLocaleString('en-US')} ${one}${count === 1 ? '' : 's'}`;

const sharerName = (state: DriveState, { permission, name: full }: Holder): string =>
  permission.emailAddress === undefined ? full : shortName(state, permission.emailAddress);

/**
 * `Bob, sales +1`: the people that the file itself is shared with, or the number of people that inherit access. The tooltip lists everybody.
 */
const sharing = (state: DriveState, file: StoredFile): Markup => {
  const inSharedDrive = file.driveId !== undefined;
  const holders = holdersOf(state, file);
  const all = holders.map((holder) => `${holder.name}: ${roleText(holder.role, inSharedDrive)}`).join(' · ');
  const others = holders.filter(({ role }) => role !== 'owner');
  const own = others.filter(({ from }) => from === undefined);
  if (others.length === 0) return html`<span class="muted">Only the owner</span>`;
  if (own.length === 0 && inSharedDrive) return html`<span title="${all}">${counted(others.length, 'member')}</span>`;
  const [first, second, ...rest] = own.length > 0 ? own : others;
  const shown = [first, second].filter((holder) => holder !== undefined);
  const names = shown.map((holder, index) => html`${index === 0 ? '' : ', '}${name(sharerName(state, holder))}`);
  return html`<span title="${all}">${names}${rest.length > 0 ? ` +${rest.length}` : undefined}</span>`;
};

const ownerText = (state: DriveState, file: StoredFile): string =>
  file.driveId === undefined
    ? shortName(state, ownerOf(file) ?? '')
    : (state.store.files.get(file.driveId)?.name ?? '');

const targetOf = ({ store }: DriveState, file: StoredFile): StoredFile =>
  (file.mimeType === SHORTCUT ? store.files.get(file.shortcutTargetId ?? '') : undefined) ?? file;

/** A label for Docs types, which otherwise look like the files that they were converted from. */
const chip = ({ mimeType }: StoredFile): Markup | undefined =>
  isOwnType(mimeType) && mimeType !== FOLDER ? html`<em>${typeText(mimeType)}</em>` : undefined;

const row = (state: DriveState, file: StoredFile, whereText: ((file: StoredFile) => Markup) | undefined): Markup => {
  const size = sizeOf(file);
  const isBytes = size !== undefined;
  const kind = typeText(file.mimeType);
  const modified = timeText(file.modifiedMs, state.now());
  const size_ = isBytes ? sizeText(size) : '—';
  return html`<tr>
<td class="name"><a class="open" href="${viewPath(targetOf(state, file))}" title="${kind}">${iconOf(file.mimeType)}<span>${name(file.name)}</span>${chip(file)}</a>
<span class="brief">${modified}${isBytes ? html` · ${size_}` : undefined}</span></td>
${whereText === undefined ? html`<td class="owner">${name(ownerText(state, file))}</td>` : html`<td class="owner">${whereText(file)}</td>`}
<td class="time">${modified} <span class="muted">${name(shortName(state, file.modifiedBy))}</span></td>
<td class="size">${size_}</td>
<td class="shared">${sharing(state, file)}</td>
<td class="act">${isBytes ? html`<a class="save" href="${downloadPath(file)}" title="Download" aria-label="Download ${file.name}">${DOWNLOAD}</a>` : undefined}</td>
</tr>`;
};

interface Table {
  files: readonly StoredFile[];
  /** Shows the location of a file instead of its owner. */
  whereText?: (file: StoredFile) => Markup;
  /** The links in the column headers, by the order that they select. */
  sortPath?: (order: Order) => string;
  order?: Order;
}

export function fileTable(state: DriveState, { files, whereText, sortPath, order }: Table): Markup {
  const column = (kind: string, title: string, by: Order | undefined): Markup => {
    if (by === undefined || sortPath === undefined) return html`<th class="${kind}" scope="col">${title}</th>`;
    const sorted = by === order ? html` aria-sort="${by === 'name' ? 'ascending' : 'descending'}"` : undefined;
    return html`<th class="${kind}" scope="col"${sorted}><a href="${sortPath(by)}">${title}</a></th>`;
  };
  return html`<table class="files">
<thead><tr>${column('name', 'Name', 'name')}${column('owner', whereText === undefined ? 'Owner' : 'Location', undefined)}
${column('time', 'Last modified', 'modified')}${column('size', 'File size', 'size')}${column('shared', 'Shared with', undefined)}
<th class="act" scope="col"><span class="unseen">Download</span></th></tr></thead>
<tbody>${files.map((file) => row(state, file, whereText))}</tbody>
</table>`;
}

/** The rows of one page. A folder may have half a million children. */
const PAGE_ROWS = 200;

/** One page of a folder's content. */
export function folderListing(
  state: DriveState,
  folder: StoredFile,
  { order, from }: { order: Order; from: number },
): Markup {
  const children = childrenOf(state, folder, order);
  if (children.length === 0)
    return html`<p class="empty">${iconOf(FOLDER)}<span>Nothing here yet. What is delivered to this folder shows up by itself.</span></p>`;
  const page = children.slice(from, from + PAGE_ROWS);
  const path = (change: { order?: Order; from?: number }): string =>
    `${viewPath(folder)}?sort=${change.order ?? order}${change.from ? `&from=${change.from}` : ''}`;
  const folders = children.filter(({ mimeType }) => mimeType === FOLDER).length;
  const sum = children.reduce((bytes, file) => bytes + (sizeOf(file) ?? 0), 0);
  const parts = [
    ...(folders > 0 ? [counted(folders, 'folder')] : []),
    ...(children.length > folders ? [`${counted(children.length - folders, 'file')}, ${sizeText(sum)}`] : []),
  ];
  const pages = [
    ...(from > 0 ? [html`<a class="link" href="${path({ from: Math.max(0, from - PAGE_ROWS) })}">Previous</a>`] : []),
    ...(from + PAGE_ROWS < children.length
      ? [html`<a class="link" href="${path({ from: from + PAGE_ROWS })}">Next</a>`]
      : []),
  ];
  return html`${fileTable(state, { files: page, order, sortPath: (by) => path({ order: by }) })}
<p class="foot">${parts.join(' · ')} ${pages}</p>`;
}
