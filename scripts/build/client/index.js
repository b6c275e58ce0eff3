import client from './index.cjs';

export const { CourierClient, CourierClientError } = client;
