/** [proxy.groups] and [proxy.policies]: what they may say, and what is said of what they may not. */
import t from 'tap';
import { loadConfig } from '../../src/config/load.ts';
import { entryRule } from '../helpers/entry-rule.ts';
import { privateDirectory, put } from './place.ts';

const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA70+4bbxA1tkA2mplHh0S9ZuR1xyNCmGjwZtJpJR3uX';
const services = ['web1', 'web2', 'db1']
  .map(name => `[proxy.services.${name}]\naddress = "${name}"\naccounts = ["alice", "deploy"]\nhostKey = "${key}"\n`)
  .join('');
const top = `trasaServerURL = "https://trasa.example.com"\nserviceID = "id"\nserviceKey = "key"\n${services}`;

const folder = privateDirectory(t);

function load(text: string) {
  return loadConfig(put(`${folder}/proxy.toml`, `${top}${text}`), undefined, 'proxy');
}

t.test('a policy with all that it may say, and one with nothing', async t => {
  const loaded = load(`
[proxy.groups]
admins = ["Alice@Example.com", "*@ops.example.com"]
boss = "bob"
[proxy.policies.office]
people = ["carol@example.com", "*@contractor.example"]
groups = "admins"
services = ["web*", "db1"]
accounts = ["deploy"]
hours = "Mon-Fri 08:00-18:00"
timeZone = "Europe/Paris"
until = "2030-12-31"
networks = ["10.0.0.0/8", "2001:db8::/32"]
secondFactor = "not-required"
approval = true
approvalFor = 600
record = true
commands = ["uptime", "systemctl status *"]
fileTransfer = true
forward = ["db1:5432", "[::1]:*"]
listen = ["8080", "localhost:*"]
streamlocal = true
agent = true
x11 = true
idleTimeout = 900
sessionTimeout = 28800
[proxy.policies.ops]
jump = true
[proxy.policies.anybody]
`);
  if (loaded.kind === 'broken') throw new Error(JSON.stringify(loaded.problems));
  const { groups, rules } = loaded.config.proxy.entry;
  t.strictSame(
    [...groups],
    [
      ['admins', ['alice@example.com', '*@ops.example.com']],
      ['boss', ['bob']],
    ],
  );
  t.strictSame(rules, [
    {
      name: 'office',
      people: ['carol@example.com', '*@contractor.example'],
      groups: ['admins'],
      services: ['web*', 'db1'],
      accounts: ['deploy'],
      hours: { spans: [{ days: [1, 2, 3, 4, 5], from: 480, until: 1080 }] },
      timeZone: 'Europe/Paris',
      lastDay: '2030-12-31',
      networks: '10.0.0.0/8,2001:db8::/32',
      grant: {
        rule: 'office',
        secondFactor: 'not-required',
        approvalMs: 600_000,
        record: true,
        shell: false,
        commands: ['uptime', 'systemctl status *'],
        fileTransfer: true,
        forwarding: {
          local: ['db1:5432', '[::1]:*'],
          remote: ['8080', 'localhost:*'],
          streamlocal: true,
          agent: true,
          x11: true,
          jump: false,
        },
        idleMs: 900_000,
        sessionMs: 28_800_000,
      },
    },
    {
      ...entryRule,
      name: 'ops',
      grant: { ...entryRule.grant, rule: 'ops', forwarding: { ...entryRule.grant.forwarding, jump: true } },
    },
    { ...entryRule, name: 'anybody', grant: { ...entryRule.grant, rule: 'anybody' } },
  ]);
});

t.test('policies keep the order of the file', async t => {
  const loaded = load('[proxy.policies.z]\n[proxy.policies.a]\n[proxy.policies.m1]\n');
  t.strictSame(loaded.kind === 'loaded' ? loaded.config.proxy.entry.rules.map(({ name }) => name) : loaded, [
    'z',
    'a',
    'm1',
  ]);
});

