/** How a proxy stands, by what lies in its directories: nothing that is not there is made by the look. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import { initCaOutside } from '../../src/ca/authority.ts';
import type { AgentConfig, ProxyService } from '../../src/config/config.ts';
import { standardConfig } from '../../src/config/standard-config.ts';
import { writeCached } from '../../src/proxy/catalogue/cached.ts';
import { placeOfCatalogue } from '../../src/proxy/catalogue/open-offers.ts';
import { openHostKeys } from '../../src/proxy/door/host-key-files.ts';
import { greetingAt } from '../../src/proxy/standing/greeting.ts';
import { proxySight } from '../../src/proxy/standing/standing.ts';
import { encodePublicKey } from '../../src/ssh/public-key.ts';
import { Approvals } from '../../src/store/approvals.ts';
import { HostKeyStore } from '../../src/store/host-keys.ts';
import { LoginStore } from '../../src/store/login-store.ts';
import { RecordingJournal } from '../../src/store/recording-journal.ts';
import { newAuthority, newDirectory, passphrase, valueOf } from '../ca/ca.ts';
import { privateDirectory, put } from '../config/place.ts';
import { until } from '../helpers/e2e/until.ts';
import { proxyService } from '../helpers/proxy-service.ts';
import { newPair } from '../ssh/authority.ts';
import { folder, keygen, makeKey } from '../ssh/openssh.ts';
import { service as listedService, message } from './catalogue.ts';
import { inProcess } from './in-process.ts';

const { key } = newPair();
const known: ProxyService = { ...proxyService, hostKeys: [key] };

interface Place {
  readonly config: AgentConfig;
  readonly state: string;
  readonly passphraseFile: string;
}

/** Of a proxy that has a User CA, and has never run. */
async function place(t: Test, proxy: Partial<AgentConfig['proxy']> = {}): Promise<Place> {
  const base = privateDirectory(t);
  const state = join(base, 'state');
  mkdirSync(state, { mode: 0o700 });
  const authority = await newAuthority(['user']);
  authority.close();
  const passphraseFile = put(join(base, 'passphrase'), `${passphrase.expose()}\n`, 0o600);
  const standard = standardConfig();
  const config: AgentConfig = {
    ...standard,
    proxy: {
      ...standard.proxy,
      stateDirectory: state,
      recordDirectory: join(state, 'recordings'),
      caDirectory: authority.directory,
      caPassphraseFile: passphraseFile,
      services: new Map([['web1', known]]),
      ...proxy,
    },
  };
  return { config, state, passphraseFile };
}

async function seen(
  { proxy, ...config }: AgentConfig,
  changes: Partial<AgentConfig['proxy']> = {},
  isThorough = false,
) {
  return await proxySight({ ...config, proxy: { ...proxy, ...changes } }, { now: Date.now(), isThorough });
}

t.test('one that has never run has nothing wrong, and the look makes nothing', async t => {
  const { config, state } = await place(t);
  t.match(await seen(config), {
    troubles: [],
    isServerVerified: true,
    state: { path: state, trouble: undefined },
    recordings: { areWanted: false, journalFault: null },
    hostCertificates: [],
    userCA: { trouble: null, keeper: 'passphrase', isOld: false, lines: [/^user CA SHA256:\S+ signs since/] },
    catalogue: null,
    running: { kind: 'silent', why: /ENOENT/ },
    services: [{ name: 'web1', address: '10.0.0.5:22', firstUse: 'refuse', isKnown: true, accountsWithout: [] }],
    hostKeys: [],
    approvals: [],
    heldOff: 0,
    unread: [],
    greeting: null,
  });
  t.strictSame(readdirSync(state), []);
});

