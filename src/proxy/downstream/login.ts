/**
 * One login at the proxy, in TRASA's order: credentials, service, second factor, the upstream host. What is known already
 * is not asked. It lets in only with a Decision of authenticate(), and only when the upstream host has let us in.
 */
import type { LoginAttempt } from '../../auth/attempt.ts';
import type { Conversation } from '../../auth/conversation.ts';
import { graceBinding } from '../../auth/login.ts';
import type { AuditLog, Clock, Directory, LoginMemory, Ports, Random, Rules } from '../../auth/ports.ts';
import { newUlid } from '../../auth/ulid.ts';
import type { Verifier } from '../../auth/verifier.ts';
import type { ProxyService } from '../../config/config.ts';
import type { Secret } from '../../otp/secret.ts';
import type { Decision } from '../../policy/decision.ts';
import { type Grant, usualGrant } from '../../policy/grant.ts';
import { parseTrasaID } from '../../policy/identity.ts';
import { sentenceFor } from '../../policy/refusals.ts';
import type { PasswordOutcome } from '../../trasa/password.ts';
import type { UpstreamOutcome } from '../upstream/enter.ts';
import type { InfoRequests } from './info-requests.ts';
import type { PasswordGuesses } from './password-guesses.ts';
import type { KeyOwner } from './proven-key.ts';
import { parseTarget } from './target.ts';
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
  readonly verifierFor: (service: ProxyService) => Verifier;
  readonly enterUpstream: (
    passage: Passage,
    conversation: InfoRequests,
    signal: AbortSignal,
  ) => Promise<UpstreamOutcome<Leg>>;
  readonly services: ReadonlyMap<string, ProxyService>;
  readonly rules: Rules;
  readonly memory: LoginMemory;
  readonly audit: AuditLog;
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
}

export interface Entry<Leg> {
  readonly passage: Passage;
  readonly upstream: Leg;
}

/** Times that each question of the dialogue is asked. */
const maxAsked = 3;

export class ProxyLogin<Leg> {
  readonly #ports: LoginPorts<Leg>;
  readonly #user: string;
  readonly #clientAddress: string;
  readonly #conversation: InfoRequests;
  readonly #signal: AbortSignal;

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
  }

  /** Undefined: nobody comes in, and the person was told why. */
  async run(proved: KeyOwner | undefined): Promise<Entry<Leg> | undefined> {
    const target = parseTarget(this.#user);
    if (target === undefined) {
      return await this.#refuse('Say ssh ACCOUNT@SERVICE@PROXY, or ssh ACCOUNT@PROXY to be asked.', 'not a target');
    }
    const person = proved === undefined ? await this.#askCredentials() : inOneSpelling(proved.person);
    if (person === undefined) return undefined;
    const service = await this.#service(target.service);
    if (service === undefined) return undefined;
    // One answer, whether the account is none of the service's or none at all.
    if (!service.accounts.includes(target.account))
      return await this.#refuse(words.noAccess, 'not an account of the service');

    const passage = {
      id: newUlid(this.#ports.clock, this.#ports.random),
      person,
      account: target.account,
      service,
      grant: usualGrant(service.record),
    };
    const decision = await this.#decide(passage, proved);
    if (decision.kind === 'deny') return await this.#refuse(`${sentenceFor(decision)} [${passage.id}]`, undefined);

    if (target.service === undefined) void this.#conversation.tell(words.checkingHostKey);
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
      const trasaID = parseTrasaID(email.expose());
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

  async #service(named: string | undefined): Promise<ProxyService | undefined> {
    const { services } = this.#ports;
    if (named !== undefined)
      return services.get(named) ?? (await this.#refuse(words.invalidService, 'no such service'));
    for (let asked = 0; asked < maxAsked; asked++) {
      const answers = await this.#conversation.ask(words.chooseService.instruction, words.chooseService.questions);
      const [answer] = answers ?? [];
      if (answer === undefined) return undefined;
      const service = serviceBy(answer.expose().trim(), services);
      if (service === undefined) {
        await this.#conversation.tell(words.invalidService);
        continue;
      }
      await this.#conversation.tell(words.serviceSelected(service.name, service.host));
      return service;
    }
    return await this.#refuse(words.loginFailed, 'no such service');
  }

  async #decide({ id, person, account, service }: Passage, proved: KeyOwner | undefined): Promise<Decision> {
    const { clock, random, memory, audit, rules } = this.#ports;
    const attempt: LoginAttempt = {
      id,
      door: 'proxy',
      askedBy: process.geteuid?.() ?? -1,
      vouched: true, // by ourselves: we are the server of this connection
      service: 'ssh',
      account,
      clientAddress: this.#clientAddress,
      ...(proved !== undefined && { keyFingerprint: proved.fingerprint }),
      firstFactorProved: true,
      standsAlone: false,
      through: { person, target: service.name },
    };
    const verifier = this.#ports.verifierFor(service);
    const ports = { clock, random, memory, audit, rules, verifier, directory: directoryOf(service) };
    this.#conversation.instruction = words.secondFactor;
    return await this.#ports.authenticate(attempt, this.#conversation, ports, this.#signal);
  }

  /** @param why for the log; undefined if it is there already */
  async #refuse(says: string, why: string | undefined): Promise<undefined> {
    if (why !== undefined) this.#ports.refused(this.#user, why);
    await this.#conversation.tell(says);
  }
}

/**
 * Is all known that the dialogue would ask? Only where the service is named and a grace holds a while longer: a second, so
 * that it is still there when authenticate() looks.
 */
export function needsNoQuestion(
  { services, rules, memory, clock }: Pick<LoginPorts<unknown>, 'services' | 'rules' | 'memory' | 'clock'>,
  user: string,
  proved: KeyOwner,
  clientAddress: string,
): boolean {
  const { account, service } = parseTarget(user) ?? {};
  const found = service === undefined ? undefined : services.get(service);
  if (account === undefined || found === undefined || rules.policy.graceMs === 0) return false;
  const through = { person: inOneSpelling(proved.person), target: found.name };
  const binding = graceBinding({
    account,
    clientAddress,
    firstFactorProved: true,
    keyFingerprint: proved.fingerprint,
    through,
  });
  return binding !== undefined && memory.graceUntil(binding) > clock.now() + 1000;
}

/** Holds and grace of one person are under one name, however it is typed. */
function inOneSpelling(trasaID: string): string {
  return trasaID.normalize('NFC').toLowerCase();
}

/** By name, or by the address that the configuration has for it, as `host` or `host:port`. */
function serviceBy(typed: string, services: ReadonlyMap<string, ProxyService>): ProxyService | undefined {
  const byName = services.get(typed);
  if (byName !== undefined) return byName;
  return [...services.values()].find(
    ({ host, port }) => typed === `${host}:${port}` || (typed === host && port === 22),
  );
}

/** Accounts of the upstream host, as far as the configuration lets anybody enter them. Groups there are not known here. */
function directoryOf(service: ProxyService): Directory {
  return {
    account: name =>
      Promise.resolve(
        service.accounts.includes(name)
          ? { kind: 'found', name, uid: -1, groups: { kind: 'found', names: [] } }
          : { kind: 'unknown' },
      ),
  };
}
