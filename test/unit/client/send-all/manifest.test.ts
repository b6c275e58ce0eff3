import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { SendAllOptions } from '../../../../src/client/index.ts';
import { planAll } from '../../../../src/client/send-all/plan-all.ts';
import { createSendAllWorld, type Run } from './send-all-world.ts';

const { folder, courier, write, writeAll, inFolder, run, changes } = createSendAllWorld();

describe('the manifest', () => {
  const manifest = (): string => inFolder('manifest.jsonl');
  const lines = (): Record<string, unknown>[] =>
    readFileSync(manifest(), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  const send = (options: SendAllOptions = {}) => run(inFolder('x'), { manifest: manifest(), ...options });

  test('has a line for each delivery with its receipt', async () => {
    writeAll('x/a');
    const { receipts } = await send();
    const [header, entry] = lines();
    expect(header).toMatchObject({ manifest: 'drive-courier', version: 1 });
    expect(entry).toEqual({
      ...{ file: inFolder('x/a'), path: 'x/a', size: 14, mtime: expect.stringMatching(/^\d{4}-.*T.*\.\d{9}Z$/) },
      ...{ sha256: receipts[0]?.sha256, key: receipts[0]?.idempotencyKey },
      receipt: expect.objectContaining({ id: 'id-0', outcome: 'created' }),
    });
  });

  test('the same call again sends what is new or changed', async () => {
    writeAll('x/a', 'x/b');
    const first = await send();
    write('x/b', 'other bytes', new Date());
    writeAll('x/c');
    const second = await send({ onConflict: 'replace' });
    expect(changes(second)).toEqual({ 'x/a': 'unchanged', 'x/b': 'changed', 'x/c': 'new' });
    expect(courier().state.requests).toBe(4);
    const named = ({ receipts }: Run, wanted: string) => receipts.find(({ name }) => name === wanted);
    expect(named(second, 'a')).toEqual({ ...named(first, 'a'), change: 'unchanged' });
    const rules = [...courier().state.files.values()].map(({ onConflict }) => onConflict);
    expect(rules).toEqual([null, null, 'replace', 'replace']);
    expect(changes(await send())).toEqual({ 'x/a': 'unchanged', 'x/b': 'unchanged', 'x/c': 'unchanged' });
    expect(courier().state.requests).toBe(4);
  });

  test('a change that keeps size and time of a fresh file is noticed', async () => {
    const now = new Date();
    write('x/a', 'one', now);
    await send();
    write('x/a', 'two', now);
    expect(changes(await send())).toEqual({ 'x/a': 'changed' });
  });

  test('on another machine, where files have other times and folders, bytes are compared', async () => {
    writeAll('x/a', 'x/b');
    await send();
    const other = mkdtempSync(join(tmpdir(), 'courier-other-'));
    for (const name of ['a', 'b']) {
      mkdirSync(join(other, 'x'), { recursive: true });
      writeFileSync(join(other, 'x', name), `content of x/${name}`);
    }
    const again = await run(join(other, 'x'), { manifest: manifest() });
    rmSync(other, { recursive: true });
    expect(again.receipts.map(({ change }) => change)).toEqual(['unchanged', 'unchanged']);
    expect(courier().state.requests).toBe(2);
  });

  test('two runs with one manifest at the same time create no duplicates', async () => {
    for (let index = 0; index < 40; index++) write(`x/${index}`, String(index));
    const [one, other] = await Promise.all([send(), send()]);
    expect([one.receipts.length, other.receipts.length]).toEqual([40, 40]);
    expect(courier().state.files.size).toBe(40);
    expect(changes(await send())).toEqual(
      Object.fromEntries([...Array(40).keys()].map((each) => [`x/${each}`, 'unchanged'])),
    );
  });

  test('is not sent itself, also below a folder that is sent', async () => {
    writeAll('x/a');
    for (let turn = 0; turn < 2; turn++) await run(inFolder('x'), { manifest: inFolder('x/m.jsonl') });
    expect(courier().paths()).toEqual(['x/a']);
  });

  test('a line that a crash cut off is ignored, and the next line is whole', async () => {
    writeAll('x/a', 'x/b');
    await send({ concurrency: 1 });
    const whole = readFileSync(manifest(), 'utf8');
    writeFileSync(manifest(), whole.slice(0, -30));
    expect(changes(await send())).toEqual({ 'x/a': 'unchanged', 'x/b': 'new' });
    expect(courier().state.files.size).toBe(2);
    expect(changes(await send())).toEqual({ 'x/a': 'unchanged', 'x/b': 'unchanged' });
  });

  test.each([
    ['no receipt', (line: string) => line.replace(/,"receipt":.*/, '}')],
    ['a receipt of another kind', (line: string) => line.replace(/"receipt":.*/, '"receipt":7}')],
    ['a receipt without an id', (line: string) => line.replace('"receipt":{"id"', '"receipt":{"was"')],
  ])('a line with %s counts as missing: the file is sent with the same key', async (_, damage) => {
    writeAll('x/a', 'x/b');
    const first = await send({ concurrency: 1 });
    const [header = '', line = '', ...rest] = readFileSync(manifest(), 'utf8').split('\n');
    writeFileSync(manifest(), [header, damage(line), ...rest].join('\n'));
    const planned: unknown[] = [];
    for await (const { file, change } of planAll([inFolder('x')], { manifest: manifest() }))
      planned.push([file, change]);
    expect(planned).toEqual([
      [inFolder('x/a'), 'new'],
      [inFolder('x/b'), 'unchanged'],
    ]);
    const second = await send();
    expect(second.error).toBeUndefined();
    expect(changes(second)).toEqual({ 'x/a': 'new', 'x/b': 'unchanged' });
    const idsOf = ({ receipts }: Run) => receipts.map(({ id }) => id).sort();
    expect(idsOf(second)).toEqual(idsOf(first));
    expect(courier().state.files.size).toBe(2);
    expect(changes(await send())).toEqual({ 'x/a': 'unchanged', 'x/b': 'unchanged' });
  });

  test('that an editor of Windows has saved, with a byte order mark and its line breaks, is continued', async () => {
    writeAll('x/a', 'x/b');
    await send();
    writeFileSync(manifest(), `\ufeff${readFileSync(manifest(), 'utf8').replaceAll('\n', '\r\n')}`);
    writeAll('x/c');
    const again = await send();
    expect(again.error).toBeUndefined();
    expect(changes(again)).toEqual({ 'x/a': 'unchanged', 'x/b': 'unchanged', 'x/c': 'new' });
    expect(changes(await send())).toEqual({ 'x/a': 'unchanged', 'x/b': 'unchanged', 'x/c': 'unchanged' });
    expect(courier().state.files.size).toBe(3);
  });

  test('an empty file becomes a manifest; another file, another version and another key are refused', async () => {
    writeAll('x/a');
    writeFileSync(manifest(), '');
    expect((await send({ idempotencyKey: 'k' })).error).toBeUndefined();
    expect(lines()[0]).toMatchObject({ key: 'k' });
    expect((await send({ idempotencyKey: 'other' })).error).toMatchObject({ code: 'usage' });
    for (const content of ['name,size\n', '{"manifest":"drive-courier","version":2,"key":"k"}\n']) {
      writeFileSync(manifest(), content);
      expect((await send()).error).toMatchObject({ code: 'usage' });
      expect(readFileSync(manifest(), 'utf8')).toBe(content);
    }
    expect((await send({ manifest: join(folder(), 'missing/m') })).error).toMatchObject({ code: 'file-unwritable' });
  });

  test('two runs that find it empty at the same time create no duplicates', async () => {
    for (let index = 0; index < 5; index++) write(`x/${index}`, String(index));
    writeFileSync(manifest(), '');
    const runs = await Promise.all([send(), send(), send()]);
    for (const { error } of runs) expect(error).toBeUndefined();
    expect(courier().state.files.size).toBe(5);
  });

  test('has the key of the run before the first file is sent', async () => {
    writeAll('x/a');
    writeFileSync(manifest(), '');
    const headers: unknown[] = [];
    courier().state.before = async () => {
      headers.push(lines()[0]);
    };
    await send();
    expect(headers).toEqual([expect.objectContaining({ manifest: 'drive-courier' })]);
  });

  test('with a hole, as a power failure leaves it, has its other lines', async () => {
    writeAll('x/a', 'x/b');
    await send({ concurrency: 1 });
    const whole = readFileSync(manifest(), 'utf8');
    const [header = '', first = '', last = ''] = whole.split('\n');
    writeFileSync(manifest(), `${header}\n${first}\n`);
    // More than a text can have.
    truncateSync(manifest(), 600 * 1024 * 1024);
    appendFileSync(manifest(), `\n${last}\n`);
    expect(changes(await send())).toEqual({ 'x/a': 'unchanged', 'x/b': 'unchanged' });
  });

  test('must be a regular file', async () => {
    writeAll('x/a');
    execFileSync('mkfifo', [manifest()]);
    for (const path of [manifest(), folder(), '/dev/null']) {
      expect((await send({ manifest: path })).error).toMatchObject({ code: 'file-unwritable' });
      const planned = planAll([inFolder('x')], { manifest: path });
      await expect(planned.next()).rejects.toMatchObject({ code: 'file-unwritable' });
    }
    expect(courier().state.requests).toBe(0);
  });

  test('has times before 1970', async () => {
    write('x/a', 'old', new Date(-1_500));
    await send();
    expect(lines()[1]).toMatchObject({ mtime: '1969-12-31T23:59:58.500000000Z' });
    expect(changes(await send())).toEqual({ 'x/a': 'unchanged' });
  });

  test('belongs to what is sent where: another path or destination is another delivery', async () => {
    writeAll('x/a');
    await send({ path: 'one' });
    expect(changes(await send({ path: 'two' }))).toEqual({ 'x/a': 'new' });
    expect(changes(await send({ path: 'two', destination: 'other' }))).toEqual({ 'x/a': 'new' });
    expect(changes(await send({ path: 'two' }))).toEqual({ 'x/a': 'unchanged' });
  });

  test('after a stop, the next run sends the rest', async () => {
    for (let index = 0; index < 30; index++) write(`x/${index}`, String(index));
    const controller = new AbortController();
    courier().state.before = async () => {
      if (courier().state.requests === 10) controller.abort('SIGINT');
    };
    const first = await send({ signal: controller.signal });
    expect(first.error).toMatchObject({ code: 'stopped' });
    expect(first.failures).toEqual([]);
    const second = await send();
    expect(second.error).toBeUndefined();
    expect(courier().state.files.size).toBe(30);
    expect(second.receipts.filter(({ change }) => change === 'unchanged').length).toBeGreaterThanOrEqual(1);
  });
});

test('a dry run that is stopped says so', async () => {
  writeAll('x/a');
  const signal = AbortSignal.abort('SIGINT');
  await expect(planAll([inFolder('x')], { signal }).next()).rejects.toMatchObject({ code: 'stopped' });
});