t.test('files of keys that are not in order', async t => {
  const { config, state, passphraseFile } = await place(t);
  t.equal(typeof openHostKeys(state, Date.now()), 'object');
  t.strictSame((await seen(config)).troubles, []);
  const rsa = join(state, 'ssh_host_rsa_key');
  chmodSync(rsa, 0o644);
  t.match((await seen(config)).troubles, [{ text: /can be read by everyone/, place: rsa, hint: /chmod/ }], 'said once');
  chmodSync(rsa, 0o600);
  writeFileSync(rsa, 'none');
  t.match((await seen(config)).troubles, [{ text: /ssh_host_rsa_key is not a private key/, place: rsa }]);
  rmSync(rsa);
  t.match((await seen(config, { services: new Map() })).troubles, [{ text: /leads nowhere/ }]);
  rmSync(passphraseFile);
  t.match((await seen(config)).troubles, [{ text: /passphrase does not exist/ }]);
});

t.test('host certificates: when they end, and those that are none', async t => {
  const { config, state } = await place(t);
  openHostKeys(state, Date.now());
  const ca = makeKey(join(folder(), 'ca')).path;
  keygen('-q', '-s', ca, '-I', 'x', '-h', '-V', '20260101Z:20260201Z', join(state, 'ssh_host_ed25519_key.pub'));
  keygen('-q', '-s', ca, '-I', 'x', '-n', 'alice', join(state, 'ssh_host_ecdsa_key.pub'));
  t.match((await seen(config)).hostCertificates, [
    { path: /ed25519_key-cert\.pub$/, valid: { after: 1_767_225_600, before: 1_769_904_000 }, trouble: null },
    { path: /ecdsa_key-cert\.pub$/, valid: null, trouble: /is no host's certificate/ },
  ]);
});

t.test('the passphrase of the User CA is tried only if that is asked for', async t => {
  const { config, passphraseFile } = await place(t);
  t.match((await seen(config, {}, true)).userCA, { trouble: null });
  put(passphraseFile, 'another one\n', 0o600);
  t.match((await seen(config)).userCA, { trouble: null });
  t.match((await seen(config, {}, true)).userCA, { trouble: /passphrase is wrong/ });
  t.match((await seen(config, { caPassphraseFile: '' })).userCA, { trouble: /caPassphraseFile is not set/ });
  const { caDirectory } = config.proxy;
  const longAgo = new Date('2015-01-01');
  utimesSync(join(caDirectory, 'ssh-user-ca.key'), longAgo, longAgo);
  t.match((await seen(config)).userCA, { isOld: true, since: longAgo.getTime(), lines: [/more than 5 years ago/] });
  chmodSync(caDirectory, 0o755);
  t.match((await seen(config)).userCA, { trouble: /can be entered by others/, since: null });
});

t.test('an agent that keeps the User CA is asked for its keys, and for no signature', async t => {
  const { config } = await place(t);
  const here = folder();
  const caDirectory = newDirectory();
  const ca = makeKey(join(here, 'ca'));
  valueOf(initCaOutside(caDirectory, 'user', ca.key, { kind: 'ssh-agent' }));
  const caAgent = join(here, 'agent');
  const agent = spawn('ssh-agent', ['-D', '-a', caAgent], { stdio: 'ignore' });
  t.teardown(async () => {
    agent.kill();
    await once(agent, 'close');
  });
  await until('the agent', () => existsSync(caAgent));
  t.match((await seen(config, { caDirectory, caAgent })).userCA, { trouble: /does not have the key of the User CA/ });
  execFileSync('ssh-add', ['-q', '-c', ca.path], { env: { ...process.env, SSH_AUTH_SOCK: caAgent }, stdio: 'pipe' });
  t.match((await seen(config, { caDirectory, caAgent }, true)).userCA, { trouble: null, keeper: 'ssh-agent' });
  t.match((await seen(config, { caDirectory, caAgent: `${caAgent}x` })).userCA, { trouble: /cannot be asked/ });
  t.match((await seen(config, { caDirectory })).userCA, { trouble: /caAgent is not set/ });
});

t.test('a token is not spoken to, for it counts wrong PINs', async t => {
  const { config } = await place(t);
  const module = put(join(privateDirectory(t), 'module.so'), 'never loaded');
  for (const [provider, trouble] of [
    [module, null],
    ['/nonexistent.so', /the module of the token is not there/],
  ] as const) {
    const caDirectory = newDirectory();
    valueOf(initCaOutside(caDirectory, 'user', key, { kind: 'token', provider }));
    t.match((await seen(config, { caDirectory }, true)).userCA, { trouble, keeper: 'token' });
  }
});

t.test('services: how their hosts are known, and accounts into which nothing leads', async t => {
  const { config, state } = await place(t);
  const keys = privateDirectory(t);
  makeKey(join(keys, 'alice'));
  const byKey = { credentials: ['key'], keyFile: join(keys, '%u'), accounts: ['alice', 'bob'] } as const;
  const services = new Map<string, ProxyService>([
    ['web1', { ...known, ...byKey }],
    ['web2', { ...proxyService, name: 'web2', host: '10.0.0.6', firstUse: 'hold' }],
    ['web3', { ...proxyService, name: 'web3', host: '10.0.0.7', firstUse: 'ask', record: true }],
  ]);
  const store = new HostKeyStore(state);
  store.pinFirst({ host: '10.0.0.6', port: 22 }, encodePublicKey(key), 'alice', 1);
  store.hold({ host: '10.0.0.7', port: 22 }, encodePublicKey(key), 'bob', 2);
  store.close();
  const sight = await seen(config, { services });
  t.match(sight.services, [
    { name: 'web1', isKnown: true, accountsWithout: ['bob'] },
    { name: 'web2', isKnown: true, accountsWithout: [] },
    { name: 'web3', isKnown: false, accountsWithout: [] },
  ]);
  t.match(sight.hostKeys, [
    { service: 'web2', state: 'pinned', by: 'alice' },
    { service: 'web3', state: 'held', by: 'bob', since: '1970-01-01T00:00:00.002Z' },
  ]);
  t.equal(sight.recordings.areWanted, true);
});

t.test('who waits, and who is held off', async t => {
  const { config, state } = await place(t);
  const now = Date.now();
  const approvals = new Approvals(state);
  const request = { person: 'a@x', account: 'root', target: 'web1', client: '192.0.2.1', policy: 'p', lastsMs: 1000 };
  approvals.ask(request, now, () => 'ABCD');
  approvals.ask({ ...request, person: 'b@x' }, now, () => 'EFGH');
  approvals.decide('EFGH', 'approved', 'root', now);
  approvals.close();
  const memory = new LoginStore(state, { now: () => now }, { begin: async () => await Promise.resolve(undefined) });
  memory.check();
  memory.close();
  const database = new DatabaseSync(join(state, 'logins.db'));
  database.exec(`INSERT INTO throttle VALUES ('person:a@x', 50, ${now}), ('person:b@x', 1, ${now})`);
  database.close();
  t.match(await seen(config), {
    approvals: [{ id: 'ABCD', person: 'a@x', account: 'root', target: 'web1' }],
    heldOff: 1,
  });
  writeFileSync(join(state, 'approvals.db'), 'not a database');
  t.match(await seen(config), { approvals: [], unread: [/approvals\.db.*not a database/] });
});

t.test('the end of the journal of recordings is read again', async t => {
  const { config, state } = await place(t);
  const journal = new RecordingJournal(state);
  for (let i = 0; i < 5; i++) journal.append({ event: 'opened', file: String(i) }, false);
  t.equal((await seen(config)).recordings.journalFault, null);
  t.equal(journal.faultyLine(2), undefined);
  t.equal(journal.faultyLine(5), undefined);
  const database = new DatabaseSync(join(state, 'recordings.db'));
  const change = (sql: string): void => database.exec(sql);
  change('UPDATE line SET number = 9 WHERE number = 4');
  t.match((await seen(config)).recordings.journalFault, /^line 5 is not/, 'out of order');
  change('UPDATE line SET number = 4 WHERE number = 9');
  change('DELETE FROM line WHERE number = 1');
  t.match((await seen(config)).recordings.journalFault, /^line 2 is not/, 'its beginning is gone');
  t.equal(journal.faultyLine(2), undefined, 'which a look at the last two does not see');
  change(`UPDATE line SET text = replace(text, '"file":"4"', '"file":"5"') WHERE number = 5`);
  t.equal(journal.faultyLine(2), 5);
  journal.close();
  database.close();
});

t.test('the catalogue that is kept: none, of another, fresh, and too old', async t => {
  const { config } = await place(t, { catalogue: true, catalogueMaxAgeMs: 3_600_000 });
  const { file, source } = placeOfCatalogue(config);
  t.match((await seen(config)).catalogue, { confirmedAt: null, isTooOld: false, trouble: null });
  const keep = (confirmedAt: number, of = source): void =>
    writeCached(file, of, {
      revision: '1',
      confirmedAt,
      message: message({ services: [{ ...listedService, record: true }] }),
    });
  keep(Date.now());
  const sight = await seen(config);
  t.match(sight.catalogue, { confirmedAt: Number, isTooOld: false, trouble: null });
  t.match(sight.services, [{ name: 'web1' }, { name: 'db1', accountsWithout: [] }]);
  t.equal(sight.recordings.areWanted, true);
  keep(Date.now() - 3_700_000);
  t.match((await seen(config)).catalogue, { isTooOld: false }, 'it is written less often than it is confirmed');
  keep(Date.now() - 4_300_000);
  t.match((await seen(config)).catalogue, { isTooOld: true });
  keep(Date.now(), 'https://other');
  t.match((await seen(config)).catalogue, { trouble: /of another server/ });
});

t.test('what the address says is read within its time, and nothing is said', async t => {
  let heard = '';
  const listener = async (meet: (socket: Socket) => void): Promise<number> => {
    const server = createServer(socket => {
      socket.on('error', () => {});
      socket.on('data', data => {
        heard += data.toString();
      });
      meet(socket);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => server.close());
    return (server.address() as AddressInfo).port;
  };
  const greeting = async (meet: (socket: Socket) => void, balancers = '') =>
    await greetingAt({ host: undefined, port: await listener(meet) }, balancers, 500);
  t.match(await greeting(socket => socket.write('SSH-2.0-trasa_1.0\r\nand more')), {
    address: /^127\.0\.0\.1:\d+$/,
    line: 'SSH-2.0-trasa_1.0',
    trouble: null,
  });
  t.match(await greeting(socket => socket.write('SSH-2.0-Other\r\n')), { trouble: /somebody else.*SSH-2\.0-Other$/ });
  t.match(await greeting(socket => socket.write('x'.repeat(5000))), { trouble: /somebody else/ });
  t.match(await greeting(socket => socket.end()), { line: null, trouble: /without a word/ });
  t.match(await greeting(() => {}), { line: null, trouble: 'says nothing within 500 ms' });
  t.equal(heard, '');
  const afterHeader = (socket: Socket): void =>
    void socket.once('data', data =>
      socket.write(data.toString() === 'PROXY UNKNOWN\r\n' ? 'SSH-2.0-trasa_1\r\n' : 'no\n'),
    );
  t.match(await greeting(afterHeader, '127.0.0.0/8'), { trouble: null });
  t.match(await greetingAt({ host: '127.0.0.1', port: 1 }, '', 500), { trouble: /ECONNREFUSED/ });
});

t.test('a proxy behind a balancer greets whoever speaks for themselves', async t => {
  const { port } = await inProcess(t, { proxy: { proxyProtocolFrom: '127.0.0.0/8' } });
  const greeting = await greetingAt({ host: undefined, port }, '127.0.0.0/8', 10_000);
  t.match(greeting, { line: 'SSH-2.0-trasa_test', trouble: null });
});
