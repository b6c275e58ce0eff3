import { execFile } from 'node:child_process';
import { z } from 'zod';

const report = z.object({
  auditReportVersion: z.literal(2),
  vulnerabilities: z.record(z.string(), z.object({ severity: z.string(), range: z.string() })),
});

/** The known vulnerabilities of production dependencies, or the reason why they could not be checked. */
export type Audited = { faults: string[] } | { notChecked: string };

/** The output of `npm audit`. It exits with 1 both for vulnerabilities and if the registry does not answer. */
const runAudit = (root: string, env: NodeJS.ProcessEnv): Promise<string> =>
  new Promise((resolve) => {
    const args = ['audit', '--omit=dev', '--json', '--package-lock-only'];
    execFile('npm', args, { cwd: root, env, maxBuffer: 64 * 1_048_576, timeout: 120_000 }, (_, stdout, stderr) =>
      resolve(stdout || stderr),
    );
  });

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

export const audit = async (root: string, env: NodeJS.ProcessEnv = process.env): Promise<Audited> => {
  const text = await runAudit(root, env);
  const { data } = report.safeParse(parsed(text));
  if (data === undefined) return { notChecked: 'the registry did not answer "npm audit"' };
  return {
    faults: Object.entries(data.vulnerabilities).map(
      ([name, { severity, range }]) => `${name} ${range} has a known vulnerability (${severity}): npm audit --omit=dev`,
    ),
  };
};
