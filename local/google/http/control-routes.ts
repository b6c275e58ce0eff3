import { ZodError } from 'zod';
import type { FaultPlan, FaultPlanInput } from '../faults/plan.ts';
import type { GoogleCall } from '../google-service.ts';
import { answering, readJson, sendJson } from './answers.ts';
import { ApiError } from './api-error.ts';
import type { CallRecorder } from './calls.ts';

type Route = (call: GoogleCall) => Promise<void> | void;

const addFaults = async (call: GoogleCall, faults: FaultPlan): Promise<void> => {
  const input = await readJson(call.request);
  try {
    // The plan validates its input.
    sendJson(call.response, 200, { added: faults.add(input as FaultPlanInput) });
  } catch (error) {
    if (!(error instanceof ZodError)) throw error;
    throw new ApiError(400, 'invalid fault plan', {
      error: { code: 400, message: 'Not a fault plan.', issues: error.issues },
    });
  }
};

/** Routes `/_calls` and `/_faults`, for tests in other processes. */
export function createControlRoutes(recorder: CallRecorder, faults: FaultPlan): (call: GoogleCall) => Promise<boolean> {
  const routes: Readonly<Record<string, Route>> = {
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
    const route = routes[`${call.method} ${call.url.pathname}`];
    return route === undefined ? false : answering(call, () => route(call));
  };
}
