import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { keyOf, type SheetsInTime, startSheetsInTime } from '../../support/rows/sheets-in-time.ts';

let world: SheetsInTime;
beforeAll(async () => {
  world = await startSheetsInTime();
});
afterAll(() => world?.close());

const ROWS = 100;
/** All of one length: from 100 on. */
const wanted = Array.from({ length: ROWS }, (_, n) => [100 + n, `row ${100 + n}`]);
const CSV = `n,text\n${wanted.map((row) => row.join()).join('\n')}\n`;
const rowsOf = (id: string) => world.google.sheets.rowsOf(id);
/** Ten rows each. */
const large = (name: string) => ({ key: keyOf(name), csv: CSV, maxBatchBytes: 1_120 });

describe('a table in several changes', () => {
  test('is one piece, and no reader sees half of a change', async () => {
    const id = await world.create();
    const [courier, other] = [world.instance({ requestsPerMinute: 12 }), world.instance()];
    const seen = new Set<number>();
    let isOver = false;
    const look = async (): Promise<void> => {
      for (; !isOver; await world.sleep(100)) seen.add(rowsOf(id).length);
    };
    const looking = look();
    const first = world.append(courier, id, large('piece'));
    const small = Array.from({ length: 8 }, (_, n) =>
      world.append(n % 2 === 0 ? courier : other, id, { key: keyOf(`small-${n}`), csv: `n\n${1_000 + n}\n` }),
    );
    const written = await world.run(first);
    await world.run(Promise.all(small));
    isOver = true;
    await world.run(looking);
    const [start = 0, end = 0] = /!A(\d+):B(\d+)$/.exec(written.range)?.slice(1).map(Number) ?? [];
    expect(written).toMatchObject({ rows: ROWS, isRepeated: false });
    expect(rowsOf(id).slice(start - 1, end)).toEqual(wanted);
    expect(rowsOf(id)).toHaveLength(1 + ROWS + small.length);
    // Only whole changes were ever there: ten rows of the table, on top of rows of others.
    const before = start - 2;
    const during = [...seen].filter((count) => count > before + 1 && count < before + 1 + ROWS);
    expect(during.length).toBeGreaterThan(5);
    expect(during.filter((count) => (count - before - 1) % 10 !== 0)).toEqual([]);
  });

  test.each([1, 4, 9])('continues after change %i, with which its process ended', async (changes) => {
    const id = await world.create();
    const [ended, other] = [world.instance(), world.instance()];
    const append = large(`killed-${changes}`);
    ended.kill(changes);
    world.append(ended, id, append).catch(() => undefined);
    const written = await world.run(world.append(other, id, { ...append, mayBeDone: true }));
    expect(written).toMatchObject({ rows: ROWS, range: `Sheet1!A2:B${ROWS + 1}` });
    expect(other.changes()).toBe(10 - changes);
    expect(rowsOf(id)).toEqual([['n', 'text'], ...wanted]);
  });

  test('that is complete is not written again by a retry', async () => {
    const id = await world.create();
    const [one, other] = [world.instance(), world.instance()];
    const written = await world.run(world.append(one, id, large('again')));
    const again = await world.run(world.append(other, id, { ...large('again'), mayBeDone: true }));
    expect(again).toEqual({ ...written, isRepeated: true });
    expect(other.changes()).toBe(0);
  });

  test('with other rows under the same key is refused', async () => {
    const id = await world.create();
    await world.run(world.append(world.instance(), id, large('reused')));
    const csv = CSV.replace('row 157', 'row x');
    const retried = world.append(world.instance(), id, { ...large('reused'), csv, mayBeDone: true });
    await expect(world.run(retried)).rejects.toMatchObject({ code: 'idempotency-key-reused' });
    expect(rowsOf(id)).toEqual([['n', 'text'], ...wanted]);
  });

  test('has other rows around it if they were written between its changes, and reports it', async () => {
    const id = await world.create();
    const [ended, other] = [world.instance(), world.instance()];
    const append = large('between');
    ended.kill(4);
    world.append(ended, id, append).catch(() => undefined);
    await world.run(world.append(other, id, { key: keyOf('stranger'), csv: 'n,text\n-1,stranger\n' }));
    const written = await world.run(world.append(other, id, { ...append, mayBeDone: true }));
    expect(written.range).toBe(`Sheet1!A2:B41,Sheet1!A43:B${ROWS + 2}`);
    expect(rowsOf(id)).toEqual([
      ...[['n', 'text'], ...wanted.slice(0, 40)],
      ...[[-1, 'stranger'], ...wanted.slice(40)],
    ]);
  });
});
