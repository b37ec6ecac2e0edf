import type { AuditLog } from '../auth/ports.ts';
import type { AgentConfig, Problem } from '../config/config.ts';
import { standardConfig } from '../config/standard-config.ts';
import type { DaemonParts, Emergency, OpenMemory, OpenVerifier, Standing } from './service.ts';

type Parts = Pick<DaemonParts, 'loadConfig' | 'openVerifier' | 'openMemory' | 'openEmergency' | 'openAudit' | 'log'>;

/** The configuration of the moment, and what is made from it. */
export class Settings {
  readonly #parts: Parts;
  #standing: Standing;
  #audit: (AuditLog & { close(): void }) | undefined;
  #verifier: OpenVerifier | undefined;
  #memory: { readonly directory: string; readonly store: OpenMemory } | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    const config = standardConfig();
    const emergency = this.#emergencyIn(config.daemon.stateDirectory);
    this.#standing = { kind: 'broken', config, audit: parts.openAudit(''), emergency };
  }

  get standing(): Standing {
    return this.#standing;
  }

  /** Reads the configuration, first or again. One that is broken changes nothing, and every problem is logged. */
  load(): void {
    const loaded = this.#parts.loadConfig();
    const { log } = this.#parts;
    if (loaded.kind === 'broken') {
      for (const problem of loaded.problems) log.error(textOf(problem));
      log.error(
        this.#standing.kind === 'ready'
          ? 'the new configuration is broken: the old one stays'
          : 'the configuration is broken: every login is denied, but by what was prepared with trasa-agent offline',
      );
      return;
    }
    for (const warning of loaded.warnings) log.warn(textOf(warning));
    this.#adopt(loaded.config);
    log.info('configuration loaded', { file: loaded.config.source });
  }

  close(): void {
    this.#audit?.close();
    this.#verifier?.close();
    this.#memory?.store.close();
  }

  #adopt(config: AgentConfig): void {
    const before = this.#standing.kind === 'ready' ? this.#standing.config : undefined;
    const { log } = this.#parts;
    const verifier = this.#parts.openVerifier(config);
    log.setDebug(config.debug);
    if (before !== undefined && before.daemon.socket !== config.daemon.socket)
      log.warn('a new socket is listened on after a restart only');
    this.#standing = {
      kind: 'ready',
      config,
      rules: { policy: config.policy, identity: config.identity, throttle: config.throttle },
      verifier: verifier.verifier,
      memory: this.#memoryIn(config.daemon.stateDirectory),
      audit: this.#auditTo(config.daemon.auditFile, before?.daemon.auditFile),
      emergency: this.#emergencyIn(config.daemon.stateDirectory),
    };
    this.#verifier?.close();
    this.#verifier = verifier; // a new one each time: nothing is lost but a warm connection
  }

  /** One memory for the life of the process: logins in progress must not look into two. */
  #memoryIn(directory: string): OpenMemory {
    const { log } = this.#parts;
    this.#memory ??= { directory, store: this.#parts.openMemory(directory) };
    if (this.#memory.directory !== directory) log.warn('a new state directory is used after a restart only');
    try {
      this.#memory.store.check();
    } catch (error) {
      log.error(
        `${String(error)}; until that is mended, logins that need a second factor are denied, but by what was prepared with trasa-agent offline`,
      );
    }
    return this.#memory.store;
  }

  #emergencyIn(directory: string): Emergency {
    return this.#parts.openEmergency?.(directory) ?? (() => undefined);
  }

  /** The old file stays open for logins that began under it; its descriptor is all that is kept. */
  #auditTo(file: string, before: string | undefined): AuditLog {
    if (this.#audit === undefined || file !== before) this.#audit = this.#parts.openAudit(file);
    return this.#audit;
  }
}

function textOf(problem: Problem): string {
  const at = problem.line === undefined ? problem.file : `${problem.file}:${problem.line}`;
  const hint = problem.hint === undefined ? '' : ` (hint: ${problem.hint})`;
  return `${at}: ${problem.text}${hint}`;
}
