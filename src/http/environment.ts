import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { Context } from 'hono';
import type { Caller } from '../domain.ts';
import type { CourierError } from '../errors.ts';
import type { Incoming } from './request/request-body.ts';
import type { CutOff } from './server/cut-off.ts';
import type { Trace } from './observe/trace.ts';

/** What the Node listener hands to the app beside the request. */
export interface Bindings {
  incoming: Incoming;
  outgoing: ServerResponse | Http2ServerResponse;
  /** Answers `Expect: 100-continue`, once the body is wanted. */
  begin?: () => void;
  /** True from the moment on in which the server has been told to end: it takes no new work. */
  stopping?: () => boolean;
  /** Work that is still going on when it comes is given up as `shutting-down`. */
  cutOff?: CutOff;
}

export interface Variables {
  trace: Trace;
  caller: Caller;
  /** For the request's log line. */
  failure: CourierError;
}

export type CourierContext = Context<{ Bindings: Bindings; Variables: Variables }>;
