/** Who may do what at the proxy: `[proxy.groups]`, and a table for each policy, `[proxy.policies.office]`. */
import { movesFiles } from '../policy/commands.ts';
import { type EntryRule, inOneSpelling } from '../policy/entry-rules.ts';
import type { Grant } from '../policy/grant.ts';
import { isDay, isTimeZone, parseHours } from '../policy/hours.ts';
import { isPattern } from '../policy/pattern.ts';
import { cleanText } from '../protocol/clean.ts';
import { parseAddressList } from '../ssh/source-address.ts';
import { notATrasaID } from './checks.ts';
import { nearest } from './nearest.ts';
import { type Fault, isTable, mustBe, type Option, plain, valid } from './option.ts';
import { readTables, type TableReader } from './table-reader.ts';

export const policyOptionNames = [
  'people',
  'groups',
  'services',
  'accounts',
  'hours',
  'timeZone',
  'until',
  'networks',
  'secondFactor',
  'approval',
  'approvalFor',
  'record',
  'shell',
  'commands',
  'fileTransfer',
  'forward',
  'listen',
  'streamlocal',
  'agent',
  'x11',
  'jump',
  'idleTimeout',
  'sessionTimeout',
] as const;

/** In the order of the file. */
export function policies(doc: string): Option<readonly EntryRule[]> {
  const expects = 'tables, one for each policy';
  return {
    ...plain<readonly EntryRule[]>(expects, [], undefined, doc),
    read: value => {
      const reading = readTables(value, expects, policyOptionNames, readPolicy);
      return reading.kind === 'value' ? valid([...reading.value.values()]) : reading;
    },
  };
}

export function groups(doc: string): Option<ReadonlyMap<string, readonly string[]>> {
  const expects = 'a table of names with lists of TRASA IDs';
  return {
    ...plain<ReadonlyMap<string, readonly string[]>>(expects, new Map(), undefined, doc),
    read: value => {
      if (!isTable(value)) return { kind: 'wrong', faults: [{ text: mustBe(expects, value) }] };
      const found = new Map<string, readonly string[]>();
      const faults: Fault[] = [];
      for (const [name, members] of Object.entries(value)) {
        const list: readonly unknown[] = Array.isArray(members) ? members : [members];
        const texts = list.filter(member => typeof member === 'string');
        const wrong = texts
          .filter(text => notAPerson(text) !== undefined)
          .map(text => `${JSON.stringify(cleanText(text, 64))} ${notAPerson(text)}`);
        const all = texts.length === list.length ? wrong : ['must be a list of TRASA IDs'];
        faults.push(...all.map(fault => ({ key: name, text: `${cleanText(name, 64)}: ${fault}` })));
        found.set(name, texts.map(inOneSpelling));
      }
      return faults.length === 0 ? valid(found) : { kind: 'wrong', faults };
    },
  };
}

function readPolicy(read: TableReader): EntryRule {
  // A name like 7 would come before all others, wherever it stands: JavaScript puts numbers first.
  if (!/^[A-Za-z][A-Za-z0-9._-]{0,62}$/.test(read.name))
    read.fault('is no name: a letter, and then letters, digits, dots, dashes');
  const rule: EntryRule = {
    name: read.name,
    people: given(read, 'people', notAPerson)?.map(inOneSpelling),
    groups: given(read, 'groups'),
    services: given(read, 'services'),
    accounts: given(read, 'accounts'),
    hours: hoursOf(read),
    timeZone: timeZoneOf(read),
    lastDay: lastDayOf(read),
    networks: networksOf(read),
    grant: grantOf(read),
  };
  const isTimeless = ['hours', 'until'].every(key => read.value(key) === undefined);
  if (isTimeless && read.value('timeZone') !== undefined) read.fault('timeZone means nothing without hours or until');
  return rule;
}

