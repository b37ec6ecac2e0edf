/** What the configuration of the daemon says, and what of it opens doors. */
import { basename } from 'node:path';
import type { Problem } from '../../config/config.ts';
import type { Facts } from '../facts.ts';
import { type Finding, found } from '../finding.ts';
import { type AskingPhase, askingLines, placeOf, timeoutOf } from '../guard.ts';

export function checkSettings(facts: Facts): Finding[] {
  const { config: loaded } = facts;
  if (loaded.kind === 'broken') return loaded.problems.map(problem => aboutConfig('config-broken', problem));
  const { policy, server, source } = loaded.config;
  const findings: Finding[] = [];
  if (server.insecureSkipVerify) findings.push(unverified(source));
  if (policy.observe)
    findings.push(
      found(
        'observing',
        'the daemon asks nobody, and only logs what would happen',
        [`${source}: observe = "let-everybody-in"`],
        'take observe out, once the log shows what you want',
      ),
    );
  if (policy.failMode === 'safe')
    findings.push(
      found(
        'fail-safe',
        `nobody is asked while the server cannot be reached (${policy.failSafeOn.join(', ')})`,
        [`${source}: failMode = "safe"`],
        'failMode = "secure", and recovery codes made beforehand',
      ),
    );
  if (policy.offlineUsers.length > 0)
    findings.push(
      found(
        'offline-users',
        `not asked while the server cannot be reached: ${policy.offlineUsers.join(', ')}`,
        [`${source}: offlineUsers`],
        'take offlineUsers out',
      ),
    );
  const others = loaded.warnings.filter(({ text }) => !isSaidOtherwise(text));
  findings.push(...others.map(problem => aboutConfig('config-warning', problem)));
  return [...findings, ...moduleTimeouts(facts, loaded.config.daemon.loginTimeoutMs / 1000)];
}

export function unverified(source: string): Finding {
  const what = 'whoever stands between this host and the server can open the door';
  const evidence = [`${source}: insecureSkipVerify = true`];
  return found('tls-unverified', what, evidence, 'caFile or pins instead of insecureSkipVerify');
}

/** Warnings of the configuration that are findings of their own. */
export function isSaidOtherwise(text: string): boolean {
  return /^the certificate of the server is not verified|offlineUsers enter without|^nobody is asked for a second factor/.test(
    text,
  );
}

function aboutConfig(id: 'config-broken' | 'config-warning', { file, line, text, hint }: Problem): Finding {
  return found(
    id,
    `${basename(file)}: ${text}`,
    [line === undefined ? file : `${file}:${line}`],
    hint ?? 'trasa-agent check',
  );
}

function moduleTimeouts({ services }: Facts, loginSeconds: number): Finding[] {
  return services.flatMap(service =>
    (['auth', 'account'] as const).flatMap((phase: AskingPhase) =>
      askingLines(service, phase)
        .filter(entry => (timeoutOf(entry, phase) ?? Infinity) < loginSeconds)
        .map(entry =>
          found(
            'module-timeout',
            `the line gives up after ${timeoutOf(entry, phase)} s, the daemon after ${loginSeconds} s`,
            [placeOf(entry)],
            `timeout=${loginSeconds + 5}`,
          ),
        ),
    ),
  );
}
