/** The questions that the command line has not answered, asked one after the other. */
import { Secret } from '../otp/secret.ts';
import { doors, type FirstFactor, firstFactors, type SetupDoor, type Wishes } from './wishes.ts';

/** What the command line says; undefined: not said. */
export interface Given {
  readonly door?: SetupDoor | undefined;
  readonly firstFactor?: FirstFactor | undefined;
  readonly server?: readonly string[] | undefined;
  readonly serviceId?: string | undefined;
  readonly serviceKey?: Secret | undefined;
  readonly caFile?: string | undefined;
  readonly pin?: readonly string[] | undefined;
  readonly user?: readonly string[] | undefined;
  readonly group?: readonly string[] | undefined;
  readonly domain?: string | undefined;
  readonly people?: ReadonlyMap<string, string> | undefined;
  readonly observe: boolean;
  readonly revertAfterMs: number;
}

/** Somebody at a terminal. Undefined: they gave up. */
export interface Prompter {
  ask(question: string): Promise<string | undefined>;
  askHidden(question: string): Promise<Secret | undefined>;
}

export type Answered =
  | { readonly kind: 'wishes'; readonly wishes: Wishes }
  /** Flags that nobody was there to be asked for. */
  | { readonly kind: 'missing'; readonly flags: readonly string[] }
  | { readonly kind: 'given-up' };

/**
 * @param prompter undefined: nobody is asked
 * @param hasConfig is there a configuration that may be kept?
 */
export async function answerQuestions(
  given: Given,
  prompter: Prompter | undefined,
  hasConfig: boolean,
): Promise<Answered> {
  const isNew = !hasConfig || saysConfiguration(given);
  const missing = missingFlags(given, isNew);
  if (missing.length === 0) return { kind: 'wishes', wishes: wishesFrom(given, isNew) };
  if (prompter === undefined) return { kind: 'missing', flags: missing };
  const answers = await askFor(given, prompter, isNew).catch((error: unknown) => {
    if (error instanceof GivenUp) return undefined;
    throw error;
  });
  return answers === undefined ? { kind: 'given-up' } : { kind: 'wishes', wishes: wishesFrom(answers, isNew) };
}

/** Any of these means a new configuration file. */
function saysConfiguration(given: Given): boolean {
  const { server, serviceId, serviceKey, caFile, pin, user, group, domain, people, observe } = given;
  return (
    observe || [server, serviceId, serviceKey, caFile, pin, user, group, domain, people].some(one => one !== undefined)
  );
}

function missingFlags({ door, firstFactor, server, serviceId, serviceKey }: Given, isNew: boolean): string[] {
  const needed: readonly (readonly [string, boolean])[] = [
    ['--door', door === undefined],
    ['--first-factor', firstFactor === undefined && door !== 'force-command'],
    ['--server', isNew && server === undefined],
    ['--service-id', isNew && serviceId === undefined],
    ['--service-key-file', isNew && serviceKey === undefined],
  ];
  return needed.filter(([, isMissing]) => isMissing).map(([flag]) => flag);
}

function wishesFrom(given: Given, isNew: boolean): Wishes {
  const { door = 'pam', firstFactor = 'any', observe, revertAfterMs } = given;
  const configuration = {
    urls: given.server ?? [],
    serviceID: given.serviceId ?? '',
    serviceKey: given.serviceKey ?? new Secret(''),
    caFile: given.caFile,
    pins: given.pin ?? [],
    users: given.user ?? [],
    groups: given.group ?? [],
    domain: given.domain,
    people: given.people ?? new Map<string, string>(),
    observe,
  };
  return { door, firstFactor, configuration: isNew ? configuration : undefined, revertAfterMs };
}

async function askFor(given: Given, prompter: Prompter, isNew: boolean): Promise<Given> {
  const door = given.door ?? (await choose(prompter, doorQuestion, doors));
  const firstFactor =
    given.firstFactor ?? (door === 'force-command' ? undefined : await choose(prompter, factorQuestion, firstFactors));
  if (!isNew) return { ...given, door, firstFactor };
  return {
    ...given,
    door,
    firstFactor,
    server: given.server ?? wordsOf(await insist(prompter, 'URL of the TRASA server (https://…): ')),
    pin:
      given.pin ??
      wordsOf(await say(prompter, 'Pin of its key, sha256//… (Enter: a known authority vouches for it): ')),
    serviceId: given.serviceId ?? (await insist(prompter, 'serviceID of this host, from the TRASA dashboard: ')),
    serviceKey: given.serviceKey ?? (await insistHidden(prompter, 'serviceKey (it is not shown): ')),
    user: given.user ?? wordsOf(await say(prompter, 'Users to ask for a second factor (Enter: no list of users): ')),
    group: given.group ?? wordsOf(await say(prompter, 'Groups to ask (Enter: no list; without any list, everybody): ')),
    domain:
      given.domain ?? orNone(await say(prompter, 'Mail domain that makes a TRASA ID of an account (Enter: none): ')),
    observe:
      given.observe ||
      (await choose(prompter, 'Only try it out, and ask nobody yet? [yes/no] ', ['yes', 'no'])) === 'yes',
  };
}

const doorQuestion = `How shall sshd ask?
  pam             the PAM module: the strong door
  pam-exec        a command of PAM's: as strong, coarser, and no module
  force-command   without PAM: weaker, see trasa-agent(8)
[pam/pam-exec/force-command] `;

const factorQuestion = `What comes before the second factor?
  key        a key, then a code or Enter for a push. Replaces the password in PAM's file for sshd
  password   a password, then a code or push; with a key, a push
  any        whatever sshd asks for today, then a push without a question
[key/password/any] `;

class GivenUp extends Error {}

async function say(prompter: Prompter, question: string): Promise<string> {
  const answer = await prompter.ask(question);
  if (answer === undefined) throw new GivenUp();
  return answer.trim();
}

async function insist(prompter: Prompter, question: string): Promise<string> {
  for (;;) {
    const answer = await say(prompter, question);
    if (answer !== '') return answer;
  }
}

async function insistHidden(prompter: Prompter, question: string): Promise<Secret> {
  for (;;) {
    const answer = await prompter.askHidden(question);
    if (answer === undefined) throw new GivenUp();
    if (answer.expose() !== '') return answer;
  }
}

async function choose<const C extends string>(prompter: Prompter, question: string, all: readonly C[]): Promise<C> {
  for (;;) {
    const answer = await say(prompter, question);
    const chosen = all.find(one => one === answer);
    if (chosen !== undefined) return chosen;
  }
}

function wordsOf(answer: string): string[] | undefined {
  const words = answer.split(/[\s,]+/).filter(word => word !== '');
  return words.length === 0 ? undefined : words;
}

function orNone(answer: string): string | undefined {
  return answer === '' ? undefined : answer;
}
