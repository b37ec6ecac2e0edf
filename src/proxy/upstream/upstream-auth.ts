/**
 * The client's side of authentication at an upstream host: the service's credentials in their order, and whatever the host
 * asks of the person. Its questions go to the person as they are; nothing is ever answered on their behalf.
 */
import type { UpstreamCredential } from '../../config/upstream-options.ts';
import type { Secret } from '../../otp/secret.ts';
import { cleanText } from '../../protocol/clean.ts';
import { encodePublicKey } from '../../ssh/public-key.ts';
import { algorithmOf } from '../../ssh/signature.ts';
import { string } from '../../ssh/wire.ts';
import type { InfoRequests } from '../downstream/info-requests.ts';
import type { Passage } from '../downstream/login.ts';
import * as words from '../downstream/words.ts';
import type { Ending, Transport, TransportListener } from '../engine/transport.ts';
import { bye, msg } from '../messages/numbers.ts';
import {
  type HostQuestions,
  infoResponse,
  interactiveRequest,
  keyRequest,
  noneRequest,
  parseAuthFailure,
  parseBanner,
  parseInfoRequest,
  passwordRequest,
  serviceIn,
  serviceRequest,
  userauthService,
} from '../messages/userauth.ts';
import type { Refusal } from './host-proof.ts';
import type { VaultEntry } from './vault.ts';

/** What is shown at the host, and what signs for it. */
export interface Credential {
  /** A public key or a certificate. */
  readonly blob: Buffer;
  readonly algorithm: string;
  /** A signature as SSH carries it. */
  readonly sign: (data: Buffer) => Promise<Buffer>;
}

interface AuthPorts {
  /** The host has proved itself, if need be after the person was asked. */
  readonly settleHost: () => Promise<Refusal | undefined>;
  /** A key for this one login, with its certificate. A string says why there is none. */
  readonly issue: () => Promise<Credential | string>;
  /** What is kept for the account. A string says why it cannot be had. */
  readonly stored: () => Promise<VaultEntry | string>;
  readonly banner: (text: string) => void;
  readonly entered: () => void;
}

type AuthOutcome =
  /** `by`: what the host took, for the log. */
  { readonly kind: 'entered'; readonly by: string } | ({ readonly kind: 'refused' } & Refusal);

/** The host's MaxAuthTries is six, as a rule, and it closes the connection at the last. */
const maxTries = 6;
/** Of these, how often the person is asked. */
const maxAsked = 3;
const maxRequests = 20;
const maxBanners = 5;

export class UpstreamAuth implements TransportListener {
  readonly #transport: Transport;
  readonly #passage: Passage;
  readonly #conversation: InfoRequests;
  readonly #ports: AuthPorts;
  readonly #outcome = Promise.withResolvers<AuthOutcome>();
  readonly #left: UpstreamCredential[];
  #stored: Promise<VaultEntry | string> | undefined;
  readonly #tried: string[] = [];
  readonly #took: string[] = [];
  /** What the host may answer now. `busy`: nothing, it is our turn. */
  #stage: 'service' | 'busy' | 'none' | 'publickey' | 'password' | 'questions' | 'over' = 'busy';
  /** That the host takes, by its own word; undefined while it has said none. */
  #methods: readonly string[] | undefined;
  /** It asks nothing by keyboard-interactive, though it says that it takes that. */
  #hasNoQuestions = false;
  /** Was what it judges now the person's? */
  #isAnswered = false;
  #isServed = false;
  #tries = 0;
  #asked = 0;
  #requests = 0;
  #banners = 0;

  constructor(transport: Transport, passage: Passage, conversation: InfoRequests, ports: AuthPorts) {
    this.#transport = transport;
    this.#passage = passage;
    this.#conversation = conversation;
    this.#ports = ports;
    this.#left = [...passage.service.credentials];
  }

  /** Never rejects. */
  get outcome(): Promise<AuthOutcome> {
    return this.#outcome.promise;
  }

