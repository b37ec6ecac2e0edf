/** The programs and modules that sshd and PAM are to run for us, and whether they are there. */
import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { PamPhase, PamService } from '../../system/pam-stack.ts';
import { secondFactorAt } from '../../system/second-factor.ts';
import type { Facts, SshdFacts } from '../facts.ts';

export interface Programs {
  /** Those that are there. */
  readonly paths: readonly string[];
  readonly missing: Facts['missing'];
}

/** Where libpam of Debian, Ubuntu and RHEL looks for a module without a path. */
export const moduleDirectories: readonly string[] = [
  '/usr/lib/x86_64-linux-gnu/security',
  '/usr/lib/aarch64-linux-gnu/security',
  '/usr/lib64/security',
  '/usr/lib/security',
];

export function gatherPrograms(sshd: SshdFacts, services: readonly PamService[]): Programs {
  const named = [...forcedPrograms(sshd), ...services.flatMap(pamPrograms)];
  const paths: string[] = [];
  const missing = new Map<string, Facts['missing'][number]>();
  for (const { candidates, namedAt } of named) {
    const path = candidates.find(existsSync);
    const [wanted = ''] = candidates.length === 1 ? candidates : candidates.map(one => one.replace(/^.*\//, ''));
    if (path !== undefined) paths.push(path);
    else missing.set(`${wanted} ${namedAt}`, { path: wanted, namedAt });
  }
  return { paths: [...new Set(paths)], missing: [...missing.values()] };
}

interface Named {
  /** Where it may lie. */
  readonly candidates: readonly string[];
  readonly namedAt: string;
}

function forcedPrograms(sshd: SshdFacts): Named[] {
  if (sshd.kind === 'refused') return [];
  return sshd.probes.flatMap(({ settings }) => {
    const command = settings.kind === 'answered' ? settings.answer.first('forcecommand') : undefined;
    const path = /(\/\S*trasa-agent)\s+login\b/.exec(command ?? '')?.[1];
    return path === undefined ? [] : [{ candidates: [path], namedAt: `forcecommand ${command}` }];
  });
}

function pamPrograms(service: PamService): Named[] {
  if (service.kind === 'refused') return [];
  const phases: readonly PamPhase[] = ['auth', 'account'];
  return phases.flatMap(phase =>
    service.stacks[phase]
      .filter(entry => secondFactorAt(entry, phase) !== undefined)
      .flatMap(({ module, words, place }) => {
        const agent = words.find(word => word.startsWith('agent='))?.slice('agent='.length);
        const command = module.endsWith('pam_exec.so') ? words.find(isAbsolute) : agent;
        const modules = isAbsolute(module) ? [module] : moduleDirectories.map(directory => join(directory, module));
        const namedAt = `${place.file}:${place.line}`;
        return [modules, ...(command === undefined ? [] : [[command]])].map(candidates => ({ candidates, namedAt }));
      }),
  );
}
