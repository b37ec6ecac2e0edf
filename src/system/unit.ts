import { existsSync } from 'node:fs';
import { runProgram } from './run-program.ts';

/** systemd.unit(5), as `systemctl show` has it. */
export interface UnitState {
  readonly name: string;
  /** `active`, `failed`, `inactive`, `activating` … */
  readonly active: string;
  /** `running`, `auto-restart` … */
  readonly sub: string;
  /** `success`, `exit-code`, `signal` … */
  readonly result: string;
  /** `enabled`, `disabled` … */
  readonly file: string;
}

/** Undefined: systemd does not run here, does not answer, or does not know the unit. */
export async function unitState(name: string, run: typeof runProgram = runProgram): Promise<UnitState | undefined> {
  if (run === runProgram && !existsSync('/run/systemd/system')) return undefined; // sd_booted(3)
  const properties = '--property=LoadState,ActiveState,SubState,Result,UnitFileState';
  const ran = await run('/usr/bin/systemctl', ['show', properties, '--', name]);
  if (ran.kind === 'failed' || ran.status !== 0) return undefined;
  const value = (property: string): string => new RegExp(`^${property}=(.*)$`, 'm').exec(ran.stdout)?.[1] ?? '';
  if (value('LoadState') !== 'loaded') return undefined;
  return {
    name,
    active: value('ActiveState'),
    sub: value('SubState'),
    result: value('Result'),
    file: value('UnitFileState'),
  };
}
