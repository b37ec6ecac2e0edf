import type { Clock } from '../../auth/ports.ts';
import type { ProxySettings } from '../../config/config.ts';
import { isWithin, parseAddressList } from '../../ssh/source-address.ts';
import type { Counters } from '../metrics/counters.ts';
import { type KeptOut, Penalties } from './penalties.ts';
import { Startups } from './startups.ts';

type Limits = Pick<
  ProxySettings,
  'maxStartups' | 'maxStartupsPerAddress' | 'penaltyExempt' | 'proxyProtocolFrom' | 'maxSessions'
>;

/** Who may come near, and how many: counted here for all workers. */
export class Visits {
  readonly #startups: Startups;
  readonly #penalties: Penalties;
  #balancers: NonNullable<ReturnType<typeof parseAddressList>> = [];
  readonly #counters: Counters;
  #maxSessions = 0;
  #sessions = 0;

  constructor(limits: Limits, clock: Clock, counters: Counters) {
    this.#counters = counters;
    this.#startups = new Startups({ all: 0, perSource: 0 });
    this.#penalties = new Penalties(() => clock.now(), []);
    this.limit(limits);
  }

  get sessions(): number {
    return this.#sessions;
  }

  get strangers(): number {
    return this.#startups.count;
  }

  get keptOut(): KeptOut[] {
    return this.#penalties.keptOut;
  }

  /** False: nothing was held against that address. */
  forgive(address: string): boolean {
    return this.#penalties.forgive(address);
  }

  /** From now on. Who is in stays. */
  limit({ maxStartups, maxStartupsPerAddress, penaltyExempt, proxyProtocolFrom, maxSessions }: Limits): void {
    this.#startups.max = { all: maxStartups, perSource: maxStartupsPerAddress };
    this.#penalties.exempt = parseAddressList(penaltyExempt) ?? [];
    this.#balancers = parseAddressList(proxyProtocolFrom) ?? [];
    this.#maxSessions = maxSessions;
  }

  /** Undefined: they are kept out. */
  begin(address: string): Visit | undefined {
    if (address === '') return undefined; // it has left already
    const isBalancer = isWithin(this.#balancers, address);
    const leave = this.#enter(isBalancer ? undefined : address);
    this.#counters.add('trasa_proxy_connections_total', { let_near: leave === undefined ? 'no' : 'yes' });
    if (leave === undefined) return undefined;
    return new Visit(address, isBalancer, leave, {
      enter: from => this.#enter(from),
      punish: (from, deed) => this.#penalties.add(from, deed),
      countFailure: () => this.#counters.add('trasa_proxy_failed_attempts_total'),
      takeSeat: () => {
        if (this.#sessions >= this.#maxSessions) return false;
        this.#sessions++;
        return true;
      },
      leaveSeat: () => void this.#sessions--,
    });
  }

  #enter(address: string | undefined): (() => void) | undefined {
    if (address !== undefined && this.#penalties.isOut(address)) return undefined;
    return this.#startups.enter(address);
  }
}

interface VisitPorts {
  readonly enter: (address: string) => (() => void) | undefined;
  readonly punish: Penalties['add'];
  readonly countFailure: () => void;
  readonly takeSeat: () => boolean;
  readonly leaveSeat: () => void;
}

/** One connection, as the primary knows it. */
export class Visit {
  readonly address: string;
  readonly isBalancer: boolean;
  readonly #ports: VisitPorts;
  /** Who has to pay for what they do; a balancer never does. */
  #source: string | undefined;
  #leave: () => void;
  #hasSeat = false;
  /** Of its session. */
  id: string | undefined;

  constructor(address: string, isBalancer: boolean, leave: () => void, ports: VisitPorts) {
    this.address = address;
    this.isBalancer = isBalancer;
    this.#source = isBalancer ? undefined : address;
    this.#leave = leave;
    this.#ports = ports;
  }

  /** The balancer has said for whom it speaks. False: they are kept out. */
  arrived(address: string): boolean {
    this.#leave();
    const leave = this.isBalancer ? this.#ports.enter(address) : undefined;
    if (leave === undefined) return false;
    this.#leave = leave;
    this.#source = address;
    return true;
  }

  /** False: there are too many sessions. */
  takeSeat(): boolean {
    this.#hasSeat ||= this.#ports.takeSeat();
    return this.#hasSeat;
  }

  /** It is no stranger any more. */
  loggedIn(id: string): void {
    this.id = id;
    this.#leave();
  }

  failed(): void {
    this.#ports.countFailure();
    if (this.#source !== undefined) this.#ports.punish(this.#source, 'wrong-login');
  }

  /** @param how undefined: by no fault of theirs */
  gone(how: 'timed-out' | 'left' | undefined): void {
    this.#leave();
    if (this.#hasSeat) this.#ports.leaveSeat();
    this.#hasSeat = false;
    if (this.#source === undefined || how === undefined || this.id !== undefined) return;
    this.#ports.punish(this.#source, how === 'timed-out' ? 'too-slow' : 'no-login');
  }
}
