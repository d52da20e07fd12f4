import js from '@eslint/js';
import rxjsX from 'eslint-plugin-rxjs-x';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/**', 'docs/api/**', 'coverage/**', '.config/**', '.dependency-cruiser.cjs'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  rxjsX.configs.recommended,
  {
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './.config/tsconfig.page.json'],
        tsconfigRootDir: new URL('..', import.meta.url).pathname,
      },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'rxjs-x/finnish': [
        'error',
        { functions: false, methods: false, parameters: false, properties: true, variables: true },
      ],
      // Says that a method needs no `this`, so that it may be passed on.
      '@typescript-eslint/no-invalid-void-type': ['error', { allowAsThisParameter: true }],
      'rxjs-x/no-nested-subscribe': 'error',
    },
  },
  {
    files: ['spec/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      'rxjs-x/no-nested-subscribe': 'off',
      'rxjs-x/no-ignored-subscription': 'off',
      'rxjs-x/no-unbound-methods': 'off',
      // Marble specs name their streams as their diagrams do.
      'rxjs-x/finnish': 'off',
      'rxjs-x/no-subscribe-in-pipe': 'off',
    },
  },
);