  ready(): void {
    this.#work(async () => {
      const refusal = await this.#ports.settleHost();
      if (this.#isOver) return;
      if (refusal !== undefined) return this.#refuse(refusal.says, refusal.why);
      this.#stage = 'service';
      this.#transport.send(serviceRequest(userauthService));
    });
  }

  drained(): void {}

  closed({ text }: Ending): void {
    const says = this.#tried.length === 0 ? words.serverDown : words.hostGaveUp;
    this.#refuse(says, text);
  }

  message(payload: Buffer): void {
    if (this.#isOver) return;
    switch (payload[0] ?? 0) {
      case msg.serviceAccept:
        if (this.#stage !== 'service' || serviceIn(payload) !== userauthService) return this.#violation();
        this.#isServed = true;
        return this.#next();
      case msg.userauthBanner:
        return this.#banner(payload);
      case msg.userauthSuccess:
        if (!['publickey', 'password', 'questions'].includes(this.#stage)) return this.#violation();
        this.#stage = 'over';
        this.#ports.entered(); // at once: what follows in the same read belongs to the session
        return this.#outcome.resolve({ kind: 'entered', by: [...this.#took, this.#tried.at(-1)].join(', ') });
      case msg.userauthFailure:
        return this.#failed(payload);
      case msg.userauthInfoRequest:
        return this.#questioned(payload);
      default:
        return this.#violation();
    }
  }

  get #isOver(): boolean {
    return this.#stage === 'over';
  }

  /** The next credential that the host takes, by its own word of what it takes. */
  #next(): void {
    this.#stage = 'busy';
    const [credential] = this.#left;
    if (credential === undefined || this.#tries >= maxTries) return this.#giveUp();
    if (credential !== 'ask') this.#left.shift();
    switch (credential) {
      case 'certificate':
        if (!this.#takes('publickey')) return this.#next();
        return this.#work(async () => await this.#offer('certificate', await this.#ports.issue()));
      case 'key':
        if (!this.#takes('publickey')) return this.#next();
        return this.#work(async () => await this.#offerStored());
      case 'password':
        if (!this.#takes('password')) return this.#next();
        return this.#work(async () => await this.#sendStored());
      case 'ask':
        return this.#askPerson();
    }
  }

  async #offerStored(): Promise<void> {
    const entry = await this.#entry();
    if (entry === undefined) return;
    if (entry.key === undefined) this.#next();
    else await this.#offer('key', keyOf(entry));
  }

  async #sendStored(): Promise<void> {
    const entry = await this.#entry();
    if (entry === undefined) return;
    if (entry.password === undefined) this.#next();
    else this.#sendPassword('password', entry.password);
  }

  /** What is kept; asked for once, and not before it is needed. Undefined: the login is over. */
  async #entry(): Promise<VaultEntry | undefined> {
    this.#stored ??= this.#ports.stored();
    const entry = await this.#stored;
    if (this.#isOver) return undefined;
    if (typeof entry !== 'string') return entry;
    this.#refuse('The proxy cannot log in there. Tell your administrator.', entry);
    return undefined;
  }

  #takes(method: string): boolean {
    return this.#methods?.includes(method) ?? true;
  }

  async #offer(name: string, credential: Credential | string): Promise<void> {
    if (this.#isOver) return;
    if (typeof credential === 'string')
      return this.#refuse('The proxy cannot certify this login. Tell your administrator.', credential);
    const request = keyRequest(this.#passage.account, credential);
    const signature = await credential.sign(Buffer.concat([string(this.#transport.sessionId), request]));
    if (this.#isOver) return;
    this.#try('publickey', name, Buffer.concat([request, string(signature)]));
  }

  #sendPassword(name: string, password: Secret): void {
    this.#try('password', name, passwordRequest(this.#passage.account, password.expose()));
  }

  /** By the host's own questions where it asks some, which may be of more than a password. */
  #askPerson(): void {
    if (this.#methods === undefined) {
      this.#stage = 'none'; // to hear what it takes
      return this.#transport.send(noneRequest(this.#passage.account));
    }
    const mayAskPassword = this.#passage.service.credentials.includes('ask');
    const isEnough = this.#asked++ >= maxAsked;
    if (!isEnough && this.#takes('keyboard-interactive') && !this.#hasNoQuestions)
      return this.#try('questions', 'questions to the person', interactiveRequest(this.#passage.account));
    if (!isEnough && this.#takes('password') && mayAskPassword)
      return this.#work(async () => await this.#askPassword());
    this.#left.shift();
    this.#next();
  }

  async #askPassword(): Promise<void> {
    const { instruction, questions } = words.upstreamPassword;
    const [password] = (await this.#conversation.ask(instruction, questions)) ?? [];
    if (this.#isOver) return;
    if (password === undefined || password.length === 0)
      return this.#refuse(words.loginFailed, 'the person gave no password');
    this.#sendPassword('password of the person', password);
    this.#isAnswered = true;
  }

  #try(stage: 'publickey' | 'password' | 'questions', name: string, request: Buffer): void {
    this.#tries++;
    this.#tried.push(name);
    this.#isAnswered = false;
    this.#stage = stage;
    this.#transport.send(request);
  }

  #failed(payload: Buffer): void {
    const failure = parseAuthFailure(payload);
    if (failure === undefined || this.#stage === 'service' || this.#stage === 'busy') return this.#violation();
    this.#methods = failure.methods;
    if (failure.partial && this.#stage !== 'none') this.#taken();
    else if (this.#isAnswered) void this.#conversation.tell(words.loginFailed);
    else if (this.#stage === 'questions') this.#hasNoQuestions = true;
    this.#next();
  }

  /** A host that wants more after what it took may ask the person, and so go on by its own rules. */
  #taken(): void {
    this.#took.push(...this.#tried.slice(-1));
    this.#asked = 0;
    if (!this.#left.includes('ask')) this.#left.push('ask');
  }

  #questioned(payload: Buffer): void {
    if (this.#stage === 'password')
      return this.#refuse('The host wants a new password first.', 'it wants the password to be changed');
    if (this.#stage !== 'questions' || ++this.#requests > maxRequests) return this.#violation();
    const asked = parseInfoRequest(payload);
    if (asked === undefined) return this.#violation();
    this.#stage = 'busy';
    this.#work(async () => await this.#answer(asked));
  }

  async #answer({ title, questions }: HostQuestions): Promise<void> {
    const { name } = this.#passage.service;
    const head = [words.hostAsks(name), title].filter(text => text !== '').join(': ');
    if (questions.length === 0) {
      if (title !== '') void this.#conversation.tell(head);
      return this.#sendAnswers([]);
    }
    // In each of them too: there are clients that show nothing else.
    const marked = questions.map(({ text, echo }) => ({ text: `${name}: ${text}`, echo }));
    const answers = await this.#conversation.ask(head, marked);
    if (this.#isOver) return;
    if (answers === undefined) return this.#refuse(words.loginFailed, 'the person did not answer its questions');
    this.#isAnswered = true;
    this.#sendAnswers(answers);
  }

  #sendAnswers(answers: readonly Secret[]): void {
    this.#stage = 'questions';
    this.#transport.send(infoResponse(answers.map(answer => answer.expose())));
  }

  #banner(payload: Buffer): void {
    if (!this.#isServed || ++this.#banners > maxBanners) return this.#violation();
    const lines = parseBanner(payload).slice(0, 4096).split(/\r?\n/).slice(0, 50);
    this.#ports.banner(`${lines.map(line => cleanText(line, 200)).join('\r\n')}\r\n`);
  }

  #giveUp(): void {
    const tried = this.#tried.join(', ') || 'nothing';
    if (this.#took.length > 0)
      return this.#refuse(words.wantsMore, `it took ${this.#took.join(', ')}, and then no more: ${tried}`);
    const takes = this.#methods?.join(', ') ?? '';
    this.#refuse(words.notLetIn, `it took none of what it was offered (${tried}); it takes ${cleanText(takes, 100)}`);
  }

  #work(work: () => Promise<void>): void {
    work().catch((error: unknown) => {
      this.#refuse('The proxy cannot log in there. Tell your administrator.', String(error));
    });
  }

  #violation(): void {
    this.#refuse(words.loginFailed, 'it broke the protocol');
    this.#transport.disconnect(bye.protocolError, 'protocol error');
  }

  #refuse(says: string, why: string): void {
    if (this.#isOver) return;
    this.#stage = 'over';
    this.#outcome.resolve({ kind: 'refused', says, why });
  }
}

function keyOf({ key }: VaultEntry): Credential | string {
  const algorithm = key === undefined ? undefined : algorithmOf(key.publicKey.type);
  if (key === undefined || algorithm === undefined) return 'its key is of a kind that cannot sign';
  return { blob: encodePublicKey(key.publicKey), algorithm, sign: async data => await key.sign(data) };
}
