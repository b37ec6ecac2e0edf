import manifest from '../../package.json' with { type: 'json' };

/** What `--version` prints. */
export const version = `${manifest.name} ${manifest.version}`;
