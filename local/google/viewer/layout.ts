import { viewPath } from '../drive/files/links.ts';
import type { StoredFile } from '../drive/model.ts';
import type { DriveState } from '../drive/store/state.ts';
import { PLACES, TRASH } from './icons.ts';
import { html, type Markup, name } from './markup.ts';
import { myDrives, type Place, sharedDrives } from './places.ts';

interface Page {
  title: string;
  /** The entry to highlight in the menu: the ID of its top folder, `home` or `trash`. */
  at: string | undefined;
  /** Seconds after which the browser reloads the page. Pages that a person reads are not reloaded. */
  refreshSeconds?: number;
  body: Markup;
}

const link = (path: string, icon: Markup, title: string, isHere: boolean): Markup =>
  html`<li><a href="${path}"${isHere ? html` aria-current="page"` : undefined}>${icon}<span>${name(title)}</span></a></li>`;

const places = (title: string, of: readonly Place[], icon: Markup, at: string | undefined): Markup | undefined =>
  of.length === 0
    ? undefined
    : html`<h2>${title}</h2><ul>${of.map((place) => link(viewPath(place.folder), icon, place.title, place.folder.id === at))}</ul>`;

const MARK = html`<svg class="mark" viewBox="0 0 24 24" aria-hidden="true"><path d="M3 7a2 2 0 0 1 2-2h5l2 2h7a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2z" fill="#1a73e8"/><path d="M12 10l4 4h-2.6v3.4h-2.8V14H8z" fill="#fff"/></svg>`;

/** A whole page. It has no script and loads nothing from other servers. */
export function pageOf(state: DriveState, { title, at, refreshSeconds, body }: Page): Markup {
  const refresh =
    refreshSeconds === undefined ? undefined : html`<meta http-equiv="refresh" content="${refreshSeconds}">`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
${refresh}
<title>${title} – Local Drive</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/_viewer/style.css">
</head>
<body>
<header><a class="brand" href="/">${MARK}Local Drive</a><span class="hint">All files of this local Google, of every owner</span></header>
<nav aria-label="Places">
<ul>${link('/', PLACES.home, 'Home', at === 'home')}</ul>
${places('Shared drives', sharedDrives(state), PLACES.drive, at)}
${places('My Drives', myDrives(state), PLACES.person, at)}
<ul class="last">${link('/drive/trash', TRASH, 'Trash', at === 'trash')}</ul>
</nav>
<main>
${body}
</main>
</body>
</html>
`;
}

/** The path to a folder, with a link for each folder above it. */
export function breadcrumb(path: readonly StoredFile[], titleOf: (folder: StoredFile) => string): Markup {
  const last = path.length - 1;
  const steps = path.map((step, index) =>
    index === last
      ? html`<li aria-current="page"><h1>${name(titleOf(step))}</h1></li>`
      : html`<li><a href="${viewPath(step)}">${name(titleOf(step))}</a></li>`,
  );
  return html`<nav class="crumbs" aria-label="Folders"><ol>${steps}</ol></nav>`;
}
