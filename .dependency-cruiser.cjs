/**
 * The order of rooms in docs/architecture.md. A room imports only rooms above it in this list,
 * and only through their index.ts.
 */
const rooms = [
  'transfer',
  'oci',
  'layer',
  'registry',
  'distribution',
  'image',
  'progress',
  'opentelemetry',
  'testing',
  'engine',
  'cli',
];

const upward = rooms.slice(0, -1).map((room, index) => ({
  name: `order-of-rooms-${room}`,
  comment: `src/${room} imports only the rooms above it`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path: `^src/(${rooms.slice(index + 1).join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...upward,
    {
      name: 'through-the-door',
      comment: 'other rooms import a room only through its index.ts',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/([^/]+)/', pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$'] },
    },
    {
      name: 'pure-kernel',
      comment: 'src/transfer imports rxjs alone',
      severity: 'error',
      from: { path: '^src/transfer/' },
      to: { pathNot: ['^src/transfer/', '^node_modules/rxjs/'] },
    },
    {
      name: 'distribution-knows-no-http',
      comment: 'the layer managers know layers but no HTTP',
      severity: 'error',
      from: { path: '^src/distribution/' },
      to: { path: ['^src/registry/', '^node_modules/undici/', '^(node:)?https?2?$'] },
    },
    {
      name: 'progress-runs-in-browsers',
      comment: 'what a UI bundles has no Node built-in at run time',
      severity: 'error',
      from: { path: '^src/progress/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'page-runs-in-browsers',
      comment: 'the dashboard is bundled for browsers',
      severity: 'error',
      from: { path: '^src/engine/page/' },
      to: { pathNot: ['^src/engine/(page/|news\\.ts$)', '^src/progress/', '^node_modules/rxjs/'] },
    },
    {
      name: 'opentelemetry-is-optional',
      comment: 'whoever traces nothing neither loads nor installs it',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/opentelemetry/' },
      to: { path: ['^src/opentelemetry/', '^node_modules/@opentelemetry/'] },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: '^src/engine/page/' },
      to: {},
    },
    {
      name: 'not-to-dev-dep',
      severity: 'error',
      from: { path: '^src/' },
      // A peer is here for development.
      to: { dependencyTypes: ['npm-dev'], pathNot: '^node_modules/@(types|opentelemetry/api)/' },
    },
    { name: 'not-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types'] },
  },
};
