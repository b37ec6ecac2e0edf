/**
 * Makes dist/trasa-agent: one executable that needs no Node on the host, packed by @yao-pkg/pkg in its SEA mode from the
 * Node in node_modules; and pty.node beside it (recording). Does nothing if nothing changed.
 *
 * Two bundles. The executable's main script holds main.ts and `login`, and starts as fast as a bare Node does; all other
 * commands are an asset of the executable that is compiled when one of them is called. (As one bundle, with V8's code
 * cache and all modules wrapped in functions, `login` took 4 ms longer: 1.14 times `node -e 0` instead of 1.00.)
 */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire, registerHooks } from 'node:module';
import { basename, dirname, join } from 'node:path';
import type * as pkg from '@yao-pkg/pkg/lib-es5/sea.js';
import type { BuildOptions, Plugin } from 'esbuild';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const binary = join(dist, 'trasa-agent');
const ptyAddon = join(dist, 'pty.node');
const stamp = join(dist, '.trasa-agent.inputs');

/** Baked into the executable; see node(1). The environment cannot add to it: `execArgvExtension: none`. */
const nodeOptions = [
  '--disable-warning=ExperimentalWarning', // node:sqlite and process.execve; not for a person's terminal
  '--openssl-config=/dev/null', // OPENSSL_CONF would load code of the caller's choice
  '--disable-sigusr1', // no inspector port
];

const inputs = hashInputs();
if (!existsSync(binary) || !existsSync(ptyAddon) || !existsSync(stamp) || readFileSync(stamp, 'utf8') !== inputs) {
  const startedAt = Date.now();
  mkdirSync(dist, { recursive: true });
  const work = mkdtempSync(join(dist, '.build-'));
  try {
    await pack(await bundle(work), join(work, 'trasa-agent'));
    copyFileSync(join(root, 'node_modules/node-pty/build/Release/pty.node'), join(work, 'pty.node'));
    renameSync(join(work, 'pty.node'), ptyAddon); // renamed: a running agent keeps its file
    renameSync(join(work, 'trasa-agent'), binary);
    writeFileSync(stamp, inputs);
    console.log(`build: dist/trasa-agent (${((Date.now() - startedAt) / 1000).toFixed(1)} s)`);
  } catch (error) {
    console.error(`build: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function hashInputs(): string {
  const hash = createHash('sha256').update(process.version);
  for (const file of [
    'package.json',
    'package-lock.json',
    'tools/build.ts',
    'node_modules/node-pty/build/Release/pty.node',
    ...globSync('src/**/*.ts', { cwd: root }).toSorted(),
  ])
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0');
  return hash.digest('hex');
}

/** @returns the paths of the main script and of the other commands. */
async function bundle(outdir: string): Promise<{ main: string; commands: string }> {
  const { build } = await import('esbuild'); // here, so that nothing to do takes no time
  const common = {
    outdir,
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node26',
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'silent', // what goes wrong is thrown
    supported: { 'dynamic-import': false }, // an executable's scripts have require(), for what Node itself has
    // Only yargs asks, to find message catalogues; it lives without them.
    define: { 'import.meta.url': '"file:///trasa-agent"' },
    logOverride: { 'empty-import-meta': 'silent' },
  } as const satisfies BuildOptions;
  await build({
    ...common,
    entryPoints: { main: 'src/main.ts' },
    plugins: [ptyBesideTheBinary(), commandsFromAsset()],
  });
  await build({ ...common, entryPoints: { commands: 'src/cli/main.ts' }, plugins: [ptyBesideTheBinary()] });
  return { main: join(outdir, 'main.cjs'), commands: join(outdir, 'commands.cjs') };
}

/** In the main script, import('./cli/main.ts') compiles the asset. */
function commandsFromAsset(): Plugin {
  return {
    name: 'commands-from-asset',
    setup(setup) {
      setup.onLoad({ filter: /src\/cli\/main\.ts$/ }, () => ({
        contents: `
          import { getAsset } from 'node:sea';
          import { compileFunction } from 'node:vm';
          const source = getAsset('commands.cjs', 'latin1'); // ASCII: esbuild escapes the rest
          const module = { exports: {} };
          const names = ['require', 'module', '__filename', '__dirname'];
          compileFunction(source, names, { filename: 'commands.cjs' })(require, module, __filename, __dirname);
          export const { runCommand } = module.exports;`,
      }));
    },
  };
}

/** node-pty looks for its addon below its own package; a packed agent has it beside the executable. */
function ptyBesideTheBinary(): Plugin {
  return {
    name: 'pty-beside-the-binary',
    setup(setup) {
      setup.onLoad({ filter: /node-pty\/lib\/utils\.js$/ }, () => ({
        contents: `
        const path = require('node:path');
        exports.assign = Object.assign;
        exports.loadNativeModule = name => {
          const dir = path.dirname(process.execPath) + '/';
          const module = { exports: {} };
          process.dlopen(module, dir + name + '.node');
          return { dir, module: module.exports };
        };`,
      }));
    },
  };
}

async function pack(scripts: { main: string; commands: string }, output: string): Promise<void> {
  const folder = dirname(scripts.main);
  const config: pkg.SeaConfig & { main: string; execArgv: string[]; execArgvExtension: string } = {
    main: `../${basename(scripts.main)}`, // from pkg's temporary folder: the executable keeps it, so no path of this machine
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    useCodeCache: true,
    assets: { 'commands.cjs': scripts.commands },
    execArgv: nodeOptions,
    execArgvExtension: 'none', // NODE_OPTIONS is dead
  };
  process.env['TMPDIR'] = folder;
  await pkgWithSeed().default(scripts.main, {
    nodePath: join(root, `node_modules/node-linux-${process.arch}/bin/node`),
    targets: [{ platform: 'linux', arch: process.arch, nodeRange: 'node26', output }],
    seaConfig: config,
    signature: false, // macOS only
  });
}

/**
 * V8 seeds its hash tables by chance, and the code cache keeps their order. With a seed of ours two builds are the same;
 * the executable draws its own when it runs. pkg has no option for it.
 */
function pkgWithSeed(): typeof pkg.default {
  const generate = "'--experimental-sea-config',";
  const hooks = registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (!url.endsWith('/pkg/lib-es5/sea.js')) return loaded;
      const parts = typeof loaded.source === 'string' ? loaded.source.split(generate) : [];
      if (parts.length !== 2) throw new Error('pkg makes its blob in another way than it did');
      return { ...loaded, format: 'commonjs', source: parts.join(`'--random-seed=1', ${generate}`) };
    },
  });
  const load: (name: string) => typeof pkg.default = createRequire(import.meta.url);
  try {
    return load('@yao-pkg/pkg/lib-es5/sea.js');
  } finally {
    hooks.deregister();
  }
}
