/**
 * The dialogue for the second factor: a code, or Enter for push; and while a push waits, a code all the same.
 *
 * Each try ends in a {@link Step}: either the login is decided, or the person may try again.
 */
import { isCode } from '../otp/code.ts';
import { Secret } from '../otp/secret.ts';
import { type Decision, type DenyReason, deny, type Outcome } from '../policy/decision.ts';
import { decideUnavailable } from '../policy/fail-mode.ts';
import { refusals } from '../policy/refusals.ts';
import type { Answer } from './conversation.ts';
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
} from './login.ts';
import type { Proof } from './verifier.ts';

type Step =
  | { readonly kind: 'decided'; readonly decision: Decision }
  /** `says` where there is more to say than refusals.ts says. */
  | { readonly kind: 'again'; readonly reason: DenyReason; readonly says: string | undefined };

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
    const says = factors.mayPush ? step.says : refusals['wrong-code'].says;
    if (!conversation.interactive || tries >= lastTry) return deny(step.reason, undefined, says);
    conversation.errorMsg(says ?? refusals[step.reason].says);
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
    const said = this.#read(answer);
    switch (said.kind) {
      case 'code':
        return await this.#code(said.code);
      case 'enter':
        return this.mayPush ? await this.push() : again('not-a-code');
      case 'step':
        if (!this.mayPush && said.step.kind === 'again') countCode(this.#login);
        return said.step;
    }
  }

  #codePrompt(): string {
    if (this.#login.attempt.inWordsOfTrasa === true) return 'Enter your totp code (submit empty for U2F): ';
    return this.mayPush ? 'Code, or Enter for push: ' : 'Code: ';
  }

  /** Sends a push and waits; a code typed meanwhile cancels the push and counts instead. */
  async push(): Promise<Step> {
    const { memory } = this.#login.ports;
    const { pushTarget } = this.#person;
    if (!this.mayPush) return decided(deny('no-conversation', 'no push before a first factor is proved'));
    if (arePushesHeld(this.#login, pushTarget)) return again('push-cooling-down');
    const done = memory.beginPush(pushTarget);
    if (done === undefined) return again('push-already-waiting');
    const cancel = new AbortController();
    try {
      const number = this.#number();
      const proof: Proof = number === undefined ? { factor: 'push' } : { factor: 'push', number };
      const takeBack = countPush(this.#login, pushTarget);
      const pushed = this.#verify(proof, AbortSignal.any([this.#login.signal, cancel.signal]), takeBack);
      return await this.#codeInstead(pushed, number);
    } finally {
      cancel.abort();
      done();
    }
  }

  async #codeInstead(pushed: Promise<Step>, number: string | undefined): Promise<Step> {
    const { conversation, signal } = this.#login;
    const where = number === undefined ? 'on your device' : `on your device, where it shows the number ${number}`;
    if (!conversation.interactive) {
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
      const first = await Promise.race([pushed, answered]);
      if (first.kind === 'decided' || first.kind === 'again') {
        withdraw.abort();
        await answered; // so that never two questions are open
        return first;
      }
      const said = this.#read(first);
      if (said.kind === 'code') return await this.#code(said.code);
      if (said.kind === 'step') return said.step;
      // Enter alone: the person goes on waiting.
      if (!conversation.canWithdraw) return await pushed;
    }
  }

  /** Only what has the shape of a code goes any further: the rest may be a password typed at the wrong prompt. */
  #read(answer: Answer): { kind: 'code'; code: Secret } | { kind: 'enter' } | { kind: 'step'; step: Step } {
    switch (answer.kind) {
      case 'answer': {
        const typed = answer.text.expose().replace(/[ \t]/g, '');
        if (typed === '') return { kind: 'enter' };
        const { codeDigits } = this.#login.ports.rules.policy;
        if (isCode(typed, codeDigits)) return { kind: 'code', code: new Secret(typed) };
        return { kind: 'step', step: again('not-a-code', `That is not a code: type ${codeDigits} digits.`) };
      }
      case 'unable':
        return { kind: 'step', step: decided(deny('no-conversation')) };
      case 'cancelled':
      case 'withdrawn':
        return { kind: 'step', step: decided(deny('cancelled')) };
    }
  }

  /**
   * Checks a code that nobody used before. It is claimed before the server hears of it, so that two logins at once
   * cannot both pass with it; for the whole host, since a server may know a person by two names. (Two persons who have
   * the same code within minutes are one chance in a million; the second waits for the next.)
   */
  async #code(code: Secret): Promise<Step> {
    const { ports, signal } = this.#login;
    const held = accountHold(this.#login) ?? addressHold(this.#login);
    if (held !== undefined) return decided(held);
    const { replayMemoryMs } = ports.rules.policy;
    if (!ports.memory.claimCode(anybody, code.expose(), ports.clock.now(), replayMemoryMs))
      return again('replayed-code');
    let spent = false;
    try {
      const step = await this.#verify({ factor: 'totp', code }, signal, countCode(this.#login));
      spent = step.kind === 'decided' && step.decision.kind === 'allow';
      return step;
    } finally {
      if (!spent) ports.memory.releaseCode(anybody, code.expose());
    }
  }

  /** @param takeBack what was counted before its outcome was known; see {@link countCode} */
  async #verify(proof: Proof, signal: AbortSignal, takeBack: () => void): Promise<Step> {
    const { attempt, ports, trail } = this.#login;
    trail.factor = proof.factor;
    if (!this.#real) return this.#settle(proof, { kind: 'invalid' });
    const startedAt = ports.clock.now();
    const { outcome, server } = await ports.verifier.verify(attempt, this.#person.trasaID, proof, signal);
    trail.server = server;
    trail.verifyMs += ports.clock.now() - startedAt;
    if (!signal.aborted && !isFailure(proof, outcome)) takeBack();
    // An answer to a login that was given up, or to a push that was cancelled for a code, opens nothing.
    return signal.aborted ? decided(deny('cancelled')) : this.#settle(proof, outcome);
  }

  /** What an Outcome means for the login. */
  #settle(proof: Proof, outcome: Outcome): Step {
    const { attempt, ports } = this.#login;
    const { policy } = ports.rules;
    switch (outcome.kind) {
      case 'valid': {
        forgive(this.#login, this.#person.pushTarget);
        const binding = graceBinding(attempt);
        if (policy.graceMs > 0 && binding !== undefined)
          ports.memory.grantGrace(binding, ports.clock.now() + policy.graceMs);
        return decided({ kind: 'allow', factor: proof.factor });
      }
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
        return decided(decideUnavailable(policy, attempt, outcome.cause, outcome.detail));
    }
  }

  /** Two digits, never starting with 0: what the person reads here must be what the device shows. */
  #number(): string | undefined {
    const { verifier, random } = this.#login.ports;
    return verifier.canMatchNumbers() ? String(10 + random.below(90)) : undefined;
  }
}

/** In whose name codes are claimed. */
const anybody = 'anybody';

/** What the throttle counts: a wrong code; a push that came to nothing. A refused push has its own cool-down. */
function isFailure(proof: Proof, outcome: Outcome): boolean {
  return proof.factor === 'totp' ? outcome.kind === 'invalid' : outcome.kind === 'unanswered';
}

function decided(decision: Decision): Step {
  return { kind: 'decided', decision };
}

function again(reason: DenyReason, says?: string): Step {
  return { kind: 'again', reason, says };
}
