import { join } from 'node:path'
import { defineConfig } from 'vite'

/** The console's page, bundled into src/generated/console, from where the server hands it out. */
export default defineConfig({
  root: join(import.meta.dirname, '../src/console'),
  base: '/console/',
  logLevel: 'warn',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact', development: false } },
  build: {
    outDir: '../generated/console',
    emptyOutDir: true,
    // The page's policy lets neither inlined scripts nor inlined images run.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { output: { entryFileNames: 'console.js', assetFileNames: 'console[extname]' } },
  },
})
