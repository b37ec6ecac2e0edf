import { writeFileSync } from 'node:fs';
import t from 'tap';
import { loadConfig } from '../../src/config/load.ts';
import { Secret } from '../../src/otp/secret.ts';
import { agentConfig } from '../../src/setup/agent-config.ts';
import { answerQuestions, type Given, type Prompter } from '../../src/setup/questions.ts';
import { privateDirectory } from '../config/place.ts';

const nothing: Given = { observe: false, revertAfterMs: 600_000 };

/** Answers one question after the other; then gives up. */
function scripted(...answers: readonly string[]): Prompter & { readonly asked: string[]; readonly hidden: string[] } {
  const left = [...answers];
  const asked: string[] = [];
  const hidden: string[] = [];
  return {
    asked,
    hidden,
    ask: async question => {
      asked.push(question);
      return left.shift();
    },
    askHidden: async question => {
      hidden.push(question);
      const answer = left.shift();
      return answer === undefined ? undefined : new Secret(answer);
    },
  };
}

t.test('what the command line leaves open is asked, again if it is no answer, and the key is not shown', async t => {
  const person = scripted(
    'pam-module', // no such door
    'pam',
    'key',
    '', // no URL
    'https://a.example.com https://b.example.com',
    '', // no pin
    'web1',
    'the-key',
    'alice, bob',
    '',
    'example.com',
    'no',
  );
  const answered = await answerQuestions(nothing, person, false);
  if (answered.kind !== 'wishes') throw new Error(answered.kind);
  const { configuration, ...rest } = answered.wishes;
  t.strictSame(rest, { door: 'pam', firstFactor: 'key', revertAfterMs: 600_000 });
  t.match(configuration, {
    urls: ['https://a.example.com', 'https://b.example.com'],
    serviceID: 'web1',
    users: ['alice', 'bob'],
    groups: [],
    domain: 'example.com',
    observe: false,
  });
  t.equal(configuration?.serviceKey.expose(), 'the-key');
  t.match(person.hidden, [/serviceKey/]);
});

t.test('a configuration that is there is kept, unless something of it is said', async t => {
  const kept = await answerQuestions({ ...nothing, door: 'force-command' }, undefined, true);
  t.match(kept, { kind: 'wishes', wishes: { configuration: undefined } });
  for (const more of [{ observe: true }, { user: ['alice'] }, { domain: 'example.com' }])
    t.strictSame(await answerQuestions({ ...nothing, door: 'force-command', ...more }, undefined, true), {
      kind: 'missing',
      flags: ['--server', '--service-id', '--service-key-file'],
    });
});

t.test('whoever gives up is not asked on', async t => {
  const person = scripted('pam');
  t.strictSame(await answerQuestions(nothing, person, false), { kind: 'given-up' });
  t.equal(person.asked.length, 2);
});

t.test('the configuration that is made is read as it was meant, whatever is in it', async t => {
  const file = `${privateDirectory(t)}/agent.toml`;
  const wanted = {
    urls: ['https://a.example.com', 'https://b.example.com'],
    serviceID: 'id"\\with',
    serviceKey: new Secret('k\u007fey'),
    caFile: undefined,
    pins: [`sha256//${'A'.repeat(43)}=`],
    users: ['alice'],
    groups: ['sudo'],
    domain: 'example.com',
    people: new Map([['root', "o'hara@example.com"]]),
    observe: true,
  };
  writeFileSync(file, agentConfig({ ...wanted, serviceKey: new Secret('"key\\') }), { mode: 0o600 });
  const loaded = loadConfig(file);
  if (loaded.kind === 'broken') throw new Error(JSON.stringify(loaded.problems));
  const { server, policy, identity } = loaded.config;
  t.strictSame(
    server.urls.map(url => url.origin),
    wanted.urls,
  );
  t.equal(server.serviceID, wanted.serviceID);
  t.equal(server.serviceKey.expose(), '"key\\');
  t.match(policy, { requiredUsers: ['alice'], requiredGroups: ['sudo'], observe: true, failMode: 'secure' });
  t.equal(identity.domain, 'example.com');
  t.equal(identity.people.get('root'), "o'hara@example.com");
  writeFileSync(
    file,
    agentConfig({ ...wanted, serviceID: 'x', observe: false, users: [], groups: [], people: new Map() }),
  );
  t.equal(loadConfig(file).kind, 'broken', 'a key with a control character in it is refused');
});
