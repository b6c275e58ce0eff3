import type { drive_v3 } from 'googleapis/build/src/apis/drive/v3.js';
import { z } from 'zod';
import { type DriveClient, parseAnswer } from './client.ts';
import type { CallContext } from './drive.ts';

/** The parts of gaxios's options that the Drive library fills in. */
interface LibraryRequest {
  url: string;
  method: string;
  params?: Record<string, unknown>;
  paramsSerializer?: (params: Record<string, unknown>) => string;
  data?: unknown;
}

const METHOD = z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']);

/** What a metadata call says of itself beyond its parameters. */
interface LibraryCall {
  /** `drive.files.get` */
  operation: string;
  units: number;
  /** `once` for what would be done twice when sent twice. */
  retry: 'idempotent' | 'once';
}

export type Library = <Data>(
  call: LibraryCall,
  context: CallContext,
  run: (drive: drive_v3.Drive) => Promise<{ data: Data }>,
) => Promise<Data>;

const urlOf = ({ url, params, paramsSerializer }: LibraryRequest): string =>
  params === undefined || paramsSerializer === undefined ? url : `${url}?${paramsSerializer(params)}`;

/**
 * Google's own Drive v3 client over our transport: it builds the requests, we send them, so there is one retry layer.
 * Loaded on first use: what every small delivery needs (ids, multipart) goes without it, and start-up does not pay for it.
 * @throws what Drive refuses, as CourierError.
 */
export const createLibrary =
  (client: DriveClient): Library =>
  async (call, context, run) => {
    // CommonJS: in a bundle its exports have no names, only the default has them.
    const { drive_v3 } = (await import('googleapis/build/src/apis/drive/v3.js')).default;
    const request = async (options: LibraryRequest): Promise<{ data: unknown }> => {
      const response = await client.call(
        {
          ...call,
          method: METHOD.parse(options.method),
          url: urlOf(options),
          headers: options.data === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' },
          ...(options.data === undefined ? {} : { body: Buffer.from(JSON.stringify(options.data)) }),
        },
        context,
      );
      if (response.status >= 300) throw client.error(response, call.operation);
      const { body } = response;
      return { data: body.length === 0 ? undefined : parseAnswer(() => JSON.parse(body.toString())) };
    };
    // The library asks its `auth` for nothing but `request`; its type wants a whole client of google-auth-library.
    const auth = { request } as unknown as NonNullable<Exclude<drive_v3.Options['auth'], string>>;
    return (await run(new drive_v3.Drive({ auth }))).data;
  };
