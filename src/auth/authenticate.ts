/**
 * START HERE. May this person enter this account now? Every door asks this one function.
 *
 * The recipe is {@link decide}: rules that need nobody, throttle, grace, who is it, and then the {@link challenge}.
 * It touches no file, socket or clock but through its ports, and it never rejects.
 *
 * If the memory fails, the same recipe is gone through once more, with the memory and the verifier of {@link withoutDisk}.
 */
import { type Decision, deny } from '../policy/decision.ts';
import { parseTrasaID, personBehind } from '../policy/identity.ts';
import { requirementOf } from '../policy/policy.ts';
import { refusals } from '../policy/refusals.ts';
import type { LoginAttempt } from './attempt.ts';
import { challenge } from './challenge.ts';
import type { Conversation } from './conversation.ts';
import { accountHold, graceBinding, type Login, type Person, Trail } from './login.ts';
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
  const byRule = decideByRule(login, account);
  if (byRule !== undefined) return byRule;

  const held = accountHold(login);
  if (held !== undefined) return held;

  if (account.kind === 'found' && hasGrace(login)) return { kind: 'bypass', rule: 'grace' };

  const person = await identify(login);
  if ('kind' in person) return person;
  login.trail.person = person.trasaID;

  const decision = await challenge(login, person, account.kind === 'found');
  // Whatever was said in the dialogue: an account that does not exist is never entered.
  if (account.kind === 'found') return decision;
  return decision.kind === 'deny' ? { ...decision, detail: 'no such account' } : deny('unknown-account');
}

/**
 * The memory has failed. No server is asked any more, as nobody could remember which codes were used and how many were
 * wrong; what was prepared on this host may open, with a memory of its own. The login begins anew, and once only.
 */
async function withoutDisk(login: Login, error: unknown): Promise<Decision> {
  const emergency = error instanceof MemoryError ? login.ports.emergency?.(error.message) : undefined;
  if (emergency === undefined) throw error;
  login.conversation.errorMsg(
    `${refusals['state-unavailable'].says} What was prepared for that case opens all the same.`,
  );
  return await decide({ ...login, ports: { ...login.ports, ...emergency } });
}

/** One account has one name in rules, throttle and memory, however it was spelt at the door. */
function underItsName(login: Login, account: string): Login {
  return { ...login, attempt: { ...login.attempt, account } };
}

/** What the administrator's rules say without asking anybody. An unknown account is exempt from nothing. */
function decideByRule(login: Login, account: AccountLookup): Decision | undefined {
  if (account.kind === 'unavailable') return deny('account-lookup-failed', account.detail);
  if (account.kind === 'unknown') return undefined;
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

/** Who is behind the account; asked for once, and only if no rule tells it. */
async function identify(login: Login): Promise<Person | Decision> {
  const { attempt, conversation, ports, signal } = login;
  const { account, keyFingerprint } = attempt;
  const known = personBehind(ports.rules.identity, account, keyFingerprint);
  if (known !== undefined) {
    const isByKey = known !== personBehind(ports.rules.identity, account, undefined);
    const named = known.normalize('NFC').toLowerCase();
    return { trasaID: known, pushTarget: isByKey && !attempt.vouched ? `${named} at ${account}` : named };
  }

  const prompt = attempt.inWordsOfTrasa === true ? 'Enter your TRASA ID' : 'TRASA ID';
  const answer = await conversation.promptEchoOn(`${prompt} (email or username): `, signal);
  switch (answer.kind) {
    case 'answer': {
      const typed = parseTrasaID(answer.text.expose());
      if (typed !== undefined) return { trasaID: typed, pushTarget: `somebody at ${account}` };
      return deny('unknown-person', 'not a TRASA ID', 'That is not a TRASA ID: type your email or TRASA username.');
    }
    case 'unable':
      return deny('no-conversation', 'no rule tells the TRASA ID');
    case 'cancelled':
    case 'withdrawn':
      return deny('cancelled');
  }
}

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
