import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DuckDBConnection, DuckDBInstance, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { type BigQueryError, invalidQuery, notImplemented } from './errors.ts';
import { MACROS } from './sql/functions.ts';

/** What a query would yield, without running it. */
interface Prepared {
  columns: string[];
  types: DuckDBType[];
}

/** DuckDB, which runs the translated SQL and keeps the tables. */
export interface Engine {
  /** @throws BigQueryError */
  prepare(sql: string): Promise<Prepared>;
  /** Runs statements on a connection of their own. The signal interrupts them. @throws BigQueryError */
  run(sql: string, signal?: AbortSignal): Promise<void>;
  rows(sql: string): Promise<DuckDBValue[][]>;
  close(): void;
}

/** A query may read only its tables, so access to the network and to files is disabled. */
const SETTINGS = { autoinstall_known_extensions: 'false', autoload_known_extensions: 'false', threads: '1' };

/** GoogleSQL's order: NULL is the smallest value. */
const SESSION = ["SET TimeZone = 'UTC'", "SET default_null_order = 'nulls_first_on_asc_last_on_desc'"];

/** Converts an error of DuckDB, in words that are not DuckDB's where BigQuery has its own. */
const errorOf = (error: unknown): BigQueryError => {
  const message = error instanceof Error ? error.message : String(error);
  const [, own] = /Not implemented by the local BigQuery: ([^\n]+)/.exec(message) ?? [];
  if (own !== undefined) return notImplemented(own);
  const [, name] = /(?:Referenced column|column) "([^"]+)" not found/.exec(message) ?? [];
  if (name !== undefined) return invalidQuery(`Unrecognized name: ${name}`);
  const [line = ''] = message.replace(/^Error: /, '').split('\n');
  if (line.startsWith('Parser Error')) return invalidQuery(`Syntax error: ${line.slice('Parser Error: '.length)}`);
  if (/^(?:Binder|Catalog|Not implemented) Error/.test(line)) return notImplemented(`this query, because of "${line}"`);
  return invalidQuery(line.replace(/^[A-Za-z ]+ Error: /, ''));
};

const CONFLICT_PAUSE_MS = 5;

/**
 * DuckDB refuses to create the same schema or table on two connections at once. In BigQuery neither job fails, so the statement
 * is repeated until the other one has ended.
 */
const runAfterOthers = async (
  connection: DuckDBConnection,
  sql: string,
  signal: AbortSignal | undefined,
): Promise<void> => {
  for (;;) {
    try {
      await connection.run(sql);
      return;
    } catch (error) {
      if (!String(error).includes('write-write conflict') || signal?.aborted === true) throw error;
      await delay(CONFLICT_PAUSE_MS);
    }
  }
};

/** Opens the database on the first use: most tests of this server need no BigQuery, and loading DuckDB takes 70 MB. */
export const createEngine = (folder: string): Engine => {
  let opened: Promise<{ instance: DuckDBInstance; connection: DuckDBConnection }> | undefined;

  const connect = async (instance: DuckDBInstance): Promise<DuckDBConnection> => {
    const connection = await instance.connect();
    for (const setting of SESSION) await connection.run(setting);
    return connection;
  };

  const open = async () => {
    const { DuckDBInstance: Instance } = await import('@duckdb/node-api');
    const instance = await Instance.create(join(folder, 'tables.duckdb'), SETTINGS);
    const connection = await connect(instance);
    for (const macro of MACROS) await connection.run(`CREATE OR REPLACE MACRO ${macro}`);
    // From here on, no SQL can reach files or the network.
    await connection.run('SET enable_external_access = false');
    return { instance, connection };
  };
  const database = () => {
    opened ??= open();
    return opened;
  };
  const translated = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      throw errorOf(error);
    }
  };

  return {
    prepare: (sql) =>
      translated(async () => {
        const { connection } = await database();
        const statement = await connection.prepare(sql);
        const indexes = Array.from({ length: statement.columnCount }, (_, index) => index);
        const prepared = {
          columns: indexes.map((index) => statement.columnName(index)),
          types: indexes.map((index) => statement.columnType(index)),
        };
        statement.destroySync();
        return prepared;
      }),
    run: (sql, signal) =>
      translated(async () => {
        const { instance } = await database();
        const connection = await connect(instance);
        const interrupt = (): void => connection.interrupt();
        signal?.addEventListener('abort', interrupt);
        try {
          await runAfterOthers(connection, sql, signal);
        } finally {
          signal?.removeEventListener('abort', interrupt);
          connection.closeSync();
        }
      }),
    rows: (sql) =>
      translated(async () => {
        const { connection } = await database();
        return (await connection.runAndReadAll(sql)).getRows();
      }),
    close() {
      opened
        ?.then(({ instance, connection }) => {
          connection.closeSync();
          instance.closeSync();
        })
        .catch(() => undefined);
      opened = undefined;
    },
  };
};
