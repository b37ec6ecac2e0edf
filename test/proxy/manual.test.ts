/** What trasa-agent-proxy(8) promises stands in the code. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { policyOptionNames } from '../../src/config/entry-options.ts';
import { serviceOptionNames } from '../../src/config/proxy-options.ts';
import { usualGrant } from '../../src/policy/grant.ts';
import { parseTarget } from '../../src/proxy/downstream/target.ts';
import { verdictOn } from '../../src/proxy/relay/allowed.ts';

const manual = readFileSync(join(import.meta.dirname, '../../man/trasa-agent-proxy.8.scd'), 'utf8');

t.test('every option of a service is in it', async t => {
  for (const name of serviceOptionNames) t.match(manual, new RegExp(`\\b${name}\\b`), name);
});

t.test('every option of a policy is in it, and its example is one', async t => {
  for (const name of policyOptionNames) t.match(manual, new RegExp(`\\*${name}\\*`), name);
  const [, example = ''] = /```\n(\[proxy\.groups\][^]*?)```/.exec(manual) ?? [];
  const names = [...example.matchAll(/^(\w+) = /gm)].map(([, name = '']) => name).slice(1);
  t.ok(names.length >= 10);
  for (const name of names)
    t.ok(
      policyOptionNames.some(known => known === name),
      name,
    );
});

t.test('its example configuration names no option that there is not', async t => {
  const [, example = ''] = /```\n(trasaServerURL[^]*?)```/.exec(manual) ?? [];
  const [, service = ''] = /\[proxy\.services\.web1\]\n([^]*)$/.exec(example) ?? [];
  const names = [...service.matchAll(/^(\w+) =/gm)].map(([, name = '']) => name);
  t.ok(names.length >= 5);
  for (const name of names) t.ok(serviceOptionNames.includes(name), name);
});

t.test('the forms of a target', async t => {
  for (const form of ['alice@web1', 'alice:web1', 'alice+web1'])
    t.strictSame(parseTarget(form), { account: 'alice', service: 'web1' }, form);
  t.strictSame(parseTarget('jump'), { account: 'jump', service: 'jump' });
  t.strictSame(parseTarget('alice@jump'), { account: 'alice', service: 'jump' });
  t.match(manual, /User jump +# or alice@jump/);
  t.strictSame(parseTarget('alice'), { account: 'alice', service: undefined });
  t.strictSame(parseTarget('svc-backup_1.x$@db-1.example'), { account: 'svc-backup_1.x$', service: 'db-1.example' });
});

t.test('the environment that passes', async t => {
  const env = (name: string) => verdictOn({ kind: 'request', from: 'client', type: 'env', name }, usualGrant(false));
  for (const name of ['LANG', 'LC_ALL', 'TZ', 'COLORTERM', 'NO_COLOR', 'GIT_PROTOCOL']) {
    t.equal(env(name), 'pass', name);
    t.ok(manual.includes(name.startsWith('LC_') ? 'LC_' : name), name);
  }
  for (const name of ['PATH', 'LD_PRELOAD', 'BASH_ENV', 'LC_ALL=x', 'lang', ''])
    t.match(env(name), { refused: String }, name);
});
