import { type CloudEvent, cloudEvent, http } from '@google-cloud/functions-framework';
import { readConfig } from './config/config.ts';
import { createCourier } from './courier.ts';
import {
  enterProduction,
  keepRequests,
  limitConnectionsOnceListening,
  servedFunction,
} from './http/server/functions-framework.ts';
import { createNodeListener } from './http/server/node-listener.ts';
import { createLog } from './log.ts';
import { orExitOnFaults } from './start.ts';

/** The entry point for Cloud Functions with functions-framework: `courier` for HTTP, `courierEvent` for CloudEvents. */

/** The platform's size limit for HTTP/1 requests. */
const MAX_BODY_BYTES = 33_554_432;

enterProduction(process.env);
limitConnectionsOnceListening();
const config = orExitOnFaults(() => readConfig());
const log = createLog(config.logLevel);
for (const warning of config.warnings) log.info({}, `configuration: ${warning}`);
const courier = createCourier(config, { log, maxBodyBytes: MAX_BODY_BYTES });
const { onRequest } = createNodeListener(courier.app);

if (servedFunction(process.argv, config.functionTarget) !== 'courierEvent') keepRequests();
http('courier', onRequest);
// One parameter, because functions-framework treats a function with two parameters as one with a callback.
cloudEvent<unknown>('courierEvent', (event: CloudEvent<unknown>) => courier.onEvent(event));
void courier.warmUp();
