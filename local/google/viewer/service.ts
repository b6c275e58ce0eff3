import { readFileSync } from 'node:fs';
import { viewPath } from '../drive/files/links.ts';
import { SPREADSHEET } from '../drive/files/spreadsheets.ts';
import { FOLDER, type StoredFile } from '../drive/model.ts';
import type { DriveState } from '../drive/store/state.ts';
import type { GoogleCall, GoogleService } from '../google-service.ts';
import { detailsBody } from './details.ts';
import { sendDownload } from './download.ts';
import { gridBody } from './grid.ts';
import { breadcrumb, pageOf } from './layout.ts';
import { folderListing } from './listing.ts';
import { html, type Markup } from './markup.ts';
import { ORDERS, pathTo, placeOf } from './places.ts';
import { startBody, trashBody } from './start.ts';

/** In this order: a later rule wins over an earlier one. */
const STYLE = Buffer.concat(
  ['page', 'icons', 'lists', 'file', 'grid', 'phone'].map((part) =>
    readFileSync(new URL(`./style/${part}.css`, import.meta.url)),
  ),
);
const REFRESH_SECONDS = 10;

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  // Names come from everybody who can upload. Even if one got past the escaping, it could run nothing and load
  // nothing.
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

const STYLE_PATH = '/_viewer/style.css';

const sendStyle = ({ response, method }: GoogleCall): void => {
  response.writeHead(200, { 'content-type': 'text/css; charset=utf-8', 'content-length': STYLE.length });
  response.end(method === 'HEAD' ? undefined : STYLE);
};

const send = ({ response, method }: GoogleCall, status: number, page: Markup): void => {
  const bytes = Buffer.from(page.text);
  response.writeHead(status, { ...HEADERS, 'content-length': bytes.length });
  response.end(method === 'HEAD' ? undefined : bytes);
};

const titleIn =
  (state: DriveState) =>
  (folder: StoredFile): string =>
    folder.kind === 'item' ? folder.name : (placeOf(state, folder)?.title ?? folder.name);

function folderPage(state: DriveState, folder: StoredFile, query: URLSearchParams): Markup {
  const order = ORDERS.find((known) => known === query.get('sort')) ?? 'name';
  const from = Math.max(0, Math.trunc(Number(query.get('from')) || 0));
  const path = pathTo(state, folder);
  const title = titleIn(state);
  const head = html`<div class="head">${breadcrumb(path, title)}</div>`;
  const trashed = path.some((step) => step.trashed)
    ? html`<p class="notice">This folder is in the trash.</p>`
    : undefined;
  const body = html`${head}${trashed}${folderListing(state, folder, { order, from })}`;
  return pageOf(state, { title: title(folder), at: path[0]?.id, refreshSeconds: REFRESH_SECONDS, body });
}

function filePage(state: DriveState, file: StoredFile, query: URLSearchParams): Markup {
  const path = pathTo(state, file);
  const wanted = { gid: query.get('gid'), range: query.get('range'), from: query.get('from') };
  const grid = file.mimeType === SPREADSHEET ? gridBody(file, state.store.workbooks.get(file.id), wanted) : undefined;
  const body = html`<div class="head">${breadcrumb(path, titleIn(state))}</div>${grid}${detailsBody(state, file)}`;
  return pageOf(state, { title: file.name, at: path[0]?.id, body });
}

const notFoundPage = (state: DriveState): Markup =>
  pageOf(state, {
    title: 'Not found',
    at: undefined,
    body: html`<div class="head"><h1>Not found</h1></div><p class="empty"><span>No file and no folder has this address.</span></p>`,
  });

const ITEM = /^\/(?:drive\/folders|(?:file|document|spreadsheets|presentation)\/d)\/([^/]+)(?:\/(?:view|edit))?$/;

const itemAt = ({ store }: DriveState, encoded: string): StoredFile | undefined => {
  try {
    return store.files.get(decodeURIComponent(encoded));
  } catch {
    return undefined;
  }
};

function showItem(state: DriveState, call: GoogleCall, file: StoredFile): void {
  const { pathname, searchParams, search } = call.url;
  const path = viewPath(file);
  // Like Drive, redirect a link for another kind of item, for example a folder at the address of a file.
  if (path !== pathname) call.response.writeHead(302, { location: `${path}${search}`, 'content-length': 0 }).end();
  else
    send(
      call,
      200,
      file.mimeType === FOLDER ? folderPage(state, file, searchParams) : filePage(state, file, searchParams),
    );
}

const isPage = ({ method }: GoogleCall): boolean => method === 'GET' || method === 'HEAD';

/**
 * Shows the content of this Drive in a browser: `/`, and the paths of Drive's links, `/drive/folders/ID`,
 * `/file/d/ID/view`, `/uc?id=ID`. They work at this server's own address and under the hosts of the real Drive. It
 * shows the files of all people, because everybody who can reach this machine's loopback can read its files anyway.
 */
export function createViewer(state: DriveState): GoogleService {
  const listed: Readonly<Record<string, () => Markup>> = {
    '/': () => pageOf(state, { title: 'Home', at: 'home', refreshSeconds: REFRESH_SECONDS, body: startBody(state) }),
    '/drive/trash': () =>
      pageOf(state, { title: 'Trash', at: 'trash', refreshSeconds: REFRESH_SECONDS, body: trashBody(state) }),
  };
  const download = async (call: GoogleCall): Promise<void> => {
    const file = state.store.files.get(call.url.searchParams.get('id') ?? '');
    if (file === undefined || !(await sendDownload(state, call, file))) send(call, 404, notFoundPage(state));
  };
  const item = (call: GoogleCall, encoded: string | undefined): void => {
    const file = encoded === undefined ? undefined : itemAt(state, encoded);
    if (file === undefined) send(call, 404, notFoundPage(state));
    else showItem(state, call, file);
  };
  return {
    name: 'viewer',
    hosts: ['drive.google.com', 'docs.google.com'],
    async handle(call) {
      if (!isPage(call)) return false;
      const { pathname } = call.url;
      const path = /^\/drive(\/my-drive|\/home)?\/?$/.test(pathname) ? '/' : pathname;
      const page = Object.hasOwn(listed, path) ? listed[path] : undefined;
      const [, encoded] = ITEM.exec(path) ?? [];
      if (page !== undefined) send(call, 200, page());
      else if (path === STYLE_PATH) sendStyle(call);
      else if (path === '/uc') await download(call);
      else if (encoded !== undefined || path.startsWith('/drive/')) item(call, encoded);
      else return false;
      return true;
    },
  };
}
