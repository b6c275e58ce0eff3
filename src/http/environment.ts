import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { Context } from 'hono';
import type { Caller } from '../domain.ts';
import type { CourierError } from '../errors.ts';
import type { Incoming } from './request/request-body.ts';
import type { CutOff } from './server/cut-off.ts';
import type { Trace } from './observe/trace.ts';

/** What the Node listener passes to the app with each request. */
export interface Bindings {
  incoming: Incoming;
  outgoing: ServerResponse | Http2ServerResponse;
  /** Answers `Expect: 100-continue`. Call it before the body is read. */
  begin?: (() => void) | undefined;
  /** True once the server is shutting down. It accepts no new work then. */
  stopping?: () => boolean;
  /** The end of the grace period, at which unfinished work is aborted as `shutting-down`. */
  cutOff?: CutOff;
}

export interface Variables {
  trace: Trace;
  caller: Caller;
  /** Why the request failed, for its log line. */
  failure: CourierError;
}

export type CourierContext = Context<{ Bindings: Bindings; Variables: Variables }>;
