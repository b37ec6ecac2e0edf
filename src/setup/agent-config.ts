import type { NewConfiguration } from './wishes.ts';

/** The text of trasa-agent.toml. What is wrong in it the configuration's own reader will say, with its line. */
export function agentConfig(wanted: NewConfiguration): string {
  const { urls, serviceID, serviceKey, caFile, pins, users, groups, domain, people, observe } = wanted;
  const policy = [
    ...(users.length > 0 ? [`requiredUsers = ${list(users)}`] : []),
    ...(groups.length > 0 ? [`requiredGroups = ${list(groups)}`] : []),
    ...(observe ? ['# Take this line out to turn two-factor authentication on.', 'observe = "let-everybody-in"'] : []),
  ];
  const persons = Array.from(people, ([account, person]) => `${text(account)} = ${text(person)}`);
  const sections: readonly (readonly [string, readonly string[]])[] = [
    ['[policy]', policy],
    ['[identity]', domain === undefined ? [] : [`domain = ${text(domain)}`]],
    ['[identity.people]', persons],
  ];
  const top = [
    '# Made by trasa-agent setup. All options are in trasa-agent.toml(5); check them with: trasa-agent check',
    `trasaServerURL = ${urls.length === 1 ? text(urls[0] ?? '') : list(urls)}`,
    `serviceID = ${text(serviceID)}`,
    `serviceKey = ${text(serviceKey.expose())}`,
    ...(caFile === undefined ? [] : [`caFile = ${text(caFile)}`]),
    ...(pins.length === 0 ? [] : [`pins = ${list(pins)}`]),
  ];
  const written = sections.filter(([, lines]) => lines.length > 0).map(([head, lines]) => [head, ...lines].join('\n'));
  return `${[top.join('\n'), ...written].join('\n\n')}\n`;
}

/** A basic string of TOML: its escapes are those of JSON, but for DEL. */
function text(value: string): string {
  return JSON.stringify(value).replaceAll('\u007f', '\\u007f');
}

function list(values: readonly string[]): string {
  return `[${values.map(text).join(', ')}]`;
}
