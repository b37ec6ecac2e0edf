import t from 'tap';
import { loadConfig } from '../../src/config/load.ts';
import { privateDirectory, put } from './place.ts';

const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA70+4bbxA1tkA2mplHh0S9ZuR1xyNCmGjwZtJpJR3uX';
const top = 'trasaServerURL = "https://trasa.example.com"\nserviceID = "top-id"\nserviceKey = "top-key"\n';

t.test('services with all that they may have, and with as little as they need', async t => {
  const folder = privateDirectory(t);
  put(`${folder}/web2.key`, 'web2-key\n');
  const file = put(
    `${folder}/proxy.toml`,
    `${top}[proxy]
sshListenAddr = "[::1]:2222"
[proxy.services.web1]
address = "web1.example.com"
accounts = "alice"
hostKey = "${key}"
[proxy.services.web2]
address = "[2001:db8::5]:2022"
accounts = ["alice", "deploy"]
hostCA = ["${key}"]
record = true
serviceID = "web2-id"
serviceKeyFile = "${folder}/web2.key"
`,
  );
  const loaded = loadConfig(file, undefined, 'proxy');
  if (loaded.kind === 'broken') throw new Error(JSON.stringify(loaded.problems));
  const { listen, services } = loaded.config.proxy;
  t.strictSame(listen, { host: '::1', port: 2222 });
  const [web1, web2] = [services.get('web1'), services.get('web2')];
  t.match(web1, { host: 'web1.example.com', port: 22, accounts: ['alice'], serviceID: 'top-id', record: false });
  t.equal(web1?.serviceKey.expose(), 'top-key');
  t.match(web2, { host: '2001:db8::5', port: 2022, accounts: ['alice', 'deploy'], serviceID: 'web2-id', record: true });
  t.equal(web2?.serviceKey.expose(), 'web2-key');
  t.match([web1?.hostKeys.length, web1?.hostCAs.length, web2?.hostKeys.length, web2?.hostCAs.length], [1, 0, 0, 1]);
});

t.test('how the proxy gets in: by the certificate or the person, unless it is said; and over which hosts', async t => {
  const folder = privateDirectory(t);
  const file = put(
    `${folder}/proxy.toml`,
    `${top}[proxy.services.web1]
address = "web1"
accounts = ["alice"]
via = "inner"
viaAccount = "jump"
firstUse = "ask"
credentials = ["key", "password"]
keyFile = "/etc/trasa/vault/%u.key"
passphraseFile = "/etc/trasa/vault/passphrase"
passwordFile = "/etc/trasa/vault/%u.password"
sourceAddress = "10.0.0.0/24"
[proxy.services.inner]
address = "inner"
accounts = ["alice"]
hostKey = "${key}"
via = "outer"
viaAccount = "gate"
sourceAddress = "192.0.2.1"
[proxy.services.outer]
address = "outer"
accounts = ["alice"]
hostCA = "${key}"
firstUse = "hold"
`,
  );
  const loaded = loadConfig(file, undefined, 'proxy');
  if (loaded.kind === 'broken') throw new Error(JSON.stringify(loaded.problems));
  const { services } = loaded.config.proxy;
  t.match(services.get('web1'), {
    credentials: ['key', 'password'],
    firstUse: 'ask',
    via: { account: 'jump', service: { name: 'inner', via: { account: 'gate', service: { name: 'outer' } } } },
  });
  t.match(services.get('outer'), { credentials: ['certificate', 'ask'], firstUse: 'hold', via: undefined });
  t.match(services.get('inner'), { firstUse: 'refuse', sourceAddress: '192.0.2.1' });
});

t.test("a service's key is not for everybody's eyes", async t => {
  const folder = privateDirectory(t);
  const text = `trasaServerURL = "https://trasa.example.com"
serviceID = "top-id"
serviceKeyFile = "${put(`${folder}/top.key`, 'top-key')}"
[proxy.services.web1]
address = "web1"
accounts = ["alice"]
hostKey = "${key}"
serviceID = "web1-id"
serviceKey = "web1-key"
`;
  const loaded = loadConfig(put(`${folder}/proxy.toml`, text, 0o644), undefined, 'proxy');
  t.match(loaded, {
    kind: 'broken',
    problems: [{ line: 4, text: /proxy.services is in a file that everyone can read/ }],
  });
  t.notMatch(JSON.stringify(loaded), /web1-key/);
});

