import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Refusal, refuse, startCall } from './gcloud/call.ts';
import { IAM } from './gcloud/iam.ts';
import { MESSAGES } from './gcloud/messages.ts';
import { OPERATIONS } from './gcloud/operations.ts';
import { PROJECT } from './gcloud/project.ts';
import { SERVERLESS } from './gcloud/serverless.ts';
import type { ProjectState } from './gcloud/state.ts';

/**
 * A gcloud stub that keeps a project's state for the scripts that call it. It describes what exists, reports the rest
 * as not found in Google's words, rejects duplicates, and fails at first where a new project does. It supports only the
 * commands that the scripts use, and no alpha or beta commands. Google's own linter checks whether the real gcloud
 * knows them.
 */

const COMMANDS = [...IAM, ...PROJECT, ...MESSAGES, ...SERVERLESS, ...OPERATIONS];

/** The API that a group of commands calls. Without it, the whole group fails. */
const API_OF: Readonly<Record<string, string>> = {
  iam: 'iam',
  secrets: 'secretmanager',
  firestore: 'firestore',
  pubsub: 'pubsub',
  run: 'run',
  eventarc: 'eventarc',
  storage: 'storage',
  logging: 'logging',
  monitoring: 'monitoring',
};

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

const needApi = (state: ProjectState, group: string): void => {
  const api = API_OF[group];
  if (api === undefined) return;
  const words = `PERMISSION_DENIED: ${api}.googleapis.com has not been used in project my-project before or it is disabled. reason: SERVICE_DISABLED`;
  if (!state.apis.includes(`${api}.googleapis.com`)) refuse(words);
  if (state.lags.api > 0) {
    state.lags.api -= 1;
    refuse(words);
  }
};

/** One command line with its standard input. */
const run = (state: ProjectState, argv: readonly string[], input: string): Result => {
  const result: Result = { code: 0, stdout: '', stderr: '' };
  const { call, line } = startCall(state, argv, input, (text) => {
    result.stdout = text;
  });
  state.calls.push([...argv]);
  try {
    const [group = ''] = argv;
    if (['alpha', 'beta'].includes(group)) refuse(`Invalid choice: '${group}'.`);
    if (state.fault?.refuse !== undefined && line.startsWith(state.fault.refuse)) refuse(state.fault.words ?? '');
    needApi(state, group);
    const [found] = COMMANDS.flatMap(([pattern, work]) => {
      const match = pattern.exec(line);
      return match === null ? [] : [() => work(call, match)];
    });
    if (found === undefined) refuse(`this gcloud does not know: ${argv.join(' ')}`);
    found?.();
    return result;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { code: 1, stdout: '', stderr: error.message };
  }
};
/**
 * The `gcloud` on the PATH. It forwards everything, which takes a few milliseconds, while starting Node would take
 * many.
 */
const CLIENT = `#!/usr/bin/env bash
exec 3<>"/dev/tcp/127.0.0.1/$FAKE_GCLOUD_PORT"
input=
if [[ " $* " == *" --data-file=- "* ]]; then input=$(cat); fi
printf '%s\\0' "$FAKE_PROJECT" "input:$input" "$@" '' >&3
IFS= read -r code <&3 && IFS= read -r out <&3 && IFS= read -r err <&3
if [ -n "$out" ]; then printf '%s\\n' "\${out//$'\\037'/$'\\n'}"; fi
if [ -n "$err" ]; then printf '%s\\n' "\${err//$'\\037'/$'\\n'}" >&2; fi
exit "$code"
`;

const END = '\0\0';
const oneLine = (text: string): string => text.replaceAll('\n', '\x1f');

export interface RecordingGcloud {
  /** For the scripts' environment, in addition to a PATH that contains the client. */
  port: string;
  /** By the name in FAKE_PROJECT. */
  projects: Map<string, ProjectState>;
  close(): Promise<void>;
}

/** @param clientPath where the program called `gcloud` is created */
export const startRecordingGcloud = async (clientPath: string): Promise<RecordingGcloud> => {
  writeFileSync(clientPath, CLIENT);
  chmodSync(clientPath, 0o755);
  const projects = new Map<string, ProjectState>();
  const answer = (socket: Socket, text: string): void => {
    const [project = '', input = '', ...argv] = text.split('\0');
    const state = projects.get(project);
    const { code, stdout, stderr } =
      state === undefined ? { code: 1, stdout: '', stderr: 'no such state' } : run(state, argv, input);
    socket.end(`${code}\n${oneLine(stdout)}\n${oneLine(stderr)}\n`);
  };
  const server = createServer((socket) => {
    let text = '';
    socket.on('error', () => socket.destroy());
    socket.on('data', (part: Buffer) => {
      text += part.toString();
      if (text.endsWith(END)) answer(socket, text.slice(0, -END.length));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: String((server.address() as AddressInfo).port),
    projects,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
};
