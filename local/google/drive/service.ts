import type { GoogleCall, GoogleService, ServiceContext } from '../google-service.ts';
import { readAll } from './call/body.ts';
import { type Answer, type DriveCall, sendError } from './call/call.ts';
import { incomingCall } from './call/incoming.ts';
import { sendResource } from './call/send-resource.ts';
import { createDriveControl, type DriveControl } from './control.ts';
import type { Route } from './discovery/discovery.ts';
import { notImplemented } from './errors.ts';
import { methodNamed } from './method-table.ts';
import type { DriveLimits } from './model.ts';
import { openState } from './store/open-state.ts';
import type { DriveState } from './store/state.ts';
import { createUploads } from './uploads/service.ts';

/**
 * Drive v3 (https://developers.google.com/workspace/drive/api/reference/rest/v3), and direct access to its state for
 * tests.
 */
export interface DriveService extends GoogleService, DriveControl {
  state: DriveState;
  /**
   * Where answers of this Drive violated the discovery document. Every test with a client ends by checking that there
   * are none.
   */
  schemaViolations: readonly string[];
  /** Closes its open files. */
  close(): void;
}

interface DriveOptions {
  limits?: Partial<DriveLimits>;
  /** Whether an address is a Google account or group. Default: every address is one. */
  isKnownAddress?: (email: string) => boolean;
}

const UPLOADS = /^\/(?:resumable\/)?upload\/drive\/v3\//;
const BATCH = '/batch/drive/v3';
const VERSION_2 = /^\/(?:(?:resumable\/)?upload\/|download\/|batch\/)?drive\/v2(?:\/|$)/;

/**
 * Resolves `X-HTTP-Method-Override`. A client whose URL would be too long sends the query as the body of a POST;
 * Python's googleapiclient does so for more than 2,048 characters.
 */
async function overridden(google: GoogleCall): Promise<GoogleCall> {
  const method = google.request.headers['x-http-method-override'];
  if (google.method !== 'POST' || typeof method !== 'string') return google;
  if (method !== 'GET') return { ...google, method };
  const url = new URL(google.url);
  for (const [name, value] of new URLSearchParams((await readAll(google.request)).toString()))
    url.searchParams.append(name, value);
  return { ...google, method, url };
}

export function createDriveService(context: ServiceContext, options: DriveOptions = {}): DriveService {
  const { limits = {}, isKnownAddress = () => true } = options;
  const state = openState(context, limits, isKnownAddress);
  const uploads = createUploads(state);

  const send = (call: DriveCall, answer: Answer): void => {
    if (answer === 'answered') return;
    if (answer === 'empty') call.google.response.writeHead(204).end();
    else sendResource(state, call, answer.resource);
  };

  const answer = async (google: GoogleCall, route: Route): Promise<void> => {
    const { method, form } = route;
    const run = methodNamed(method.id);
    if (run === undefined) throw notImplemented(method.id);
    const call = incomingCall(state, google, route);
    send(call, await (form === 'upload' ? uploads.handle(call) : run(state, call)));
  };

  return {
    ...createDriveControl(state),
    name: 'drive',
    hosts: ['www.googleapis.com'],
    state,
    schemaViolations: state.schemaViolations,
    close: state.store.close,
    async handle(original) {
      const { pathname, searchParams } = original.url;
      try {
        if (UPLOADS.test(pathname) && searchParams.has('upload_id')) return await uploads.session(original);
        if (VERSION_2.test(pathname)) throw notImplemented('drive/v2', 'version 2 of the Drive API');
        if (pathname === BATCH) throw notImplemented('batch', 'batches of requests');
        const google = await overridden(original);
        const route = state.discovery.match(google.method, pathname);
        if (route === undefined) return false;
        await answer(google, route);
      } catch (error) {
        sendError(original.response, error);
      }
      return true;
    },
  };
}
