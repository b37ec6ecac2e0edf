import manifest from '../../package.json' with { type: 'json' };

export const release = manifest.version;

/** What `--version` prints. */
export const version = `${manifest.name} ${release}`;
