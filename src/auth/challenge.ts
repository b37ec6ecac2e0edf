/**
 * The dialogue for the second factor: a code, or Enter for push; and while a push waits, a code all the same.
 *
 * Each try ends in a {@link Step}: either the login is decided, or the person may try again.
 */
import { type Decision, deny, type Outcome } from '../policy/decision.ts';
import { decideUnavailable } from '../policy/fail-mode.ts';
import { refusals, sentenceFor } from '../policy/refusals.ts';
import {
  accountHold,
  addressHold,
  arePushesHeld,
  countCode,
  countPush,
  forgive,
  graceBinding,
  type Login,
  type Person,
  type TakeBack,
} from './login.ts';
import { again, decided, type Step } from './step.ts';
import { type CodeProof, readTyped } from './typed.ts';
import type { Proof } from './verifier.ts';

/**
 * @param real false for an account that does not exist: the same dialogue, and no server hears of it
 */
export async function challenge(login: Login, person: Person, real: boolean): Promise<Decision> {
  const { conversation, ports } = login;
  const { attempts, autopush } = ports.rules.policy;
  const lastTry = conversation.answersOnce ? 1 : attempts;
  const factors = new Factors(login, person, real);

  for (let tries = 1; ; tries++) {
    const pushUnasked = !conversation.interactive || (autopush && tries === 1 && factors.mayPush);
    const step = pushUnasked ? await factors.push() : await factors.ask();
    if (step.kind === 'decided') return step.decision;
    // sshd puts junk in the place of what is typed for an account that does not exist (auth-pam.c, fake_password): before
    // a first factor, what was wrong with an answer must not tell which accounts do.
    const denial = factors.mayPush ? step.denial : { ...step.denial, says: refusals['wrong-code'].says };
    if (!conversation.interactive || tries >= lastTry) return denial;
    conversation.errorMsg(sentenceFor(denial));
  }
}

class Factors {
  readonly #login: Login;
  readonly #person: Person;
  readonly #real: boolean;
  /** No push before a first factor is proved, or anybody could make a phone ring. */
  readonly mayPush: boolean;

  constructor(login: Login, person: Person, real: boolean) {
    this.#login = login;
    this.#person = person;
    this.#real = real;
    this.mayPush = login.attempt.firstFactorProved;
  }

