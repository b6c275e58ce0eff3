import type { gaxios } from 'google-auth-library';
import type { drive_v3 } from 'googleapis/build/src/apis/drive/v3.js';
import { z } from 'zod';
import { type DriveClient, parseAnswer } from './client.ts';
import type { CallContext } from './drive.ts';

const METHOD = z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']);

/** Facts about a metadata call besides its parameters. */
interface LibraryCall {
  /** `drive.files.get` */
  operation: string;
  units: number;
  /** `once` for a call that has its effect again when it is sent again. */
  retry: 'idempotent' | 'once';
}

export type Library = <Data>(
  call: LibraryCall,
  context: CallContext,
  run: (drive: drive_v3.Drive) => Promise<{ data: Data }>,
) => Promise<Data>;

type Options = gaxios.GaxiosOptions;

/** Sends a request that the library has built. Returns the answer's JSON; undefined if the answer is empty. */
type Send = (request: Options) => Promise<Pick<gaxios.GaxiosResponse, 'status' | 'data'>>;

const urlOf = ({ url = '', params, paramsSerializer }: Options): string =>
  params === undefined || paramsSerializer === undefined ? String(url) : `${url}?${paramsSerializer(params)}`;

/** Loads the library, and creates an `auth` client for it that sends every request by `send`. */
const loadLibrary = async () => {
  // CommonJS: in a bundle its exports have no names, only the default has them.
  const { drive_v3 } = (await import('googleapis/build/src/apis/drive/v3.js')).default;
  const { OAuth2Client } = await import('google-auth-library');
  class TransportClient extends OAuth2Client {
    readonly #send: Send;

    constructor(send: Send) {
      super();
      this.#send = send;
    }

    protected override async requestAsync<Data>(options: Options): Promise<gaxios.GaxiosResponse<Data>> {
      const { status, data } = await this.#send(options);
      const config = { ...options, url: new URL(urlOf(options)), headers: new Headers(options.headers) };
      return Object.assign(new Response(undefined, { status }), { config, data });
    }
  }
  return { drive_v3, TransportClient };
};

/**
 * Google's own Drive v3 client over our transport: it builds the requests, we send them, so there is one retry layer.
 * It is loaded on first use, so that start-up stays fast: small deliveries (ids, multipart) do not use it.
 * @throws what Drive refuses, as CourierError.
 */
export const createLibrary =
  (client: DriveClient): Library =>
  async (call, context, run) => {
    const { drive_v3, TransportClient } = await loadLibrary();
    const auth = new TransportClient(async (request) => {
      const json = request.data === undefined ? undefined : Buffer.from(JSON.stringify(request.data));
      const response = await client.call(
        {
          ...call,
          method: METHOD.parse(request.method),
          url: urlOf(request),
          headers: json === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' },
          body: json,
        },
        context,
      );
      if (response.status >= 300) throw client.error(response, call.operation);
      const { status, body } = response;
      return { status, data: body.length === 0 ? undefined : parseAnswer(() => JSON.parse(body.toString())) };
    });
    return (await run(new drive_v3.Drive({ auth }))).data;
  };
