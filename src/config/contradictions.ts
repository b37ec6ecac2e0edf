/** What each option alone allows, but all together do not; and what is allowed, but worth a word. */
import type { Problem } from './config.ts';
import { entryProblems } from './entry-checks.ts';
import type { Values } from './options.ts';
import { problemAt } from './problem.ts';
import type { ReadOptions } from './read-options.ts';

export interface Findings {
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

export function crossCheck(file: string, read: ReadOptions): Findings {
  /** A problem of the options named first: at the one that the file sets. Nothing if one of them is wrong in itself. */
  const about: About = (names, text, hint) => {
    if (names.some(name => read.faulty.has(name))) return [];
    const name = names.find(one => read.given.has(one)) ?? names[0];
    return [problemAt(file, read.lineOf(name.split('.')), text, hint)];
  };
  return {
    problems: [...missing(file, read), ...contradictions(read, about), ...entryProblems(file, read)],
    warnings: warnings(read.values, about),
  };
}

type About = (names: readonly [string, ...string[]], text: string, hint?: string) => Problem[];

function missing(file: string, { values, given }: ReadOptions): Problem[] {
  const problems: Problem[] = [];
  const add = (what: string, hint: string) => problems.push(problemAt(file, undefined, `${what} is missing`, hint));
  const profile = 'copy it from the profile of the service in the TRASA dashboard';
  if (!given.has('trasaServerURL')) add('trasaServerURL', 'as trasaServerURL = "https://trasa.example.com"');
  if (!given.has('serviceID')) add('serviceID', profile);
  const hasKeyFile = given.has('serviceKeyFile') && values.top.serviceKeyFile !== '';
  if (!given.has('serviceKey') && !hasKeyFile) add('serviceKey or serviceKeyFile', profile);
  return problems;
}

function contradictions({ values, given }: ReadOptions, about: About): Problem[] {
  const { top, policy, throttle, daemon } = values;
  const problems: Problem[] = [];
  if (given.has('serviceKey') && top.serviceKeyFile !== '')
    problems.push(...about(['serviceKeyFile'], 'serviceKey and serviceKeyFile contradict each other', keepOne));
  if (top.pins.length > 0 && top.insecureSkipVerify)
    problems.push(...about(['pins'], 'pins and insecureSkipVerify = true contradict each other', 'keep the pins'));
  for (const user of common(policy.requiredUsers, policy.exemptUsers))
    problems.push(...about(['policy.exemptUsers'], `user ${user} is in requiredUsers and in exemptUsers`, keepOne));
  for (const group of common(policy.requiredGroups, policy.exemptGroups))
    problems.push(
      ...about(['policy.exemptGroups'], `group ${group} is in requiredGroups and in exemptGroups`, keepOne),
    );
  if (given.has('policy.failSafeOn') && policy.failMode === 'secure')
    problems.push(
      ...about(
        ['policy.failSafeOn', 'policy.failMode'],
        'failSafeOn means nothing while failMode is "secure"',
        'leave it out, or write failMode = "safe"',
      ),
    );
  if (daemon.loginTimeout < top.pushTimeout)
    problems.push(
      ...about(
        ['daemon.loginTimeout', 'pushTimeout'],
        `loginTimeout (${inSeconds(daemon.loginTimeout)}) is shorter than pushTimeout (${inSeconds(top.pushTimeout)})`,
      ),
    );
  if (throttle.maxHold < throttle.firstHold)
    problems.push(
      ...about(
        ['throttle.maxHold', 'throttle.firstHold'],
        `maxHold (${inSeconds(throttle.maxHold)}) is shorter than firstHold (${inSeconds(throttle.firstHold)})`,
      ),
    );
  return problems;
}

const keepOne = 'keep one of them';

function warnings({ top, policy }: Values, about: About): Problem[] {
  const found: Problem[] = [];
  if (policy.observe !== 'no')
    found.push(
      ...about(
        ['policy.observe'],
        'nobody is asked for a second factor: this host only logs what would happen',
        'take observe out to turn two-factor authentication on',
      ),
    );
  if (top.insecureSkipVerify)
    found.push(
      ...about(['insecureSkipVerify'], 'the certificate of the server is not verified', 'use caFile or pins instead'),
    );
  if (top.pushTimeout < 61_000)
    found.push(
      ...about(
        ['pushTimeout'],
        'pushTimeout is under 61 seconds, but the server holds a push for 60',
        'a late approval would be lost',
      ),
    );
  if (top.offlineUsers.length > 0)
    found.push(
      ...about(
        ['offlineUsers'],
        `${top.offlineUsers.length} offlineUsers enter without a second factor while no server can be reached`,
        'whoever can cut this host off from the server can make use of that',
      ),
    );
  return found;
}

function inSeconds(milliseconds: number): string {
  return `${milliseconds / 1000} s`;
}

function common(these: readonly string[], those: readonly string[]): string[] {
  const others = new Set(those);
  return [...new Set(these)].filter(one => others.has(one));
}
