/**
 * START HERE. May this person enter this account now? Every door asks this one function.
 *
 * The recipe is {@link decide}: rules that need nobody, throttle, grace, who is it, and then the {@link challenge}.
 * It touches no file, socket or clock but through its ports, and it never rejects.
 *
 * If the memory fails, the same recipe is gone through once more, with the memory and the verifier of {@link withoutDisk}.
 */
import { type Decision, deny } from '../policy/decision.ts';
import { namesSomeOnly, parseTrasaID, personBehind } from '../policy/identity.ts';
import { requirementOf } from '../policy/policy.ts';
import { refusals } from '../policy/refusals.ts';
import type { LoginAttempt } from './attempt.ts';
import { challenge } from './challenge.ts';
import type { Conversation } from './conversation.ts';
import { accountHold, graceBinding, type Login, type Person, Trail } from './login.ts';
import { observe } from './observe.ts';
import { type AccountLookup, MemoryError, type Ports } from './ports.ts';

/**
 * @param signal aborts the login; its reason is the DenyReason: `cancelled`, `disconnected`, `timed-out` or
 *   `shutting-down`
 */
export async function authenticate(
  attempt: LoginAttempt,
  conversation: Conversation,
  ports: Ports,
  signal: AbortSignal,
): Promise<Decision> {
  const trail = new Trail(ports.clock);
  trail.person = attempt.through?.person;
  const login: Login = { attempt, conversation, ports, signal, trail };
  const decided = decide(login).catch(async (error: unknown) => await withoutDisk(login, error));
  const reached = await Promise.race([decided, aborted(signal)]).catch(failed);
  // What was reached in the moment of giving up is given up too.
  const decision = signal.aborted ? denialOf(signal) : reached;
  try {
    ports.audit.decision(trail.event(attempt, decision));
  } catch (error) {
    return deny('state-unavailable', `audit log: ${String(error)}`);
  }
  return decision;
}

async function decide(asked: Login): Promise<Decision> {
  const account = await asked.ports.directory.account(asked.attempt.account);
  const login = account.kind === 'found' ? underItsName(asked, account.name) : asked;
  const unasked = decideUnasked(login, account);
  // Who has proved nothing yet is asked all the same: without a first factor there would be none at all.
  if (login.ports.rules.policy.observe && login.attempt.firstFactorProved)
    return account.kind === 'unknown' ? deny('unknown-account') : observe(login, unasked, knownPerson(login));
  if (unasked !== undefined) return unasked;

  const person = await identify(login);
  if ('kind' in person) return person;
  if (person !== nobody) login.trail.person = person.trasaID;

  const why = account.kind === 'unknown' ? 'no such account' : 'no rule tells the TRASA ID';
  const isReal = account.kind === 'found' && person !== nobody;
  const decision = await challenge(login, person, isReal);
  // Whatever was said in the dialogue: who does not exist does not enter.
  if (isReal) return decision;
  return decision.kind === 'deny' ? { ...decision, detail: why } : deny('unknown-account', why);
}

/**
 * The memory has failed. No server is asked any more, as nobody could remember which codes were used and how many were
 * wrong; what was prepared on this host may open, with a memory of its own. The login begins anew, and once only.
 */
async function withoutDisk(login: Login, error: unknown): Promise<Decision> {
  if (!(error instanceof MemoryError)) throw error;
  const emergency = login.ports.emergency?.(error.message);
  if (emergency === undefined) throw error;
  const says = `${refusals['state-unavailable'].says} What was prepared for that case opens all the same.`;
  login.conversation.errorMsg(says);
  const decision = await decide({ ...login, ports: { ...login.ports, ...emergency } });
  // Whoever has one answer, and has given it before the trouble was known, is to come again.
  const hasNoAnswer = login.conversation.answersOnce && decision.kind === 'deny' && decision.reason === 'cancelled';
  return hasNoAnswer ? deny('state-unavailable', error.message, `${says} Try again.`) : decision;
}

/** One account has one name in rules, throttle and memory, however it was spelt at the door. */
function underItsName(login: Login, account: string): Login {
  return { ...login, attempt: { ...login.attempt, account } };
}

/** What is settled without asking anybody: rules, throttle, grace. */
function decideUnasked(login: Login, account: AccountLookup): Decision | undefined {
  const settled = decideByRule(login, account) ?? accountHold(login);
  if (settled !== undefined) return settled;
  return account.kind === 'found' && hasGrace(login) ? { kind: 'bypass', rule: 'grace' } : undefined;
}

