import { type CloudEvent, cloudEvent, http } from '@google-cloud/functions-framework';
import { readConfig } from './config/config.ts';
import { createCourier } from './courier.ts';
import { keepRequests, servedFunction, enterProduction } from './http/server/functions-framework.ts';
import { createNodeListener } from './http/server/node-listener.ts';
import { createLog } from './log.ts';
import { orExitOnFaults } from './start.ts';

/** The Cloud Functions form: `courier` over HTTP, `courierEvent` for CloudEvents, on functions-framework's server. */

/** The platform takes no larger request over HTTP/1. */
const MAX_BODY_BYTES = 33_554_432;

enterProduction(process.env);
const config = orExitOnFaults(() => readConfig());
const log = createLog(config.logLevel);
for (const warning of config.warnings) log.info({}, `configuration: ${warning}`);
const courier = createCourier(config, { log, maxBodyBytes: MAX_BODY_BYTES });
const { onRequest } = createNodeListener(courier.app);

if (servedFunction(process.argv, config.functionTarget) !== 'courierEvent') keepRequests();
http('courier', onRequest);
// One parameter: two would be taken for callback style.
cloudEvent<unknown>('courierEvent', (event: CloudEvent<unknown>) => courier.onEvent(event));
void courier.warmUp();