function grantOf(read: TableReader): Grant {
  const commands = given(read, 'commands');
  const grant: Grant = {
    rule: read.name,
    secondFactor: secondFactorOf(read),
    approvalMs: approvalOf(read),
    record: read.flag('record', false),
    // Whoever lists commands means these and no others.
    shell: read.flag('shell', commands === undefined),
    commands,
    fileTransfer: read.flag('fileTransfer', commands === undefined),
    forwarding: {
      local: given(read, 'forward', notAnEnd) ?? [],
      remote: given(read, 'listen', text => (/^\d+$/.test(text) ? undefined : notAnEnd(text))) ?? [],
      streamlocal: read.flag('streamlocal', false),
      agent: read.flag('agent', false),
      x11: read.flag('x11', false),
      jump: read.flag('jump', false),
    },
    idleMs: read.seconds('idleTimeout', 0, { min: 0, max: 7 * day }),
    sessionMs: read.seconds('sessionTimeout', 0, { min: 0, max: 7 * day }),
  };
  if (commands !== undefined && grant.shell)
    read.fault('shell = true and commands contradict each other', 'keep one: a shell runs any command');
  if (commands?.some(movesFiles) === true && !grant.fileTransfer)
    read.fault('commands lists what moves files, but fileTransfer is false', 'write fileTransfer = true');
  if (grant.forwarding.jump && (grant.record || commands !== undefined || !grant.fileTransfer))
    read.fault(
      'jump = true contradicts record, commands and fileTransfer = false: nobody sees what goes through a jump',
    );
  return grant;
}

/** Names or patterns. An empty list could mean all or nothing: it is refused. */
function given(
  read: TableReader,
  key: (typeof policyOptionNames)[number],
  check: (text: string) => string | undefined = () => undefined,
): readonly string[] | undefined {
  const texts = read.texts(key);
  if (texts?.length === 0) read.fault(`${key} is empty`, 'leave it out if it is to say nothing');
  for (const text of texts ?? []) {
    const fault = text === '' || text.startsWith('!') || /\p{C}/u.test(text) ? 'is not a name or pattern' : check(text);
    if (fault !== undefined) read.fault(`${key}: ${JSON.stringify(cleanText(text, 64))} ${fault}`);
  }
  return texts;
}

function hoursOf(read: TableReader): EntryRule['hours'] {
  const hours = parseHours(read.text('hours', () => undefined));
  if (hours === undefined) read.fault('hours are none', 'as hours = "Mon-Fri 08:00-18:00, Sat 10:00-12:00"');
  return hours ?? { spans: [] };
}

function timeZoneOf(read: TableReader): string {
  const zone = read.text('timeZone', text => (isTimeZone(text) ? undefined : 'there is none of that name'));
  return zone === '' || !isTimeZone(zone) ? 'UTC' : zone;
}

/** As a string only: a date of TOML's that there is not, 30 February, would be taken for one in March. */
function lastDayOf(read: TableReader): string | undefined {
  const value = read.value('until');
  if (value === undefined || (typeof value === 'string' && isDay(value))) return value;
  read.fault('until is not a day', 'as until = "2030-12-31", with quotes, which is then the last one');
  return undefined;
}

function networksOf(read: TableReader): string {
  const networks = given(read, 'networks', text =>
    parseAddressList(text) === undefined ? 'is not an address or CIDR block' : undefined,
  );
  return networks?.join(',') ?? '';
}

function secondFactorOf(read: TableReader): Grant['secondFactor'] {
  const value = read.value('secondFactor') ?? 'required';
  if (value === 'required' || value === 'not-required') return value;
  const near = typeof value === 'string' ? nearest(value, ['required', 'not-required']) : undefined;
  const hint = near === undefined ? undefined : `did you mean "${near}"?`;
  read.fault('secondFactor must be "required" or "not-required"', hint);
  return 'required';
}

function approvalOf(read: TableReader): number {
  const isNeeded = read.flag('approval', false);
  const lastsMs = read.seconds('approvalFor', 3600, { min: 60, max: 7 * day });
  if (!isNeeded && read.value('approvalFor') !== undefined)
    read.fault('approvalFor means nothing without approval = true');
  return isNeeded ? lastsMs : 0;
}

const day = 24 * 3600;

function notAPerson(text: string): string | undefined {
  if (isPattern(text)) return /^[^\s!]+$/.test(text) ? undefined : 'is not a pattern';
  return notATrasaID(text) === undefined ? undefined : 'is not a TRASA ID (an email address or a user name)';
}

/** A pattern of names would be met by names that strangers choose. */
function notAnEnd(text: string): string | undefined {
  return /^(?:\[[0-9A-Fa-f:.]+\]|[^\s:[\]*?]+|\*):(?:\d{1,5}|\*)$/.test(text)
    ? undefined
    : 'is not host:port, either of which may be * and no other pattern';
}
