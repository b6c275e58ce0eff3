import { CHUNK, MULTIPART, type NamedSchedule, SEARCH, schedule } from './named-schedule.ts';

/** A person puts a file of the name into the folder, or moves things to the trash, before the delivery's last request. */
export const CHANGED_MEANWHILE: readonly NamedSchedule[] = [
  // A file that a person creates while a new one is being delivered has the name.
  schedule(
    'the process is paused while it plans, and a person puts a file of the name there',
    'k1:A:replace:small:push:p1:1;put;none;',
    { actor: 'd1', before: /^GET files\/f\d/, choice: '>2' },
    { actor: 'd1', before: /^GET files\/f\d/, choice: '!freeze' },
  ),
  schedule(
    'a person puts a file of the name there, and Drive asks the creation of the new one to come later',
    'k1:A:replace:small:plain:p1:1;put;none;',
    { actor: 'd1', before: /^ledger\.claim write/, choice: '>2' },
    { actor: 'd1', before: MULTIPART, choice: '!503-later' },
  ),
  schedule(
    'a person puts a file of the name there, and the delivery waits for the lease of its new file',
    'k1:A:replace:large:push:p1:1;put;none;',
    { actor: 'd1', before: /^ledger\.claim write/, choice: '!lost' },
  ),
  schedule(
    'a person puts a file of the name there, and the ledger is slow before the last chunk',
    'k1:A:replace:large:push:p1:1;put;none;',
    { actor: 'd1', before: CHUNK, choice: '>2' },
    { actor: 'd1', before: /^ledger\.record delivery/, choice: '!slow' },
  ),
  schedule(
    'the file that the last search for the name of a document has found is trashed, and a person puts another one there',
    'k1:A:replace:sheet:plain:p1:1;put,trash,put;none;',
    { actor: 'd1', before: SEARCH, nth: 2, choice: '>2' },
    { actor: 'd1', before: /^GET files\/f1$/, choice: '>2' },
    { actor: 'd1', before: /^GET files\/f1$/, choice: '!503-later' },
    { actor: 'd1', before: /^GET files\/f1$/, nth: 2, choice: '>2' },
    { actor: 'd1', before: /^GET files\/f1$/, nth: 2, choice: '!503-later' },
  ),
  // A file in the trash is reported.
  schedule('the file is trashed while it is replaced', 'k1:A:replace:large:plain:p1:1;trash;hand;', {
    actor: 'd1',
    before: CHUNK,
    nth: 2,
    choice: '>2',
  }),
  schedule('the folder is trashed while a document is converted', 'k1:A:new:sheet:plain:p1:1;trash-folder;none;sub', {
    actor: 'd1',
    before: CHUNK,
    choice: '>2',
  }),
  schedule('a delivery is sent again whose file lies in the trash', 'k1:A:replace:small:plain:p1:1;trash;none;'),
];
