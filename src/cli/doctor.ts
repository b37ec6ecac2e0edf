import { isSea } from 'node:sea';
import { examine } from '../doctor/examine.ts';
import { gather, type Questions } from '../doctor/gather/gather.ts';
import { asJson, asText, statusOf } from '../doctor/report.ts';
import { exitStatus } from '../policy/refusals.ts';

/** `trasa-agent doctor`: looks at this host, and says what is wrong with it. Returns the exit status. */
export async function doctor({
  json,
  ...questions
}: Omit<Questions, 'self'> & { readonly json: boolean }): Promise<number> {
  if (process.geteuid?.() !== 0) {
    process.stderr.write('trasa-agent: doctor looks where only root may: run it as root\n');
    return exitStatus.noPermission;
  }
  const self = [process.execPath, ...(isSea() ? [] : [...process.execArgv, process.argv[1] ?? ''])];
  const facts = await gather({ ...questions, self });
  const findings = examine(facts);
  process.stdout.write(json ? asJson(findings) : asText(findings, facts));
  return statusOf(findings);
}
