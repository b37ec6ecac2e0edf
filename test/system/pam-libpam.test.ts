/** The model of libpam against libpam: stacks made by chance, of modules that return what they are told to. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { type PamReturn, pamCodes } from '../../src/system/pam-control.ts';
import { beginning, dispatch, resultOf } from '../../src/system/pam-dispatch.ts';
import { loadService } from '../../src/system/pam-files.ts';
import type { PamEntry, PamService } from '../../src/system/pam-stack.ts';
import { wayAround } from '../../src/system/pam-walk.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { askLibpam, chance, writeServices } from './pam-trial.ts';

privateHost(t);

const count = Number(process.env['STACKS'] ?? 200);
const below = chance(Number(process.env['SEED'] ?? 20_261_126));

const someCodes = [
  'success',
  'success',
  'default',
  'default',
  'ignore',
  'auth_err',
  'new_authtok_reqd',
  'user_unknown',
];
const someActions = ['ok', 'done', 'bad', 'die', 'ignore', 'reset', '1', '1', '2', '3'];

t.test(`${count} stacks end in the model as they do in libpam`, async t => {
  const services = new Map([['other', 'auth required pam_debug.so auth=try_again\n']]); // for those without a line of auth
  for (let i = 0; i < count; i += 1) {
    services.set(`trial-${i}-low`, someLines(`trial-${i}-none`));
    services.set(`trial-${i}-mid`, someLines(`trial-${i}-low`));
    services.set(`trial-${i}`, someLines(`trial-${i}-mid`));
  }
  const answers = await askLibpam(services, 'authenticate');
  for (const [index, [name]] of [...services].entries()) {
    const expected = answers[index];
    const got = codeOf(loadService(name));
    if (got !== expected) t.fail(`${name}: libpam ${expected}, the model ${got}`, { found: shown(name) });
  }
  t.ok(new Set(answers).size > 10, `of ${new Set(answers).size} kinds`);
});

t.test(`where the model finds a way around in one of ${count} stacks, libpam goes it`, async t => {
  const stacks = new Map<string, string>();
  const ways = new Map<string, string>();
  for (let i = 0; i < count; i += 1) {
    const name = `ours-${i}`;
    const text = Array.from({ length: 2 + below(5) }, () => `auth ${someControl()} ${someModule()}`);
    text.splice(below(text.length + 1), 0, `auth ${someControl()} pam_trasa.so`);
    stacks.set(name, `${text.join('\n')}\n`);
  }
  writeServices(stacks);
  for (const [name, text] of stacks) {
    const service = loadService(name);
    if (service.kind === 'refused') throw new Error(service.why);
    const way = wayAround(service.stacks.auth, 'auth');
    if (way.kind === 'unknown') t.fail(name);
    if (way.kind === 'none') {
      if (bruteForce(service.stacks.auth)) t.fail(`${name}: there is a way`, { found: text });
      continue;
    }
    if (way.kind !== 'found') continue;
    const lines = text.split('\n');
    for (const { entry, returned } of way.steps) {
      const line = lines[entry.place.line - 1] ?? '';
      lines[entry.place.line - 1] = line.replace(/pam_\S+\.so.*$/, `pam_debug.so auth=${returned}`);
    }
    ways.set(`way-${name}`, lines.join('\n'));
  }
  t.ok(ways.size > count / 10 && ways.size < count, `${ways.size} ways around`);
  const answers = await askLibpam(ways, 'authenticate');
  for (const [index, [name, text]] of [...ways].entries())
    if (answers[index] !== 0) t.fail(`${name}: libpam ${answers[index]}`, { found: text });
});

/** Every combination of success, failure and ignore, without the walk. */
function bruteForce(stack: readonly PamEntry[], state = beginning): boolean {
  const result = resultOf(stack, state);
  if (result !== undefined) return result === 'success';
  const module = stack[state.next]?.module ?? '';
  const codes: readonly PamReturn[] =
    module === 'pam_permit.so'
      ? ['success']
      : module === 'pam_deny.so'
        ? ['auth_err']
        : module === 'pam_trasa.so'
          ? ['auth_err', 'user_unknown']
          : ['success', 'auth_err', 'ignore', 'new_authtok_reqd', 'user_unknown'];
  return codes.some(code => bruteForce(stack, dispatch(stack, state, code)));
}

function codeOf(service: PamService): number {
  if (service.kind === 'refused') return -1;
  const stack = service.stacks.auth;
  let state = beginning;
  for (;;) {
    const result = resultOf(stack, state);
    if (result !== undefined) return result === 'abort' ? -1 : pamCodes.indexOf(result);
    const entry = stack[state.next];
    state = dispatch(stack, state, entry === undefined ? 'abort' : toldTo(entry));
  }
}

function toldTo({ kind, module, words }: PamEntry): PamReturn {
  if (kind === 'fails') return 'perm_denied';
  if (module === 'pam_permit.so') return 'success';
  if (module === 'pam_deny.so') return 'auth_err';
  if (module !== 'pam_debug.so') return 'module_unknown';
  const told = words.find(word => word.startsWith('auth='))?.slice('auth='.length);
  return pamCodes.find(code => code === told) ?? 'success';
}

function someLines(included: string): string {
  return Array.from({ length: 1 + below(5) }, () => someLine(included)).join('\n');
}

function someLine(included: string): string {
  switch (below(14)) {
    case 0:
      return `auth include ${included}`;
    case 1:
    case 2:
      return `auth substack ${included}`;
    case 3:
      return below(4) > 0 && !included.endsWith('-none') ? `@include ${included}` : `auth required \\\n  pam_permit.so`;
    case 4:
      return pick([
        'bogus sufficient pam_permit.so',
        '-auth optional pam_missing.so',
        'auth required',
        'auth',
        '# c',
        '',
      ]);
    default:
      return `${pick(['auth', 'auth', 'auth', '-auth', 'account'])} ${someControl()} ${someModule()}`;
  }
}

function someModule(): string {
  return pick(['pam_permit.so', 'pam_deny.so', 'pam_missing.so', ...someTold()]);
}

function someTold(): string[] {
  const likely: readonly PamReturn[] = ['success', 'auth_err', 'ignore', 'new_authtok_reqd', 'user_unknown'];
  const code = below(3) > 0 ? pick(likely) : pick(pamCodes.filter(one => one !== 'incomplete' && one !== 'abort'));
  return [`pam_debug.so auth=${code}`, `pam_debug.so auth=${code}`, `pam_debug.so auth=${code}`];
}

function someControl(): string {
  if (below(3) > 0) return pick(['required', 'requisite', 'sufficient', 'optional', 'REQUIRED']);
  const rules = Array.from({ length: 1 + below(3) }, () => `${pick(someCodes)}=${pick(someActions)}`);
  return below(30) === 0 ? '[success=ok oops]' : `[${rules.join(' ')}]`;
}

function pick<T>(these: readonly T[]): T {
  const one = these[below(these.length)];
  if (one === undefined) throw new Error('nothing to pick');
  return one;
}

function shown(name: string): string[] {
  return [name, `${name}-mid`, `${name}-low`].map(file => {
    try {
      return `${file}:\n${readFileSync(`/etc/pam.d/${file}`, 'utf8')}`;
    } catch {
      return '';
    }
  });
}
