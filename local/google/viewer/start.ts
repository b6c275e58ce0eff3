import { viewPath } from '../drive/files/links.ts';
import { FOLDER, type StoredFile } from '../drive/model.ts';
import type { DriveState } from '../drive/store/state.ts';
import { iconOf, PLACES } from './icons.ts';
import { counted, fileTable } from './listing.ts';
import { html, type Markup, name } from './markup.ts';
import { holdersOf, myDrives, type Place, pathTo, placeOf, recentFiles, sharedDrives, trashedItems } from './places.ts';

const RECENT_FILES = 25;

const card = (place: Place, icon: Markup, facts: readonly string[]): Markup =>
  html`<li><a href="${viewPath(place.folder)}">${icon}<span><strong>${name(place.title)}</strong><small>${facts.join(' · ')}</small></span></a></li>`;

const driveCard = (state: DriveState, place: Place): Markup =>
  card(place, PLACES.drive, [
    counted(state.store.itemsOf(place.folder.id), 'item'),
    counted(holdersOf(state, place.folder).length, 'member'),
  ]);

const personCard = (place: Place): Markup => card(place, PLACES.person, [place.account?.email ?? '']);

/** The location of a file, for lists of several folders: its folder and the one above, or the drive. */
function whereText(state: DriveState): (file: StoredFile) => Markup {
  return (file) => {
    const folder = state.store.files.get(file.parent ?? '');
    if (folder === undefined) return html`<span class="muted">No folder</span>`;
    const place = placeOf(state, folder)?.title ?? folder.name;
    const folders = pathTo(state, folder).filter(({ kind }) => kind === 'item');
    const [above, below] = folders.slice(-2).map((step) => name(step.name));
    const text = below === undefined ? (above ?? name(place)) : html`${above} / ${below}`;
    const whole = [place, ...folders.map((step) => step.name)].join(' / ');
    return html`<a href="${viewPath(folder)}" title="${whole}">${text}</a>`;
  };
}

/** The start page: shared drives, all My Drives, and the newest files. */
export function startBody(state: DriveState): Markup {
  const [drives, people] = [sharedDrives(state), myDrives(state)];
  const recent = recentFiles(state, RECENT_FILES);
  return html`<div class="head"><h1>Home</h1></div>
${drives.length === 0 ? undefined : html`<section><h2>Shared drives</h2><ul class="cards">${drives.map((place) => driveCard(state, place))}</ul></section>`}
${people.length === 0 ? undefined : html`<section><h2>My Drives</h2><ul class="cards">${people.map((place) => personCard(place))}</ul></section>`}
<section><h2>Recent files</h2>
${recent.length === 0 ? html`<p class="empty">${iconOf(FOLDER)}<span>No files yet. The first one to arrive shows up here by itself.</span></p>` : fileTable(state, { files: recent, whereText: whereText(state) })}</section>`;
}

export function trashBody(state: DriveState): Markup {
  const items = trashedItems(state);
  return html`<div class="head"><h1>Trash</h1></div>
${items.length === 0 ? html`<p class="empty"><span>The trash is empty.</span></p>` : fileTable(state, { files: items, whereText: whereText(state) })}`;
}