/** What the administrator's rules say without asking anybody. An unknown account is exempt from nothing. */
function decideByRule(login: Login, account: AccountLookup): Decision | undefined {
  if (account.kind === 'unavailable') return deny('account-lookup-failed', account.detail);
  if (account.kind === 'unknown') return undefined;
  const { exemptBy } = login.attempt.through ?? {};
  if (exemptBy !== undefined) return { kind: 'bypass', rule: 'proxy-policy', detail: exemptBy };
  const groups = account.groups.kind === 'found' ? account.groups.names : undefined;
  const requirement = requirementOf(login.ports.rules.policy, login.attempt.account, groups);
  switch (requirement.kind) {
    case 'required':
      return undefined;
    case 'bypass':
      return { kind: 'bypass', rule: requirement.rule, detail: requirement.detail };
    case 'undecidable':
      return deny(
        'account-lookup-failed',
        account.groups.kind === 'unavailable' ? account.groups.detail : 'groups unknown',
      );
  }
}

function hasGrace(login: Login): boolean {
  const { ports, attempt } = login;
  const binding = graceBinding(attempt);
  if (ports.rules.policy.graceMs === 0 || binding === undefined) return false;
  return ports.memory.graceUntil(binding) > ports.clock.now();
}

/**
 * Who is behind the account; asked for once, and only if no rule tells it. The question would tell strangers
 * elsewhere which accounts a rule names: before a first factor is proved all of them are asked, and the rule has its way
 * whatever is typed.
 */
async function identify(login: Login): Promise<Person | Decision> {
  const { attempt, conversation, ports, signal } = login;
  const { account, firstFactorProved, clientAddress } = attempt;
  const known = knownPerson(login);
  const isTelling = !firstFactorProved && clientAddress !== undefined && namesSomeOnly(ports.rules.identity);
  if (known !== undefined && (!isTelling || conversation.answersOnce)) return known;

  const prompt = attempt.inWordsOfTrasa === true ? 'Enter your TRASA ID' : 'TRASA ID';
  const answer = await conversation.promptEchoOn(`${prompt} (email or username): `, signal);
  switch (answer.kind) {
    case 'answer': {
      const typed = parseTrasaID(answer.text.expose());
      if (typed !== undefined) return known ?? { trasaID: typed, pushTarget: `somebody at ${account}` };
      return deny('unknown-person', 'not a TRASA ID', 'That is not a TRASA ID: type your email or TRASA username.');
    }
    case 'unable':
      return isTelling ? nobody : deny('no-conversation', 'no rule tells the TRASA ID');
    case 'cancelled':
    case 'withdrawn':
      return deny('cancelled');
  }
}

function knownPerson({ attempt, ports }: Login): Person | undefined {
  const { account, keyFingerprint, through } = attempt;
  if (through !== undefined)
    return { trasaID: through.person, pushTarget: through.person.normalize('NFC').toLowerCase() };
  const known = personBehind(ports.rules.identity, account, keyFingerprint);
  if (known === undefined) return undefined;
  const isByKey = known !== personBehind(ports.rules.identity, account, undefined);
  const named = known.normalize('NFC').toLowerCase();
  return { trasaID: known, pushTarget: isByKey && !attempt.vouched ? `${named} at ${account}` : named };
}

/** Plays the same dialogue as a person, and proves nothing. */
const nobody: Person = { trasaID: '', pushTarget: '' };

/** Settles when the login is given up; until then, never. */
async function aborted(signal: AbortSignal): Promise<Decision> {
  if (!signal.aborted)
    await new Promise(resolve => {
      signal.addEventListener('abort', resolve, { once: true });
    });
  return denialOf(signal);
}

function denialOf(signal: AbortSignal): Decision {
  const reason: unknown = signal.reason;
  switch (reason) {
    case 'cancelled':
    case 'disconnected':
    case 'timed-out':
    case 'shutting-down':
      return deny(reason);
    default:
      return deny('internal-error', 'aborted without a reason');
  }
}

/** The one catch: whatever is thrown denies. */
function failed(error: unknown): Decision {
  if (error instanceof MemoryError) return deny('state-unavailable', error.message);
  return deny('internal-error', error instanceof Error ? (error.stack ?? error.message) : String(error));
}
