import type { Config } from 'jest';

const config: Config = {
  testEnvironment: 'node',
  roots: ['<rootDir>/spec'],
  testMatch: ['**/*.spec.ts'],
  // Sources import each other as ES modules do ('./x.js'); the specs run them as CommonJS.
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^rxfer$': '<rootDir>/src/index.ts',
    '^rxfer/(\\w+)$': '<rootDir>/src/$1/index.ts',
  },
  transform: {
    '^.+\\.ts$': ['ts-jest', { tsconfig: '<rootDir>/.config/tsconfig.jest.json' }],
  },
  detectOpenHandles: true,
  testTimeout: 30_000,
};

export default config;