t.test("neither daemon nor proxy looks at what is the other's", async t => {
  const folder = privateDirectory(t);
  const text = `${top}[daemon]
stateDirectory = "/tmp/none-daemon"
[proxy]
stateDirectory = "/tmp/none-proxy"
[proxy.services.web1]
address = "web1"
accounts = ["alice"]
hostKey = "${key}"
serviceID = "web1-id"
serviceKeyFile = "${folder}/not-there"
`;
  const file = put(`${folder}/both.toml`, text);
  const ofDaemon = loadConfig(file);
  t.match(ofDaemon, { kind: 'broken', problems: [{ text: /^stateDirectory \/tmp\/none-daemon/ }] });
  t.equal(ofDaemon.kind === 'broken' ? ofDaemon.problems.length : 0, 1);
  const ofProxy = loadConfig(file, undefined, 'proxy');
  const both = [{ text: /^stateDirectory \/tmp\/none-proxy/ }, { text: /^web1: serviceKeyFile .*not-there/ }];
  t.match(ofProxy, { kind: 'broken', problems: both });
});

t.test('no service has the name that stands for a jump, however it is written', async t => {
  const folder = privateDirectory(t);
  for (const name of ['jump', 'Jump']) {
    const section = `[proxy.services.${name}]\naddress = "web1"\naccounts = ["alice"]\nhostKey = "${key}"\n`;
    const loaded = loadConfig(put(`${folder}/${name}.toml`, `${top}${section}`), undefined, 'proxy');
    const problems = [{ text: new RegExp(`^services ${name}: is the word for ssh -J`), hint: 'give it another name' }];
    t.match(loaded, { kind: 'broken', problems });
  }
});

t.test('keys of System CAs come from a file with a line each', async t => {
  const folder = privateDirectory(t);
  const load = (content: string | undefined) => {
    const path = `${folder}/system-ca.pub`;
    if (content !== undefined) put(path, content);
    const text = `${top}[proxy]\ncatalogue = true\nsystemCA = "${path}"\n`;
    return loadConfig(put(`${folder}/proxy.toml`, text), undefined, 'proxy');
  };
  t.match(load(undefined), {
    kind: 'broken',
    problems: [{ line: 6, text: /systemCA .*system-ca\.pub does not exist/ }],
  });
  const loaded = load(`# before and after a rotation\n${key} old\n\n${key}\n`);
  t.match(loaded, { kind: 'loaded', config: { proxy: { systemCAs: [{ type: 'ssh-ed25519' }, {}], catalogue: true } } });
  t.match(load('\n'), { kind: 'broken', problems: [{ text: /holds no public key/ }] });
  t.match(load(`${key}\nnonsense\n`), { kind: 'broken', problems: [{ text: /has a line that is not a public key/ }] });
});

t.test('policies may speak of what is in the catalogue, which only the server knows', async t => {
  const folder = privateDirectory(t);
  const load = (more: string) => {
    const text = `${top}[proxy]\n${more}\n[proxy.policies.dba]\npeople = ["alice"]\nservices = ["db1"]\naccounts = ["db"]\n`;
    return loadConfig(put(`${folder}/proxy.toml`, text), undefined, 'proxy');
  };
  t.match(load(''), { kind: 'broken', problems: [{ text: /there is no service "db1"/ }, { text: /no account/ }] });
  t.match(load('catalogue = true'), { kind: 'loaded' });
  t.match(load('catalogueMaxAge = 600'), { kind: 'broken' });
  t.match(loadConfig(put(`${folder}/proxy.toml`, `${top}[proxy]\ncatalogueMaxAge = 600\n`), undefined, 'proxy'), {
    kind: 'broken',
    problems: [{ line: 5, text: /means nothing without catalogue = true/ }],
  });
});
