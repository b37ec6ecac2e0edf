/**
 * One login at the proxy, in TRASA's order: credentials, service, second factor, the upstream host. What is known already
 * is not asked. It lets in only with a Decision of authenticate(), and only when the upstream host has let us in.
 */
import type { AuditNotes } from '../../audit/audit-log.ts';
import type { LoginAttempt } from '../../auth/attempt.ts';
import type { Conversation } from '../../auth/conversation.ts';
import { Trail } from '../../auth/login.ts';
import {
  type AuditLog,
  type Clock,
  type Directory,
  type LoginMemory,
  MemoryError,
  type Ports,
  type Random,
  type Rules,
} from '../../auth/ports.ts';
import { newUlid } from '../../auth/ulid.ts';
import type { Verifier } from '../../auth/verifier.ts';
import type { ProxyService, ServiceIdentity } from '../../config/config.ts';
import type { Secret } from '../../otp/secret.ts';
import { type Decision, type Denial, deny, isBreakGlass } from '../../policy/decision.ts';
import { type EntryVerdict, inOneSpelling } from '../../policy/entry-rules.ts';
import type { Grant } from '../../policy/grant.ts';
import { parseTrasaID } from '../../policy/identity.ts';
import { sentenceFor } from '../../policy/refusals.ts';
import type { ProvingFactor } from '../../ssh/proxied-login.ts';
import type { PasswordOutcome } from '../../trasa/password.ts';
import type { Offers } from '../catalogue/offers.ts';
import { isService, jumpGrant } from '../jump/point.ts';
import type { UpstreamOutcome } from '../upstream/enter.ts';
import { type ApprovalPorts, approve } from './approval.ts';
import { chooseService } from './choice.ts';
import { entryVerdict } from './entry.ts';
import type { InfoRequests } from './info-requests.ts';
import type { PasswordGuesses } from './password-guesses.ts';
import type { KeyOwner } from './proven-key.ts';
import { parseTarget, type Target } from './target.ts';
import * as words from './words.ts';

export interface LoginPorts<Leg> {
  readonly authenticate: (
    attempt: LoginAttempt,
    conversation: Conversation,
    ports: Ports,
    signal: AbortSignal,
  ) => Promise<Decision>;
  readonly checkPassword: (email: string, password: Secret, signal: AbortSignal) => Promise<PasswordOutcome>;
  readonly guesses: PasswordGuesses;
  readonly verifierFor: (service: ServiceIdentity) => Verifier;
  readonly enterUpstream: (
    passage: Passage | JumpPassage,
    conversation: InfoRequests,
    signal: AbortSignal,
  ) => Promise<UpstreamOutcome<Leg>>;
  /** What there is now. What is to fit together is of one call: services of one moment, and rules of another, may not. */
  readonly offers: () => Pick<Offers, 'services' | 'entry' | 'nameOf'>;
  /** For whoever goes on by `ssh -J`. */
  readonly jump: ServiceIdentity;
  readonly approvals: ApprovalPorts['approvals'];
  readonly rules: Rules;
  readonly memory: LoginMemory;
  readonly audit: AuditLog & AuditNotes;
  readonly clock: Clock;
  readonly random: Random;
  readonly refused: (user: string, why: string) => void;
}

/** Who goes where. */
export interface Passage {
  /** Of the attempt, and of all that comes of it: 26 characters. */
  readonly id: string;
  readonly person: string;
  readonly account: string;
  readonly service: ProxyService;
  readonly grant: Grant;
  /** By what they proved themselves to be it; undefined if policy asked for no second factor. */
  readonly secondFactor?: ProvingFactor;
}

/** Who has come to jump. The account is only a name for the server to know them by. */
export interface JumpPassage extends Omit<Passage, 'service'> {
  readonly service: ServiceIdentity;
}

export function isPassage(passage: Passage | JumpPassage): passage is Passage {
  return isService(passage.service);
}

export interface Entry<Leg> {
  readonly passage: Passage | JumpPassage;
  readonly upstream: Leg;
}

/** Times that each question of the dialogue is asked. */
const maxAsked = 3;
const noSuchService = deny('proxy-policy', 'no such service');

export class ProxyLogin<Leg> {
  readonly #ports: LoginPorts<Leg>;
  readonly #user: string;
  readonly #clientAddress: string;
  readonly #conversation: InfoRequests;
  readonly #signal: AbortSignal;
  #offers: ReturnType<LoginPorts<Leg>['offers']>;
  #proved: KeyOwner | undefined;

  constructor(
    ports: LoginPorts<Leg>,
    user: string,
    clientAddress: string,
    conversation: InfoRequests,
    signal: AbortSignal,
  ) {
    this.#ports = ports;
    this.#user = user;
    this.#clientAddress = clientAddress;
    this.#conversation = conversation;
    this.#signal = signal;
    this.#offers = ports.offers();
  }

