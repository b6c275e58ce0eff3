import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openRecords, type Records } from '../../../local/google/drive/store/records.ts';

interface Note {
  text: string;
}

let folder: string;
const opened: Records<Note>[] = [];
const open = (): Records<Note> => {
  const records = openRecords<Note>(join(folder, 'notes'));
  opened.push(records);
  return records;
};
const journal = () => join(folder, 'notes.jsonl');

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'records-'));
});
afterEach(() => {
  for (const records of opened.splice(0)) records.close();
  rmSync(folder, { recursive: true, force: true });
});

test('what was put is there at the next start, what was removed is not', () => {
  const first = open();
  first.put('a', { text: 'one' });
  first.put('b', { text: 'line\nbreak' });
  first.put('a', { text: 'two' });
  first.put('c', { text: 'gone' });
  first.remove('c');
  const second = open();
  expect([...second.all()]).toEqual([{ text: 'two' }, { text: 'line\nbreak' }]);
  expect([second.size, second.get('c')]).toEqual([2, undefined]);
});

test('a start drops outdated lines of the journal', () => {
  const first = open();
  for (let turn = 0; turn < 100; turn++) first.put('a', { text: `${turn}` });
  open();
  expect(readFileSync(journal(), 'utf8')).toBe('{"id":"a","record":{"text":"99"}}\n');
});

test('an incomplete last line, left by a killed process, is ignored', () => {
  open().put('a', { text: 'whole' });
  appendFileSync(journal(), '{"id":"a","record":{"te');
  const records = open();
  expect(records.get('a')).toEqual({ text: 'whole' });
  records.put('b', { text: 'after' });
  expect(open().get('b')).toEqual({ text: 'after' });
});

test('a change after closing is stored too', () => {
  const records = open();
  records.put('a', { text: 'one' });
  records.close();
  records.put('a', { text: 'two' });
  expect(open().get('a')).toEqual({ text: 'two' });
});