  /** Asks for a code, or Enter for push. */
  async ask(): Promise<Step> {
    const answer = await this.#login.conversation.promptEchoOn(this.#codePrompt(), this.#login.signal);
    const typed = readTyped(answer, this.#login.ports.rules.policy.codeDigits);
    switch (typed.kind) {
      case 'code':
        return await this.#code(typed.proof);
      case 'enter':
        return this.mayPush ? await this.push() : again('not-a-code');
      case 'step':
        if (!this.mayPush && typed.step.kind === 'again') countCode(this.#login);
        return typed.step;
    }
  }

  #codePrompt(): string {
    if (this.#login.attempt.door === 'proxy') return 'Enter OTP(Blank for U2F): '; // the original proxy's own words
    if (this.#login.attempt.inWordsOfTrasa === true) return 'Enter your totp code (submit empty for U2F): ';
    return this.mayPush ? 'Code, or Enter for push: ' : 'Code: ';
  }

  /** Sends a push and waits; a code typed meanwhile cancels the push and counts instead. */
  async push(): Promise<Step> {
    const { signal, ports } = this.#login;
    const { pushTarget } = this.#person;
    if (!this.mayPush) return decided(deny('no-conversation', 'no push before a first factor is proved'));
    const done = await ports.memory.beginPush(pushTarget);
    if (done === undefined) return again('push-already-waiting');
    const cancel = new AbortController();
    try {
      if (signal.aborted) return decided(deny('cancelled'));
      if (arePushesHeld(this.#login, pushTarget)) return again('push-cooling-down');
      const number = this.#number();
      const proof: Proof = number === undefined ? { factor: 'push' } : { factor: 'push', number };
      const takeBack = countPush(this.#login, pushTarget);
      const pushed = this.#verify(proof, AbortSignal.any([signal, cancel.signal]), takeBack);
      return await this.#codeInstead(pushed, number);
    } finally {
      cancel.abort();
      done();
    }
  }

  async #codeInstead(pushed: Promise<Step>, number: string | undefined): Promise<Step> {
    const { conversation, signal } = this.#login;
    const where = number === undefined ? 'on your device' : `on your device, where it shows the number ${number}`;
    if (!conversation.interactive || conversation.tellsAtOnce === true) {
      conversation.textInfo(`Push sent. Waiting for you to approve it ${where}.`);
      return await pushed;
    }
    // Who cannot be interrupted says when to look: sshd before 10.3 shows no text but with a question.
    const then = conversation.canWithdraw ? '' : ', then press Enter';
    for (;;) {
      const withdraw = new AbortController();
      const answered = conversation.promptEchoOn(
        `Push sent. Approve it ${where}${then}, or type a code: `,
        AbortSignal.any([signal, withdraw.signal]),
      );
      const first = await Promise.race([pushed, answered]).catch(async (error: unknown) => {
        withdraw.abort();
        await answered; // so that a login that goes on without its disk has no question open
        throw error;
      });
      if (first.kind === 'decided' || first.kind === 'again') {
        withdraw.abort();
        await answered; // so that never two questions are open
        return first;
      }
      const typed = readTyped(first, this.#login.ports.rules.policy.codeDigits);
      if (typed.kind === 'code') return await this.#code(typed.proof);
      if (typed.kind === 'step') return typed.step;
      // Enter alone: the person goes on waiting.
      if (!conversation.canWithdraw) return await pushed;
    }
  }

  /**
   * Checks a code that nobody used before. It is claimed before the server hears of it, so that two logins at once
   * cannot both pass with it; for the whole host, since a server may know a person by two names. (Two persons who have
   * the same code within minutes are one chance in a million; the second waits for the next.)
   */
  async #code(proof: CodeProof): Promise<Step> {
    const { ports, signal } = this.#login;
    const code = proof.code.expose();
    const counted = ports.memory.atomically(() => this.#claim(code));
    if (typeof counted !== 'function') return counted;
    let spent = false;
    try {
      const step = await this.#verify(proof, signal, counted);
      spent = step.kind === 'decided' && step.decision.kind === 'allow';
      return step;
    } finally {
      if (!spent) ports.memory.releaseCode(anybody, code);
    }
  }

  /** Takes the code for this login, unless one of others or a hold is in the way, and counts it as wrong for now. */
  #claim(code: string): Step | TakeBack {
    const { memory, clock, rules } = this.#login.ports;
    const held = accountHold(this.#login) ?? addressHold(this.#login);
    if (held !== undefined) return decided(held);
    if (!memory.claimCode(anybody, code, clock.now(), rules.policy.replayMemoryMs)) return again('replayed-code');
    return countCode(this.#login);
  }

  /** @param takeBack what was counted before its outcome was known; see {@link countCode} */
  async #verify(proof: Proof, signal: AbortSignal, takeBack: TakeBack): Promise<Step> {
    const { attempt, ports, trail } = this.#login;
    trail.factor = proof.factor;
    if (!this.#real) return this.#settle(proof, { kind: 'invalid' });
    const startedAt = ports.clock.now();
    const { outcome, server } = await ports.verifier.verify(attempt, this.#person.trasaID, proof, signal);
    trail.server = server;
    trail.verifyMs += ports.clock.now() - startedAt;
    // An answer to a login that was given up, or to a push that was cancelled for a code, opens nothing.
    if (signal.aborted) return decided(deny('cancelled'));
    const step = this.#settle(proof, outcome);
    if (step.kind === 'decided' || !isFailure(proof, outcome)) takeBack();
    return step;
  }

  /** What an Outcome means for the login. */
  #settle(proof: Proof, outcome: Outcome): Step {
    const { attempt, ports } = this.#login;
    const { policy } = ports.rules;
    switch (outcome.kind) {
      case 'valid': {
        if (proof.factor === 'recovery-code') throw new Error('no server has a say about recovery codes');
        forgive(this.#login, this.#person.pushTarget);
        const binding = graceBinding(attempt);
        if (policy.graceMs > 0 && binding !== undefined)
          ports.memory.grantGrace(binding, ports.clock.now() + policy.graceMs);
        return decided({ kind: 'allow', factor: proof.factor });
      }
      case 'valid-offline':
        // No grace: what counts only while no server answers is asked for each time.
        forgive(this.#login, this.#person.pushTarget);
        this.#login.trail.factor = outcome.factor;
        return decided({ ...outcome, kind: 'allow' });
      case 'server-answers':
        return again('server-answers');
      case 'not-required':
        return decided({ kind: 'bypass', rule: 'server-passthru' });
      case 'invalid':
        return again('wrong-code');
      case 'replayed':
        return again('replayed-code');
      case 'not-enrolled':
        if (proof.factor === 'totp') return decided(deny('not-enrolled'));
        return again(
          'not-enrolled',
          this.#login.conversation.interactive
            ? 'You have no device enrolled for push. Type a code.'
            : 'You have no device enrolled for push, and this session cannot ask for a code. Use a terminal (ssh -t).',
        );
      case 'denied-by-person':
        ports.memory.holdPush(this.#person.pushTarget, ports.clock.now() + policy.pushCooldownMs);
        return decided(deny('push-refused'));
      case 'unanswered':
        return again('push-unanswered');
      case 'refused':
        return decided(deny(outcome.reason, outcome.detail, outcome.says));
      case 'unavailable':
        return this.#withoutServer(outcome);
    }
  }

  /** Where the fail mode lets nobody in, the factors that were prepared on this host for that case may be tried. */
  #withoutServer({ cause, detail, offline }: Extract<Outcome, { kind: 'unavailable' }>): Step {
    const { attempt, conversation, ports } = this.#login;
    const decision = decideUnavailable(ports.rules.policy, attempt, cause, detail);
    if (decision.kind !== 'deny' || offline === undefined || !conversation.interactive) return decided(decision);
    const denial = { ...decision, detail: `${decision.detail}; offline factor: ${offline.kind}`, says: offline.says };
    return offline.kind === 'expired' ? decided(denial) : { kind: 'again', denial };
  }

  /** Two digits, never starting with 0: what the person reads here must be what the device shows. */
  #number(): string | undefined {
    const { verifier, random } = this.#login.ports;
    return verifier.canMatchNumbers() ? String(10 + random.below(90)) : undefined;
  }
}

/** In whose name codes are claimed. */
const anybody = 'anybody';

/**
 * What the throttle counts: a wrong code; a push that came to nothing. A refused push has its own cool-down. A recovery
 * code at the wrong time counts too, since a server was asked whether it answers.
 */
function isFailure(proof: Proof, outcome: Outcome): boolean {
  if (proof.factor === 'push') return outcome.kind === 'unanswered';
  if (outcome.kind === 'unavailable') return outcome.offline?.kind === 'invalid';
  return outcome.kind === 'invalid' || outcome.kind === 'server-answers';
}