  /** Undefined: nobody comes in, and the person was told why. */
  async run(proved: KeyOwner | undefined): Promise<Entry<Leg> | undefined> {
    this.#proved = proved;
    try {
      return await this.#run();
    } catch (error) {
      if (!(error instanceof MemoryError)) throw error;
      return await this.#refuse(sentenceFor(deny('state-unavailable')), error.message);
    }
  }

  async #run(): Promise<Entry<Leg> | undefined> {
    const proved = this.#proved;
    const target = parseTarget(this.#user);
    if (target === undefined) {
      return await this.#refuse('Say ssh ACCOUNT@SERVICE@PROXY, or ssh ACCOUNT@PROXY to be asked.', 'not a target');
    }
    const known = proved === undefined ? await this.#askCredentials() : inOneSpelling(proved.person);
    if (known === undefined) return undefined;
    const person = this.#offers.nameOf(known);
    const id = newUlid(this.#ports.clock, this.#ports.random);
    const service = await this.#service(person, target);
    if (service === undefined) {
      if (target.service !== undefined) await this.#deny(id, person, target, noSuchService);
      return undefined;
    }
    const who = { id, person, account: target.account };
    const asked = isService(service) ? await this.#admit(who, service.name) : { ...who, service, grant: jumpGrant };
    if (asked === undefined) return undefined;
    const decision = await this.#decide(asked);
    if (decision.kind === 'deny') return await this.#refuse(`${sentenceFor(decision)} [${id}]`, undefined);
    const secondFactor = provingFactor(decision);
    const passage = secondFactor === undefined ? asked : { ...asked, secondFactor };

    if (target.service === undefined && isService(service)) void this.#conversation.tell(words.checkingHostKey);
    const upstream = await this.#ports.enterUpstream(passage, this.#conversation, this.#signal);
    if (upstream.kind === 'refused') return await this.#refuse(`${upstream.says} [${passage.id}]`, upstream.detail);
    return { passage, upstream: upstream.leg };
  }

  /** @returns who it is, if the password is theirs */
  async #askCredentials(): Promise<string | undefined> {
    const { checkPassword, guesses } = this.#ports;
    for (let asked = 0; asked < maxAsked; asked++) {
      const answers = await this.#conversation.ask(words.credentials.instruction, words.credentials.questions);
      const [email, password] = answers ?? [];
      if (email === undefined || password === undefined) return undefined;
      const trasaID = this.#nameIn(email.expose());
      const person = inOneSpelling(trasaID ?? '');
      const takeBack = guesses.count(person, this.#clientAddress);
      if (typeof takeBack === 'number')
        return await this.#refuse(`Too many wrong passwords. Try again in ${takeBack} seconds.`, 'throttled');
      // What cannot be a TRASA ID, or has no password, is as wrong as any other, and goes to no server.
      const outcome: PasswordOutcome =
        trasaID === undefined || password.length === 0
          ? { kind: 'wrong', detail: 'not a TRASA ID, or no password' }
          : await checkPassword(person, password, this.#signal);
      if (this.#signal.aborted) return undefined;
      switch (outcome.kind) {
        case 'right':
          takeBack();
          return person;
        case 'unfinished':
          takeBack();
          return await this.#refuse(outcome.says, 'password right, but the server wants something first');
        case 'unavailable':
          takeBack();
          return await this.#refuse('The TRASA server cannot be reached. Try again later.', outcome.detail);
        case 'wrong':
          this.#ports.refused(this.#user, `password: ${outcome.detail}`);
          await this.#conversation.tell(words.loginFailed);
      }
    }
    return undefined;
  }

  /**
   * Where there are policies, an email address only: the server may know the person by a user name, too, which evades them,
   * unless it has told us which.
   */
  #nameIn(typed: string): string | undefined {
    const trasaID = parseTrasaID(typed);
    const person = trasaID === undefined ? undefined : this.#offers.nameOf(inOneSpelling(trasaID));
    return this.#offers.entry.rules.length > 0 && person?.includes('@') !== true ? undefined : person;
  }

  /** The one that was named, or is chosen now. */
  async #service(
    person: string,
    { account, service: named }: Target,
  ): Promise<ProxyService | ServiceIdentity | undefined> {
    const { services } = this.#offers;
    const { jump } = this.#ports;
    if (named === jump.name) return jump;
    if (named !== undefined) return services.get(named);
    const granted = [...services.values()].filter(service => {
      const verdict = this.#verdict(person, account, service);
      return verdict.kind === 'granted' || verdict.reason !== 'not-assigned';
    });
    const chosen = await chooseService(this.#conversation, granted, jump);
    return chosen ?? (await this.#refuse(words.loginFailed, 'no service was chosen'));
  }

  #verdict(person: string, account: string, service: ProxyService): EntryVerdict {
    const { entry } = this.#offers;
    return entryVerdict({ entry, clock: this.#ports.clock }, person, account, service, this.#clientAddress);
  }

  /** What policy, and an administrator where it wants one, say of a person who comes to a service. */
  async #admit(who: Pick<Passage, 'id' | 'person' | 'account'>, name: string): Promise<Passage | undefined> {
    const passage = await this.#granted(who, name);
    if (passage === undefined || passage.grant.approvalMs === 0) return passage;
    const held = await this.#approve(passage);
    if (held !== undefined) return await this.#deny(who.id, who.person, { account: who.account, service: name }, held);
    this.#offers = this.#ports.offers(); // an administrator takes minutes, in which much can change
    return await this.#granted(who, name);
  }

  async #granted(who: Pick<Passage, 'id' | 'person' | 'account'>, name: string): Promise<Passage | undefined> {
    const { id, person, account } = who;
    const service = this.#offers.services.get(name);
    const verdict = service && this.#verdict(person, account, service);
    if (service !== undefined && verdict?.kind === 'granted') return { ...who, service, grant: verdict.grant };
    const denial =
      verdict?.kind === 'refused'
        ? deny('proxy-policy', verdict.detail, words.policyFailed[verdict.reason])
        : noSuchService;
    return await this.#deny(id, person, { account, service: name }, denial);
  }

  /** @returns why the person may not go on, if no administrator approves */
  async #approve(passage: Passage): Promise<Denial | undefined> {
    const tell = (text: string): void => void this.#conversation.tell(text);
    try {
      const approval = await approve(this.#ports, passage, this.#clientAddress, tell, this.#signal);
      if (approval === 'approved') return undefined;
      const why = approval === 'refused' ? 'an administrator has refused it' : 'no administrator has answered';
      return deny('not-approved', why);
    } catch (error) {
      if (error instanceof MemoryError) return deny('state-unavailable', error.message);
      throw error;
    }
  }

  async #decide({ id, person, account, service, grant }: Passage | JumpPassage): Promise<Decision> {
    const { clock, random, memory, audit, rules } = this.#ports;
    const exempt = grant.secondFactor === 'not-required' && { exemptBy: grant.rule };
    const attempt = this.#attempt(id, account, { person, target: service.name, ...exempt });
    const verifier = this.#ports.verifierFor(service);
    const directory = directoryOf(isService(service) ? service.accounts : [account]);
    const ports = { clock, random, memory, audit, rules, verifier, directory };
    this.#conversation.instruction = words.secondFactor;
    return await this.#ports.authenticate(attempt, this.#conversation, ports, this.#signal);
  }

  #attempt(id: string, account: string, through: NonNullable<LoginAttempt['through']>): LoginAttempt {
    return {
      id,
      door: 'proxy',
      askedBy: process.geteuid?.() ?? -1,
      vouched: true, // by ourselves: we are the server of this connection
      service: 'ssh',
      account,
      clientAddress: this.#clientAddress,
      ...(this.#proved !== undefined && { keyFingerprint: this.#proved.fingerprint }),
      firstFactorProved: true,
      standsAlone: false,
      through,
    };
  }

  /** Before anybody is asked for a second factor. */
  async #deny(id: string, person: string, { account, service = '' }: Target, denial: Denial): Promise<undefined> {
    const { audit, clock } = this.#ports;
    const trail = new Trail(clock);
    trail.person = person;
    audit.decision(trail.event(this.#attempt(id, account, { person, target: service }), denial));
    await this.#refuse(`${sentenceFor(denial)} [${id}]`, undefined);
  }

  /** @param why for the log; undefined if it is there already */
  async #refuse(says: string, why: string | undefined): Promise<undefined> {
    if (why !== undefined) this.#ports.refused(this.#user, why);
    await this.#conversation.tell(says);
  }
}

/** What was proved at this proxy, now or within the grace; no factor of another kind opens it. */
function provingFactor(decision: Decision): ProvingFactor | undefined {
  if (decision.kind === 'bypass') return decision.rule === 'grace' ? 'grace' : undefined;
  if (decision.kind === 'deny' || isBreakGlass(decision)) return undefined;
  return decision.factor;
}

/** Accounts of the upstream host, as far as the configuration lets anybody enter them. Groups there are not known here. */
function directoryOf(accounts: readonly string[]): Directory {
  return {
    account: name =>
      Promise.resolve(
        accounts.includes(name)
          ? { kind: 'found', name, uid: -1, groups: { kind: 'found', names: [] } }
          : { kind: 'unknown' },
      ),
  };
}
