// What each folder may import, types included. Read by dependency-cruiser, which `npm run arrows` runs.

/**
 * What each folder may import besides itself: our own files, and packages (`*` stands for all). Every file may import
 * Node's modules. A file that belongs to no line fails the check. A folder inside another folder of the table counts
 * only as itself.
 *
 * @type {Record<string, { files?: string[], packages?: string[], why?: string }>}
 */
const arrows = {
  'lambda/errors.ts': {},
  'lambda/json.ts': {},
  'lambda/account-secrets.ts': { files: ['lambda/json.ts'] },
  'lambda/config.ts': { files: ['lambda/account-secrets.ts', 'lambda/json.ts'] },
  'lambda/broker/': {
    files: ['lambda/errors.ts'],
    why: 'The broker declares ports (ports.ts), and handler.ts connects them to the adapters.',
  },
  'lambda/fegora/': { files: ['lambda/broker/', 'lambda/errors.ts', 'lambda/json.ts'] },
  'lambda/aws/': {
    files: ['lambda/broker/', 'lambda/errors.ts', 'lambda/json.ts'],
    packages: ['@aws-sdk/client-secrets-manager', '@smithy/core', '@smithy/signature-v4'],
  },
  'lambda/events/': {
    files: ['lambda/broker/', 'lambda/account-secrets.ts', 'lambda/config.ts', 'lambda/errors.ts', 'lambda/json.ts'],
    packages: ['@middy/core', '@types/aws-lambda'],
    why: 'A file of events/ parses an event, calls the broker and maps the result.',
  },
  'lambda/telemetry/': {
    files: ['lambda/broker/', 'lambda/events/', 'lambda/config.ts', 'lambda/errors.ts'],
  },
  'lambda/handler.ts': { files: ['lambda/'], packages: ['@aws-sdk/client-secrets-manager'] },
  'client/': {
    packages: ['@smithy/core', '@smithy/signature-v4'],
    why: 'The client is in the code of callers, without the rest of the package.',
  },
  'infra/': {
    files: [
      'lambda/account-secrets.ts',
      'lambda/aws/due/due-index.ts',
      'lambda/config.ts',
      'lambda/events/request-schema.ts',
      'lambda/telemetry/metric-names.ts',
      'lambda/json.ts',
      'build.ts',
    ],
    packages: ['*'],
    why: 'The stack shares with the function only what both must agree on.',
  },
  'infra/monitoring/failure-modes.ts': {
    files: ['infra/monitoring/', 'lambda/broker/', 'lambda/errors.ts'],
    why: 'It has a line for each code and incident of the function, which tsc checks. No bundle has it.',
  },
  'infra/probe/handler.ts': { files: ['client/'] },
  'infra/requests/function/': {
    files: ['client/', 'infra/requests/rules.ts', 'infra/requests/metric-names.ts', 'lambda/telemetry/record.ts'],
    why: 'It is made of the client, and shares with its construct what both must agree on.',
  },
  'cli/': {
    files: [
      ...['client/', 'package.json'],
      ...['lambda/account-secrets.ts', 'lambda/aws/secret.ts', 'lambda/config.ts', 'lambda/errors.ts'],
    ],
    packages: ['commander', '@aws-sdk/credential-provider-ini', '@aws-sdk/credential-provider-node', '@smithy/core'],
    why: 'Of the function it has the form of ids and the parser of secrets, so that it stores nothing that the function would refuse.',
  },
  'local/': { files: ['lambda/', 'client/', 'infra/'], packages: ['*'] },
  'scripts/': {
    files: [
      ...['lambda/', 'local/', 'infra/monitoring/'],
      ...['scripts/cost/', 'scripts/dashboard/', 'scripts/diagrams/', 'scripts/openapi/'],
    ],
    packages: ['*'],
  },
  'scripts/cost/': {
    files: ['lambda/', 'infra/'],
    packages: ['*'],
    why: 'It counts what the real function writes, and what the synthesised stack has.',
  },
  'scripts/dashboard/': {
    files: ['infra/'],
    packages: ['*'],
    why: 'It draws the dashboard of a real stack.',
  },
  'scripts/diagrams/': {
    files: ['lambda/broker/', 'client/token-cache.ts', 'scripts/dashboard/svg.ts'],
    packages: [],
    why: 'It draws the life of a token by the rules of the broker and of the client.',
  },
  'scripts/openapi/': {
    files: ['lambda/', 'infra/api/refusals.ts'],
    packages: ['*'],
    why: 'It describes the answers of the function and those of API Gateway, with the texts of their own code.',
  },
  'bench/': { files: ['lambda/', 'client/', 'infra/', 'cli/', 'local/', 'scripts/', 'build.ts'], packages: ['*'] },
  'test/': { files: ['lambda/', 'client/', 'infra/', 'cli/', 'local/', 'scripts/', 'build.ts'], packages: ['*'] },
  'build.ts': { files: ['scripts/'], packages: ['esbuild', '@swc/core'] },
};

const startsWith = (/** @type {string} */ path) => `^${path.replaceAll('.', '\\.')}`;

const packageFolder = (/** @type {string} */ name) => `(^|/)node_modules/${name === '*' ? '' : `${name}/`}`;

/** Matches the files of a line of the table: those below `path`, without those that have a line of their own. */
function filesOf(/** @type {string} */ path) {
  const nested = Object.keys(arrows).filter((other) => other !== path && path.endsWith('/') && other.startsWith(path));
  return startsWith(path) + nested.map((other) => `(?!${other.slice(path.length)})`).join('');
}

/** @type {import('dependency-cruiser').IForbiddenRuleType[]} */
const arrowRules = Object.entries(arrows).map(([path, { files = [], packages = [], why }]) => ({
  name: `imports-of-${path}`,
  severity: 'error',
  comment: [`${path} may import only itself and: ${[...files, ...packages].join(', ') || '-'}.`, why].join(' '),
  from: { path: filesOf(path) },
  to: {
    pathNot: [filesOf(path), ...files.map(startsWith), ...packages.map(packageFolder)],
    dependencyTypesNot: ['core'],
  },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...arrowRules,
    {
      name: 'no-cycle',
      severity: 'error',
      comment: 'Move what both files need (often a type) to a third file.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'file-without-a-line',
      severity: 'error',
      comment: 'Add the folder to the table of .dependency-cruiser.mjs.',
      from: { pathNot: Object.keys(arrows).map(startsWith) },
      to: {},
    },
    {
      name: 'import-not-found',
      severity: 'error',
      comment: 'An import that is not found cannot be checked.',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // TypeScript 7 has no API for dependency-cruiser. swc sees imports of types too.
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    // bench/peers and test/package/tools are packages of their own, which are installed only for the benchmark and the proof.
    exclude: { path: ['^bench/peers/', '^bench/dist/', '^test/package/tools/', '^dist/'] },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
      mainFields: ['module', 'main', 'types'],
      extensions: ['.ts', '.mjs', '.js', '.d.ts'],
    },
  },
};
