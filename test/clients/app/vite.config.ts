import { defineConfig } from 'vite'

export default defineConfig({
  logLevel: 'warn',
  build: { chunkSizeWarningLimit: 1_000 },
  oxc: { jsx: { runtime: 'automatic', importSource: 'react', development: false } },
})
