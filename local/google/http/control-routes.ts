import { ZodError } from 'zod';
import type { FaultPlan, FaultPlanInput } from '../faults/plan.ts';
import type { GoogleCall } from '../google-service.ts';
import { answering, readJson, sendJson } from './answers.ts';
import { ApiError } from './api-error.ts';
import type { CallRecorder } from './calls.ts';

type Page = (call: GoogleCall) => Promise<void> | void;

const addFaults = async (call: GoogleCall, faults: FaultPlan): Promise<void> => {
  const input = await readJson(call.request);
  try {
    // The plan parses what it is given.
    sendJson(call.response, 200, { added: faults.add(input as FaultPlanInput) });
  } catch (error) {
    if (!(error instanceof ZodError)) throw error;
    throw new ApiError(400, 'no fault plan', {
      error: { code: 400, message: 'Not a fault plan.', issues: error.issues },
    });
  }
};

/** `/_calls` and `/_faults`: what tests in other processes use instead of the object. */
export function createControlRoutes(recorder: CallRecorder, faults: FaultPlan): (call: GoogleCall) => Promise<boolean> {
  const pages: Readonly<Record<string, Page>> = {
    'GET /_calls': ({ response }) => sendJson(response, 200, { calls: recorder.list() }),
    'DELETE /_calls': ({ response }) => {
      recorder.clear();
      sendJson(response, 200, {});
    },
    'GET /_faults': ({ response }) => sendJson(response, 200, { rules: faults.list() }),
    'POST /_faults': (call) => addFaults(call, faults),
    'DELETE /_faults': ({ response }) => {
      faults.clear();
      sendJson(response, 200, {});
    },
  };
  return async (call) => {
    const page = pages[`${call.method} ${call.url.pathname}`];
    return page === undefined ? false : answering(call, () => page(call));
  };
}