t.test('each fault is told: where, what, and what is meant perhaps', async t => {
  for (const [text, says, hint] of [
    ['peple = ["bob"]', 'has an unknown option peple', 'did you mean people?'],
    ['people = []', 'people is empty', /leave it out/],
    ['people = ["!bob"]', 'people: "!bob" is not a name or pattern'],
    ['people = ["bob x"]', /people: "bob x" is not a TRASA ID/],
    ['people = [7]', 'people must be a list of strings'],
    ['groups = ["admin"]', 'groups: there is no group in [proxy.groups] "admin"', 'did you mean admins?'],
    ['services = ["wbe1"]', 'services: there is no service "wbe1"', 'did you mean web1?'],
    ['services = ["x*"]', 'services: there is no service "x*"'],
    ['accounts = ["deplyo"]', 'accounts: there is no account of any service "deplyo"', 'did you mean deploy?'],
    ['hours = "9 to 5"', 'hours are none', /Mon-Fri/],
    ['hours = "Mon"\ntimeZone = "Europe/Pari"', 'timeZone is wrong: there is none of that name'],
    ['timeZone = "UTC"', 'timeZone means nothing without hours or until'],
    ['until = 2030-02-28', 'until is not a day', /with quotes/],
    ['until = "2030-02-30"', 'until is not a day', /2030-12-31/],
    ['networks = ["10.0.0.1/8"]', 'networks: "10.0.0.1/8" is not an address or CIDR block'],
    ['secondFactor = "not-requird"', /must be "required" or/, 'did you mean "not-required"?'],
    ['secondFactor = false', 'secondFactor must be "required" or "not-required"'],
    ['approvalFor = 600', 'approvalFor means nothing without approval = true'],
    ['approval = true\napprovalFor = 1', 'approvalFor must be a whole number of seconds from 60 to 604800, not 1'],
    ['record = "yes"', 'record must be true or false, not a string'],
    ['commands = ["id"]\nshell = true', 'shell = true and commands contradict each other', /keep one/],
    ['commands = ["scp -t *"]', 'commands lists what moves files, but fileTransfer is false', /fileTransfer = true/],
    ['jump = true\nrecord = true', /jump = true contradicts/],
    ['jump = true\ncommands = ["id"]', /jump = true contradicts/],
    ['jump = true\nfileTransfer = false', /jump = true contradicts/],
    ['forward = ["db1"]', /forward: "db1" is not host:port/],
    ['forward = ["10.0.0.*:22"]', /forward: "10.0.0.\*:22" is not host:port, either of which may be \* and no other/],
    ['listen = ["x"]', /listen: "x" is not host:port/],
    ['idleTimeout = -1', 'idleTimeout must be a whole number of seconds from 0 to 604800, not -1'],
  ] as const) {
    const loaded = load(`[proxy.groups]\nadmins = ["alice"]\n[proxy.policies.office]\n${text}\n`);
    t.equal(loaded.kind, 'broken', text);
    if (loaded.kind !== 'broken') continue;
    t.equal(loaded.problems.length, 1, `${text}: ${JSON.stringify(loaded.problems)}`);
    const [problem] = loaded.problems;
    t.match(problem?.text, typeof says === 'string' ? `policies office: ${says}` : says, text);
    if (hint !== undefined) t.match(problem?.hint, hint, text);
    t.ok(problem?.line !== undefined && problem.line > 17, `${text}: line ${problem?.line}`);
  }
});

t.test('names, tables and groups that are none', async t => {
  for (const [text, says] of [
    ['[proxy.policies.7]', /policies 7: is no name: a letter/],
    ['[proxy.policies."a b"]', /policies a b: is no name/],
    ['[proxy]\npolicies = 3', /policies must be tables/],
    ['[proxy.policies]\noffice = 3', /policies office: must be a table, not a number/],
    ['[proxy]\ngroups = []', /groups must be a table of names/],
    ['[proxy.groups]\nadmins = [7]', /groups admins: must be a list of TRASA IDs/],
    ['[proxy.groups]\nadmins = ["a b"]', /groups admins: "a b" is not a TRASA ID/],
  ] as const)
    t.match(load(text), { kind: 'broken', problems: [{ text: says }] }, text);
});
