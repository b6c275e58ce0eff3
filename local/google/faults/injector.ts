import { once } from 'node:events';
import type { GoogleCall } from '../google-service.ts';
import { sendJson, sendText } from '../http/answers.ts';
import { pause } from './pause.ts';
import type { Fault, FaultPlan } from './plan.ts';
import { hamperedRequest } from './request.ts';
import { cutAnswer, loseAnswer, slowAnswer } from './response.ts';

export interface FaultInjector {
  /**
   * Applies the faults that are due. Returns the call to pass to the service, or undefined when a fault has answered
   * it.
   */
  apply(call: GoogleCall): Promise<{ call: GoogleCall | undefined; fired: string[] }>;
  /** `ServiceContext.corrupt` */
  corrupt(call: GoogleCall, bytes: Buffer): Buffer;
}

const RPC_STATUS: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ALREADY_EXISTS',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

const TOKEN_HOSTS = ['oauth2.googleapis.com', 'sts.googleapis.com', 'accounts.google.com'];

const domainOf = (reason: string): string => (/limit|quota/i.test(reason) ? 'usageLimits' : 'global');

/** The error in the format of the requested host. */
function sendStatus({ host, response }: GoogleCall, fault: Fault & { kind: 'status' }): void {
  const { status, retryAfterSeconds, body } = fault;
  const headers: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  const reason = fault.reason ?? (status >= 500 ? 'backendError' : 'badRequest');
  const message = fault.message ?? (status >= 500 ? 'Backend Error' : reason);
  const rpcStatus = RPC_STATUS[status];
  const errors = [{ domain: domainOf(reason), reason, message }];
  const error = { code: status, message, errors, status: rpcStatus };
  if (body !== undefined) sendText(response, status, body, headers);
  else if (TOKEN_HOSTS.includes(host))
    sendJson(response, status, { error: reason, error_description: message }, headers);
  else sendJson(response, status, { error }, headers);
}

const drained = async ({ request }: GoogleCall): Promise<void> => {
  if (request.readableEnded) return;
  request.resume();
  await Promise.race([once(request, 'end'), once(request, 'close')]).catch(() => undefined);
};

const SESSION = 'upload_id';

export function createFaultInjector(plan: FaultPlan): FaultInjector {
  const corrupting = new WeakMap<GoogleCall, number>();
  const forgotten = new Set<string>();

  /** Undefined when the fault has answered the call. */
  const applyOne = async (call: GoogleCall, fault: Fault): Promise<GoogleCall | undefined> => {
    const { request, response, url } = call;
    switch (fault.kind) {
      case 'delay':
        await pause(fault.ms);
        return call;
      case 'status':
        await drained(call);
        sendStatus(call, fault);
        return undefined;
      case 'reset':
        if (fault.when === 'during')
          return { ...call, request: hamperedRequest(request, response, { breakAfterBytes: fault.afterBytes }) };
        if (fault.when === 'after') await drained(call);
        response.socket?.destroy();
        return undefined;
      case 'answer-lost':
        loseAnswer(response);
        return call;
      case 'answer-cut':
        cutAnswer(response, fault.afterBytes);
        return call;
      case 'partial':
        return { ...call, limits: { storeAtMostBytes: fault.storeAtMostBytes } };
      case 'forget-session':
        forgotten.add(url.searchParams.get(SESSION) ?? '');
        return call;
      case 'throttle':
        slowAnswer(response, fault.bytesPerSecond);
        return { ...call, request: hamperedRequest(request, response, { bytesPerSecond: fault.bytesPerSecond }) };
      case 'corrupt':
        corrupting.set(call, fault.offset);
        return call;
    }
  };

  return {
    async apply(original) {
      const { host, method, url } = original;
      const due = plan.due({ host, method, path: url.pathname, query: url.searchParams });
      const fired = due.map(({ id }) => id);
      let call = original;
      for (const { fault } of due) {
        const next = await applyOne(call, fault);
        if (next === undefined) return { call: undefined, fired };
        if (next !== call && corrupting.has(call)) corrupting.set(next, corrupting.get(call) ?? 0);
        call = next;
      }
      // Let the service itself answer for an unknown session.
      const session = url.searchParams.get(SESSION);
      if (session !== null && forgotten.has(session)) url.searchParams.set(SESSION, 'forgotten');
      return { call, fired };
    },
    corrupt(call, bytes) {
      const offset = corrupting.get(call);
      if (offset === undefined) return bytes;
      if (offset >= bytes.length) {
        corrupting.set(call, offset - bytes.length);
        return bytes;
      }
      corrupting.delete(call);
      const corrupted = Buffer.from(bytes);
      corrupted[offset] = (corrupted[offset] ?? 0) ^ 1;
      return corrupted;
    },
  };
}
