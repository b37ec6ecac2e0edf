import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Secret } from '../../src/otp/secret.ts';
import { totpAt } from '../../src/otp/totp.ts';
import { isObject } from '../../src/server/json.ts';
import { firstLine, jsonOf, run, start } from './cli-process.ts';
import { send } from './test-server.ts';

t.test('an administrator sets up a person and a service, who then log in by code and by push', async t => {
  const directory = t.testdir();
  const state = ['--state', join(directory, 'state')];
  const deviceFile = join(directory, 'alice.device');

  t.match(
    await run(['person', 'add', 'alice@example.com', '--username', 'alice', '--password', ...state], 'correct horse\n'),
    {
      status: 0,
      out: 'added alice@example.com\n',
      err: '',
    },
  );
  const added = jsonOf((await run(['service', 'add', 'web1', '--json', ...state])).out);
  t.match(added, { name: 'web1', serviceID: /^[0-9a-f-]{36}$/, serviceKey: /^[\w-]{43}$/ });
  t.match(await run(['access', 'grant', 'alice', 'web1', 'alice', '--from-ip', '127.0.0.0/8', ...state]), {
    status: 0,
  });

  const server = start(['start', '--listen', '127.0.0.1:0', '--hostname', 'trasa.example.com', ...state]);
  t.teardown(() => server.child.kill('SIGKILL'));
  const listening = jsonOf(await firstLine(server));
  t.match(listening, { event: 'listening', url: /^https:\/\/127\.0\.0\.1:\d+$/, pin: /^sha256\/\/[\w+/]{43}=$/ });
  const url = new URL(String(listening['url']));

  const enrolment = start(['enrol', 'totp', 'alice', '--json', ...state]); // while the server runs
  const secret = new Secret(String(jsonOf(await firstLine(enrolment))['secret']));
  const totp = { secret, algorithm: 'sha1', digits: 6, periodSeconds: 30 } as const;
  enrolment.child.stdin?.end(`000000\n${totpAt(totp, Date.now()).expose()}\n`);
  t.match(await enrolment.ended, { status: 0, err: /^enrolled alice/ });

  const enrolled = await run(['enrol', 'push', 'alice', '--device-file', deviceFile, '--server', url.origin, ...state]);
  t.match(enrolled, { status: 0, out: /^enrolled approve/ });
  t.equal(statSync(deviceFile).mode & 0o777, 0o600);
  t.equal(jsonOf(readFileSync(deviceFile, 'utf8'))['pin'], listening['pin']);
  const again = await run(['enrol', 'push', 'alice', '--device-file', deviceFile, '--server', url.origin, ...state]);
  t.match(again, { status: 78, err: /EEXIST/ }, 'a device file is never overwritten');

  const { serviceID, serviceKey } = added;
  const request = { serviceID, serviceKey, user: 'alice', trasaID: 'alice', userIP: '127.0.0.1' };
  const nix = async (totpCode: string, more: object = {}): Promise<unknown> =>
    (await send(url, 'POST', '/auth/agent/nix', JSON.stringify({ ...request, totpCode, ...more }))).json;
  t.match(await nix(totpAt(totp, Date.now() + 30_000).expose()), { status: 'success' }, 'the next: one is used up');

  const approve = (...args: string[]) => start(['approve', '--device', deviceFile, '--once', ...args]);
  const right = approve('--number', '42');
  t.match(await nix('', { pushNumber: '42', attempt: 'A1' }), { status: 'success', data: [{ attempt: 'A1' }] });
  t.match(await right.ended, { status: 0, out: /Number {3}42[^]*Approved\./ });
  const wrong = approve('--number', '43');
  t.match(await nix('', { pushNumber: '42', attempt: 'A2' }), { data: [{ attempt: 'A2', push: 'refused' }] });
  t.match(await wrong.ended, { status: 77, out: /Refused\./ });
  const asked = approve();
  asked.child.stdin?.end('what?\ny\n');
  t.match(await nix('', { attempt: 'A3' }), { status: 'success' });
  t.match(await asked.ended, { status: 0, out: /Approved\./ });

  server.child.kill('SIGTERM');
  const { status, out } = await server.ended;
  t.equal(status, 0);
  const lines = out.trim().split('\n').map(jsonOf);
  t.ok(
    lines.every(line => isObject(line) && typeof line['event'] === 'string'),
    'its log is JSON lines',
  );
  t.equal(lines.at(-1)?.['event'], 'stopped');
  t.notOk(out.includes(String(serviceKey)) || out.includes(secret.expose()));
});
